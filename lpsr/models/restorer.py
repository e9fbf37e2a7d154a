"""From LR picture to SR picture: bicubic and the network, whole or in tiles."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from lpsr.degrade import SCALE, enlarge
from lpsr.errors import InputError

# LR pixels above which a picture is restored in tiles; a whole one would need about 25 KB of features a pixel.
WHOLE_LIMIT = 128 * 128
AUTO_TILE = 64


class Restorer(Protocol):
    """What turns an LR picture ``(h, w, 3)`` uint8 into an SR picture ``(s·h, s·w, 3)`` uint8.

    Attributes:
        name: what ``--models`` calls it. title: its caption.
        sha256: of the weights file, None where there is none.
    """

    name: str
    title: str
    sha256: str | None

    def restore(self, lr: np.ndarray) -> np.ndarray: ...


class Bicubic:
    """Pillow's bicubic enlargement, the baseline."""

    name = "bicubic"
    title = "Bicubic"
    sha256 = None

    def restore(self, lr: np.ndarray) -> np.ndarray:
        return enlarge(lr, SCALE, "bicubic")


class NetworkRestorer:
    """A trained network as a restorer.

    Args:
        network: maps ``(N, 3, h, w)`` in [0, 1] to ``(N, 3, s·h, s·w)``; has ``config.scale``.
        tile: side of the square LR patches that a picture is cut into, in LR pixels; None restores pictures of up to
            128 × 128 LR pixels whole and larger ones in tiles of 64.
        overlap: LR pixels that neighbouring patches share and over which they are blended.
    """

    def __init__(
        self,
        network: nn.Module,
        name: str,
        tile: int | None = None,
        overlap: int = 8,
        device: str | torch.device = "cpu",
        title: str = "",
        sha256: str | None = None,
    ) -> None:
        side = AUTO_TILE if tile is None else tile
        if not 0 <= overlap < side:
            raise InputError(f"The overlap must be at least 0 and smaller than the tile ({side}), not {overlap}.")
        self.network = network.to(device).eval()
        self.name = name
        self.title = title or name
        self.sha256 = sha256
        self.tile = tile
        self.overlap = overlap
        self.device = device

    @torch.inference_mode()
    def restore(self, lr: np.ndarray) -> np.ndarray:
        batch = to_tensor(lr).to(self.device)
        tile = self.tile
        if tile is None and lr.shape[0] * lr.shape[1] > WHOLE_LIMIT:
            tile = AUTO_TILE
        sr = self.network(batch) if tile is None else self._tiled(batch, tile)
        return to_picture(sr)

    def _tiled(self, lr: Tensor, tile: int) -> Tensor:
        scale = self.network.config.scale
        height, width = lr.shape[2:]
        total = torch.zeros(1, 3, height * scale, width * scale, device=lr.device)
        weight = torch.zeros(1, 1, height * scale, width * scale, device=lr.device)
        for top in _starts(height, tile, self.overlap):
            for left in _starts(width, tile, self.overlap):
                patch = lr[:, :, top : top + tile, left : left + tile]
                rows = _ramp(patch.shape[2], self.overlap, scale, top > 0, top + tile < height)
                columns = _ramp(patch.shape[3], self.overlap, scale, left > 0, left + tile < width)
                window = (rows[:, None] * columns[None, :]).to(lr.device)
                place = (
                    ...,
                    slice(top * scale, (top + patch.shape[2]) * scale),
                    slice(left * scale, (left + patch.shape[3]) * scale),
                )
                total[place] += self.network(patch) * window
                weight[place] += window
        return total / weight


def _starts(side: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin so that they cover ``side`` with at least ``overlap`` shared."""
    if side <= tile:
        return [0]
    return [*range(0, side - tile, tile - overlap), side - tile]


def _ramp(length: int, overlap: int, scale: int, rises: bool, falls: bool) -> Tensor:
    """A window of ``length·scale`` weights in (0, 1] with raised-cosine flanks ``overlap·scale`` long where asked."""
    window = torch.ones(length * scale)
    flank = min(overlap, length) * scale
    slope = 0.5 - 0.5 * torch.cos(torch.pi * (torch.arange(flank) + 0.5) / max(flank, 1))
    if rises:
        window[:flank] *= slope
    if falls:
        window[len(window) - flank :] *= slope.flip(0)
    return window


def to_tensor(picture: np.ndarray) -> Tensor:
    """``(H, W, 3)`` or ``(N, H, W, 3)`` uint8 to ``(N, 3, H, W)`` float32 in [0, 1], channels last in memory."""
    batch = picture[None] if picture.ndim == 3 else picture
    # A copy: pictures from Pillow are read-only, which tensors cannot be.
    return from_bytes(torch.from_numpy(np.array(batch)))


def from_bytes(batch: Tensor) -> Tensor:
    """``(N, H, W, 3)`` uint8 to ``(N, 3, H, W)`` float32 in [0, 1], channels last in memory."""
    return batch.permute(0, 3, 1, 2).float().div(255)


def to_picture(batch: Tensor) -> np.ndarray:
    """``(1, 3, H, W)`` to ``(H, W, 3)`` uint8: clamped to [0, 1] and rounded, as the protocol says."""
    return batch[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
