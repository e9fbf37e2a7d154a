"""An attention module with one set of weights for all blocks, and the deformable convolution in it.

After Nascimento et al., "Enhancing License Plate Super-Resolution: A Layout-Aware and Character-Driven Approach",
SIBGRAPI 2024, who share an attention module's weights and give it deformable convolutions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelAttention(nn.Module):
    """Equations 8 to 11: global average pool, FC to C/r, ReLU, FC to C, sigmoid, scale."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, max(channels // reduction, 1))
        self.excite = nn.Linear(max(channels // reduction, 1), channels)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3))  # (N, C)
        weights = torch.sigmoid(self.excite(F.relu(self.squeeze(pooled))))
        return x * weights[:, :, None, None]


class DeformableConvolution(nn.Module):
    """A 3×3 convolution that looks where an offset for each of its nine places says (Dai et al., ICCV 2017).

    ``(N, C, H, W)`` to ``(N, C, H, W)``. The offsets are made by a convolution that begins at zero: then it is a plain
    convolution with zero padding.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(channels, 18, 3, padding=1)
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)

    def forward(self, x: Tensor) -> Tensor:
        seen = sample(x.float(), self.offset(x).float())
        n, channels, _, height, width = seen.shape
        weight = self.convolution.weight.reshape(channels, 9 * channels, 1, 1)
        return F.conv2d(seen.reshape(n, 9 * channels, height, width), weight, self.convolution.bias)


def sample(x: Tensor, offsets: Tensor) -> Tensor:
    """``x`` ``(N, C, H, W)`` at the nine places of a 3×3 kernel around every pixel, ``(N, C, 9, H, W)``.

    ``offsets`` ``(N, 18, H, W)``: for each place, row by row, how many pixels further down and further right to look.
    Between pixels it is bilinear; outside there are zeros.
    """
    n, channels, height, width = x.shape
    down, right = offsets.unflatten(1, (9, 2)).unbind(2)  # (N, 9, H, W)
    step = torch.arange(3, device=x.device, dtype=x.dtype) - 1
    rows = torch.arange(height, device=x.device, dtype=x.dtype)[:, None]
    columns = torch.arange(width, device=x.device, dtype=x.dtype)
    down = rows + step.repeat_interleave(3)[:, None, None] + down
    right = columns + step.repeat(3)[:, None, None] + right
    # As ``grid_sample`` counts: from -1 to 1 between the outer edges of the first and the last pixel.
    grid = torch.stack([(2 * right + 1) / width - 1, (2 * down + 1) / height - 1], -1).flatten(1, 2)  # (N, 9·H, W, 2)
    seen = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return seen.reshape(n, channels, 9, height, width)


class SharedAttention(nn.Module):
    """Channel attention over a 3×3 convolution, added to what comes in with a gate that begins at zero.

    The same module stands behind every block, so that its weights are shared; at its start it is the identity.
    """

    def __init__(self, channels: int, reduction: int, deformable: bool) -> None:
        super().__init__()
        self.look = DeformableConvolution(channels) if deformable else nn.Conv2d(channels, channels, 3, padding=1)
        self.attention = ChannelAttention(channels, reduction)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gate * self.attention(F.relu(self.look(x)))
