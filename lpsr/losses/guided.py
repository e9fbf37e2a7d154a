"""Criteria with a frozen recogniser that reads SR. None of them is in the paper of PECL."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lpsr.losses.criterion import Criterion, LossConfig, PeclCriterion
from lpsr.models.embedder import Embedder
from lpsr.models.recogniser import Recogniser, recognition_loss


class GuidedLosses(NamedTuple):
    """Scalars of one batch; ``recognition`` is the cross-entropy of a character in nats."""

    total: Tensor
    pixel: Tensor
    recognition: Tensor


class GuidedCriterion(Criterion):
    """MSE plus how badly a frozen recogniser reads the true text off SR: ``L_pixel + w · L_recognition``.

    After the recognition-guided losses of license-plate super-resolution (Nascimento et al., "Enhancing License Plate
    Super-Resolution: A Layout-Aware and Character-Driven Approach", SIBGRAPI 2024).
    """

    judges = ("recogniser",)

    def __init__(self, config: LossConfig, recogniser: Recogniser) -> None:
        super().__init__()
        self.weight = config.w_recognition
        self.recogniser = recogniser.requires_grad_(False).eval()

    def forward(self, sr: Tensor, hr: Tensor, labels: Tensor) -> GuidedLosses:
        """Labels ``(N, 8)``, see ``recogniser.encode``."""
        pixel = F.mse_loss(sr, hr)
        recognition = recognition_loss(self.recogniser(sr), labels)
        return GuidedLosses(pixel + self.weight * recognition, pixel.detach(), recognition.detach())


class PeclReadingLosses(NamedTuple):
    """``Losses`` and ``recognition``, the cross-entropy of a character in nats."""

    total: Tensor
    pixel: Tensor
    contrastive: Tensor
    distance: Tensor
    w_pixel: Tensor
    w_contrastive: Tensor
    recognition: Tensor


class PeclReadingCriterion(PeclCriterion):
    """PECL plus how badly a frozen recogniser reads the true text off SR: ``PECL + w · L_recognition``."""

    judges = ("embedder", "recogniser")

    def __init__(self, config: LossConfig, embedder: Embedder, recogniser: Recogniser) -> None:
        super().__init__(config, embedder)
        self.recogniser = recogniser.requires_grad_(False).eval()

    def forward(self, sr: Tensor, hr: Tensor, labels: Tensor) -> PeclReadingLosses:
        """Labels ``(N, 8)``, see ``recogniser.encode``."""
        total, *terms = super().forward(sr, hr)
        recognition = recognition_loss(self.recogniser(sr), labels)
        return PeclReadingLosses(total + self.config.w_reading * recognition, *terms, recognition.detach())


class ConfidenceLosses(NamedTuple):
    """Scalars of one batch; ``confidence`` is the mean of a position's largest probability, [0, 1]."""

    total: Tensor
    pixel: Tensor
    confidence: Tensor


class ConfidenceCriterion(Criterion):
    """Mean absolute error plus what a frozen recogniser lacks of being sure: ``L1 + w · (1 − confidence)``.

    It needs no text, and rewards being sure of a wrong character as much as of the right one.
    """

    judges = ("recogniser",)

    def __init__(self, config: LossConfig, recogniser: Recogniser) -> None:
        super().__init__()
        self.weight = config.w_confidence
        self.recogniser = recogniser.requires_grad_(False).eval()

    def forward(self, sr: Tensor, hr: Tensor) -> ConfidenceLosses:
        pixel = F.l1_loss(sr, hr)
        confidence = torch.softmax(self.recogniser(sr), -1).amax(-1).mean()
        return ConfidenceLosses(pixel + self.weight * (1 - confidence), pixel.detach(), confidence.detach())
