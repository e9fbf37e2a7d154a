"""Estimates with 95 % intervals over plates and over runs that differ in their seed.

Plates are resampled (percentile bootstrap, Efron 1979), seeded, so that a report is the same every time. Runs are few,
and resampling three of them gives intervals that are far too narrow; their share of the interval is Student's t of the
spread between them. The plates are the same for every run, so the two add.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpsr.metrics.fidelity import RESAMPLES
from lpsr.metrics.reading import wilson_interval

SEED = 0
# Two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom; the last serves for more, being too wide.
_T95 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622)


class Estimate(NamedTuple):
    """A value with its 95 % interval, over ``n`` plates and ``runs`` runs; of one run the interval knows no seeds."""

    value: float
    low: float
    high: float
    n: int
    runs: int = 1


def median(values: ArrayLike) -> Estimate:
    """The median over plates of ``(N,)`` values of a run, or of ``(S, N)`` values of runs, averaged plate by plate."""
    return _estimate(values, np.median, _resampled_medians)


def reported(values: ArrayLike) -> Estimate:
    """The median with the very interval that ``fidelity.summarise`` puts on cards; of several runs as ``median``."""
    values = np.atleast_2d(np.asarray(values, np.float64))
    if len(values) > 1:
        return median(values)
    values, n = values[0], values.size
    order = np.argsort(values)
    ranks = np.empty(n, np.int32)
    ranks[order] = np.arange(n)
    middle = np.sort(ranks[_draw(n)], axis=1)[:, [(n - 1) // 2, n // 2]]
    return _between(float(np.median(values)), values[order][middle].mean(1), n, 1)


def mean(values: ArrayLike) -> Estimate:
    """The mean over plates, otherwise as ``median``."""
    return _estimate(values, np.mean, _resampled_means)


def ratio(parts: ArrayLike, wholes: ArrayLike) -> Estimate:
    """Sum of ``(N,)`` parts over that of their wholes, as of characters right, which are not independent in a plate."""
    parts, wholes = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    weights = _weights(parts.size)
    return _between(float(parts.sum() / wholes.sum()), weights @ parts / (weights @ wholes), parts.size, 1)


def share(right: ArrayLike) -> Estimate:
    """The share of ``(N,)`` truths (Wilson's interval), or of ``(S, N)`` of several runs (as ``mean``)."""
    right = np.asarray(right, np.float64)
    if right.ndim == 2 and len(right) > 1:
        found = mean(right)
        # t knows no limits.
        return found._replace(low=max(found.low, 0.0), high=min(found.high, 1.0))
    right = right.reshape(-1)
    return Estimate(float(right.mean()), *wilson_interval(int(right.sum()), right.size), right.size)


def over_runs(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean of one value a run and the ends of its t interval; of a single run there is none."""
    if len(values) < 2:
        return float(values[0]), None, None
    middle, spread = float(np.mean(values)), float(np.std(values, ddof=1)) / sqrt(len(values))
    half = _T95[min(len(values) - 1, len(_T95)) - 1] * spread
    return middle, middle - half, middle + half


def auc(values: ArrayLike, right: ArrayLike) -> float | None:
    """How often a right one has the larger value than a wrong one, ties by half: .5 is chance, None undefined."""
    values, right = np.asarray(values, np.float64), np.asarray(right, bool)
    high, low = values[right][:, None], values[~right]
    if not high.size or not low.size:
        return None
    return float((high > low).mean() + 0.5 * (high == low).mean())


def bins(values: ArrayLike, count: int) -> list[NDArray[np.intp]]:
    """At most ``count`` groups of indices, ascending and about equally large; equal values together, NaN in none."""
    values = np.asarray(values, np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return []
    edges = np.unique(np.quantile(known, np.linspace(0, 1, count + 1)[1:-1], method="higher"))
    place = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), -1)
    groups = (np.flatnonzero(place == number) for number in range(len(edges) + 1))
    return [group for group in groups if group.size]


def _estimate(
    values: ArrayLike,
    centre: Callable[..., NDArray[np.float64]],
    resampled: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Estimate:
    values = np.atleast_2d(np.asarray(values, np.float64))
    runs, n = values.shape
    if not n:
        raise ValueError("there are no values to estimate from")
    plates = values.mean(0)
    drawn = resampled(plates)
    if runs > 1:
        error = float(centre(values, axis=1).std(ddof=1)) / sqrt(runs)
        drawn = drawn + error * np.random.default_rng(SEED + 1).standard_t(runs - 1, RESAMPLES)
    return _between(float(centre(plates)), drawn, n, runs)


def _between(value: float, drawn: NDArray[np.float64], n: int, runs: int) -> Estimate:
    ends = np.percentile(drawn, 2.5, method="lower"), np.percentile(drawn, 97.5, method="higher")
    return Estimate(value, float(ends[0]), float(ends[1]), n, runs)


def _resampled_medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # A resample of sorted values is sorted where its indices are: the middle ones serve every column of this length.
    return np.sort(values)[_middles(values.size)].mean(1)


def _resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return _weights(values.size) @ values


@lru_cache(64)
def _middles(n: int) -> NDArray[np.intp]:
    """(RESAMPLES, 2) indices of the two middle values of each resample of n sorted ones."""
    middle = [(n - 1) // 2, n // 2]
    return np.partition(_draw(n), middle, axis=1)[:, middle]


@lru_cache(64)
def _weights(n: int) -> NDArray[np.float64]:
    """(RESAMPLES, n): how often each value is in each resample, over n."""
    drawn = _draw(n) + n * np.arange(RESAMPLES)[:, None]
    return np.bincount(drawn.reshape(-1), minlength=RESAMPLES * n).reshape(RESAMPLES, n) / n


@lru_cache(2)
def _draw(n: int) -> NDArray[np.intp]:
    return np.random.default_rng(SEED).integers(n, size=(RESAMPLES, n))
