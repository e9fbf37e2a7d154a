"""What the readings of several restorations of one LR picture support, and what they only guess.

Where the restorations disagree about a character, the LR picture does not support it. Where they agree, the lowest of
their confidences decides: above a threshold that was measured on real plates (``lpsr.calibration``) the character is
reliable, below it a guess. Without such a measurement for the picture at hand nothing is reliable.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from lpsr.degrade import Degradation
from lpsr.metrics.reading import wilson_interval
from lpsr.readers.base import Reading

# Characters that GA 36 draws alike, and whose differences are thinner than an LR pixel: 0 D Q, 8 B, 2 Z, 5 S, 6 G.
LOOK_ALIKES = "0DQ8B2Z5S6G"
# Each has its own threshold: confidences mean something else for the province than for a digit.
GROUPS = ("province", "look-alikes", "others")


@dataclass(frozen=True)
class Support:
    """One character position.

    Attributes:
        readings: (name of the checkpoint, character it reads there or "", confidence in [0, 1]), in the models' order.
        character: what they agree on, else what most of them read.
        confidence: the lowest of those who read ``character``.
        status: "reliable", "guess" (they agree, but too weakly or nothing was measured for such pictures) or
            "unsupported" (they disagree).
        threshold: what ``confidence`` must reach where they agree; None where no confidence is enough, or nothing was
            measured.
    """

    readings: tuple[tuple[str, str, float], ...]
    character: str
    confidence: float
    status: str
    threshold: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What can be relied on.

    Attributes:
        text: the characters of ``supports``.
        supports: one a position; none where nothing was read.
        measured: the calibration that the statuses rest on (``PresetCalibration.facts``), None where there is none.
        reason: why there is none: "direct" (not degraded here), "missing" (no calibration at hand), "degradation",
            "checkpoints" (others, or not all, of those measured), "reader" (another one), "size" (LR is narrower or
            wider than what was measured), "length" (of the plate or of a reading: no such plates were measured); else
            "".
        inconsistent: names of the checkpoints whose restoration contradicts its LR picture more than 99 % of those
            measured.
        widths: the smallest and the largest LR width in pixels that were measured, None without a calibration.
    """

    text: str
    supports: tuple[Support, ...]
    measured: dict[str, Any] | None
    reason: str
    inconsistent: tuple[str, ...]
    widths: tuple[int, int] | None = None

    @property
    def reliable(self) -> str:
        """``text`` with "?" for the characters that are not reliable."""
        return "".join(one.character if one.status == "reliable" else "?" for one in self.supports)

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(_Frozen):
    """``right`` of ``n``; ``share`` is None where n is 0, ``low`` and ``high`` are the 95 % Wilson interval."""

    n: int
    right: int
    share: float | None
    low: float
    high: float

    @classmethod
    def of(cls, right: int, n: int) -> Self:
        """``right`` of ``n`` with its interval."""
        low, high = wilson_interval(right, n)
        return cls(n=n, right=right, share=right / n if n else None, low=low, high=high)


class ConsistencySummary(_Frozen):
    """Of one checkpoint's restorations, in 8-bit levels.

    ``auc``: probability that a plate read exactly has a smaller value than one that is not; 0.5 says nothing about
    right and wrong, None where all plates are of one kind.
    """

    median: float
    percentile99: float
    maximum: float
    auc: float | None


class Measured(_Frozen):
    """A rule on the plates of a split.

    Attributes:
        split, plates, characters: on what.
        reliable, guess, unsupported: of the characters so marked, how many are right (of the unsupported: what most
            checkpoints read).
        coverage: share of all characters that is marked reliable.
        unusual: ``reliable`` without the characters that more than half of the plates have at the same position.
        groups: ``reliable`` for each of ``GROUPS``.
        weakest: ``reliable`` of the character that is right least often, of those read 30 times and more; None where
            there is none.
        provinces: ``reliable`` on plates of the most frequent province, under its name, and on "others".
        province_agreed: of the provinces that all checkpoints agree on, reliable or not, how many are right; by
            province as ``provinces``.
        whole: plates all of whose characters are reliable; right where every one is.
        whole_but_province: plates all of whose characters but the province are reliable; right where those are.
        consistency: by checkpoint.
    """

    split: str
    plates: int
    characters: int
    reliable: Share
    guess: Share
    unsupported: Share
    coverage: float
    unusual: Share
    groups: dict[str, Share]
    weakest: tuple[str, Share] | None
    provinces: dict[str, Share]
    province_agreed: dict[str, Share]
    whole: Share
    whole_but_province: Share
    consistency: dict[str, ConsistencySummary]


class PresetCalibration(_Frozen):
    """A rule for one degradation, where it was chosen and how it fared elsewhere.

    Attributes:
        thresholds: by group the lowest confidence that makes an agreed character reliable; None where none does.
        limits: by checkpoint the 99th percentile of consistency; a restoration above it is called inconsistent.
        chosen: on the plates that thresholds and limits were chosen on. checked: on others.
    """

    degradation: Degradation
    thresholds: dict[str, float | None]
    limits: dict[str, float]
    chosen: Measured
    checked: Measured | None


class Calibration(_Frozen):
    """What was measured, and what it binds to.

    Attributes:
        target: share of the reliable characters that shall be right.
        lengths: of plate texts that were measured.
        narrowest, widest: LR width in pixels; in narrower or wider pictures nothing is reliable.
        checkpoints: SHA-256 of the weights by name. reader: its engine.
        presets: by name.
        passport: how it was measured.
    """

    target: float
    lengths: tuple[int, ...]
    narrowest: int
    widest: int
    checkpoints: dict[str, str]
    reader: str
    presets: dict[str, PresetCalibration]
    passport: dict[str, Any]

    def facts(self, preset: str) -> dict[str, Any]:
        """What to tell of a preset, flat; on the plates of the check where there was one.

        Keys: preset, target, split, plates, characters, coverage; n, right, share, low, high of the reliable
        characters; the same with ``unusual_``, ``whole_`` or ``whole_but_province_`` in front. A share of none is None.
        """
        found = self.presets[preset]
        measured = found.checked or found.chosen
        facts = {"preset": preset, "target": self.target, "split": measured.split, "plates": measured.plates}
        facts |= {"characters": measured.characters, "coverage": measured.coverage, **measured.reliable.model_dump()}
        for name in ("unusual", "whole", "whole_but_province"):
            facts |= {f"{name}_{key}": value for key, value in getattr(measured, name).model_dump().items()}
        return facts


def weigh(
    readings: Mapping[str, Reading],
    residuals: Mapping[str, float],
    *,
    width: int,
    length: int | None = None,
    checkpoints: Mapping[str, str],
    degradation: Degradation | None,
    reader: str,
    calibration: Calibration | None,
) -> Verdict:
    """What the restorations of one LR picture support.

    Args:
        readings: of each restoration, by checkpoint, in the models' order.
        residuals: consistency of each restoration in 8-bit levels, by checkpoint.
        width: of the LR picture in pixels.
        length: of the plate's text, None where it is unknown.
        checkpoints: SHA-256 of the weights by name.
        degradation: that made the LR picture; None where it came as it is.
        reader: the engine that read.
        calibration: None where there is none.

    Checkpoints beside those of the calibration are not consulted; where one of those is missing, all are.
    """
    preset = degradation and calibration and _preset(degradation, calibration)
    calibrated = calibration.checkpoints if calibration else {}
    complete = calibrated and all(name in readings and checkpoints.get(name) == calibrated[name] for name in calibrated)
    if complete:
        readings = {name: reading for name, reading in readings.items() if name in calibrated}
    found = preset and calibration.presets[preset]
    if degradation is None:
        reason = "direct"
    elif calibration is None:
        reason = "missing"
    elif not preset:
        reason = "degradation"
    elif not complete:
        reason = "checkpoints"
    elif reader != calibration.reader:
        reason = "reader"
    elif not calibration.narrowest <= width <= calibration.widest:
        reason = "size"
    elif not measured_length(readings, length, calibration.lengths):
        reason = "length"
    else:
        reason = ""
    supports = support(readings, {} if reason else found.thresholds)
    inconsistent = tuple(
        name
        for name, residual in residuals.items()
        if found and checkpoints.get(name) == calibrated.get(name) and residual > found.limits.get(name, residual)
    )
    text = "".join(one.character for one in supports)
    measured = None if reason else calibration.facts(preset)
    widths = calibration and (calibration.narrowest, calibration.widest)
    return Verdict(text, supports, measured, reason, inconsistent, widths)


def support(readings: Mapping[str, Reading], thresholds: Mapping[str, float | None]) -> tuple[Support, ...]:
    """The support of each position, counted from the left; a reading that ends before it reads "" there.

    ``thresholds``: as in ``PresetCalibration``; a group that is missing has none.
    """
    length = max((len(reading.plate_text) for reading in readings.values()), default=0)
    return tuple(_support(i, readings, thresholds) for i in range(length))


def measured_length(readings: Mapping[str, Reading], length: int | None, lengths: Sequence[int]) -> bool:
    """Whether every reading, and the plate where its ``length`` is known, has the length of plates that were measured.

    The characters of a longer plate read as a shorter one stand at other positions, and may agree there.
    """
    found = {len(reading.plate_text) for reading in readings.values()}
    return found | ({length} - {None}) <= set(lengths)


def group_of(position: int, character: str) -> str:
    """Which of ``GROUPS`` a character read at a position belongs to."""
    return "province" if position == 0 else "look-alikes" if character in LOOK_ALIKES else "others"


def _support(position: int, readings: Mapping[str, Reading], thresholds: Mapping[str, float | None]) -> Support:
    found, by_character = [], defaultdict(list)
    for name, reading in readings.items():
        inside = position < len(reading.plate_text)
        character = reading.plate_text[position] if inside else ""
        confidence = reading.char_confidences[position] if inside else 0.0
        found.append((name, character, confidence))
        by_character[character].append(confidence)
    # Most votes; among equals the greater confidence.
    character = max(by_character, key=lambda one: (len(by_character[one]), sum(by_character[one])))
    confidence = min(by_character[character])
    threshold = thresholds.get(group_of(position, character))
    if len(by_character) > 1:
        status = "unsupported"
    elif len(found) > 1 and threshold is not None and confidence >= threshold:
        status = "reliable"
    else:
        status = "guess"
    return Support(tuple(found), character, confidence, status, threshold)


def _preset(degradation: Degradation, calibration: Calibration) -> str | None:
    wanted = _effective(degradation)
    matching = (name for name, one in calibration.presets.items() if _effective(one.degradation) == wanted)
    return next(matching, None)


def _effective(degradation: Degradation) -> Degradation:
    """Without what changes nothing: the place of a step that is left out, and which noise it was."""
    usual = Degradation()
    unused = {"seed": usual.seed}
    if degradation.motion < 1:
        unused |= {"motion": usual.motion, "angle": usual.angle}
    if degradation.motion < 1 and not degradation.blur:
        unused["blur_at"] = usual.blur_at
    if not degradation.noise:
        unused["noise_at"] = usual.noise_at
    if degradation.jpeg is None:
        unused["jpeg_at"] = usual.jpeg_at
    return replace(degradation, **unused)
