"""Sections of a model card in Markdown, each made of a card alone: data, training, numbers, limits."""

from collections.abc import Iterable
from typing import Any

from lpsr.checkpoints import Card, WeightsCard
from lpsr.degrade import SCALE
from lpsr.metrics.reading import wilson_interval
from lpsr.report import paper

# Median PSNR_RGB and PSNR_Y of PECL-Manhattan on CCPD [dB].
_PAPER = {"psnr": paper.PECL.psnr[0], "psnr_y": paper.PECL.psnr_y[0]}
# Rows of the table of numbers: key of the scores, caption, and digits, or None of a share, shown in %.
_ROWS = (
    ("psnr", "PSNR_RGB [dB]", 2),
    ("psnr_y", "PSNR_Y [dB]", 2),
    ("ssim", "SSIM", 3),
    ("ocr_confidence", "OCR confidence", 3),
    ("exact", "plates read exactly [%]", None),
    ("ge6", "at least 6 characters right [%]", None),
    ("ge5", "at least 5 characters right [%]", None),
    ("char_accuracy", "characters right [%]", None),
    ("province", "province right [%]", None),
    ("exact_without_province", "all but the province right [%]", None),
)
# Settings of a recipe that stand elsewhere on the card, or change no weights.
_ELSEWHERE = {"data", "validation", "network", "loss", "iterations", "log_every", "init_from"}
_CCPD = (
    "CCPD's photos come from one city: of those this project has seen, 96 % show plates of one province, 皖 (Anhui), "
    "and 91 % those of its capital Hefei, 皖A. What learns from them may draw 皖 where LR shows no province. Nearly "
    "all are blue, with 7 characters. They are plates of real vehicles, and so personal data; no picture of them comes "
    "with the weights."
)
_GENERATED = (
    "Generated plates are rendered, all provinces equally often. That weighs against the bias and does not lift it: "
    "they look cleaner than photographs."
)
_READING = "the cross-entropy of a frozen recogniser that reads the true text off SR"
_FORMS = {
    "printed": "printed (equation 17, which drives the embeddings apart, margin {margin:g})",
    "attract": "attract (D²)",
    "paired": "paired (D² of pairs, equation 17 between plates, margin {margin:g})",
}


def data(card: WeightsCard) -> Iterable[str]:
    """What it was trained on, and whom that favours."""
    shares = sum(source.get("share", 0) for source in card.data) or 1
    rows = [
        f"| {text(source.get('name'))} | {text(source.get('split') or 'all')} | {count(source.get('plates'))} | "
        f"{100 * source.get('share', 0) / shares:.0f} |"
        for source in card.data
    ]
    table = ["| data | split | plates | share of every batch [%] |", "|---|---|---|---|", *rows]
    yield "## Data and its bias\n\n" + ("\n".join(table) if rows else "What it was trained on is not on its card.")
    names = " ".join(str(source.get("name", "")) for source in card.data).lower()
    yield " ".join(note for word, note in (("ccpd", _CCPD), ("generated", _GENERATED)) if word in names)


def provinces(scores: dict[str, Any]) -> Iterable[str]:
    """What that does to the readings."""
    if "province" in scores:
        yield (
            f"On the test plates the province is read right on {percent(scores['province'])} % and all the other "
            f"characters on {percent(scores.get('exact_without_province'))} %."
        )
    rows = [
        f"| {text(group['name'])} | {group['n']} | {summary(group.get('psnr'), 2)} | "
        f"{share(group, 'exact')} | {share(group, 'province')} |"
        for group in scores.get("provinces") or ()
    ]
    if rows:
        head = "| province | plates | PSNR_RGB [dB] | plates read exactly [%] | province right [%] |"
        yield "\n".join([head, "|---|---|---|---|---|", *rows])


def training(card: WeightsCard) -> Iterable[str]:
    """What was really run, a column a stage."""
    own = {
        "iteration": getattr(card, "stopped_iteration", None) or card.recipe.get("iterations", card.iterations),
        "best_iteration": getattr(card, "kept_iteration", card.iterations),
        "best": card.validation.get("val_psnr"),
        **{key: getattr(card, key, None) for key in ("device", "threads", "precision", "seconds", "torch")},
    }
    stages = [*getattr(card, "stages", []), {**own, "recipe": {**card.recipe, "batch": card.batch, "seed": card.seed}}]
    columns = [_stage(stage) for stage in stages]
    names = dict.fromkeys(name for column in columns for name in column)
    head = [f"stage {number}" for number in range(1, len(stages) + 1)]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(column.get(name, '–') for column in columns)} |" for name in names]
    yield "## Training, as it was run\n\n" + "\n".join(lines)
    seen = sum(stage.get("best_iteration", 0) * stage["recipe"].get("batch", card.batch) for stage in stages)
    told = f"The weights are those of optimiser step {count(card.iterations)}, which came after {count(seen)} pictures"
    if isinstance(card, Card):
        share_of_paper = 100 * seen / (paper.ITERATIONS * paper.BATCH)
        told += f", {share_of_paper:.2g} % of the paper's budget ({count(paper.ITERATIONS)} steps of {paper.BATCH})"
        if card.validation:
            told += (
                ". Of a stage whose loss reads SR the last moving average was kept, of any other that which validated "
                "best"
                if card.loss.reads
                else ". Of each stage the moving average that validated best was kept"
            )
    yield f"{told}. The file holds them as {text(card.weights_dtype)}."
    hashes = {
        "weights that the last stage began with": getattr(card, "init_sha256", None),
        "frozen network of the loss": getattr(card, "embedder_sha256", None),
        "recogniser beside it": getattr(card, "recogniser_sha256", None),
        "these weights": card.sha256,
    }
    yield "SHA-256: " + "; ".join(f"{name} `{text(one)}`" for name, one in hashes.items() if one) + "."


def _stage(stage: dict[str, Any]) -> dict[str, str]:
    """Row to cell."""
    recipe = stage["recipe"]
    planned, done = recipe.get("iterations"), stage.get("iteration")
    run = f"{count(done)} of {count(planned)}" if done and planned and done != planned else count(done or planned)
    cells = {"loss": loss(recipe["loss"])} if recipe.get("loss") else {}
    cells |= {"iterations run": run, "kept from iteration": count(stage.get("best_iteration"))}
    if stage.get("best") is not None:
        cells["validation PSNR_RGB [dB]"] = f"{stage['best']:.2f}"
    cells |= {name.replace("_", " "): _setting(value) for name, value in recipe.items() if name not in _ELSEWHERE}
    cells |= {"device": text(stage.get("device")), "threads": text(stage.get("threads"))}
    cells |= {"time": duration(stage.get("seconds")), "PyTorch": text(stage.get("torch"))}
    return {name: cell for name, cell in cells.items() if cell != "–"}


def numbers(card: Card) -> Iterable[str]:
    """The test result beside bicubic's and HR's, with intervals and passport."""
    scores = card.test
    validation = f"Validation, on which the weights were chosen: {where(card.validation)}"
    if "val_psnr" in card.validation:
        validation += f", PSNR_RGB {card.validation['val_psnr']:.2f} dB"
    if not scores:
        yield "## Numbers\n\nNot measured on a test split yet: `python -m lpsr evaluate --data DIR --update-cards`."
        yield f"{validation}." if card.validation else ""
        return
    beside = scores.get("beside", {})
    models = (("HR itself", beside.get("hr")), ("bicubic", beside.get("bicubic")), (text(card.title), scores))
    columns = {caption: values for caption, values in models if values}
    rows = []
    for key, caption, digits in _ROWS:
        cells = [_cell(values, key, digits) for values in columns.values()]
        if set(cells) != {"–"}:
            rows.append(f"| {caption} | {' | '.join(cells)} |")
    table = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|", *rows]
    facts = scores.get("passport", {})
    yield f"## Numbers\n\n{where(facts)}, each degraded ×{SCALE} and restored:\n\n" + "\n".join(table)
    yield (
        "Median ± standard deviation over plates [bootstrap 95 % interval of the median]; of shares of plates, the "
        "Wilson interval. OCR confidence is the reader's own, of its unconstrained text, and says little about right "
        "or wrong; the other readings are constrained to the form of plates, so a wrong one looks like a plate as well."
    )
    yield _against_paper(scores, facts)
    yield f"{validation}." if card.validation else ""
    yield from passport(facts)


def passport(facts: dict[str, Any]) -> Iterable[str]:
    """How numbers were measured, folded."""
    if facts:
        lines = [f"| {text(name.replace('_', ' '))} | {_setting(value)} |" for name, value in facts.items()]
        rows = "\n".join(["| | |", "|---|---|", *lines])
        yield f"<details><summary>Passport of these numbers</summary>\n\n{rows}\n\n</details>"


def _against_paper(scores: dict[str, Any], passport: dict[str, Any]) -> str:
    """The paper's figures compare on CCPD only."""
    if "ccpd" not in str(passport.get("data")).lower() or not all(scores.get(key) for key in _PAPER):
        return ""
    gaps = [scores[key]["median"] - published for key, published in _PAPER.items()]
    gap_rgb, gap_y = (f"{abs(gap):.2f} dB {'above' if gap > 0 else 'below'}" for gap in gaps)
    return (
        f"The paper reports {_PAPER['psnr']} dB PSNR_RGB and {_PAPER['psnr_y']} dB PSNR_Y for PECL-Manhattan on CCPD "
        f"plates of its own choice, degraded alike; these medians are {gap_rgb} and {gap_y} that."
    )


def limits(card: Card) -> str:
    """Where not to trust it."""
    return (
        "## Limits\n\n"
        f"- Trained on LR made by bicubic reduction to 1/{SCALE} alone. Blur, noise, compression and other cameras are "
        "strange to it, and the numbers here say nothing of them.\n"
        "- Every restoration looks like a plate, and is as sharp where it is wrong. Characters that LR does not "
        "support are made up; the strokes of the province go first.\n"
        "- The numbers are for plates cut out by known corners.\n"
        f"- One run, seed {card.seed}: the intervals are over plates, and say nothing of other runs."
    )


def _cell(scores: dict[str, Any], key: str, digits: int | None) -> str:
    return share(scores, key) if digits is None else summary(scores.get(key), digits)


def summary(value: dict[str, Any] | None, digits: int) -> str:
    """Median ± standard deviation [interval]; what is not known is left out."""
    if not value:
        return "–"
    parts = [f"{value['median']:.{digits}f}"]
    if value.get("std") is not None:
        parts.append(f"± {value['std']:.{digits}f}")
    if value.get("ci95"):
        parts.append("[{:.{d}f}, {:.{d}f}]".format(*value["ci95"], d=digits))
    return " ".join(parts)


def share(scores: dict[str, Any], key: str) -> str:
    """In percent; of a share of plates with its Wilson interval."""
    value, plates = scores.get(key), scores.get("n_read")
    if value is None or plates is None or key == "char_accuracy":
        # Characters of one plate are right or wrong together, so that no such interval holds for them.
        return percent(value)
    return "{} [{}, {}]".format(*map(percent, (value, *wilson_interval(round(value * plates), plates))))


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def loss(values: dict[str, Any]) -> str:
    """A loss in words; one of another kind by its settings."""
    if values["kind"] == "mse":
        return "MSE (equation 14)"
    if values["kind"] == "guided":
        return f"MSE plus {values['w_recognition']:g} times {_READING} (not in the paper)"
    if values["kind"] == "lcofl":
        reader = "a recogniser that learns to tell SR from HR" if values["adversary"] else "a frozen recogniser"
        return (
            "LCOFL (after Nascimento et al., 2024): MSE plus "
            f"{values['w_recognition']:g} times the cross-entropy of {reader} that reads the true text off SR, each "
            f"character weighted by how often it is confused, {values['w_layout']:g} times the probability of what "
            f"cannot stand at a position, and {values['w_dissimilarity']:g} times 1 − SSIM"
        )
    if values["kind"] == "confidence":
        return (
            f"mean absolute error plus {values['w_confidence']:g} times 1 − the confidence of a frozen recogniser that "
            "reads SR, right or wrong (not in the paper)"
        )
    if values["kind"] != "pecl":
        return _setting(values)
    form = _FORMS.get(values["form"], text(values["form"])).format(margin=values["margin"])
    weight = f", w_contrastive {values['w_contrastive']:g}" if values["weighting"] == "fixed" else ""
    if values.get("w_reading"):
        weight += f"; plus {values['w_reading']:g} times {_READING} (not in the paper)"
    return (
        f"PECL (equations 14 to 19): MSE and the {text(values['distance']).capitalize()} distance of embeddings, form "
        f"{form}, d = {values['d']}, weighting {text(values['weighting'])}{weight}"
    )


def where(facts: dict[str, Any]) -> str:
    """Plates, data and split."""
    plates = f"{count(facts['n'])} plates of " if facts.get("n") else ""
    split = f", split {text(facts['split'])}" if facts.get("split") else ""
    return f"{plates}{text(facts.get('data') or 'data without a name')}{split}"


def count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}".replace(",", " ")


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{max(seconds / 60, 0.1):.1f} min"


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{text(key)} {_setting(one)}" for key, one in value.items()) or "–"
    if isinstance(value, list | tuple):
        return " × ".join(map(_setting, value)) or "–"
    return f"{value:g}" if isinstance(value, float) else text(value)


def text(value: Any) -> str:
    """A value as Markdown that means nothing but itself, on one line."""
    if value is None:
        return "–"
    plain = " ".join(str(value).split())
    for mark in "\\`*[]<>|":
        plain = plain.replace(mark, {"<": "&lt;", ">": "&gt;"}.get(mark, f"\\{mark}"))
    return plain
