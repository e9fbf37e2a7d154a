"""How the pixel and the contrastive term are weighed against each other (equation 19)."""

from typing import Literal

import torch
from torch import Tensor, nn

Weighting = Literal["printed", "fixed", "uncertainty"]


class PrintedWeighting(nn.Module):
    """Equation 19: w_pixel learnable, clipped to [0, 1], w_contrastive = 1 − w_pixel.

    The gradient of w_pixel is L_pixel − L_contrastive: the smaller term takes all the weight in the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.w_pixel = nn.Parameter(torch.tensor(0.5))

    def forward(self, pixel: Tensor, contrastive: Tensor) -> Tensor:
        w_pixel, w_contrastive = self.weights()
        return w_pixel * pixel + w_contrastive * contrastive

    def weights(self) -> tuple[Tensor, Tensor]:
        w_pixel = self.w_pixel.clamp(0, 1)
        return w_pixel, 1 - w_pixel

    @torch.no_grad()
    def project(self) -> None:
        """Clip the parameter itself, after each step; a value that wandered far outside could not come back."""
        self.w_pixel.clamp_(0, 1)


class FixedWeighting(nn.Module):
    """w_contrastive given, w_pixel = 1 − w_contrastive."""

    def __init__(self, w_contrastive: float) -> None:
        super().__init__()
        self.register_buffer("w_contrastive", torch.tensor(float(w_contrastive)))

    def forward(self, pixel: Tensor, contrastive: Tensor) -> Tensor:
        w_pixel, w_contrastive = self.weights()
        return w_pixel * pixel + w_contrastive * contrastive

    def weights(self) -> tuple[Tensor, Tensor]:
        return 1 - self.w_contrastive, self.w_contrastive

    def project(self) -> None:
        """Nothing is learned here."""


class UncertaintyWeighting(nn.Module):
    """Kendall, Gal & Cipolla (CVPR 2018), both terms as regressions: Σ ½ exp(−s) L + ½ s with s = log σ² learnable.

    The total can be negative.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(2))

    def forward(self, pixel: Tensor, contrastive: Tensor) -> Tensor:
        w_pixel, w_contrastive = self.weights()
        return w_pixel * pixel + w_contrastive * contrastive + 0.5 * self.log_variance.sum()

    def weights(self) -> tuple[Tensor, Tensor]:
        w_pixel, w_contrastive = 0.5 * torch.exp(-self.log_variance)
        return w_pixel, w_contrastive

    def project(self) -> None:
        """σ is unbounded."""


def make_weighting(name: Weighting, w_contrastive: float) -> nn.Module:
    """The weighting called ``name``; ``w_contrastive`` is for ``fixed`` alone."""
    if name == "printed":
        return PrintedWeighting()
    if name == "fixed":
        return FixedWeighting(w_contrastive)
    return UncertaintyWeighting()
