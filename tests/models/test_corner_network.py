"""The corner network: what its heat maps mean, its loss, its gradient, its file."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from lpsr.errors import InputError
from lpsr.models.corner_network import (
    BEYOND,
    GRID,
    SIZE,
    STRIDE,
    CornerNetwork,
    Corners,
    corner_loss,
    expected_points,
    load_corner_network,
)
from lpsr.models.weights import half, save_tensors

POINTS = torch.tensor([[[20.0, 30.0], [150.0, 33.0], [149.0, 70.0], [22.0, 68.0]]])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CornerNetwork().eval()


def heat_about(points, sigma=1.0):
    """Log-probabilities of a Gaussian about each point."""
    rows = (np.arange(GRID[0]) + 0.5 - BEYOND) * STRIDE
    columns = (np.arange(GRID[1]) + 0.5 - BEYOND) * STRIDE
    x, y = points[..., 0, None, None].numpy(), points[..., 1, None, None].numpy()
    distance = ((columns - x) ** 2 + (rows[:, None] - y) ** 2) / (STRIDE * sigma) ** 2
    flat = log_softmax(-0.5 * distance.reshape(*distance.shape[:2], -1), axis=-1)
    return torch.from_numpy(flat.reshape(distance.shape)).float()


def test_it_is_small_and_gives_what_it_says(network):
    assert sum(one.numel() for one in network.parameters()) < 1_000_000
    found = network(torch.rand(2, 3, *SIZE))
    assert found.points.shape == (2, 4, 2) and found.heat.shape == (2, 4, *GRID) and found.plate.shape == (2,)
    assert torch.allclose(found.heat.exp().sum((2, 3)), torch.ones(2, 4), atol=1e-4)


def test_a_point_comes_back_from_its_heat_map():
    assert (expected_points(heat_about(POINTS)) - POINTS).abs().max() < 0.35
    assert (expected_points(heat_about(POINTS, 0.5)) - POINTS).abs().max() < 0.35


def test_a_second_plate_far_away_does_not_move_the_corner():
    heat = torch.logaddexp(heat_about(POINTS), heat_about(POINTS + 30) - 1)
    heat = heat.flatten(2).log_softmax(-1).unflatten(2, GRID)
    assert (expected_points(heat) - POINTS).abs().max() < 0.4


def test_corners_beyond_the_border_can_be_named():
    outside = torch.tensor([[[-5.0, -5.0], [197.0, -4.0], [197.0, 100.0], [-4.0, 100.0]]])
    assert (expected_points(heat_about(outside, 0.5)) - outside).abs().max() < 1


def test_the_loss_is_least_at_the_truth_and_blind_to_corners_where_there_is_no_plate():
    def loss(points, plate):
        found = Corners(expected_points(heat_about(points)), heat_about(points), torch.tensor([4.0]))
        return corner_loss(found, POINTS, torch.tensor([plate]))

    total, corners, judged = loss(POINTS, 1.0)
    assert total == corners + judged
    assert corners < loss(POINTS + 3, 1.0)[1] < loss(POINTS + 9, 1.0)[1]
    assert loss(POINTS + 9, 0.0)[1] == 0
    assert loss(POINTS, 0.0)[2] == pytest.approx(4.018, abs=1e-3)  # log(1 + e^4)


def test_every_weight_learns(network):
    network.train()
    total, _, _ = corner_loss(network(torch.rand(2, 3, *SIZE)), POINTS.expand(2, 4, 2), torch.tensor([1.0, 0.0]))
    total.backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in network.parameters())


def test_a_file_gives_the_network_back(network, tmp_path):
    path = tmp_path / "corners.safetensors"
    save_tensors(path, half({name: one for name, one in network.state_dict().items() if one.is_floating_point()}))
    picture = torch.rand(1, 3, *SIZE)
    assert torch.allclose(load_corner_network(path)(picture).points, network(picture).points, atol=0.5)


@pytest.mark.parametrize("tensors", [{"fc.weight": torch.zeros(2)}, {}])
def test_a_foreign_file_is_refused(tensors, tmp_path):
    save_tensors(tmp_path / "other.safetensors", tensors or {"x": torch.zeros(1)})
    with pytest.raises(InputError, match="pretrain-corners"):
        load_corner_network(tmp_path / "other.safetensors")


def test_other_shapes_are_refused(network, tmp_path):
    tensors = {name: one for name, one in network.state_dict().items() if one.is_floating_point()}
    save_tensors(tmp_path / "other.safetensors", {**tensors, "plate.weight": torch.zeros(1, 5)})
    with pytest.raises(InputError, match="does not fit"):
        load_corner_network(tmp_path / "other.safetensors")
