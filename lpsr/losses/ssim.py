"""Structural similarity that gradients pass through."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lpsr.metrics.fidelity import SSIM_SIGMA, SSIM_WINDOW


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean SSIM of pictures ``(N, 3, H, W)`` in [0, 1], a scalar in [-1, 1] (Wang et al. 2004).

    Window and constants are those of ``metrics.fidelity.ssim_y``; the three channels count alike.
    """
    size = min(SSIM_WINDOW, (min(a.shape[2:]) - 1) // 2 * 2 + 1)
    places = torch.arange(size, device=a.device, dtype=torch.float32) - size // 2
    window = torch.exp(-0.5 * (places / SSIM_SIGMA) ** 2)
    window = (window / window.sum()).expand(3, 1, 1, size)

    def mean(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, window, groups=3), window.mT, groups=3)

    # Variances are small differences of large numbers: not in bfloat16.
    with torch.autocast(a.device.type, enabled=False):
        a, b = a.float(), b.float()
        mean_a, mean_b = mean(a), mean(b)
        variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
        covariance = mean(a * b) - mean_a * mean_b
        similarity = (2 * mean_a * mean_b + 0.01**2) * (2 * covariance + 0.03**2)
        return (similarity / ((mean_a**2 + mean_b**2 + 0.01**2) * (variance_a + variance_b + 0.03**2))).mean()
