"""The super-resolution network of Sendjasni & Larabi (Neurocomputing 651:130657, equations 5 to 13)."""

from operator import not_

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.models.attention import ChannelAttention, SharedAttention


class NetworkConfig(BaseModel):
    """Arguments of the network. The defaults give 1.85 M parameters; the paper says "about 2 M".

    Attributes:
        channels: C, feature channels.
        blocks: N, residual dense blocks.
        growth: channels that each dense convolution adds.
        dense_layers: dense convolutions in a block, before the one that fuses.
        reduction: r of the channel attention.
        upsample_channels: output channels of each ×2 stage, so the scale s is 2 to the power of their number. The paper
            gives no channel counts; the last stage works on HR pixels and takes half the time if it keeps all of C.
        bicubic_skip: add the bicubic enlargement of the input to the output, so that the network learns what bicubic
            lacks. Not in the paper.
        shared_attention: an attention module behind every block, one set of weights for all; not in the paper (see
            ``lpsr.models.attention``). It begins as the identity.
        deformable: a deformable convolution in that module in place of a plain one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: int = Field(64, ge=4, le=256)
    blocks: int = Field(7, ge=1, le=32)
    growth: int = Field(32, ge=2, le=128)
    dense_layers: int = Field(4, ge=1, le=8)
    reduction: int = Field(16, ge=1, le=64)
    upsample_channels: tuple[int, ...] = Field((64, 64, 32), min_length=1, max_length=4)
    bicubic_skip: bool = True
    # Left out of files where off, so that those of networks without them stay as they were.
    shared_attention: bool = Field(False, exclude_if=not_)
    deformable: bool = Field(False, exclude_if=not_)

    @field_validator("upsample_channels")
    @classmethod
    def _positive(cls, channels: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= count <= 256 for count in channels):
            raise ValueError("each upsampling stage needs 1 to 256 channels")
        return channels

    @model_validator(mode="after")
    def _has_a_place(self) -> "NetworkConfig":
        if self.deformable and not self.shared_attention:
            raise ValueError("the deformable convolution stands in the shared attention; set shared_attention too")
        return self

    @property
    def scale(self) -> int:
        return 2 ** len(self.upsample_channels)


class ResidualDenseBlock(nn.Module):
    """Equations 6 and 7: ``F_i = α · Conv_last(dense(F_{i-1})) + F_{i-1}`` with a learnable α."""

    def __init__(self, channels: int, growth: int, dense_layers: int) -> None:
        super().__init__()
        self.dense = nn.ModuleList(nn.Conv2d(channels + i * growth, growth, 3, padding=1) for i in range(dense_layers))
        self.fuse = nn.Conv2d(channels + dense_layers * growth, channels, 3, padding=1)
        # The paper does not give α's start; 0.2 is the fixed residual scale of ESRGAN's dense blocks.
        self.alpha = nn.Parameter(torch.tensor(0.2))

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for convolution in self.dense:
            features = torch.cat([features, F.relu(convolution(features))], dim=1)
        return x + self.alpha * self.fuse(features)


class SuperResolutionNetwork(nn.Module):
    """LR patch ``(N, 3, h, w)`` in [0, 1] to SR patch ``(N, 3, s·h, s·w)``, not clamped."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        channels = config.channels
        self.shallow = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.Sequential(
            *(ResidualDenseBlock(channels, config.growth, config.dense_layers) for _ in range(config.blocks))
        )
        self.shared = None
        if config.shared_attention:
            self.shared = SharedAttention(channels, config.reduction, config.deformable)
        self.attention = ChannelAttention(channels, config.reduction)
        self.upsample = nn.Sequential()
        for outputs in config.upsample_channels:
            self.upsample.append(nn.ConvTranspose2d(channels, outputs, 4, stride=2, padding=1))
            self.upsample.append(nn.ReLU())
            channels = outputs
        self.output = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, lr: Tensor) -> Tensor:
        features = self.shallow(lr)
        for block in self.blocks:
            features = block(features)
            if self.shared is not None:
                features = self.shared(features)
        features = self.attention(features)
        # In float32 whatever the autocast: eight bits of mantissa would show as banding.
        sr = self.output(self.upsample(features)).float()  # (N, 3, s·h, s·w)
        if self.config.bicubic_skip:
            sr = sr + F.interpolate(lr.float(), scale_factor=self.config.scale, mode="bicubic")
        return sr


def count_parameters(module: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
