"""The network of equations 5 to 13."""

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from lpsr.models.network import (
    ChannelAttention,
    NetworkConfig,
    ResidualDenseBlock,
    SuperResolutionNetwork,
    count_parameters,
)


@pytest.fixture
def network(tiny_network) -> SuperResolutionNetwork:
    torch.manual_seed(0)
    return SuperResolutionNetwork(NetworkConfig.model_validate(tiny_network))


def test_the_default_has_about_two_million_parameters():
    assert 1.8e6 < count_parameters(SuperResolutionNetwork()) <= 2.0e6


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (8, 8), (7, 19)])
def test_every_size_becomes_eight_times_larger(network, size):
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, 8 * size[0], 8 * size[1])


def test_the_scale_follows_from_the_stages(tiny_network):
    config = NetworkConfig.model_validate({**tiny_network, "upsample_channels": [4, 4]})
    assert config.scale == 4
    assert SuperResolutionNetwork(config)(torch.rand(1, 3, 3, 5)).shape == (1, 3, 12, 20)


@pytest.mark.parametrize("skip", [True, False])
def test_without_an_output_convolution_only_the_skip_is_left(tiny_network, skip):
    network = SuperResolutionNetwork(NetworkConfig.model_validate({**tiny_network, "bicubic_skip": skip}))
    torch.nn.init.zeros_(network.output.weight)
    torch.nn.init.zeros_(network.output.bias)
    lr = torch.rand(1, 3, 4, 6)
    expected = F.interpolate(lr, size=(32, 48), mode="bicubic") if skip else torch.zeros(1, 3, 32, 48)
    assert torch.allclose(network(lr), expected, atol=1e-6)


@torch.no_grad()
def test_a_dense_block_computes_equations_6_and_7():
    block = ResidualDenseBlock(channels=1, growth=1, dense_layers=2)
    for parameter in block.parameters():
        parameter.zero_()
    # On one pixel only the centre of a 3×3 kernel counts.
    block.dense[0].weight[0, :, 1, 1] = torch.tensor([2.0])
    block.dense[0].bias[:] = -1
    block.dense[1].weight[0, :, 1, 1] = torch.tensor([1.0, -1.0])
    block.dense[1].bias[:] = 3
    block.fuse.weight[0, :, 1, 1] = torch.tensor([3.0, 5.0, 7.0])
    block.fuse.bias[:] = 0.5
    block.alpha.fill_(0.25)
    # x = 2: ReLU(2·2 − 1) = 3; ReLU(2 − 3 + 3) = 2; 3·2 + 5·3 + 7·2 + 0.5 = 35.5; 2 + 0.25·35.5.
    assert block(torch.full((1, 1, 1, 1), 2.0)).item() == pytest.approx(10.875)
    # x = −5: ReLU(−11) = 0; ReLU(−5 − 0 + 3) = 0; −15 + 0.5 = −14.5; −5 − 0.25·14.5.
    assert block(torch.full((1, 1, 1, 1), -5.0)).item() == pytest.approx(-8.625)


@torch.no_grad()
def test_channel_attention_scales_each_channel_by_equations_8_to_11():
    attention = ChannelAttention(channels=2, reduction=2)
    attention.squeeze.weight[:] = torch.tensor([[1.0, 1.0]])
    attention.squeeze.bias[:] = -1
    attention.excite.weight[:] = torch.tensor([[1.0], [-1.0]])
    attention.excite.bias.zero_()
    x = torch.tensor([[[[0.0, 2.0]], [[1.0, 3.0]]]])  # channel means 1 and 2; ReLU(1 + 2 − 1) = 2
    factor = torch.sigmoid(torch.tensor([2.0, -2.0]))[None, :, None, None]
    assert torch.allclose(attention(x), x * factor)


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    network = SuperResolutionNetwork(NetworkConfig(blocks=2, upsample_channels=(16, 16, 16)))
    F.mse_loss(network(torch.rand(4, 3, 6, 6)), torch.rand(4, 3, 48, 48)).backward()
    silent = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize("skip", [True, False])
def test_the_output_is_float32_under_autocast(tiny_network, skip):
    network = SuperResolutionNetwork(NetworkConfig.model_validate({**tiny_network, "bicubic_skip": skip}))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(torch.rand(1, 3, 4, 4)).dtype == torch.float32


@pytest.mark.parametrize(
    "values",
    [{"depth": 3}, {"blocks": 0}, {"channels": 1000}, {"upsample_channels": []}, {"upsample_channels": [64, 0]}],
)
def test_impossible_arguments_are_refused(values):
    with pytest.raises(ValidationError):
        NetworkConfig.model_validate(values)


def test_a_configuration_is_frozen():
    with pytest.raises(ValidationError):
        NetworkConfig().blocks = 3
