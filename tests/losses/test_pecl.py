"""Distances and forms of the contrastive term, against values computed by hand."""

import math
from typing import get_args

import pytest
import torch
from torch.nn import functional as F

from lpsr.losses.pecl import Distance, Form, contrastive_loss, embedding_distance

FORMS, DISTANCES = get_args(Form), get_args(Distance)
# Two pairs on the unit circle, their differences (1, −1) and (0.4, −0.8): ℓ1 2 and 1.2, ℓ2 √2 and √0.8.
SR = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
HR = torch.tensor([[0.0, 1.0], [0.6, 0.8]])
ROOT2 = math.sqrt(2)


@pytest.mark.parametrize(
    ("distance", "scaled", "expected"),
    [
        ("euclidean", True, [ROOT2, math.sqrt(0.8)]),
        ("euclidean", False, [ROOT2, math.sqrt(0.8)]),
        ("manhattan", False, [2.0, 1.2]),
        ("manhattan", True, [2.0 / ROOT2, 1.2 / ROOT2]),
    ],
)
def test_distances_by_hand(distance, scaled, expected):
    assert embedding_distance(SR, HR, distance, scaled).tolist() == pytest.approx(expected, abs=2e-6)


# The mean over the two pairs. In "paired" the others are (SR 1, HR 2) and (SR 2, HR 1), here the same two distances.
EUCLIDEAN_HINGES = ((2 - ROOT2) ** 2 + (2 - math.sqrt(0.8)) ** 2) / 2
MANHATTAN_HINGES = ((2 - 2 / ROOT2) ** 2 + (2 - 1.2 / ROOT2) ** 2) / 2


@pytest.mark.parametrize(
    ("form", "distance", "expected"),
    [
        ("printed", "euclidean", EUCLIDEAN_HINGES),
        ("printed", "manhattan", (0 + 0.8**2) / 2),
        ("attract", "euclidean", (2 + 0.8) / 2),
        ("attract", "manhattan", (2 + 0.72) / 2),
        ("paired", "euclidean", (2 + 0.8) / 2 + EUCLIDEAN_HINGES),
        ("paired", "manhattan", (2 + 0.72) / 2 + MANHATTAN_HINGES),
    ],
)
def test_forms_by_hand(form, distance, expected):
    assert contrastive_loss(SR, HR, form=form, distance=distance).item() == pytest.approx(expected, abs=1e-5)


def test_paired_takes_every_other_plate_of_the_batch_and_never_its_own():
    angles = torch.tensor([0.0, 0.5, 2.0])
    points = torch.stack([angles.cos(), angles.sin()], 1)
    hinges = [
        max(2 - 2 * math.sin(abs(angles[i] - angles[j]) / 2), 0) ** 2 for i in range(3) for j in range(3) if i != j
    ]
    loss = contrastive_loss(points, points, form="paired", distance="euclidean")
    assert loss.item() == pytest.approx(sum(hinges) / 6, rel=1e-5)


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_margin_is_where_the_hinge_ends(distance):
    losses = [contrastive_loss(SR, HR, form="printed", distance=distance, margin=m).item() for m in (0.5, 1.5)]
    assert losses[0] == 0
    assert losses[1] > 0


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_is_finite_where_sr_equals_hr(form, distance):
    sr = F.normalize(torch.randn(3, 64, generator=torch.Generator().manual_seed(0)), dim=1).requires_grad_()
    loss = contrastive_loss(sr, sr.detach().clone(), form=form, distance=distance)
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(sr.grad).all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_embeddings_are_exactly_0_apart(distance):
    assert embedding_distance(SR, SR, distance, True).tolist() == [0, 0]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize(("form", "sign"), [("printed", -1), ("attract", 1)])
def test_the_printed_form_repels_and_the_attracting_one_attracts(form, sign, distance):
    # SR at an angle from HR: D grows with the angle, so the sign of dL/dangle is that of dL/dD.
    angle = torch.tensor(0.4, requires_grad=True)
    sr = torch.stack([angle.cos(), angle.sin()])[None]
    contrastive_loss(sr, torch.tensor([[1.0, 0.0]]), form=form, distance=distance).backward()
    assert sign * angle.grad.item() > 0


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_paired_form_attracts_the_own_and_repels_the_others(distance):
    # SR 1 turns from its own HR (0°) to the other one (57°): both halves push it back.
    angle = torch.tensor(0.3, requires_grad=True)
    other = torch.tensor([math.cos(1.0), math.sin(1.0)])
    sr = torch.stack([torch.stack([angle.cos(), angle.sin()]), other])
    hr = torch.stack([torch.tensor([1.0, 0.0]), other])
    attract = contrastive_loss(sr, hr, form="attract", distance=distance)
    paired = contrastive_loss(sr, hr, form="paired", distance=distance)
    slopes = [torch.autograd.grad(loss, angle, retain_graph=True)[0].item() for loss in (attract, paired)]
    assert 0 < slopes[0] < slopes[1]


def test_the_printed_manhattan_hinge_is_silent_on_random_embeddings():
    generator = torch.Generator().manual_seed(0)
    sr, hr = (F.normalize(torch.randn(256, 128, generator=generator), dim=1) for _ in range(2))
    sr.requires_grad_()
    # 2·√(d/π): far beyond the margin of 2.
    assert embedding_distance(sr, hr, "manhattan", scaled=False).mean().item() == pytest.approx(12.77, abs=0.1)
    loss = contrastive_loss(sr, hr, form="printed", distance="manhattan")
    loss.backward()
    assert loss.item() == 0
    assert not sr.grad.any()


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("d", [64, 128, 256, 512])
def test_scaled_distances_lie_between_0_and_2_and_reach_2(distance, d):
    a, b = F.normalize(torch.randn(2, 500, d, generator=torch.Generator().manual_seed(d)), dim=2)
    values = embedding_distance(a, b, distance, scaled=True)
    assert values.min() >= 0 and values.max() <= 2
    corner = torch.full((1, d), d**-0.5)
    assert embedding_distance(corner, -corner, distance, scaled=True).item() == pytest.approx(2, abs=1e-5)


def test_paired_needs_two():
    with pytest.raises(ValueError, match="at least two"):
        contrastive_loss(SR[:1], HR[:1], form="paired", distance="euclidean")
