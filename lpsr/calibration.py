"""Calibration: how often characters that restorations agree on are right, measured on real plates with known text.

The rule that is measured is that of ``lpsr.evidence``: all checkpoints agree, and the lowest of their confidences
reaches the threshold of the character's group. A threshold is the lowest at which the 95 % Wilson interval of the share
that is right lies above the target, and above which the share itself never falls below it; a group for which there is
none, or too few characters, has no threshold and is never reliable.

The rule holds for plates such as were measured: of their lengths, and in LR no wider than the widest of them and no
narrower than nine of ten, since below that agreement means less and less (at half the size of CCPD plates three of four
reliable characters are right).

Where more than half of the plates have one character (in CCPD 皖 as province and A behind it), agreeing on it may be
habit instead of evidence: those plates are left out when the position's threshold is chosen.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lpsr.checkpoints import CHECKPOINTS, HEADLINE, known_models, load_restorer
from lpsr.data.plates import Plate
from lpsr.degrade import PRESETS, SCALE, Degradation, degrade
from lpsr.errors import InputError
from lpsr.evidence import (
    GROUPS,
    Calibration,
    ConsistencySummary,
    Measured,
    PresetCalibration,
    Share,
    Support,
    group_of,
    measured_length,
    support,
)
from lpsr.files import write_json
from lpsr.measured import load_measured
from lpsr.metrics.consistency import consistency
from lpsr.metrics.reading import wilson_interval
from lpsr.models.restorer import Restorer
from lpsr.passport import measurement_facts
from lpsr.readers import Reader, Reading

FILE = "evidence.json"
TARGET = 0.95
# Fine steps where the confidences crowd.
THRESHOLDS = (*(step / 100 for step in range(100)), 0.995, 0.999)
# Characters above a stricter threshold, below which their share is no verdict on it.
FEW = 50
# How often a character must be read to count among the weakest.
OFTEN = 30


class Observation(NamedTuple):
    """One plate under one degradation: true text, LR width in pixels, and by checkpoint the reading and the consistency
    in levels."""

    text: str
    width: int
    readings: dict[str, Reading]
    residuals: dict[str, float]


@dataclass(frozen=True)
class Character:
    """One position of an observation: what the evidence says, and the truth ("" behind the plate's last)."""

    position: int
    support: Support
    truth: str

    @property
    def right(self) -> bool:
        return self.support.character == self.truth


def load_calibration(folder: str | Path = CHECKPOINTS) -> Calibration | None:
    """The calibration in a folder of checkpoints, kept while its file stays; None, and a line in the log, where it is
    missing or broken."""
    return load_measured(Path(folder) / FILE, Calibration, "not a calibration")


def save_calibration(calibration: Calibration, folder: str | Path = CHECKPOINTS) -> None:
    """Write it where ``load_calibration`` looks."""
    write_json(Path(folder) / FILE, calibration.model_dump(mode="json"))


def calibrate(
    plates: Sequence[Plate],
    check: Sequence[Plate],
    reader: Reader,
    *,
    data: str,
    splits: tuple[str, str],
    presets: Sequence[str] = tuple(PRESETS),
    progress: Callable[[int, int], None] = lambda done, total: None,
    folder: str | Path = CHECKPOINTS,
) -> Calibration:
    """Choose thresholds and limits on ``plates``, then measure them once on ``check``, for each preset.

    Args:
        plates, check: with known text; ``check`` may be empty.
        data, splits: what the passport calls the plates.
        presets: keys of ``PRESETS``.

    The headline checkpoints of ``folder`` are calibrated. Raises InputError where there are fewer than two, plates of
    unknown text or none, or a plate that cannot be read.
    """
    if not plates:
        raise InputError("There are no plates to calibrate on.")
    if unknown := [plate.path.name for plate in (*plates, *check) if not plate.text]:
        raise InputError(f"A calibration needs plates of known text; that of {unknown[0]} is not known.")
    restorers = [load_restorer(name, folder) for name in known_models(folder) if name in HEADLINE]
    if len(restorers) < 2:
        raise InputError(f"Agreement needs at least two of the checkpoints {', '.join(HEADLINE)} in {folder}.")
    lengths = _measured_lengths(plates)
    narrowest, widest = _widths(plates)
    total, done, found = len(presets) * (len(plates) + len(check)), 0, {}
    for name in presets:
        observed = []
        for plate in (*plates, *check):
            observed.append(observe(plate, restorers, PRESETS[name], reader))
            done += 1
            progress(done, total)
        chosen, checked = observed[: len(plates)], observed[len(plates) :]
        thresholds = choose_thresholds(chosen)
        found[name] = PresetCalibration(
            degradation=PRESETS[name],
            thresholds=thresholds,
            limits={one.name: _percentile99(chosen, one.name) for one in restorers},
            chosen=measure(chosen, thresholds, lengths, (narrowest, widest), splits[0]),
            checked=measure(checked, thresholds, lengths, (narrowest, widest), splits[1]) if checked else None,
        )
    checkpoints = {one.name: one.sha256 for one in restorers}
    passport = {
        "data": data,
        "crop": "bounding box of the corners (the whole file where unknown), right and bottom to multiples of 8",
        "rule": "all checkpoints agree, the lowest confidence reaches the threshold, LR is neither narrower nor wider "
        "than measured, the plate and every reading have a length that was measured",
        "interval": "Wilson, 95 %, characters taken as independent",
        **measurement_facts(reader.engine, checkpoints),
    }
    return Calibration(
        target=TARGET,
        lengths=lengths,
        narrowest=narrowest,
        widest=widest,
        checkpoints=checkpoints,
        reader=reader.engine,
        presets=found,
        passport=passport,
    )


def observe(plate: Plate, restorers: Sequence[Restorer], degradation: Degradation, reader: Reader) -> Observation:
    """Degrade a plate, restore it with each checkpoint, read and degrade again, as ``compare`` and its ``read`` do."""
    lr = degrade(plate.hr(), degradation)
    pictures = {one.name: one.restore(lr) for one in restorers}
    return Observation(
        plate.text,
        lr.shape[1],
        {name: reader.read(picture) for name, picture in pictures.items()},
        {name: consistency(picture, lr, degradation).rmse for name, picture in pictures.items()},
    )


def choose_thresholds(observations: Sequence[Observation], target: float = TARGET) -> dict[str, float | None]:
    """By group of characters the threshold, or None; see the module's docstring."""
    usual = _usual(observations)
    agreed: dict[str, list[Character]] = defaultdict(list)
    for observation in observations:
        for one in _characters(observation, support(observation.readings, {})):
            if one.support.status == "guess" and one.truth != usual.get(one.position):
                agreed[group_of(one.position, one.support.character)].append(one)
    return {group: _threshold(agreed[group], target) for group in GROUPS}


def _threshold(agreed: Sequence[Character], target: float) -> float | None:
    confidences = np.array([one.support.confidence for one in agreed])
    right = np.array([one.right for one in agreed], bool)
    lowest = None
    for threshold in reversed(THRESHOLDS):
        above = confidences >= threshold
        n, correct = int(above.sum()), int(right[above].sum())
        if n >= FEW and correct < target * n:
            break
        if wilson_interval(correct, n)[0] >= target:
            lowest = threshold
    return lowest


def measure(
    observations: Sequence[Observation],
    thresholds: dict[str, float | None],
    lengths: Sequence[int],
    widths: tuple[int, int],
    split: str,
) -> Measured:
    """How a rule fares on observations.

    ``lengths`` as in ``Calibration``, ``widths`` its ``narrowest`` and ``widest``. On a plate outside them nothing is
    reliable; its characters count nevertheless, as in ``coverage``. Its length is known here, from its text; where the
    page has only a reading of the HR picture, a misreading may let a plate of another length through.
    """
    home = Counter(observation.text[0] for observation in observations).most_common(1)[0][0]
    usual = _usual(observations)
    marked: dict[str, list[bool]] = defaultdict(list)
    total = 0
    for observation in observations:
        known = measured_length(observation.readings, len(observation.text), lengths)
        usable = thresholds if known and widths[0] <= observation.width <= widths[1] else {}
        characters = _characters(observation, support(observation.readings, usable))
        total += max(len(characters), len(observation.text))
        province = home if observation.text[0] == home else "others"
        for one in characters:
            status = one.support.status
            marked[status].append(one.right)
            if one.position == 0 and status != "unsupported":
                marked[f"agreed {province}"].append(one.right)
            if status == "reliable":
                if one.truth != usual.get(one.position):
                    marked["unusual"].append(one.right)
                marked[f"group {group_of(one.position, one.support.character)}"].append(one.right)
                marked[f"read {one.support.character}"].append(one.right)
                marked[f"province {province}"].append(one.right)
        for name, part in (("whole", characters), ("whole but province", characters[1:])):
            if part and all(one.support.status == "reliable" for one in part):
                marked[name].append(all(one.right for one in part) and len(characters) == len(observation.text))
    often = {
        name[5:]: _share(rights) for name, rights in marked.items() if name[:5] == "read " and len(rights) >= OFTEN
    }
    return Measured(
        split=split,
        plates=len(observations),
        characters=total,
        reliable=_share(marked["reliable"]),
        guess=_share(marked["guess"]),
        unsupported=_share(marked["unsupported"]),
        coverage=len(marked["reliable"]) / total,
        unusual=_share(marked["unusual"]),
        groups={group: _share(marked[f"group {group}"]) for group in GROUPS},
        weakest=min(often.items(), key=lambda item: item[1].share, default=None),
        provinces={name: _share(marked[f"province {name}"]) for name in (home, "others")},
        province_agreed={name: _share(marked[f"agreed {name}"]) for name in (home, "others")},
        whole=_share(marked["whole"]),
        whole_but_province=_share(marked["whole but province"]),
        consistency={name: _consistency(observations, name) for name in observations[0].residuals},
    )


def _characters(observation: Observation, supports: Sequence[Support]) -> list[Character]:
    return [Character(i, one, observation.text[i : i + 1]) for i, one in enumerate(supports)]


def _usual(observations: Sequence[Observation]) -> dict[int, str]:
    """By position the character that more than half of the plates have there, where there is one."""
    usual = {}
    for position in range(max(len(observation.text) for observation in observations)):
        counts = Counter(observation.text[position : position + 1] for observation in observations)
        character, count = counts.most_common(1)[0]
        if count > len(observations) / 2:
            usual[position] = character
    return usual


def _measured_lengths(plates: Sequence[Plate]) -> tuple[int, ...]:
    counts = Counter(len(plate.text) for plate in plates)
    return tuple(sorted(length for length, count in counts.items() if count >= len(plates) / 10))


def _widths(plates: Sequence[Plate]) -> tuple[int, int]:
    """The LR width that nine of ten plates reach, and the largest."""
    widths = [plate.hr().shape[1] // SCALE for plate in plates]
    return int(np.percentile(widths, 10, method="lower")), max(widths)


def _consistency(observations: Sequence[Observation], name: str) -> ConsistencySummary:
    values = np.array([observation.residuals[name] for observation in observations])
    exact = np.array([one.readings[name].plate_text == one.text for one in observations])
    right, wrong = values[exact][:, None], values[~exact]
    auc = float((right < wrong).mean() + 0.5 * (right == wrong).mean()) if right.size and wrong.size else None
    return ConsistencySummary(
        median=float(np.median(values)),
        percentile99=_percentile99(observations, name),
        maximum=float(values.max()),
        auc=auc,
    )


def _percentile99(observations: Sequence[Observation], name: str) -> float:
    return float(np.percentile([observation.residuals[name] for observation in observations], 99))


def _share(rights: Sequence[bool]) -> Share:
    return Share.of(sum(rights), len(rights))
