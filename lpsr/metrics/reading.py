"""How right a reading is: characters in place, and the rates over many plates."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from lpsr.plates import matches, normalise
from lpsr.readers.base import Reading

# Two-sided 95 % quantile of the normal distribution.
_Z95 = 1.959963984540054


def in_place(truth: str, reading: str) -> list[bool]:
    """For each character of ``truth``, whether the reading has it at the same position.

    Separators and case of the reading do not count; a reading that lacks only its province is aligned at the right
    (see ``lpsr.plates.matches``).
    """
    return matches(truth, normalise(reading))


def marks(reading: Reading, truth: str | None) -> list[tuple[str, str]]:
    """Each character of the plate text and how it is to be shown; one of the truth that was not read is "–" and wrong.

    "sure" or "weak" where the true text is unknown; else "right" or "wrong", with " weak" behind it where weak: a weak
    character that happens to be right is a guess of the form of plates.
    """
    shown, weak = reading.plate_text, [*reading.weak()]
    if truth is None:
        return [(character, "weak" if low else "sure") for character, low in zip(shown, weak, strict=True)]
    right = matches(truth, shown) + [False] * (len(shown) - len(truth))
    weak += [False] * (len(truth) - len(shown))
    return [
        (character, ("right" if fits else "wrong") + " weak" * low)
        for character, fits, low in zip(shown.ljust(len(truth), "–"), right, weak, strict=True)
    ]


@dataclass(frozen=True)
class ReadingScore:
    """Rates over ``n`` plates, all in [0, 1].

    Attributes:
        n: plates scored.
        exact: share read wholly right, nothing missing and nothing added.
        ge6, ge5: share with at least 6 and at least 5 characters in place. The numbers are the same for 7- and
            8-character plates, as published tables have them, so they ask less of an 8-character plate.
        char_accuracy: characters in place over characters, all plates together.
        province: share of plates whose first character, the province, is right.
        exact_without_province: share of plates whose other characters are all right.
    """

    n: int
    exact: float
    ge6: float
    ge5: float
    char_accuracy: float
    province: float
    exact_without_province: float


class Judgement(NamedTuple):
    """How right the reading of one plate is; see ``ReadingScore``.

    Attributes:
        characters: of the true text. right: how many of them are in place.
    """

    characters: int
    right: int
    exact: bool
    province: bool
    exact_without_province: bool


def judge(truth: str, reading: str) -> Judgement:
    """Judge one reading (raw or plate text) by the true text."""
    place, text = in_place(truth, reading), normalise(reading)
    rest = all(place[1:]) and len(text) <= len(truth)
    return Judgement(len(truth), sum(place), text == truth, place[0], rest)


def rates(judgements: Iterable[Judgement]) -> ReadingScore:
    """The rates of readings judged. Raises ValueError where there are none."""
    judgements = list(judgements)
    if not judgements:
        raise ValueError("there are no readings to score")
    count = len(judgements)
    return ReadingScore(
        n=count,
        exact=sum(one.exact for one in judgements) / count,
        ge6=sum(one.right >= 6 for one in judgements) / count,
        ge5=sum(one.right >= 5 for one in judgements) / count,
        char_accuracy=sum(one.right for one in judgements) / sum(one.characters for one in judgements),
        province=sum(one.province for one in judgements) / count,
        exact_without_province=sum(one.exact_without_province for one in judgements) / count,
    )


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927), within [0, 1]; (0, 1) where nothing was tried."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    share, shrink = successes / trials, _Z95**2 / trials
    centre = (share + shrink / 2) / (1 + shrink)
    half = _Z95 * sqrt(share * (1 - share) / trials + shrink / (4 * trials)) / (1 + shrink)
    return max(0.0, centre - half), min(1.0, centre + half)
