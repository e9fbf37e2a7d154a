"""The training criterion: MSE (equation 14) alone, PECL (equations 14 to 19), or MSE guided by a recogniser."""

from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.losses.pecl import Distance, Form, contrastive_loss, embedding_distance
from lpsr.losses.weighting import Weighting, make_weighting
from lpsr.models.embedder import Embedder
from lpsr.models.recogniser import Recogniser, recognition_loss


class LossConfig(BaseModel):
    """What a checkpoint is trained with; MSE ignores all but ``kind``, guided all but ``w_recognition`` too.

    ``w_contrastive`` is the fixed weight of the contrastive term, for weighting ``fixed``; ``w_recognition`` is that of
    the recogniser's cross-entropy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mse", "pecl", "guided"] = "mse"
    distance: Distance = "manhattan"
    form: Form = "attract"
    margin: float = Field(2.0, gt=0, le=100)
    d: Literal[64, 128, 256, 512] = 128
    weighting: Weighting = "fixed"
    w_contrastive: float = Field(0.01, ge=0, le=1)
    w_recognition: float = Field(0.001, ge=0, le=1)


class Losses(NamedTuple):
    """Scalars of one batch; of MSE, the last four are NaN, NaN, 1 and 0."""

    total: Tensor
    pixel: Tensor
    contrastive: Tensor
    distance: Tensor
    w_pixel: Tensor
    w_contrastive: Tensor


class MseCriterion(nn.Module):
    """Equation 14: mean squared error over patches ``(N, 3, H, W)`` in [0, 1]."""

    def forward(self, sr: Tensor, hr: Tensor) -> Losses:
        pixel = F.mse_loss(sr, hr)
        none = pixel.new_tensor(float("nan"))
        return Losses(pixel, pixel.detach(), none, none, pixel.new_tensor(1.0), pixel.new_tensor(0.0))

    def project(self) -> None:
        """Nothing is learned here."""


class PeclCriterion(nn.Module):
    """Equation 19 over patches ``(N, 3, H, W)`` in [0, 1]; the embedder is frozen."""

    def __init__(self, config: LossConfig, embedder: Embedder) -> None:
        super().__init__()
        self.config = config
        self.embedder = embedder.requires_grad_(False).eval()
        self.weighting = make_weighting(config.weighting, config.w_contrastive)

    def train(self, mode: bool = True) -> "PeclCriterion":
        super().train(mode)
        # Batch normalisation must keep the statistics it was trained with.
        self.embedder.eval()
        return self

    def forward(self, sr: Tensor, hr: Tensor) -> Losses:
        config = self.config
        pixel = F.mse_loss(sr, hr)
        with torch.no_grad():
            hr_embedding = self.embedder(hr)
        sr_embedding = self.embedder(sr)
        contrastive = contrastive_loss(
            sr_embedding, hr_embedding, form=config.form, distance=config.distance, margin=config.margin
        )
        total = self.weighting(pixel, contrastive)
        with torch.no_grad():
            scaled = config.form != "printed"
            distance = embedding_distance(sr_embedding, hr_embedding, config.distance, scaled).mean()
        w_pixel, w_contrastive = self.weighting.weights()
        return Losses(total, pixel.detach(), contrastive.detach(), distance, w_pixel.detach(), w_contrastive.detach())

    def project(self) -> None:
        """After each optimiser step: keep learnable weights in their range."""
        self.weighting.project()


class GuidedLosses(NamedTuple):
    """Scalars of one batch; ``recognition`` is the cross-entropy of a character in nats."""

    total: Tensor
    pixel: Tensor
    recognition: Tensor


class GuidedCriterion(nn.Module):
    """MSE plus how badly a frozen recogniser reads the true text off SR: ``L_pixel + w · L_recognition``.

    Not in the paper; after the recognition-guided losses of license-plate super-resolution (Nascimento et al.,
    "Enhancing License Plate Super-Resolution: A Layout-Aware and Character-Driven Approach", SIBGRAPI 2024).
    """

    def __init__(self, config: LossConfig, recogniser: Recogniser) -> None:
        super().__init__()
        self.weight = config.w_recognition
        self.recogniser = recogniser.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "GuidedCriterion":
        super().train(mode)
        # Batch normalisation must keep the statistics it was trained with.
        self.recogniser.eval()
        return self

    def forward(self, sr: Tensor, hr: Tensor, labels: Tensor) -> GuidedLosses:
        """SR and HR ``(N, 3, H, W)`` in [0, 1]; labels ``(N, 8)``, see ``recogniser.encode``."""
        pixel = F.mse_loss(sr, hr)
        recognition = recognition_loss(self.recogniser(sr), labels)
        return GuidedLosses(pixel + self.weight * recognition, pixel.detach(), recognition.detach())

    def project(self) -> None:
        """Nothing is learned here."""
