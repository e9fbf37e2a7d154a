"""SRVGGNet-compact: the small network of Real-ESRGAN (Wang et al., ICCV workshops 2021), here ×8."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.degrade import SCALE


class CompactConfig(BaseModel):
    """Arguments of the network. The defaults give 42 320 parameters.

    Attributes:
        architecture: what tells it from another network's configuration.
        channels: feature channels.
        convolutions: between the first and the last, each with a PReLU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: ClassVar[int] = SCALE

    architecture: Literal["compact"] = "compact"
    channels: int = Field(16, ge=4, le=256)
    convolutions: int = Field(6, ge=1, le=64)


class CompactNetwork(nn.Module):
    """LR patch ``(N, 3, h, w)`` in [0, 1] to SR patch ``(N, 3, 8h, 8w)``, not clamped.

    3×3 convolutions on LR pixels, each with a PReLU of a slope a channel, one pixel shuffle, and the nearest
    neighbour's enlargement added.
    """

    def __init__(self, config: CompactConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CompactConfig()
        self.body = nn.Sequential()
        inputs = 3
        for _ in range(config.convolutions + 1):
            self.body.append(nn.Conv2d(inputs, config.channels, 3, padding=1))
            self.body.append(nn.PReLU(config.channels))
            inputs = config.channels
        self.body.append(nn.Conv2d(inputs, 3 * SCALE**2, 3, padding=1))

    def forward(self, lr: Tensor) -> Tensor:
        # In float32 whatever the autocast: eight bits of mantissa would show as banding.
        sr = F.pixel_shuffle(self.body(lr).float(), SCALE)
        return sr + F.interpolate(lr.float(), scale_factor=SCALE, mode="nearest")
