"""Estimates against references and against what intervals must do: cover."""

import numpy as np
import pytest
from scipy import stats

from lpsr.metrics.fidelity import summarise
from lpsr.metrics.reading import wilson_interval
from lpsr.report.statistics import _T95, auc, bins, mean, median, over_runs, reported, share

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("n", [1, 2, 3, 50, 521])
def test_reported_is_what_cards_have(n):
    values = RNG.normal(22, 2, n).round(1)
    expected = summarise(values)
    found = reported(values)
    assert found.value == expected["median"]
    assert [found.low, found.high] == expected["ci95"]
    assert (found.n, found.runs) == (n, 1)


@pytest.mark.parametrize("n", [51, 520])
def test_the_median_s_interval_is_the_bootstrap_s(n):
    """The exact bootstrap distribution of an odd sample's median is binomial; scipy's is drawn."""
    values = RNG.exponential(3, n)
    found = median(values)
    drawn = stats.bootstrap((values,), np.median, n_resamples=20000, method="percentile", rng=1)
    assert found.value == np.median(values)
    near = 0.03 * values.std()
    assert found.low == pytest.approx(drawn.confidence_interval.low, abs=near)
    assert found.high == pytest.approx(drawn.confidence_interval.high, abs=near)
    if n % 2:
        rank = np.sort(values)
        chances = stats.binom.sf(n // 2, n, np.arange(1, n + 1) / n)
        assert abs(np.searchsorted(rank, found.low) - np.searchsorted(chances, 0.025)) <= 1


def test_the_means_interval_is_the_bootstrap_s():
    values = RNG.exponential(3, 300)
    drawn = stats.bootstrap((values,), np.mean, n_resamples=20000, method="percentile", rng=1).confidence_interval
    found = mean(values)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.02)


def test_the_same_every_time_and_whatever_the_order():
    values = RNG.normal(size=100)
    assert median(values) == median(values) == median(values[::-1])


def test_a_share_of_several_runs_stays_a_share():
    runs = np.array([[True] * 50, [True] * 49 + [False], [True] * 40 + [False] * 10])
    assert share(runs).high == 1
    assert share(~runs).low == 0


def test_several_runs_are_averaged_plate_by_plate():
    values = RNG.normal(size=(3, 100))
    found = median(values)
    assert found.value == np.median(values.mean(0))
    assert (found.n, found.runs) == (100, 3)
    assert median(values[:1]) == median(values[0])


@pytest.mark.parametrize("runs", [2, 3, 5])
def test_intervals_over_seeds_cover_the_truth(runs):
    """Chance of training 0.1 dB, of plates 1 dB over 200: 95 % intervals hold the planted 0 about 95 times of 100.

    Resampling three seeds would hold it in some 75.
    """
    draw = np.random.default_rng(runs)
    held = 0
    for _ in range(300):
        found = median(draw.normal(0, 1, 200) * 0.5 + draw.normal(0, 0.1, (runs, 1)) + draw.normal(0, 0.2, (runs, 200)))
        held += found.low <= 0 <= found.high
    assert held / 300 > 0.92


def test_a_single_run_knows_no_seeds():
    shifted = RNG.normal(0, 0.01, 200) + 0.1
    assert median(shifted).low > 0
    assert median(np.stack([shifted, shifted - 0.2])).low < 0


def test_shares_are_wilson_s():
    right = np.arange(100) < 30
    found = share(right)
    assert (found.low, found.high) == wilson_interval(30, 100)
    reference = stats.binomtest(30, 100).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))
    assert share(np.ones(5)).high == 1.0
    assert share(np.array([5 / 7, 1.0])).value == pytest.approx(6 / 7)


def test_shares_of_several_seeds_know_both():
    right = RNG.random((3, 200)) < 0.4
    found = share(right)
    assert found.runs == 3
    assert found.value == pytest.approx(right.mean())
    assert found.low < right.mean() < found.high


def test_over_runs_is_student_s():
    values = [21.0, 21.4, 21.1]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert over_runs(values) == pytest.approx((np.mean(values), low, high), rel=1e-5)
    assert over_runs([21.0]) == (21.0, None, None)
    assert pytest.approx(stats.t.ppf(0.975, range(1, len(_T95) + 1)), rel=1e-4) == _T95


def test_auc_against_the_rank_sum():
    values, right = RNG.integers(0, 20, 300), RNG.random(300) < 0.3
    reference = stats.mannwhitneyu(values[right], values[~right]).statistic / (right.sum() * (~right).sum())
    assert auc(values, right) == pytest.approx(reference)
    assert auc([1, 2], [False, True]) == 1.0
    assert auc([1, 2], [True, True]) is None


def test_bins_are_even_keep_ties_and_leave_nan_out():
    groups = bins(np.arange(100.0), 4)
    assert [group.size for group in groups] == [25] * 4
    assert [int(group[0]) for group in groups] == [0, 25, 50, 75]
    values = np.array([1.0, 1.0, 1.0, 1.0, np.nan, 2.0])
    groups = bins(values, 4)
    assert sorted(np.concatenate(groups)) == [0, 1, 2, 3, 5]
    assert all(len({*group} & {0, 1, 2, 3}) in (0, 4) for group in groups)
    assert bins([np.nan], 4) == []


def test_nothing_to_estimate_from():
    with pytest.raises(ValueError):
        median([])
