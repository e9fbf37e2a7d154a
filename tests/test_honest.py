"""Honesty of confidences against values worked out by hand."""

import numpy as np
import pytest

from lpsr.honest import (
    Runs,
    best_threshold,
    challenge_score,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    risk_coverage,
    thinned,
)
from lpsr.plates import ALPHABET
from lpsr.readers.decode import PlateDecoder
from lpsr.readers.own import CHARACTERS, softmax

CONFIDENCE = np.array([0.9, 0.8, 0.6, 0.6, 0.3])
RIGHT = np.array([True, True, False, True, False])


def test_calibration_error_by_hand():
    # Two bins: {0.3}, none right; {0.9, 0.8, 0.6, 0.6}, mean 0.725, three of four right.
    expected = 1 / 5 * 0.3 + 4 / 5 * abs(0.725 - 0.75)
    assert expected_calibration_error(CONFIDENCE, RIGHT, bins=2) == pytest.approx(expected)
    # Confidences of 1 belong to the last bin.
    assert expected_calibration_error(np.ones(4), np.array([True, True, True, False])) == pytest.approx(0.25)
    assert expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0


def test_bins_are_of_equal_width_and_cancel_nothing_between_them():
    # Too high by .2 in one bin and too low by .2 in another.
    confidence, right = np.repeat([0.9, 0.3], 10), np.array([True] * 7 + [False] * 3 + [True] * 5 + [False] * 5)
    assert expected_calibration_error(confidence, right) == pytest.approx(0.2)


def test_risk_and_coverage_by_hand():
    coverage, risk = risk_coverage(CONFIDENCE[[4, 2, 0, 3, 1]], RIGHT[[4, 2, 0, 3, 1]])
    assert coverage.tolist() == pytest.approx([0.2, 0.4, 0.8, 1])
    # The two of .6 come together.
    assert risk.tolist() == pytest.approx([0, 0, 1 / 4, 2 / 5])


def test_a_thinned_curve_keeps_its_end_and_its_points():
    coverage, risk = risk_coverage(np.linspace(0, 1, 1000), np.random.default_rng(0).random(1000) < 0.7)
    few = list(zip(*thinned(coverage, risk, 10), strict=True))
    assert len(few) == 10 and few[-1] == (1, risk[-1])
    assert set(few) < set(zip(coverage, risk, strict=True))
    assert [round(one, 3) for one, _ in few] == pytest.approx(np.linspace(0.1, 1, 10), abs=1e-3)
    short = risk_coverage(CONFIDENCE, RIGHT)
    assert [one.tolist() for one in thinned(*short)] == [one.tolist() for one in short]


def test_challenge_score_by_hand():
    assert challenge_score(CONFIDENCE, RIGHT, 0) == pytest.approx((2 + 2 - 1 + 2 - 1) / 5)
    assert challenge_score(CONFIDENCE, RIGHT, 0.6) == pytest.approx((2 + 2 - 1 + 2) / 5)
    assert challenge_score(CONFIDENCE, RIGHT, 0.61) == pytest.approx(4 / 5)
    assert challenge_score(CONFIDENCE, RIGHT, 1.01) == 0


def test_the_threshold_has_the_best_score():
    # The lowest that leaves out .3 and keeps .6.
    assert best_threshold(CONFIDENCE, RIGHT) == 0.31
    assert best_threshold(CONFIDENCE, np.ones(5, bool)) == 0
    rng = np.random.default_rng(1)
    confidence = rng.random(100_000)
    # Of honest confidences it pays to print from one third on: 2p > 1 − p.
    assert best_threshold(confidence, rng.random(100_000) < confidence) == pytest.approx(1 / 3, abs=0.03)


def drawn_runs(temperature: float, count: int = 20_000) -> tuple[Runs, np.ndarray]:
    """Characters of one frame, read by the largest logit, right as often as logits over ``temperature`` say."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, (count, 5))
    symbols = logits.argmax(1)
    runs = Runs(logits, symbols, np.arange(count))
    return runs, rng.random(count) < softmax(logits, temperature).max(1)


@pytest.mark.parametrize("temperature", [0.5, 1, 2.5])
def test_a_known_temperature_is_found(temperature):
    runs, right = drawn_runs(temperature)
    found = fit_temperature(runs, right)
    assert found == pytest.approx(temperature, rel=0.05)
    assert expected_calibration_error(runs.confidence(found), right) < 0.015
    nearby = [log_loss(runs.confidence(found * factor), right) for factor in (0.97, 1, 1.03)]
    assert min(nearby) == nearby[1]


def test_the_extremes_are_finite():
    assert np.isfinite(log_loss(np.array([1.0, 0.0]), np.array([False, True])))
    runs = Runs(np.array([[30.0, -30.0]]), np.array([0]), np.array([0]))
    assert fit_temperature(runs, np.array([False])) == pytest.approx(20)


def test_confidences_are_those_of_the_decode():
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (32, len(CHARACTERS)))
    for temperature in (0.5, 1, 3):
        plate = PlateDecoder(CHARACTERS).decode(softmax(logits, temperature))
        lengths = [len(frames) for frames in plate.frames]
        symbols = np.repeat([1 + ALPHABET.index(one) for one in plate.text], lengths)
        rows = logits[[frame for frames in plate.frames for frame in frames]]
        runs = Runs(rows, symbols, np.cumsum([0, *lengths[:-1]]))
        assert runs.confidence(temperature) == pytest.approx(plate.confidences, rel=1e-6)
