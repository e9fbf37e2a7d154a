"""SSIM as a loss: the value of a reference implementation, and its gradient."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from lpsr.losses.ssim import ssim
from lpsr.metrics.fidelity import ssim_y
from lpsr.models.restorer import to_tensor


def pictures(height, width, seed=0):
    rng = np.random.default_rng(seed)
    first = rng.random((2, height, width, 3)).astype(np.float32)
    second = np.clip(first + rng.normal(0, 0.2, first.shape), 0, 1).astype(np.float32)
    return first, second


def tensor(picture):
    return torch.from_numpy(picture).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [(24, 40), (11, 32)])
def test_it_is_that_of_scikit_image(size):
    first, second = pictures(*size)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = [
        structural_similarity(a, b, channel_axis=2, data_range=1.0, **options)
        for a, b in zip(first, second, strict=True)
    ]
    assert ssim(tensor(first), tensor(second)).item() == pytest.approx(np.mean(expected), abs=1e-5)


def test_on_grey_pictures_it_is_the_metric_down_to_the_smallest_patch():
    rng = np.random.default_rng(0)
    first, second = (np.repeat(rng.integers(0, 256, (8, 64, 1), np.uint8), 3, 2) for _ in range(2))
    # The metric's luma is rounded to 8 bits.
    assert ssim(to_tensor(first), to_tensor(second)).item() == pytest.approx(ssim_y(first, second), abs=1e-3)


def test_equal_pictures_are_alike_and_their_gradient_vanishes():
    first, second = map(tensor, pictures(16, 24))
    same = first.clone().requires_grad_()
    value = ssim(same, first)
    value.backward()
    assert value.item() == pytest.approx(1, abs=1e-6) and same.grad.abs().max() < 1e-4
    other = second.clone().requires_grad_()
    value = ssim(other, first)
    value.backward()
    # Uphill is towards the first picture.
    assert ssim(other.detach() + 0.5 * other.grad / other.grad.abs().max() * 0.1, first) > value


def test_it_is_computed_in_float32_under_autocast():
    first, second = map(tensor, pictures(16, 24))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ssim(first, second), ssim(first.clone(), second.clone()))
        inside = ssim(first, second)
    assert torch.equal(inside, ssim(first, second)) and inside.dtype == torch.float32
