"""Several readings of one plate made one, by votes: for each place the characters, with their shares of the votes.

Readings differ in length (7 or 8 characters), so the length is voted first; only readings of that length are counted,
since the characters of another stand at other places. A reading without text abstains.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from typing import Any, Literal, get_args

import numpy as np

from lpsr.readers.base import WEAK, Reading
from lpsr.rectify import effective_width

# What a character that was read weighs: 1, its confidence, or that times the quality of its picture.
Vote = Literal["majority", "confidence", "quality"]
VOTES: tuple[Vote, ...] = get_args(Vote)
# Longest side of a plate that is restored before it is read and votes, px; ×8 is meant for small plates.
MOST_SIDE = 128


@dataclass(frozen=True)
class Tally:
    """The votes, counted.

    Attributes:
        places: for each character of the plate those that were read there with their shares of the votes, which sum to
            1, the chosen one first, the others by their share; () where nothing was read.
        confidences: for each place the mean confidence of the chosen character over all readings counted, a reading of
            another character having none, weighted by quality where that votes. Of one reading its own; it does not
            rise with the number of readings.
        counted: for each reading given, whether it has the chosen length.
    """

    places: tuple[dict[str, float], ...]
    confidences: tuple[float, ...]
    counted: tuple[bool, ...]

    @property
    def text(self) -> str:
        """The chosen character of each place; "" where nothing was read."""
        return "".join(next(iter(place)) for place in self.places)

    @property
    def confidence(self) -> float:
        """Mean of ``confidences``; 0 where nothing was read."""
        return fsum(self.confidences) / len(self.confidences) if self.confidences else 0.0

    def weak(self, threshold: float | None = None) -> tuple[bool, ...]:
        """For each place, whether the chosen character's confidence is below the reader's ``threshold``, where it has
        none below ``WEAK``: few voted for it, or none was sure."""
        return tuple(value < (WEAK if threshold is None else threshold) for value in self.confidences)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values: ``places`` holds ``{"characters": [[character, share]], "confidence"}``, in order."""
        return {
            "text": self.text,
            "confidence": self.confidence,
            "places": [
                {"characters": [list(item) for item in place.items()], "confidence": confidence}
                for place, confidence in zip(self.places, self.confidences, strict=True)
            ],
            "counted": list(self.counted),
        }


def strangers(tally: Tally, readings: Sequence[Reading], threshold: float | None = None) -> tuple[bool, ...]:
    """Which of the readings that were voted over may be another plate's.

    That is one of which no character is weak, below the reader's ``threshold`` or ``WEAK``, and with fewer than half of
    the voted characters; a character that one of the two has more may stand anywhere. There are none where the voted
    text itself is weak.
    """
    least = max(threshold or 0.0, WEAK)
    if tally.confidence < least:
        return (False,) * len(readings)
    return tuple(
        bool(one.plate_text) and not any(one.weak(least)) and 2 * _common(tally.text, one.plate_text) < len(tally.text)
        for one in readings
    )


def _common(one: str, other: str) -> int:
    """Characters that two texts of plates have in common, place by place; without the one of the longer that is best
    left out."""
    short, long = sorted((one, other), key=len)
    cut = [long] if len(short) == len(long) else [long[:i] + long[i + 1 :] for i in range(len(long))]
    return max(sum(a == b for a, b in zip(short, rest, strict=False)) for rest in cut)


def quality(picture: np.ndarray) -> float:
    """What a cut plate, ``(H, W, 3)`` uint8, weighs in a vote by quality: the square of its effective width.

    Of two views of one real plate (CCPD, val; 35 plates of 20 views each, 20 to 30 px wide) the one with the larger
    effective width has more characters read right in 68 to 75 % of the pairs, by reader and restoration; of the larger
    ``lpsr.clip.sharpness`` in 66 to 73 %. In the votes the two are not apart; the square does better than the width.
    """
    return float(effective_width(picture)) ** 2


def vote(readings: Sequence[Reading], weights: Vote, qualities: Sequence[float] | None = None) -> Tally:
    """Count the votes of readings of one plate.

    A reading votes for its length, with its mean confidence where confidence weighs, and for each of its characters,
    with that character's. Of candidates with equal votes the one with the larger sum of confidences is chosen, of those
    with equal sums the one that was read first. Where all votes weigh nothing each weighs the same.

    Args:
        weights: what a vote weighs.
        qualities: of the pictures that were read, as ``quality`` gives them: finite and at least 0; needed for
            "quality" alone.

    Raises ValueError for other qualities or weights.
    """
    if weights not in VOTES:
        raise ValueError(f"votes weigh by {', '.join(VOTES)}, not {weights!r}")
    if weights != "quality":
        qualities = [1.0] * len(readings)
    elif qualities is None or len(qualities) != len(readings):
        raise ValueError(f"{len(readings)} readings need as many qualities")
    elif not all(isfinite(quality) and quality >= 0 for quality in qualities):
        raise ValueError("a quality must be finite and at least 0")

    def weight(quality: float, confidence: float) -> float:
        return 1.0 if weights == "majority" else quality * confidence

    read = [(reading, quality) for reading, quality in zip(readings, qualities, strict=True) if reading.plate_text]
    lengths = _shares((len(one.plate_text), weight(quality, one.confidence), one.confidence) for one, quality in read)
    length = next(iter(lengths), 0)
    counted = [pair for pair in read if len(pair[0].plate_text) == length]
    places, confidences = [], []
    for i in range(length):
        ballots = [(one.plate_text[i], one.char_confidences[i], quality) for one, quality in counted]
        places.append(_shares((character, weight(quality, sure), sure) for character, sure, quality in ballots))
        chosen = next(iter(places[-1]))
        # Where no picture has any quality all are alike.
        alike = not any(quality for *_, quality in ballots)
        right = fsum(sure * (alike or quality) for character, sure, quality in ballots if character == chosen)
        confidences.append(right / fsum(alike or quality for *_, quality in ballots))
    marks = tuple(0 < length == len(reading.plate_text) for reading in readings)
    return Tally(tuple(places), tuple(confidences), marks)


def _shares(ballots: Iterable[tuple[Any, float, float]]) -> dict[Any, float]:
    """The candidates, the chosen one first, with their shares; a ballot is a candidate, its weight and a confidence."""
    weights, confidences = defaultdict(list), defaultdict(list)
    for candidate, weight, confidence in ballots:
        weights[candidate].append(weight)
        confidences[candidate].append(confidence)
    # Summed exactly, so that the order in which readings come changes no sum.
    votes = {candidate: fsum(cast) for candidate, cast in weights.items()}
    if not any(votes.values()):
        votes = {candidate: float(len(cast)) for candidate, cast in weights.items()}
    total = fsum(votes.values())
    # A stable sort: of equals the one that was read first stays first.
    order = sorted(votes, key=lambda one: (-votes[one], -fsum(confidences[one])))
    return {candidate: votes[candidate] / total for candidate in order}
