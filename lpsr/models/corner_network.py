"""Where the four corners of a plate are in a picture of its surroundings, and whether there is a plate at all."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.errors import InputError
from lpsr.models.embedder import BasicBlock
from lpsr.models.weights import load_tensors

# Height and width of the picture that is looked at, the stride of the heat maps, and how far, in cells, they reach
# beyond each border: a corner may lie outside.
SIZE, STRIDE, BEYOND = (96, 192), 4, 2
GRID = SIZE[0] // STRIDE + 2 * BEYOND, SIZE[1] // STRIDE + 2 * BEYOND


class Corners(NamedTuple):
    """What the network says of N pictures.

    Attributes:
        points: ``(N, 4, 2)`` x, y in pixels of the picture, clockwise from the plate's top left; pixel i covers
            [i, i + 1).
        heat: ``(N, 4, 28, 52)`` log-probabilities of each corner's cell.
        plate: ``(N,)`` logit of the picture showing a whole plate.
    """

    points: Tensor
    heat: Tensor
    plate: Tensor


class CornerNetwork(nn.Module):
    """Pictures ``(N, 3, 96, 192)`` in [0, 1] to ``Corners``.

    Residual blocks (He et al., CVPR 2016) down to a sixteenth, up again with lateral connections (Lin et al., "Feature
    Pyramid Networks", CVPR 2017) to a heat map a corner; a corner is the expected position under the softmax over its
    map (Nibali et al., "Numerical Coordinate Regression with CNNs", 2018), about the map's peak.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.quarter = BasicBlock(24, 48, 2)
        self.eighth = BasicBlock(48, 80, 2)
        self.sixteenth = nn.Sequential(BasicBlock(80, 112, 2), BasicBlock(112, 112, 1))
        self.lateral = nn.ModuleList([nn.Conv2d(channels, 48, 1) for channels in (48, 80, 112)])
        self.heat = nn.Sequential(
            nn.Conv2d(48, 48, 3, padding=1 + BEYOND, bias=False), nn.BatchNorm2d(48), nn.ReLU(), nn.Conv2d(48, 4, 1)
        )
        self.plate = nn.Linear(112, 1)

    def forward(self, x: Tensor) -> Corners:
        fine = self.quarter(self.stem(2 * x - 1))  # (N, 48, 24, 48)
        middle = self.eighth(fine)  # (N, 80, 12, 24)
        coarse = self.sixteenth(middle)  # (N, 112, 6, 12)
        plate = self.plate(coarse.mean((2, 3))).float().squeeze(1)
        merged = self.lateral[2](coarse)
        for lateral, features in ((self.lateral[1], middle), (self.lateral[0], fine)):
            merged = F.interpolate(merged, scale_factor=2.0) + lateral(features)
        heat = self.heat(merged).float()  # (N, 4, 28, 52)
        heat = heat.flatten(2).log_softmax(-1).unflatten(2, GRID)
        return Corners(expected_points(heat), heat, plate)


def expected_points(heat: Tensor) -> Tensor:
    """``Corners.points`` of ``Corners.heat``: the mean position within two cells of each map's peak."""
    peak = heat.detach().flatten(2).argmax(-1, keepdim=True)  # (N, 4, 1)
    rows = torch.arange(GRID[0], device=heat.device).view(-1, 1)
    columns = torch.arange(GRID[1], device=heat.device).view(1, -1)
    near_row = (rows - (peak // GRID[1])[..., None]).abs() <= 2  # (N, 4, rows, 1)
    near_column = (columns - (peak % GRID[1])[..., None]).abs() <= 2
    weights = heat.exp() * (near_row & near_column)
    weights = weights / weights.sum((2, 3), keepdim=True)
    x = (weights.sum(2) * (columns[0] + 0.5 - BEYOND)).sum(-1)
    y = (weights.sum(3) * (rows[:, 0] + 0.5 - BEYOND)).sum(-1)
    return torch.stack([x, y], -1) * STRIDE


def corner_loss(found: Corners, points: Tensor, plate: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Total, of the corners, of the plate; ``points`` ``(N, 4, 2)`` are true where ``plate`` ``(N,)`` is 1, not 0.

    The corners' is the cross-entropy with a Gaussian of one cell about each, and the ℓ1 distance in cells.
    """
    rows = torch.arange(GRID[0], device=points.device) + 0.5 - BEYOND
    columns = torch.arange(GRID[1], device=points.device) + 0.5 - BEYOND
    cells = points / STRIDE
    target = torch.exp(
        -0.5 * ((columns - cells[..., None, :1]) ** 2 + (rows[:, None] - cells[..., 1:, None]) ** 2)
    )  # (N, 4, rows, columns)
    target = target / target.sum((2, 3), keepdim=True).clamp(min=1e-6)
    entropy = -(target * found.heat).sum((2, 3)).mean(1)
    distance = (found.points / STRIDE - cells).abs().sum(2).mean(1)
    shown = plate.sum().clamp(min=1)
    corners = ((entropy + 0.5 * distance) * plate).sum() / shown
    judged = F.binary_cross_entropy_with_logits(found.plate, plate)
    return corners + judged, corners, judged


def load_corner_network(path: str | Path) -> CornerNetwork:
    """The network in a file of ``pretrain-corners``. Raises InputError for a foreign file."""
    tensors, _ = load_tensors(path)
    network = CornerNetwork()
    state = network.state_dict()
    if {name for name in state if "num_batches" not in name} != set(tensors):
        raise InputError(f"{path} holds no corner network; make one with: python -m lpsr pretrain-corners.")
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    except RuntimeError as error:
        raise InputError(f"{path} does not fit the corner network of this version.") from error
    return network.eval()
