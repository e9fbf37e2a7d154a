"""The three weightings of the pixel and the contrastive term."""

import math

import pytest
import torch

from lpsr.losses.weighting import make_weighting


def test_the_printed_weight_follows_the_difference_of_the_terms():
    weighting = make_weighting("printed", 0.01)
    total = weighting(torch.tensor(0.3), torch.tensor(0.8))
    total.backward()
    assert total.item() == pytest.approx(0.5 * 0.3 + 0.5 * 0.8)
    assert weighting.w_pixel.grad.item() == pytest.approx(0.3 - 0.8)


@pytest.mark.parametrize(("pixel", "contrastive", "end"), [(0.3, 0.8, 1.0), (0.02, 0.0, 0.0)])
def test_the_printed_weight_collapses_onto_the_smaller_term(pixel, contrastive, end):
    weighting = make_weighting("printed", 0.01)
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    for _ in range(40):
        weighting(torch.tensor(pixel), torch.tensor(contrastive)).backward()
        optimizer.step()
        optimizer.zero_grad()
        weighting.project()
        assert 0 <= weighting.w_pixel.item() <= 1
    w_pixel, w_contrastive = weighting.weights()
    assert (w_pixel.item(), w_contrastive.item()) == (end, 1 - end)


def test_the_printed_weight_is_projected():
    weighting = make_weighting("printed", 0.01)
    with torch.no_grad():
        weighting.w_pixel.fill_(1.7)
    assert weighting.weights()[0] == 1
    weighting.project()
    assert weighting.w_pixel.item() == 1


def test_fixed_weights_stay_and_sum_to_one():
    weighting = make_weighting("fixed", 0.25)
    assert weighting(torch.tensor(2.0), torch.tensor(4.0)).item() == pytest.approx(0.75 * 2 + 0.25 * 4)
    assert list(weighting.parameters()) == []
    assert [value.item() for value in weighting.weights()] == [0.75, 0.25]


def test_uncertainty_starts_at_one_half_each():
    weighting = make_weighting("uncertainty", 0.01)
    assert weighting(torch.tensor(2.0), torch.tensor(4.0)).item() == pytest.approx(3)


def test_uncertainty_is_least_where_the_variance_is_the_loss():
    losses = torch.tensor([0.02, 0.5])
    weighting = make_weighting("uncertainty", 0.01)
    with torch.no_grad():
        weighting.log_variance.copy_(losses.log())
    least = weighting(*losses)
    least.backward()
    assert weighting.log_variance.grad.abs().max().item() == pytest.approx(0, abs=1e-6)
    assert least.item() == pytest.approx(1 + 0.5 * math.log(0.02 * 0.5))
    # Neither weight is 0 there: nothing collapses.
    assert [value.item() for value in weighting.weights()] == pytest.approx([1 / 0.04, 1.0])
    for step in (-0.5, 0.5):
        with torch.no_grad():
            weighting.log_variance.copy_(losses.log() + step)
        assert weighting(*losses) > least
