"""Training criteria: their settings, MSE (equation 14) and PECL (equations 14 to 19).

Those that read are in ``lpsr.losses.guided`` and ``lpsr.losses.lcofl``.
"""

from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.losses.pecl import Distance, Form, contrastive_loss, embedding_distance
from lpsr.losses.weighting import Weighting, make_weighting
from lpsr.models.embedder import Embedder


class LossConfig(BaseModel):
    """What a checkpoint is trained with; each kind ignores the settings of the others.

    - ``mse``: mean squared error.
    - ``pecl``: with ``distance``, ``form``, ``margin``, ``d``, ``weighting`` and, for weighting ``fixed``,
      ``w_contrastive``, the weight of the contrastive term. ``w_reading`` above 0 adds that times the cross-entropy of
      a frozen recogniser.
    - ``guided``: MSE plus ``w_recognition`` times that cross-entropy.
    - ``lcofl``: MSE plus ``w_recognition`` times that cross-entropy, its characters weighted, plus ``w_layout`` times
      the layout penalty, plus ``w_dissimilarity`` times 1 − SSIM. After each validation the weights of characters that
      are confused rise by up to ``confusion_step``. ``adversary``: the recogniser learns too, to tell SR from HR.
    - ``confidence``: mean absolute error plus ``w_confidence`` times what a frozen recogniser lacks of being sure.

    All that read need whole plates and a recogniser.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mse", "pecl", "guided", "lcofl", "confidence"] = "mse"
    distance: Distance = "manhattan"
    form: Form = "attract"
    margin: float = Field(2.0, gt=0, le=100)
    d: Literal[64, 128, 256, 512] = 128
    weighting: Weighting = "fixed"
    w_contrastive: float = Field(0.01, ge=0, le=1)
    # Older files of PECL have it too, where it says nothing.
    w_recognition: float = Field(0.001, ge=0, le=1)
    w_reading: float = Field(0.0, ge=0, le=1)
    w_layout: float = Field(0.004, ge=0, le=1)
    w_dissimilarity: float = Field(0.01, ge=0, le=1)
    confusion_step: float = Field(0.5, ge=0, le=10)
    adversary: bool = False
    w_confidence: float = Field(0.05, ge=0, le=1)

    @property
    def reads(self) -> bool:
        """Whether a recogniser reads SR."""
        return self.kind in ("guided", "lcofl", "confidence") or (self.kind == "pecl" and self.w_reading > 0)

    @property
    def knows_texts(self) -> bool:
        """Whether it takes the true texts."""
        return self.reads and self.kind != "confidence"


class Losses(NamedTuple):
    """Scalars of one batch; of MSE, the last four are NaN, NaN, 1 and 0."""

    total: Tensor
    pixel: Tensor
    contrastive: Tensor
    distance: Tensor
    w_pixel: Tensor
    w_contrastive: Tensor


class Criterion(nn.Module):
    """What is minimised, of SR and HR ``(N, 3, H, W)`` in [0, 1].

    Attributes:
        judges: submodules that judge SR.
    """

    judges: tuple[str, ...] = ()

    @property
    def frozen(self) -> tuple[str, ...]:
        """The judges that do not learn."""
        return tuple(name for name in self.judges if not any(p.requires_grad for p in getattr(self, name).parameters()))

    def train(self, mode: bool = True) -> "Criterion":
        super().train(mode)
        for name in self.judges:
            # Batch normalisation must keep the statistics it was trained with.
            getattr(self, name).eval()
        return self

    def project(self) -> None:
        """After each optimiser step: keep what is learned in its range."""


class MseCriterion(Criterion):
    """Equation 14: mean squared error."""

    def forward(self, sr: Tensor, hr: Tensor) -> Losses:
        pixel = F.mse_loss(sr, hr)
        none = pixel.new_tensor(float("nan"))
        return Losses(pixel, pixel.detach(), none, none, pixel.new_tensor(1.0), pixel.new_tensor(0.0))


class PeclCriterion(Criterion):
    """Equation 19; the embedder is frozen."""

    judges = ("embedder",)

    def __init__(self, config: LossConfig, embedder: Embedder) -> None:
        super().__init__()
        self.config = config
        self.embedder = embedder.requires_grad_(False).eval()
        self.weighting = make_weighting(config.weighting, config.w_contrastive)

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
        self.weighting.project()
