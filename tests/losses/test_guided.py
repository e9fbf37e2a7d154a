"""Criteria with a frozen recogniser: PECL with reading, and confidence."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lpsr.losses.criterion import LossConfig, PeclCriterion
from lpsr.losses.guided import ConfidenceCriterion, PeclReadingCriterion
from lpsr.models.embedder import Embedder
from lpsr.models.recogniser import Recogniser, encode, recognition_loss


def embedder() -> Embedder:
    torch.manual_seed(0)
    return Embedder(nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 8)))


def recogniser() -> Recogniser:
    torch.manual_seed(1)
    return Recogniser()


@pytest.fixture
def pictures():
    sr, hr = torch.rand(2, 2, 3, 16, 48, generator=torch.Generator().manual_seed(0))
    return sr, hr, torch.from_numpy(encode(["皖A12345", None]))


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_reading_is_added_to_pecl(pictures, weight):
    sr, hr, labels = pictures
    config = LossConfig(kind="pecl", w_reading=weight)
    criterion = PeclReadingCriterion(config, embedder(), recogniser()).train()
    losses, plain = criterion(sr, hr, labels), PeclCriterion(config, embedder())(sr, hr)
    expected = recognition_loss(criterion.recogniser(sr), labels)
    assert losses.recognition.item() == pytest.approx(expected.item(), rel=1e-5) and losses.recognition > 0
    assert losses.total.item() == pytest.approx((plain.total + weight * expected).item(), rel=1e-5)
    assert losses[1:6] == plain[1:6]
    assert criterion.frozen == ("embedder", "recogniser")
    assert not criterion.embedder.training and not criterion.recogniser.training


def test_confidence_is_the_largest_probability_whatever_it_is_of(pictures):
    sr, hr, _ = pictures
    criterion = ConfidenceCriterion(LossConfig(kind="confidence", w_confidence=0.5), recogniser()).train()
    losses = criterion(sr, hr)
    expected = torch.stack([F.softmax(row, -1).max() for row in criterion.recogniser(sr).flatten(0, 1)]).mean()
    assert losses.confidence.item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses.total.item() == pytest.approx(((sr - hr).abs().mean() + 0.5 * (1 - expected)).item(), rel=1e-5)


def test_its_gradient_makes_the_reader_surer(pictures):
    sr, hr, _ = pictures
    criterion = ConfidenceCriterion(LossConfig(kind="confidence", w_confidence=1.0), recogniser())
    sr = sr.clone().requires_grad_()
    before = criterion(sr, sr.detach())
    before.total.backward()
    step = sr.grad / sr.grad.abs().max()
    assert criterion(sr.detach() - 0.02 * step, hr).confidence > before.confidence
    assert all(parameter.grad is None for parameter in criterion.parameters())


@pytest.mark.parametrize(
    ("values", "reads", "texts"),
    [
        ({"kind": "mse"}, False, False),
        # As older files say it of plain PECL.
        ({"kind": "pecl", "w_recognition": 0.001}, False, False),
        ({"kind": "mse", "w_recognition": 0.001, "w_reading": 0.5}, False, False),
        ({"kind": "pecl", "w_reading": 0.001}, True, True),
        ({"kind": "guided"}, True, True),
        ({"kind": "lcofl"}, True, True),
        ({"kind": "confidence"}, True, False),
    ],
)
def test_a_loss_says_what_it_needs(values, reads, texts):
    config = LossConfig.model_validate(values)
    assert (config.reads, config.knows_texts) == (reads, texts)
