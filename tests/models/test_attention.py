"""Shared attention and the deformable convolution in it."""

import pytest
import torch
from torch.nn import functional as F

from lpsr.models.attention import DeformableConvolution, SharedAttention, sample
from lpsr.models.network import NetworkConfig, SuperResolutionNetwork, count_parameters


@pytest.fixture
def features():
    return torch.randn(2, 3, 6, 9, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 19)])
def test_at_zero_offsets_it_is_a_plain_convolution(size):
    torch.manual_seed(0)
    deformable, x = DeformableConvolution(4), torch.randn(2, 4, *size)
    plain = F.conv2d(x, deformable.convolution.weight, deformable.convolution.bias, padding=1)
    assert torch.allclose(deformable(x), plain, atol=1e-5)


def test_offsets_look_elsewhere(features):
    # Of all nine places, two pixels further down and one to the left.
    offsets = torch.tensor([2.0, -1.0]).repeat(9)[None, :, None, None].expand(2, 18, 6, 9)
    seen = sample(features, offsets)
    shifted = torch.zeros_like(features)
    shifted[:, :, :4, 1:] = features[:, :, 2:, :8]
    # The place in the middle of the kernel, and the one right below it.
    assert torch.allclose(seen[:, :, 4], shifted, atol=1e-5)
    below = F.pad(features, (1, 0, 0, 3))[:, :, 3:, :9]
    assert torch.allclose(seen[:, :, 7], below, atol=1e-5)


def test_between_pixels_it_is_bilinear(features):
    offsets = torch.zeros(2, 18, 6, 9)
    # Of the middle place alone, a quarter of a pixel to the right.
    offsets[:, 9] = 0.25
    seen = sample(features, offsets)
    beside = F.pad(features, (0, 1))[..., 1:]
    assert torch.allclose(seen[:, :, 4], 0.75 * features + 0.25 * beside, atol=1e-5)
    assert torch.allclose(seen[:, :, 0], F.pad(features, (1, 0, 1, 0))[:, :, :6, :9], atol=1e-5)


def test_each_pixel_has_offsets_of_its_own():
    x = torch.arange(5.0).expand(1, 1, 1, 5)
    offsets = torch.zeros(1, 18, 1, 5)
    offsets[0, 9, 0] = torch.tensor([4.0, 2.0, 0.0, -2.0, -4.0])
    assert sample(x, offsets)[0, 0, 4, 0].tolist() == pytest.approx([4, 3, 2, 1, 0], abs=1e-5)


def test_offsets_are_learned(features):
    torch.manual_seed(0)
    deformable = DeformableConvolution(3)
    deformable(features).square().sum().backward()
    assert deformable.offset.weight.grad.abs().sum() > 0 and deformable.convolution.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("deformable", [False, True])
def test_it_begins_as_the_identity_and_can_leave_it(features, deformable):
    torch.manual_seed(0)
    attention = SharedAttention(3, 2, deformable)
    assert torch.equal(attention(features), features)
    attention(features).square().sum().backward()
    assert attention.gate.grad.abs() > 0


@pytest.mark.parametrize("deformable", [False, True])
def test_one_set_of_weights_stands_behind_every_block(tiny_network, deformable):
    values = {**tiny_network, "shared_attention": True, "deformable": deformable}
    added = []
    for blocks in (1, 3):
        networks = [
            SuperResolutionNetwork(NetworkConfig.model_validate({**one, "blocks": blocks}))
            for one in (tiny_network, values)
        ]
        added.append(count_parameters(networks[1]) - count_parameters(networks[0]))
    assert added[0] == added[1] > 0
    calls = []
    networks[1].shared.register_forward_hook(lambda *_: calls.append(1))
    lr = torch.rand(1, 3, 4, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert networks[1](lr).shape == (1, 3, 32, 40)
    assert len(calls) == 3
    # It changes nothing until it has learned something.
    networks[1].load_state_dict(networks[0].state_dict(), strict=False)
    assert torch.equal(networks[1](lr), networks[0](lr))


def test_files_of_networks_without_it_stay_as_they_were():
    assert not {"shared_attention", "deformable"} & NetworkConfig().model_dump().keys()
    config = NetworkConfig(shared_attention=True, deformable=True)
    assert NetworkConfig.model_validate(config.model_dump(mode="json")) == config
