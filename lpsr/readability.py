"""Readability: how often real plates are read right at a width, as they are and restored, and what that advises.

Each plate is resized to a width of each class that it reaches, read as it is, and restored ×8 and read again. What was
measured is what ``expect`` says of another plate of that width: a number of plates like those measured, no promise.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from lpsr.data.plates import Plate
from lpsr.errors import InputError
from lpsr.evidence import Share
from lpsr.files import write_json
from lpsr.images import at_width
from lpsr.measured import load_measured
from lpsr.metrics.reading import Judgement, judge
from lpsr.models.restorer import Restorer
from lpsr.passport import measurement_facts
from lpsr.readers import Reader
from lpsr.results import READABILITY, RESULTS

SEED = 0
# Widths in px, each from one bound to below the next; the last is open. A wider plate gains nothing by ×8.
BOUNDS = (8, 12, 16, 20, 28, 40, 56, 80, 112)
# An exact rate above the first is worth an attempt, one from the second on is called readable.
WORTH, MOSTLY = 0.1, 0.5


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rates(_Strict):
    """How plates were read: ``exact``, of plates all of whose characters are right and none is added; ``characters``,
    of the characters in place (taken as independent)."""

    exact: Share
    characters: Share


class WidthClass(_Strict):
    """Plates ``low`` to below ``high`` px wide (None: any wider): read as they are, and restored (None: not tried)."""

    low: int
    high: int | None
    direct: Rates
    restored: Rates | None


class Readability(_Strict):
    """What was measured: ``classes`` from narrow to wide, those that a plate reached.

    Attributes:
        command: what made it, without paths. passport: see ``lpsr.passport``.
        model: name of the checkpoint that restored.
    """

    kind: Literal["readability"] = "readability"
    command: str
    passport: dict[str, JsonValue]
    model: str
    classes: tuple[WidthClass, ...] = Field(min_length=1)


class Expectation(WidthClass):
    """What to expect of a plate: the rates of its class, and the advice that ``expect`` makes of them."""

    advice: Literal["readable", "restore", "beyond"]


def measure_readability(
    plates: Sequence[Plate],
    model: Restorer,
    reader: Reader,
    *,
    data: str,
    split: str | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    command: str = "",
) -> Readability:
    """Read plates at widths of every class, as they are and restored by ``model``.

    Args:
        plates: with known text, cut as the protocol does.
        data, split: what the passport calls the plates.
        progress: called after each plate; what it raises ends the measurement.
        command: what the result says made it.

    Raises InputError where there are no plates, or one of unknown text or that cannot be read.
    """
    if not plates:
        raise InputError("There are no plates to measure on.")
    if unknown := [plate.path.name for plate in plates if not plate.text]:
        raise InputError(f"Readability needs plates of known text; that of {unknown[0]} is not known.")
    classes = list(zip(BOUNDS, (*BOUNDS[1:], None), strict=True))
    direct: list[list[Judgement]] = [[] for _ in classes]
    restored: list[list[Judgement]] = [[] for _ in classes]
    for index, plate in enumerate(plates):
        hr = plate.hr(1)
        for number, (low, high) in enumerate(classes):
            # A seed of its own for each, so that a plate's widths do not hang on which plates came before.
            drawn = hr.shape[1] if high is None else int(np.random.default_rng([SEED, index, low]).integers(low, high))
            if not low <= drawn <= hr.shape[1]:
                continue
            picture = at_width(hr, drawn)
            direct[number].append(judge(plate.text, reader.read(picture).plate_text))
            if high is not None:
                restored[number].append(judge(plate.text, reader.read(model.restore(picture)).plate_text))
        progress(index + 1, len(plates))
    if not any(direct):
        raise InputError(f"No plate is {BOUNDS[0]} px wide; measure on wider ones.")
    return Readability(
        command=command,
        passport={
            "data": data,
            "split": split,
            "n": len(plates),
            "crop": "bounding box of the corners (the whole file where unknown)",
            "width": "drawn evenly from the class for each plate at least as wide, of the widest class its own; Pillow "
            "bicubic, 8-bit",
            "interval": "Wilson, 95 %, characters taken as independent",
            "seed": SEED,
            **measurement_facts(reader.engine, {model.name: model.sha256} if model.sha256 else {}),
        },
        model=model.name,
        classes=[
            WidthClass(low=low, high=high, direct=_rates(plain), restored=None if high is None else _rates(better))
            for (low, high), plain, better in zip(classes, direct, restored, strict=True)
            if plain
        ],
    )


def expect(width: int, readability: Readability) -> Expectation:
    """What to expect of a plate that is worth ``width`` px (``lpsr.rectify.effective_width``), by its class. Of one
    narrower or wider than all that was measured the nearest class says it, which a narrower one fares no better than.

    "beyond": the 95 % interval of neither exact rate, direct or restored, lies above 10 %. "restore": the interval of
    the restored rate lies above that of the direct one. Else "readable" where at least half are read directly, and
    "restore" where not, unless fewer are read after restoring.
    """
    found = next((one for one in reversed(readability.classes) if one.low <= width), readability.classes[0])
    return Expectation(**dict(found), advice=_advice(found.direct.exact, found.restored and found.restored.exact))


def load_readability(folder: str | Path = RESULTS) -> Readability | None:
    """What was measured, kept while its file stays; None, and a line in the log, where it is missing or broken."""
    return load_measured(Path(folder) / READABILITY, Readability, "no readability")


def save_readability(readability: Readability, folder: str | Path = RESULTS) -> None:
    """Write it where ``load_readability`` looks."""
    write_json(Path(folder) / READABILITY, readability.model_dump(mode="json"))


def _advice(direct: Share, restored: Share | None) -> Literal["readable", "restore", "beyond"]:
    if max(direct.low, restored.low if restored else 0) <= WORTH:
        return "beyond"
    if restored is None:
        return "readable"
    if restored.low > direct.high or (direct.share < MOSTLY and restored.share >= direct.share):
        return "restore"
    return "readable"


def _rates(judgements: Sequence[Judgement]) -> Rates:
    return Rates(
        exact=Share.of(sum(one.exact for one in judgements), len(judgements)),
        characters=Share.of(sum(one.right for one in judgements), sum(one.characters for one in judgements)),
    )
