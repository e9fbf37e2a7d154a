"""Restoration whole and in tiles, and the way between pictures and tensors."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lpsr.degrade import enlarge
from lpsr.errors import InputError
from lpsr.models.restorer import Bicubic, NetworkRestorer, to_picture, to_tensor


class Enlarge(nn.Module):
    """A network that only interpolates, and remembers the sizes it was given."""

    config = SimpleNamespace(scale=8)

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode
        self.sizes: list[tuple[int, int]] = []

    def forward(self, lr):
        self.sizes.append(tuple(lr.shape[2:]))
        return F.interpolate(lr, scale_factor=8, mode=self.mode)


@pytest.fixture
def lr() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (29, 43, 3), dtype=np.uint8)


@pytest.mark.parametrize(("tile", "overlap"), [(8, 0), (8, 3), (16, 8), (10, 9), (29, 4), (64, 8)])
def test_tiles_leave_no_trace_where_the_network_sees_single_pixels(lr, tile, overlap):
    network = Enlarge("nearest")
    restored = NetworkRestorer(network, "x", tile, overlap).restore(lr)
    assert np.array_equal(restored, enlarge(lr, 8, "nearest"))
    assert max(max(size) for size in network.sizes) <= tile
    assert len(network.sizes) > 1 or tile >= 43


def test_tiles_leave_no_seam_where_the_network_sees_neighbours(lr):
    # The same picture whole and in tiles: bicubic differs only where a tile's edge was continued, and there the window
    # is low; without overlap the seam shows.
    smooth = enlarge(lr[:4, :6], 8)
    whole, tiled, cut = (
        NetworkRestorer(Enlarge("bicubic"), "x", *arguments).restore(smooth).astype(int)
        for arguments in ((64, 0), (16, 8), (16, 0))
    )
    assert np.abs(whole - tiled).max() <= 2
    assert np.abs(whole - cut).max() > 3 * np.abs(whole - tiled).max()


def test_a_real_network_in_one_tile_is_the_whole(tiny_network, lr):
    from lpsr.models.network import NetworkConfig, SuperResolutionNetwork

    network = SuperResolutionNetwork(NetworkConfig.model_validate(tiny_network))
    whole = NetworkRestorer(network, "x").restore(lr)
    assert whole.shape == (29 * 8, 43 * 8, 3)
    assert np.array_equal(whole, NetworkRestorer(network, "x", 43).restore(lr))


def test_a_large_picture_is_tiled_unasked():
    network = Enlarge("nearest")
    large = np.random.default_rng(1).integers(0, 256, (129, 128, 3), dtype=np.uint8)
    assert np.array_equal(NetworkRestorer(network, "x").restore(large), enlarge(large, 8, "nearest"))
    assert set(network.sizes) == {(64, 64)}
    network.sizes.clear()
    NetworkRestorer(network, "x").restore(large[:128])
    assert network.sizes == [(128, 128)]


@pytest.mark.parametrize(("tile", "overlap"), [(8, 8), (8, 9), (8, -1)])
def test_an_impossible_overlap_is_refused(tile, overlap):
    with pytest.raises(InputError, match="overlap"):
        NetworkRestorer(Enlarge("nearest"), "x", tile, overlap)


def test_bicubic_is_pillows(lr):
    assert np.array_equal(Bicubic().restore(lr), enlarge(lr, 8, "bicubic"))


def test_pictures_and_tensors_hold_the_same():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    levels[..., 1] = 255 - levels[..., 1]
    levels.flags.writeable = False
    tensor = to_tensor(levels)
    assert tensor.shape == (1, 3, 16, 16) and tensor.dtype == torch.float32
    assert tensor.min() == 0 and tensor.max() == 1
    assert tensor[0, 1, 0, 0] == 1
    assert np.array_equal(to_picture(tensor), levels)
    assert to_tensor(np.stack([levels, levels])).shape == (2, 3, 16, 16)


def test_pictures_are_clamped_and_rounded():
    values = torch.tensor([-0.5, 0.49 / 255, 0.51 / 255, 254.4 / 255, 254.6 / 255, 1.7])
    picture = to_picture(values.view(1, 1, 1, 6).expand(1, 3, 1, 6))
    assert picture[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255]
