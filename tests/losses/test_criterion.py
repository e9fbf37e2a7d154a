"""The whole criterion: MSE, and PECL with a frozen embedder."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F

from lpsr.losses.criterion import LossConfig, MseCriterion, PeclCriterion
from lpsr.losses.pecl import contrastive_loss
from lpsr.models.embedder import Embedder


class Backbone(nn.Module):
    """Small, but with batch normalisation as ResNet-18 has it."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(3)
        self.fc = nn.Linear(3 * 16, 8)

    def forward(self, x):
        return self.fc(F.adaptive_avg_pool2d(self.bn(x), 4).flatten(1))


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 4, 3, 16, 16, generator=generator)


def make(**values) -> PeclCriterion:
    torch.manual_seed(1)
    return PeclCriterion(LossConfig(kind="pecl", **values), Embedder(Backbone()))


def test_mse_is_the_mean_squared_error(pictures):
    sr, hr = pictures
    losses = MseCriterion()(sr, hr)
    assert losses.total.item() == pytest.approx(((sr - hr) ** 2).mean().item(), rel=1e-6)
    assert losses.pixel == losses.total
    assert math.isnan(losses.contrastive) and math.isnan(losses.distance)
    assert (losses.w_pixel, losses.w_contrastive) == (1, 0)


@pytest.mark.parametrize("form", ["printed", "attract", "paired"])
def test_pecl_is_the_weighted_sum_of_its_terms(pictures, form):
    sr, hr = pictures
    criterion = make(form=form, distance="euclidean", w_contrastive=0.3)
    losses = criterion(sr, hr)
    expected = contrastive_loss(criterion.embedder(sr), criterion.embedder(hr), form=form, distance="euclidean")
    assert losses.contrastive.item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses.pixel.item() == pytest.approx(F.mse_loss(sr, hr).item(), rel=1e-6)
    assert losses.total.item() == pytest.approx(0.7 * losses.pixel.item() + 0.3 * losses.contrastive.item(), rel=1e-5)
    distances = (criterion.embedder(sr) - criterion.embedder(hr)).norm(dim=1)
    assert losses.distance.item() == pytest.approx(distances.mean().item(), rel=1e-4)


@pytest.mark.parametrize(("form", "scale"), [("printed", 1.0), ("attract", 8**-0.5), ("paired", 8**-0.5)])
def test_the_distance_is_told_as_the_form_takes_it(pictures, form, scale):
    sr, hr = pictures
    criterion = make(form=form, distance="manhattan")
    expected = (criterion.embedder(sr) - criterion.embedder(hr)).abs().sum(1).mean() * scale
    assert criterion(sr, hr).distance.item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_gradient_reaches_sr_through_the_embedder_and_stops_there(pictures):
    sr, hr = pictures
    sr, hr = sr.clone().requires_grad_(), hr.clone().requires_grad_()
    criterion = make(w_contrastive=1.0)
    criterion(sr, hr).total.backward()
    assert sr.grad.abs().sum() > 0
    assert hr.grad is None or not hr.grad.any()
    assert all(parameter.grad is None for parameter in criterion.embedder.parameters())


def test_the_embedder_is_frozen_in_training_too(pictures):
    criterion = make().train()
    assert criterion.training and not criterion.embedder.training
    before = {name: tensor.clone() for name, tensor in criterion.embedder.state_dict().items()}
    criterion(*pictures)
    assert all(torch.equal(tensor, before[name]) for name, tensor in criterion.embedder.state_dict().items())


def test_equal_pictures_cost_nothing_and_give_no_nan(pictures):
    sr = pictures[0].clone().requires_grad_()
    losses = make()(sr, pictures[0])
    losses.total.backward()
    assert losses.total.item() == 0
    assert torch.isfinite(sr.grad).all()


@pytest.mark.parametrize(
    "values", [{"d": 100}, {"form": "repel"}, {"distance": "cosine"}, {"margin": 0}, {"w_contrastive": 2}, {"w": 1}]
)
def test_an_impossible_loss_is_refused(values):
    with pytest.raises(ValidationError):
        LossConfig.model_validate({"kind": "pecl", **values})
