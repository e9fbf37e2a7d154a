"""Sections of a plate reader's model card."""

from collections.abc import Iterable
from typing import Any

from lpsr.checkpoints import ReaderCard
from lpsr.model_card.sections import passport, percent, text, where

# Keys of what it was measured at, in words.
_SCALES = {"hr": "HR", "x2": "LR, ×2", "x4": "LR, ×4", "x8": "LR, ×8", "all": "all together"}
_CROPS = {"box": "bounding box", "straight": "straightened"}


def reader_uses(card: ReaderCard) -> Iterable[str]:
    """What it does, what it is for and what not."""
    recipes = [card.recipe, *(stage["recipe"] for stage in card.stages)]
    multi_scale = any(recipe.get("coarsest", 1) > 1 for recipe in recipes)
    trained = "plates of any size down to an eighth" if multi_scale else "HR plates alone"
    yield (
        "Reads Chinese license plates: a picture cut close to one plate, `(H, W, 3)` uint8 RGB of any size, to its "
        f"text, with a confidence for each character. Trained on {trained}. Network: residual blocks, a bidirectional "
        "LSTM and CTC, about 1 M parameters, a few milliseconds a plate on one CPU thread."
    )
    yield "**A reading always has the form of a plate, even where the picture shows none.**"
    yield (
        "## Intended use\n\n"
        "- Measuring whether a restoration makes plates more readable, beside readers trained otherwise.\n"
        "- Asking whether a reader that has seen low resolution needs a restoration at all.\n"
        "- Teaching what a confidence is worth."
    )
    yield (
        "## What it must not be used for\n\n"
        "- Identifying a vehicle, its keeper or anybody else; watching or following them.\n"
        "- Evidence, or any decision about a person: a fine, a charge, access, a price.\n"
        "- Scoring a restoration that was trained with it: such a restoration may please its judge alone."
    )


def reader_scores(card: ReaderCard) -> Iterable[str]:
    """How many plates it reads at each scale, and how honest its confidences are."""
    yield "## Numbers\n\n" + (_test(card.test) if card.test else _validation(card.validation))
    if not card.test:
        command = f"python -m lpsr calibrate-reader {card.name} --data DIR --check test --update"
        yield f"Not measured on a test split yet: `{command}`."
    if card.calibration:
        yield _calibration(card, card.calibration)
    if card.test:
        yield from passport(card.test.get("passport", {}))


def reader_limits(card: ReaderCard) -> str:
    """Where not to trust it."""
    calibrated = f"Its confidences are {'' if card.calibration else 'not '}calibrated on such plates"
    return (
        "## Limits\n\n"
        "- Chinese plates of 7 or 8 characters (GA 36) alone: no other country's, none of the police, the army or "
        "embassies.\n"
        "- Trained on CCPD, nearly all of one province: rarer provinces were learned from few photographs and from "
        "generated plates, and its province is the character to doubt first.\n"
        "- LR here is HR reduced by bicubic interpolation. Blur, noise, compression and other cameras were seen in "
        "training as random changes only, and the numbers say nothing of them.\n"
        f"- {calibrated}; on other pictures they may be too high.\n"
        f"- One run, seed {card.seed}: the intervals are over plates, and say nothing of other runs."
    )


def _test(test: dict[str, Any]) -> str:
    crops = list(next(iter(test["exact"].values())))
    lines = [f"| plates read exactly [%] | {' | '.join(_CROPS.get(crop, text(crop)) for crop in crops)} |"]
    lines.append("|---" * (len(crops) + 1) + "|")
    for name, shares in test["exact"].items():
        cells = [_interval(shares[crop]) for crop in crops]
        lines.append(f"| {_SCALES.get(name, text(name))} | {' | '.join(cells)} |")
    return (
        f"{where(test.get('passport', {}))}, cut out by the bounding box of the known corners, or straightened by "
        "them, as they are and reduced; [Wilson 95 % interval]:\n\n" + "\n".join(lines)
    )


def _validation(validation: dict[str, Any]) -> str:
    rows = [
        f"| {_SCALES.get(key.removeprefix('val_exact').lstrip('_') or 'hr')} | {percent(value)} | "
        f"{percent(validation.get(key.replace('exact', 'characters')))} |"
        for key, value in validation.items()
        if key.startswith("val_exact")
    ]
    table = "\n".join(["| | plates read exactly [%] | characters right [%] |", "|---|---|---|", *rows])
    return f"Validation, {where(validation)}; without intervals.\n\n{table}" if rows else "Not validated."


def _calibration(card: ReaderCard, found: dict[str, Any]) -> str:
    checked = found["checked"]
    rows = [
        f"| {_SCALES.get(name, text(name))} | {percent(one['right'])} | {percent(one['error_before'])} | "
        f"{percent(one['error'])} | {percent(one['abstained'])} | {one['score_before']:.2f} | {one['score']:.2f} |"
        for name, one in checked["trust"].items()
    ]
    head = "| | characters right [%] | ECE [%] | ECE, tempered [%] | not printed [%] | points, all | points |"
    table = "\n".join([head, "|---" * 7 + "|", *rows])
    return (
        f"Its logits are divided by the temperature {card.temperature:.3g}, and a character below the threshold "
        f"{card.threshold:g} is not to be trusted: it is printed as `_`. Both were chosen on the "
        f"{found['chosen']['plates']} plates of split {text(found['chosen']['split'])}, pooled over the scales, and "
        f"measured on the {checked['plates']} of split {text(checked['split'])}. "
        "ECE is the expected calibration error, how far confidences are from the share that is right. A character "
        "earns 2 points where it is right, 0 where it is not printed, −1 where it is wrong; the last two columns say "
        f"what a character earns on average if all are printed, and if those below the threshold are not.\n\n{table}"
    )


def _interval(share: dict[str, Any]) -> str:
    return "{} [{}, {}]".format(*map(percent, (share["share"], share["low"], share["high"])))
