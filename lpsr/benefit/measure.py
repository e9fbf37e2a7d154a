"""The experiment: every plate made small in several ways, restored by every model, read by every reader."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any, TypeVar

import numpy as np
import torch

from lpsr.benefit.frames import NONE
from lpsr.benefit.merge import check_alike, joined
from lpsr.benefit.result import CLASSES, SCALES, WIDTHS, Benefit, Cell, ClassResult, Model, ReaderFacts, outcome
from lpsr.checkpoints import CHECKPOINTS, Card, load_restorer, read_card
from lpsr.data.plates import CROPS, Crop, Plate
from lpsr.degrade import PAPER, degrade
from lpsr.errors import InputError
from lpsr.images import at_width, crop_to_multiple
from lpsr.metrics.reading import judge
from lpsr.models.restorer import Bicubic, Restorer
from lpsr.passport import cores, measurement_facts
from lpsr.plates import LENGTHS
from lpsr.readers import READERS, WEAK, Reader, Reading

SEED = 0
# The open class takes plates as wide as they are, up to here: ×8 is meant for small ones.
WIDEST = 400
# HR is cropped to multiples of this before a degradation, as the protocol does.
_MULTIPLE = 8


Member = TypeVar("Member")


def run_benefit(
    plates: Sequence[Plate],
    models: Sequence[str | Restorer],
    readers: Sequence[Reader],
    *,
    data: str,
    split: str | None,
    classes: Sequence[str] = CLASSES,
    crop: Crop = "straight",
    most: Mapping[str, int] | None = None,
    taken: Sequence[Benefit] = (),
    folder: str | Path = CHECKPOINTS,
    progress: Callable[[int, int], None] = lambda done, total: None,
    command: str = "",
) -> Benefit:
    """Read every plate of every class as it is and after each model.

    Args:
        plates: with known text.
        models: "bicubic", names of checkpoints in ``folder``, or restorers.
        data, split: what the passport calls the plates.
        classes: of ``CLASSES``; those that no plate is large enough for are left out.
        most: by class, how many plates at most, spread evenly over those wide enough; a class that is missing has all.
        taken: results whose classes are not measured again; the new one takes them up.
        progress: called after each LR picture, of all classes together; what it raises ends the experiment.
        command: what the result says made it.

    Raises InputError where nothing can be measured (no plates, one of unknown text, none large enough, a model or
    reader twice) or ``taken`` was measured otherwise.
    """
    if not plates:
        raise InputError("There are no plates to measure on.")
    if unknown := [plate.path.name for plate in plates if not plate.text]:
        raise InputError(f"The plates' texts must be known; that of {unknown[0]} is not.")
    if foreign := [plate.path.name for plate in plates if len(plate.text) not in LENGTHS]:
        raise InputError(f"A plate has {' or '.join(map(str, LENGTHS))} characters; the text of {foreign[0]} has not.")
    if not readers:
        raise InputError("Without a reader there is nothing to measure.")
    restorers = {one.name: one for one in (load_restorer(m, folder) if isinstance(m, str) else m for m in models)}
    if len(restorers) < len(models) or len({one.name for one in readers}) < len(readers) or NONE in restorers:
        raise InputError(f"Each model and each reader can be named once, and no model {NONE!r}, which is always there.")
    classes = [name for name in CLASSES if name in classes]
    most = {name: most[name] for name in classes if name in (most or {})}
    cards = {m: read_card(m, folder) for m in models if isinstance(m, str) and m != Bicubic.name}
    facts: dict[str, Any] = {
        "command": command,
        "passport": _passport(plates, restorers, cards, readers, data=data, split=split, crop=crop, most=most),
        "crop": crop,
        "models": [_model_facts(one, cards.get(name)) for name, one in restorers.items()],
        "readers": [_reader_facts(one) for one in readers],
    }
    # Hours of work must not end in what does not belong together.
    check_alike(taken, **facts)
    known = {one.name for benefit in taken for one in benefit.classes}
    left = [name for name in classes if name not in known]
    if not left:
        return joined(taken)
    members = _members(plates, crop, left, most)
    found = {name: _Tally([NONE, *restorers], readers) for name in members}
    done, total = 0, sum(map(len, members.values()))
    for index in sorted({index for one in members.values() for index in one}):
        hr = plates[index].cut(crop, 1)
        for name, chosen in members.items():
            if index not in chosen:
                continue
            found[name].add(index, plates[index].text, reduced(hr, name, index), restorers.values())
            done += 1
            progress(done, total)
    return joined([*taken, Benefit(**facts, classes=[tally.result(name) for name, tally in found.items()])])


def reduced(hr: np.ndarray, name: str, index: int) -> np.ndarray:
    """LR of a plate, ``(H, W, 3)`` uint8, in a class; ``index`` seeds the width that is drawn."""
    if name in SCALES:
        return degrade(crop_to_multiple(hr, _MULTIPLE), replace(PAPER, scale=SCALES[name]))
    return at_width(hr, _drawn(name, index, hr.shape[1]))


def spread(members: Sequence[Member], most: int | None) -> list[Member]:
    """At most so many of them, evenly over all, in their order; None takes every one."""
    count = len(members) if most is None else min(most, len(members))
    return [members[at] for at in np.linspace(0, len(members) - 1, count).round().astype(int)]


def guide_of(card: Card) -> str | None:
    """SHA-256 of the recogniser in the loss of a checkpoint, None where none guided it."""
    return (card.recogniser_sha256 or card.embedder_sha256) if card.loss.reads else None


def _passport(
    plates: Sequence[Plate],
    restorers: Mapping[str, Restorer],
    cards: Mapping[str, Card],
    readers: Sequence[Reader],
    *,
    data: str,
    split: str | None,
    crop: Crop,
    most: Mapping[str, int],
) -> dict[str, Any]:
    return {
        "data": data,
        "split": split,
        "n": len(plates),
        "most": dict(most),
        "crop": CROPS[crop],
        "degradations": "HR by Pillow bicubic to 1/s, 8-bit; nothing else",
        "widths": "HR, not cropped to multiples, by Pillow bicubic, 8-bit, to a width drawn evenly from the class for "
        f"each plate at least as wide; of the widest class its own, up to {WIDEST} px",
        "seed": SEED,
        "false_confident": "not exact although every character reaches the reader's threshold",
        "thresholds": {one.name: _threshold(one) for one in readers},
        "thresholds_not_calibrated": [one.name for one in readers if one.threshold is None],
        "guided_by_a_recogniser": {name: guide for name, card in cards.items() if (guide := guide_of(card))},
        "seconds": "median a plate, restoration and reading, of the thread that does them (other work on the machine "
        "does not count), one picture at a time",
        "threads": torch.get_num_threads(),
        "cores": cores(),
        **measurement_facts(
            "; ".join(one.engine for one in readers),
            {name: one.sha256 for name, one in restorers.items() if one.sha256},
        ),
    }


class _Tally:
    """The readings of one class."""

    def __init__(self, restorers: Sequence[str], readers: Sequence[Reader]) -> None:
        self.readers = readers
        self.plates: list[int] = []
        self.widths: list[int] = []
        self.characters = ""
        # Outcomes and seconds by pipeline, in the order of the cells.
        self.found: dict[tuple[str, str], tuple[list[str], list[float]]] = {
            (restorer, reader.name): ([], []) for restorer in restorers for reader in readers
        }

    def add(self, index: int, text: str, lr: np.ndarray, restorers: Sequence[Restorer]) -> None:
        """Read one plate, as it is and restored."""
        self.plates.append(index)
        self.widths.append(lr.shape[1])
        self.characters += str(len(text))
        self._read(NONE, text, lr, 0.0)
        for restorer in restorers:
            start = thread_time()
            sr = restorer.restore(lr)
            self._read(restorer.name, text, sr, thread_time() - start)

    def _read(self, restorer: str, text: str, picture: np.ndarray, before: float) -> None:
        for reader in self.readers:
            start = thread_time()
            reading = reader.read(picture)
            outcomes, seconds = self.found[restorer, reader.name]
            seconds.append(before + thread_time() - start)
            outcomes.append(_outcome(text, reading, _threshold(reader)))

    def result(self, name: str) -> ClassResult:
        cells = [
            Cell(restorer=restorer, reader=reader, outcomes="".join(outcomes), seconds=median(seconds))
            for (restorer, reader), (outcomes, seconds) in self.found.items()
        ]
        width = round(median(self.widths))
        return ClassResult(name=name, width=width, plates=self.plates, characters=self.characters, cells=cells)


def _outcome(text: str, reading: Reading, threshold: float) -> str:
    judged = judge(text, reading.plate_text)
    return outcome(len(text), judged.right, judged.exact, bool(reading.plate_text) and not any(reading.weak(threshold)))


def _threshold(reader: Reader) -> float:
    return WEAK if reader.threshold is None else reader.threshold


def _members(
    plates: Sequence[Plate], crop: Crop, classes: Sequence[str], most: Mapping[str, int]
) -> dict[str, list[int]]:
    """Which plates each class has, without classes that no plate reaches. Raises InputError where none does."""
    shapes = [plate.cut(crop, 1).shape[:2] for plate in plates]
    members = {}
    for name in classes:
        fit = [index for index, shape in enumerate(shapes) if _fits(name, index, shape)]
        if fit:
            members[name] = spread(fit, most.get(name))
    if not members:
        raise InputError("No plate is large enough for any of the classes; use larger ones.")
    return members


def _fits(name: str, index: int, shape: tuple[int, int]) -> bool:
    if name in SCALES:
        # Both sides, of what is left by the crop to multiples.
        return min(shape) >= _MULTIPLE
    return WIDTHS[name][0] <= _drawn(name, index, shape[1]) <= shape[1]


def _drawn(name: str, index: int, own: int) -> int:
    """The width of a plate in a class. A seed of its own for each, so that it does not hang on which plates came
    before."""
    low, high = WIDTHS[name]
    return min(own, WIDEST) if high is None else int(np.random.default_rng([SEED, index, low]).integers(low, high))


def _model_facts(restorer: Restorer, card: Card | None) -> Model:
    facts: dict[str, Any] = {"name": restorer.name, "title": restorer.title, "sha256": restorer.sha256}
    return Model(**facts, loss=card and card.loss.kind, guide=card and guide_of(card))


def _reader_facts(reader: Reader) -> ReaderFacts:
    return ReaderFacts(
        name=reader.name,
        title=READERS[reader.name].title if reader.name in READERS else reader.name,
        engine=reader.engine,
        threshold=_threshold(reader),
        calibrated=reader.threshold is not None,
    )
