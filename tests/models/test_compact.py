"""The compact network, and the registry that tells networks apart."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch.nn import functional as F

from lpsr.models.compact import CompactConfig, CompactNetwork
from lpsr.models.network import NetworkConfig, SuperResolutionNetwork, count_parameters
from lpsr.models.registry import AnyNetworkConfig, architecture_of, build


def test_it_is_as_small_as_its_source_says():
    assert count_parameters(CompactNetwork()) == 42_320
    # One convolution of 16 channels and its slopes more.
    assert count_parameters(CompactNetwork(CompactConfig(convolutions=7))) == 42_320 + 9 * 16 * 16 + 16 + 16


@pytest.mark.parametrize("size", [(1, 1), (7, 19)])
def test_every_size_becomes_eight_times_larger(size):
    network = CompactNetwork(CompactConfig(channels=4, convolutions=1))
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, 8 * size[0], 8 * size[1])


def test_it_adds_to_the_nearest_neighbour_what_a_pixel_shuffle_makes_of_its_last_channels():
    network = CompactNetwork(CompactConfig(channels=4, convolutions=1))
    torch.nn.init.zeros_(network.body[-1].weight)
    torch.nn.init.zeros_(network.body[-1].bias)
    lr = torch.rand(1, 3, 2, 3)
    nearest = F.interpolate(lr, size=(16, 24), mode="nearest")
    assert torch.equal(network(lr), nearest)
    # Channel 64·c + 8·y + x is the pixel (y, x) of each block in colour c.
    with torch.no_grad():
        network.body[-1].bias[64 + 8 * 2 + 5] = 0.5
    difference = network(lr) - nearest
    assert torch.allclose(difference[0, 1, 2::8, 5::8], torch.full((2, 3), 0.5))
    assert difference.count_nonzero() == 6


def test_it_computes_in_float32_at_its_end():
    with torch.autocast("cpu", torch.bfloat16):
        assert CompactNetwork()(torch.rand(1, 3, 2, 3)).dtype == torch.float32


class TestRegistry:
    adapter = TypeAdapter(AnyNetworkConfig)

    def test_a_configuration_says_which_network_it_is_of(self, tiny_network):
        paper, compact = (
            self.adapter.validate_python(tiny_network),
            self.adapter.validate_python({"architecture": "compact", "channels": 8}),
        )
        assert paper == NetworkConfig.model_validate(tiny_network) and architecture_of(paper) == "pecl"
        assert compact == CompactConfig(channels=8) and architecture_of(compact) == "compact"
        assert isinstance(build(paper), SuperResolutionNetwork) and isinstance(build(compact), CompactNetwork)
        assert paper.scale == compact.scale == 8
        for config in (paper, compact):
            assert self.adapter.validate_python(config) == config
            assert self.adapter.validate_json(self.adapter.dump_json(config)) == config

    @pytest.mark.parametrize(
        "values",
        [
            {"architecture": "resnet"},
            {"architecture": ["compact"]},
            {"architecture": "compact", "blocks": 7},
            {"architecture": "compact", "channels": 0},
            {"convolutions": 3},
            {"deformable": True},
            3,
            None,
        ],
    )
    def test_what_is_none_is_refused(self, values):
        with pytest.raises(ValidationError):
            self.adapter.validate_python(values)
