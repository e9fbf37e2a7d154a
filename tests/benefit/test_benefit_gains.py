"""Paired differences by hand, and who is compared with whom."""

from math import sqrt

import made_benefit
import numpy as np
import pytest
from made_benefit import make_benefit

from lpsr.benefit.frames import NONE
from lpsr.benefit.gains import best_restoration, difference, gains, least_plates, restorations, rivals
from lpsr.benefit.result import Model

CHI_95 = 1.959964


def columns(both: int, gained: int, lost: int, neither: int) -> tuple[list[bool], list[bool]]:
    first = [True] * (both + gained) + [False] * (lost + neither)
    second = [True] * both + [False] * gained + [True] * lost + [False] * neither
    return first, second


def score(gained: int, lost: int, n: int, assumed: float) -> float:
    """Tango's statistic with the likelihood maximised on a grid, not by its formula."""
    only = np.linspace(max(0.0, -assumed), (1 - assumed) / 2, 200_001)[1:-1]
    rest = 1 - 2 * only - assumed
    likelihood = gained * np.log(only + assumed) + lost * np.log(only) + (n - gained - lost) * np.log(rest)
    best = only[np.argmax(likelihood)]
    return (gained - lost - n * assumed) / sqrt(n * (2 * best + assumed * (1 - assumed)))


@pytest.mark.parametrize(("gained", "lost", "n"), [(20, 12, 100), (5, 1, 44), (60, 3, 520), (1, 1, 10)])
def test_the_interval_ends_where_the_score_reaches_its_quantile(gained, lost, n):
    found = difference(*columns(3, gained, lost, n - gained - lost - 3))
    assert found.value == pytest.approx((gained - lost) / n)
    assert (found.n, found.gained, found.lost) == (n, gained, lost)
    assert score(gained, lost, n, found.low) == pytest.approx(CHI_95, abs=2e-3)
    assert score(gained, lost, n, found.high) == pytest.approx(-CHI_95, abs=2e-3)


def test_a_published_interval():
    # Tango (1998), table of 44 pairs of which one is discordant: from -0.118.
    assert difference(*columns(43, 0, 1, 0)).low == pytest.approx(-0.118, abs=5e-4)


@pytest.mark.parametrize(("gained", "lost"), [(9, 1), (8, 2), (12, 4), (10, 3), (6, 0), (3, 0), (25, 12), (25, 14)])
def test_zero_is_excluded_where_mcnemar_rejects(gained, lost):
    found = difference(*columns(10, gained, lost, 30))
    assert (found.effect == "helps") is ((gained - lost) / sqrt(gained + lost) > CHI_95)
    turned = difference(*columns(10, lost, gained, 30))
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low), abs=1e-9)


def test_equal_columns_are_not_apart_and_few_plates_say_little():
    few, many = (difference([True] * n, [True] * n) for n in (5, 500))
    assert few.effect == many.effect == "not_apart"
    assert few.low < -0.3 and few.high > 0.3 and -0.01 < many.low < 0 < many.high < 0.01


@pytest.mark.parametrize("among", [1, 2, 6, 18])
def test_the_least_difference_that_can_be_shown(among):
    least = least_plates(among)
    for n in (least, 200):
        shown = [difference([True] * g + [False] * (n - g), [False] * n, among).effect for g in (least - 1, least)]
        assert shown == ["not_apart", "helps"]


def test_more_choice_widens_the_interval():
    one, eight = (difference(*columns(10, 20, 8, 60), among=among) for among in (1, 8))
    assert eight.value == one.value and eight.low < one.low < one.high < eight.high
    assert one.effect == "helps" and eight.effect == "not_apart"


def test_all_or_nothing_stays_in_range():
    found = difference([True] * 20, [False] * 20)
    assert found.value == 1 and 0.5 < found.low < 1 and found.high == pytest.approx(1)


def test_columns_of_other_plates_are_refused():
    with pytest.raises(ValueError):
        difference([True], [True, False])
    with pytest.raises(ValueError, match="no plates"):
        difference([], [])


def test_the_best_restoration_is_that_of_all_classes_together():
    readers = ("a",)
    classes = {
        "x8": {(NONE, "a"): 5, ("one", "a"): 60, ("two", "a"): 50},
        "x4": {(NONE, "a"): 9, ("one", "a"): 70, ("two", "a"): 90},
    }
    benefit = make_benefit(classes, n=100)
    assert best_restoration(benefit, *readers) == "two"
    first, second = gains(benefit, "a")
    assert (first.name, first.restored.restorer, first.difference.value) == ("x8", "two", pytest.approx(0.45))
    assert second.difference == difference(second.restored.hits, second.base.hits, among=2)


def test_weights_are_what_is_chosen_among():
    benefit = make_benefit({"x8": {(NONE, "a"): 1, ("bicubic", "a"): 9, ("mse", "a"): 5}}, n=10)
    assert restorations(benefit) == ("bicubic", "mse") and best_restoration(benefit, "a") == "bicubic"
    models = [Model(name="bicubic", title="Bicubic"), Model(name="mse", title="MSE", sha256="ab" * 32)]
    weights = benefit.model_copy(update={"models": tuple(models)})
    assert restorations(weights) == ("mse",) and best_restoration(weights, "a") == "mse"
    (gain,) = gains(weights, "a", "bicubic")
    assert gain.base.restorer == "bicubic" and gain.difference.value == pytest.approx(-0.4)


def test_without_a_restoration_there_is_nothing_to_say():
    benefit = make_benefit({"x8": {(NONE, "a"): 3}}, n=10)
    assert best_restoration(benefit, "a") is None and gains(benefit, "a") == rivals(benefit) == ()


def test_equal_pipelines_are_not_apart():
    same = {(restorer, reader): 40 for restorer in (NONE, "mse") for reader in ("a", "b")}
    benefit = make_benefit({"x8": same, "x4": same}, n=100)
    found = [*gains(benefit, "a"), *gains(benefit, "b"), *rivals(benefit)]
    assert len(found) == 6 and {one.difference.effect for one in found} == {"not_apart"}


def test_the_best_without_meets_the_best_with():
    exact = {(NONE, "a"): 20, (NONE, "b"): 71, ("mse", "a"): 40, ("mse", "b"): 30, ("own", "a"): 35, ("own", "b"): 59}
    (found,) = rivals(make_benefit({"x8": exact}, n=100))
    assert (found.without.reader, found.restored.restorer, found.restored.reader) == ("b", "own", "b")
    # Two readers, and two restorations before each of them.
    assert found.difference == difference(found.without.hits, found.restored.hits, among=2 * 4)
    assert found.difference.value == pytest.approx(0.12)


def test_the_plates_are_paired():
    benefit = make_benefit({"x8": {(NONE, "a"): 20, ("mse", "a"): 24}}, n=60)
    one = benefit.classes[0]
    cells = [
        one.cells[0],
        one.cells[1].model_copy(update={"outcomes": made_benefit.shuffled(one.cells[1].outcomes, 1)}),
    ]
    mixed = benefit.model_copy(update={"classes": (one.model_copy(update={"cells": tuple(cells)}),)})
    (paired,), (other,) = gains(benefit, "a"), gains(mixed, "a")
    assert paired.difference.value == other.difference.value
    assert paired.difference.effect == "helps" and other.difference.effect == "not_apart"
