"""How honest a plate reader is: its confidences on plates of known text, whole and reduced, its temperature, and the
confidence below which it had better abstain. Chosen on one split, checked on another."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from lpsr.checkpoints import CHECKPOINTS, ReaderCard, write_card
from lpsr.data.plates import CROPS, Crop, Plate
from lpsr.degrade import Degradation, degrade
from lpsr.errors import InputError
from lpsr.evidence import Share
from lpsr.honest import (
    Runs,
    best_threshold,
    challenge_score,
    expected_calibration_error,
    fit_temperature,
    risk_coverage,
    thinned,
)
from lpsr.model_card import write_model_card
from lpsr.passport import measurement_facts
from lpsr.plates import ALPHABET
from lpsr.readers import Reader
from lpsr.readers.decode import PlateDecoder
from lpsr.readers.own import CHARACTERS, Logits, OwnReader, softmax

# What plates are read at, by what their sides are divided by; and all of these together.
SCALES, POOLED = {"hr": 1, "x2": 2, "x4": 4, "x8": 8}, "all"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Trust(_Strict):
    """How far the confidences of ``characters`` read can be trusted.

    Attributes:
        right: share of them that is right.
        error_before, error: expected calibration error without and with the temperature; equal where there is none.
        abstained: share below the threshold.
        score_before, score: mean points of a character (2 right, 0 abstained, −1 wrong) where all are printed, and
            where those below the threshold are not.
        coverage, risk: of those at or above a confidence, the share of all and the share of them that is wrong.
    """

    characters: int
    right: float
    error_before: float
    error: float
    abstained: float
    score_before: float
    score: float
    coverage: tuple[float, ...]
    risk: tuple[float, ...]


class Measured(_Strict):
    """A split of ``plates``: by key of ``SCALES`` how many were read exactly, by crop, and with ``POOLED`` how far the
    confidences can be trusted."""

    split: str
    plates: int
    exact: dict[str, dict[Crop, Share]]
    trust: dict[str, Trust]


class ReaderCalibration(_Strict):
    """What was found.

    Attributes:
        command: what made it, without paths. passport: see ``lpsr.passport``.
        temperature: that its logits are to be divided by; None of a reader whose logits are not known.
        threshold: the confidence below which a character is not to be trusted.
        chosen, checked: the split that both were chosen on, and another, None where there was none.
    """

    command: str
    passport: dict[str, JsonValue]
    temperature: float | None
    threshold: float
    chosen: Measured
    checked: Measured | None


def calibrate_reader(
    plates: Sequence[Plate],
    check: Sequence[Plate],
    reader: Reader,
    *,
    data: str,
    splits: tuple[str, str],
    progress: Callable[[int, int], None] = lambda done, total: None,
    command: str = "",
) -> ReaderCalibration:
    """Choose temperature and threshold on ``plates``, pooled over scales and crops, then measure both on ``check``.

    Args:
        plates, check: with known text; ``check`` may be empty.
        reader: of the project's own the temperature is chosen anew; the confidences of others stay as they are.
        data, splits: what the passport calls the plates.
        progress: called after each plate; what it raises ends the measurement.
        command: what the result says made it.

    Raises InputError where there are no plates, or one of unknown text or that cannot be read.
    """
    if not plates:
        raise InputError("There are no plates to calibrate on.")
    if unknown := [plate.path.name for plate in (*plates, *check) if not plate.text]:
        raise InputError(f"A calibration needs plates of known text; that of {unknown[0]} is not known.")
    own = isinstance(reader, OwnReader)
    read = _by_logits(reader.logits) if own else _by_reader(reader)
    seen = []
    for number, plate in enumerate((*plates, *check)):
        seen.append(_look(plate, read))
        progress(number + 1, len(plates) + len(check))
    chosen, checked = seen[: len(plates)], seen[len(plates) :]
    right = np.concatenate([one.right for looks in chosen for one in looks])
    temperature = fit_temperature(_runs(chosen), right) if own else None
    threshold = best_threshold(_confidences(chosen, temperature), right)
    passport = {
        "data": data,
        "crop": "each of: " + "; ".join(CROPS.values()),
        "degradations": "none, and reduced to 1/2, 1/4 and 1/8 by Pillow bicubic, 8-bit",
        "chosen": "temperature: least log loss of right and wrong; threshold: largest mean points of a character",
        "interval": "Wilson, 95 %",
        **measurement_facts(reader.weights if own else reader.engine, {}),
        "readings": "text constrained to the form of plates, confidence of each of its characters",
    }
    return ReaderCalibration(
        command=command,
        passport=passport,
        temperature=temperature,
        threshold=threshold,
        chosen=_measure(chosen, temperature, threshold, splits[0]),
        checked=_measure(checked, temperature, threshold, splits[1]) if checked else None,
    )


def update_reader_card(found: ReaderCalibration, card: ReaderCard, folder: str | Path = CHECKPOINTS) -> None:
    """Put temperature, threshold, calibration and the exact rates of the split checked on the reader's cards."""
    values = found.model_dump(mode="json")
    test = {"passport": {**found.passport, "split": found.checked.split, "n": found.checked.plates}}
    test["exact"] = values["checked"].pop("exact")
    del values["chosen"]["exact"]
    facts = {"temperature": found.temperature, "threshold": found.threshold, "calibration": values, "test": test}
    write_card(card.model_copy(update=facts), folder)
    write_model_card(card.name, folder)


class _Reading(NamedTuple):
    """Of one picture: the text, its confidences, and of a network of our own the logits ``(F_i, V)`` of the frames that
    show each character."""

    text: str
    confidences: Sequence[float]
    logits: Sequence[np.ndarray]


class _Look(NamedTuple):
    """One reading of a plate, at a key of ``SCALES`` and of ``CROPS``, and which of its characters are right."""

    scale: str
    crop: Crop
    reading: _Reading
    exact: bool
    right: np.ndarray


def _by_reader(reader: Reader) -> Callable[[np.ndarray], _Reading]:
    def read(picture: np.ndarray) -> _Reading:
        found = reader.read(picture)
        return _Reading(found.plate_text, found.char_confidences, ())

    return read


def _by_logits(logits: Logits) -> Callable[[np.ndarray], _Reading]:
    decoder = PlateDecoder(CHARACTERS)

    def read(picture: np.ndarray) -> _Reading:
        found = logits(picture)
        plate = decoder.decode(softmax(found))
        return _Reading(plate.text, plate.confidences, [found[list(frames)] for frames in plate.frames])

    return read


def _look(plate: Plate, read: Callable[[np.ndarray], _Reading]) -> list[_Look]:
    found = []
    for crop in CROPS:
        hr = plate.cut(crop)
        for name, scale in SCALES.items():
            reading = read(degrade(hr, Degradation(scale=scale)) if scale > 1 else hr)
            right = [character == plate.text[i : i + 1] for i, character in enumerate(reading.text)]
            found.append(_Look(name, crop, reading, reading.text == plate.text, np.array(right, bool)))
    return found


def _confidences(seen: Sequence[Sequence[_Look]], temperature: float | None) -> np.ndarray:
    if temperature is not None:
        return _runs(seen).confidence(temperature)
    return np.array([value for looks in seen for one in looks for value in one.reading.confidences])


def _runs(seen: Sequence[Sequence[_Look]]) -> Runs:
    characters = [
        (character, logits)
        for looks in seen
        for one in looks
        for character, logits in zip(one.reading.text, one.reading.logits, strict=True)
    ]
    lengths = [len(logits) for _, logits in characters]
    symbols = np.repeat([1 + ALPHABET.index(character) for character, _ in characters], lengths)
    return Runs(np.concatenate([logits for _, logits in characters]), symbols, np.cumsum([0, *lengths[:-1]]))


def _measure(seen: Sequence[Sequence[_Look]], temperature: float | None, threshold: float, split: str) -> Measured:
    before, after = _confidences(seen, None), _confidences(seen, temperature)
    looks = [one for plate in seen for one in plate]
    right = np.concatenate([one.right for one in looks])
    scale = np.repeat([one.scale for one in looks], [len(one.right) for one in looks])
    return Measured(
        split=split,
        plates=len(seen),
        exact={name: {crop: _exact(looks, name, crop) for crop in CROPS} for name in SCALES},
        trust={
            name: _trust(before[chosen], after[chosen], right[chosen], threshold)
            for name in (*SCALES, POOLED)
            for chosen in [(scale == name) | (name == POOLED)]
        },
    )


def _exact(looks: Sequence[_Look], scale: str, crop: Crop) -> Share:
    found = [one.exact for one in looks if (one.scale, one.crop) == (scale, crop)]
    return Share.of(sum(found), len(found))


def _trust(before: np.ndarray, after: np.ndarray, right: np.ndarray, threshold: float) -> Trust:
    coverage, risk = thinned(*risk_coverage(after, right))
    return Trust(
        characters=len(right),
        right=right.mean(),
        error_before=expected_calibration_error(before, right),
        error=expected_calibration_error(after, right),
        abstained=(after < threshold).mean(),
        score_before=challenge_score(after, right, 0),
        score=challenge_score(after, right, threshold),
        coverage=coverage.tolist(),
        risk=risk.tolist(),
    )
