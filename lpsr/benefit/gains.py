"""What one pipeline reads more than another: paired differences of exact rates, plate by plate.

The best of several pipelines is the best by chance too. So the intervals of all pairs that could have been chosen are
widened until they hold at once with 95 % (Bonferroni): then the chosen pair's does.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Literal, NamedTuple

from lpsr.benefit.frames import NONE
from lpsr.benefit.result import Benefit, Cell

Effect = Literal["helps", "hurts", "not_apart"]

_LEVEL = 0.05
_STEPS = 60


class Difference(NamedTuple):
    """A difference of two exact rates, first minus second, in [-1, 1], over ``n`` plates.

    Attributes:
        low, high: of the interval.
        gained, lost: plates that only the first, and only the second, reads exactly.
    """

    value: float
    low: float
    high: float
    n: int
    gained: int
    lost: int

    @property
    def effect(self) -> Effect:
        """What the interval says of the first."""
        return "helps" if self.low > 0 else "hurts" if self.high < 0 else "not_apart"


def difference(first: Sequence[bool], second: Sequence[bool], among: int = 1) -> Difference:
    """Of two columns over the same plates, with Tango's score interval for paired proportions (1998), which excludes 0
    where McNemar's test does and holds for few plates too.

    Args:
        among: how many such intervals shall hold at once with 95 %.

    Raises ValueError for columns of other lengths, or empty ones.
    """
    pairs = list(zip(first, second, strict=True))
    gained = sum(a and not b for a, b in pairs)
    lost = sum(b and not a for a, b in pairs)
    n, quantile = len(pairs), _quantile(among)
    if not n:
        raise ValueError("there are no plates to compare on")
    value = (gained - lost) / n
    # The score falls as the assumed difference rises, and is 0 at the one observed.
    low = _root(lambda assumed: _score(gained, lost, n, assumed) - quantile, -1.0, value)
    high = _root(lambda assumed: _score(gained, lost, n, assumed) + quantile, value, 1.0)
    return Difference(value, low, high, n, gained, lost)


def least_plates(among: int = 1) -> int:
    """How many plates one column must have before the other, and none behind it, for ``difference`` not to hold 0. It
    is the same for any number of plates: the score of g gained and none lost is √g."""
    return int(_quantile(among) ** 2) + 1


class Gain(NamedTuple):
    """What a restoration adds to a reader in a class: ``difference`` is ``restored`` minus ``base``."""

    name: str
    base: Cell
    restored: Cell
    difference: Difference


class Rivals(NamedTuple):
    """The best pipeline without restoration and the best with one, in a class.

    ``difference``: without minus with.
    """

    name: str
    without: Cell
    restored: Cell
    difference: Difference


def restorations(benefit: Benefit) -> tuple[str, ...]:
    """The models that ``best_restoration`` chooses among: those with weights, where there are none all."""
    trained = tuple(model.name for model in benefit.models if model.sha256)
    return trained or tuple(model.name for model in benefit.models)


def best_restoration(benefit: Benefit, reader: str) -> str | None:
    """The restoration after which a reader reads most plates exactly, all classes together; of equal ones the first.
    None where nothing was restored."""
    return max(restorations(benefit), key=lambda name: _total(benefit, name, reader), default=None)


def gains(benefit: Benefit, reader: str, base: str = NONE) -> tuple[Gain, ...]:
    """What the reader's best restoration (one for all classes) adds to ``base``, class by class; none where nothing was
    restored. Each interval holds for the choice among all restorations."""
    best, among = best_restoration(benefit, reader), len(restorations(benefit))
    if best is None:
        return ()
    found = []
    for one in benefit.classes:
        before, after = one.cell(base, reader), one.cell(best, reader)
        found.append(Gain(one.name, before, after, difference(after.hits, before.hits, among)))
    return tuple(found)


def rivals(benefit: Benefit) -> tuple[Rivals, ...]:
    """The best reader without restoration against the best pipeline with one (each the best of all classes together),
    class by class; none where nothing was restored. Each interval holds for the choice among all such pairs."""
    readers = [reader.name for reader in benefit.readers]
    restored = [(model, reader) for model in restorations(benefit) for reader in readers]
    if not restored:
        return ()
    own = max(readers, key=lambda reader: _total(benefit, NONE, reader))
    best = max(restored, key=lambda pipeline: _total(benefit, *pipeline))
    found = []
    for one in benefit.classes:
        without, other = one.cell(NONE, own), one.cell(*best)
        apart = difference(without.hits, other.hits, len(readers) * len(restored))
        found.append(Rivals(one.name, without, other, apart))
    return tuple(found)


def _total(benefit: Benefit, restorer: str, reader: str) -> int:
    return sum(one.cell(restorer, reader).exact.right for one in benefit.classes)


def _quantile(among: int) -> float:
    return NormalDist().inv_cdf(1 - _LEVEL / (2 * among))


def _score(gained: int, lost: int, n: int, assumed: float) -> float:
    """Tango's statistic, standard normal where the true difference is ``assumed``."""
    b = (2 * n - gained + lost) * assumed - gained - lost
    c = -lost * assumed * (1 - assumed)
    # The most likely probability that only the second reads a plate.
    only = (sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * only + assumed * (1 - assumed))
    distance = gained - lost - n * assumed
    if variance > 0:
        return distance / sqrt(variance)
    return 0.0 if distance == 0 else float("inf") if distance > 0 else float("-inf")


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses 0, by bisection; an end of the range where it does not."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
