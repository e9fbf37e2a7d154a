"""Where a picture is noisy, blurred or compressed: three local maps that need no reference.

Each map takes a picture, ``(H, W, 3)`` uint8 RGB, looks at its luma, and gives ``(H, W)`` float32 of the same size,
zero where the picture shows nothing to measure. All three average over a neighbourhood (a Gaussian of σ 4 pixels) and
lean on the average of the whole picture where a neighbourhood says little.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from lpsr.images import luma

NEIGHBOURHOOD = 4.0
# Weight of the whole picture's average against a neighbourhood full of evidence.
PRIOR = 0.05
PERIOD = 8
# Smallest side on which a grid is looked for, in pixels: two blocks.
MIN_GRID_SIDE = 2 * PERIOD
# Cap of a step across a block boundary, in levels: the strokes of characters are far higher.
MAX_EXCESS = 8.0

_DCT = np.float32(
    [
        [np.sqrt((1 if u == 0 else 2) / PERIOD) * np.cos((2 * x + 1) * u * np.pi / (2 * PERIOD)) for x in range(PERIOD)]
        for u in range(PERIOD)
    ]
)


@dataclass(frozen=True)
class Map:
    """A degradation map and how to show it.

    Attributes:
        name: its key in ``MAPS``.
        title: for people.
        unit: of its values, "" for a share.
        range: lowest and highest value of the common colour scale; only noise can exceed it.
        function: picture ``(H, W, 3)`` uint8 → ``(H, W)`` float32.
        description: one sentence for people.
    """

    name: str
    title: str
    unit: str
    range: tuple[float, float]
    function: Callable[[np.ndarray], np.ndarray]
    description: str


def noise_map(picture: np.ndarray) -> np.ndarray:
    """Local noise σ in 8-bit luma levels, ≥ 0 (Immerkær 1996, "Fast noise variance estimation").

    σ = √(π/2) · ⟨|I ∗ K|⟩ / 6 with K = [[1, −2, 1], [−2, 4, −2], [1, −2, 1]], which no constant, slope or straight
    horizontal or vertical edge excites. Pixels beside strong edges are left out of the average (after Tai & Yang 2008).
    Independent noise of σ on each RGB channel is 0.67 σ on luma. Fine texture counts as noise.
    """
    grey = _grey(picture)
    kernel = np.float32([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101))
    calm = _calm(grey, float(np.median(response)) / 0.6745 / 6)
    return _local_ratio(response * calm, calm) * np.float32(np.sqrt(np.pi / 2) / 6)


def blur_map(picture: np.ndarray) -> np.ndarray:
    """Local blur, a share in [0, 1]: 0 for one-pixel steps, 1 for what a strong low-pass no longer changes.

    After Crete et al. 2007, "The blur effect": the variation between neighbouring pixels that a nine-pixel mean along
    the same axis leaves, over the variation there was, summed over both axes in each neighbourhood, so each edge weighs
    by its height. An ideal step keeps 1/9, which is taken off. A flat area has no blur of its own and takes that of the
    edges around it, at last that of the whole picture; a picture with no variation at all is 0. Noise is sharp, so it
    lowers the value.
    """
    grey = _grey(picture)
    before, lost = np.zeros_like(grey), np.zeros_like(grey)
    for axis, window in ((0, (1, 9)), (1, (9, 1))):
        smooth = cv2.blur(grey, window, borderType=cv2.BORDER_REFLECT_101)
        variation, remaining = (np.abs(np.diff(values, axis=axis)) for values in (grey, smooth))
        # A step lies between two pixels and counts for both.
        for neighbour in (0, 1):
            length = grey.shape[axis] - 1
            pixels = _part(before, axis, neighbour, length), _part(lost, axis, neighbour, length)
            pixels[0][:] += variation
            pixels[1][:] += np.maximum(variation - remaining, 0)
    if not before.any():
        return before
    kept = 1 - _local_ratio(lost, before)
    return np.clip((kept - 1 / 9) * 9 / 8, 0, 1)


def compression_map(picture: np.ndarray) -> np.ndarray:
    """Local 8 × 8 blockiness of JPEG in 8-bit levels, in [0, 8]; 0 where the picture shows no grid.

    On the grid that ``grid_phase`` finds: the cross-difference |I(y, x) + I(y+1, x+1) − I(y, x+1) − I(y+1, x)| (Fan &
    de Queiroz 2003) across a block boundary, less that of the pixels beside it inside the blocks, capped at ±8 levels
    against the strokes of characters, averaged over the boundaries near by and multiplied by the grid's certainty.

    Of a picture compressed more than once, only the grid found is measured, as a rule the last one. A ×8 upsampler can
    leave an 8-pixel period of its own, which no map of one picture can tell from JPEG's.
    """
    grey = _grey(picture)
    (phase_y, phase_x), certainty = grid_phase(grey)
    if certainty == 0:
        return np.zeros_like(grey)
    cross = np.abs(np.diff(np.diff(grey, axis=0), axis=1))
    part, whole = np.zeros_like(grey), np.zeros_like(grey)
    for axis, phase in ((0, phase_y), (1, phase_x)):
        padded = np.pad(cross, [(1, 1) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
        beside = (_part(padded, axis, 0, cross.shape[axis]) + _part(padded, axis, 2, cross.shape[axis])) / 2
        excess = np.clip(cross - beside, -MAX_EXCESS, MAX_EXCESS)
        boundary = np.arange(1, grey.shape[axis]) % PERIOD == phase
        on_grid = np.zeros_like(cross) + (boundary[:, None] if axis == 0 else boundary[None])
        # A cross-difference lies between four pixels and counts for each of them.
        for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
            corner = np.s_[y : y + cross.shape[0], x : x + cross.shape[1]]
            part[corner] += excess * on_grid
            whole[corner] += on_grid
    return np.maximum(_local_ratio(part, whole), 0) * np.float32(certainty)


def grid_phase(grey: np.ndarray) -> tuple[tuple[int, int], float]:
    """Where the 8 × 8 JPEG grid of ``grey``, ``(H, W)`` in 0..255, lies, and how certain that is.

    Quantisation leaves a block's DCT nearly empty in the grid's own phase only. So the 8 × 8 block at every pixel is
    scored by its mean of min(|DCT coefficient|, 1 level), relative to the blocks that overlap it, which takes the
    plate's own strokes out; the phase of the lowest mean score wins. Its lead over the phases that differ in both row
    and column is the certainty.

    Returns:
        (row, column) of the first block boundary, each 0..7 (0 where the grid starts at the border), and the certainty
        in [0, 1], 0 where there is no grid or a side is below 16 pixels.
    """
    height, width = grey.shape
    if min(height, width) < MIN_GRID_SIDE:
        return (0, 0), 0.0
    grey = np.float32(grey)
    scores = np.zeros_like(grey)
    # The DCT of the block that begins at each pixel, one coefficient at a time: along the columns, then along the rows.
    for u in _DCT:
        along = cv2.filter2D(grey, -1, u[:, None], anchor=(0, 0))
        for v in _DCT:
            scores += np.minimum(np.abs(cv2.filter2D(along, -1, v[None], anchor=(0, 0))), 1)
    # Of whole blocks, and the mean over the coefficients.
    scores = scores[: height - PERIOD + 1, : width - PERIOD + 1] / PERIOD**2
    phases = [(y, x) for y in range(PERIOD) for x in range(PERIOD)]
    around = cv2.blur(scores, (9, 9), borderType=cv2.BORDER_REFLECT)
    relative = {
        (y, x): float(scores[y::PERIOD, x::PERIOD].mean() / (around[y::PERIOD, x::PERIOD].mean() + 0.002))
        for y, x in phases
    }
    best = min(relative, key=relative.__getitem__)
    others = [score for phase, score in relative.items() if phase[0] != best[0] and phase[1] != best[1]]
    lead = (min(others) - relative[best]) / (float(np.median(others)) + 0.002)
    # Plates without JPEG lead by less than this (found on rendered ones); few blocks leave more to chance.
    threshold = 0.03 + 0.4 / np.sqrt((height // PERIOD) * (width // PERIOD))
    return best, float(np.clip((lead - threshold) / 0.05, 0, 1))


def _grey(picture: np.ndarray) -> np.ndarray:
    return luma(picture).astype(np.float32)


def _part(values: np.ndarray, axis: int, start: int, length: int) -> np.ndarray:
    """A view of ``length`` rows (``axis`` 0) or columns (1) of ``values`` from ``start``."""
    return values[start : start + length] if axis == 0 else values[:, start : start + length]


def _calm(grey: np.ndarray, noise: float) -> np.ndarray:
    """1 where no edge that stands out of ``noise`` (σ in levels) is near, else 0; at least a tenth of all is 1."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    slope_y, slope_x = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 8) for order in ((0, 1), (1, 0)))
    slope = cv2.dilate(cv2.magnitude(slope_x, slope_y), np.ones((3, 3), np.uint8))
    # Noise of σ 1 gives slopes up to about 0.7 after this smoothing.
    threshold = max(3 + 0.7 * noise, float(np.percentile(slope, 10)))
    return (slope <= threshold).astype(np.float32)


def _local_ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Σ part / Σ whole around each pixel, leaning on that of the whole picture; 0 where ``whole`` is 0 throughout."""
    total = float(whole.mean())
    if total == 0:
        return np.zeros_like(part)
    near_part, near_whole = (
        cv2.GaussianBlur(values, (0, 0), NEIGHBOURHOOD, borderType=cv2.BORDER_REFLECT) for values in (part, whole)
    )
    return (near_part + PRIOR * float(part.mean())) / (near_whole + PRIOR * total)


MAPS: dict[str, Map] = {
    one.name: one
    for one in (
        Map(
            "noise",
            "Noise",
            "levels",
            (0.0, 10.0),
            noise_map,
            "Standard deviation of the noise on luma, away from edges.",
        ),
        Map(
            "blur",
            "Blur",
            "",
            (0.0, 1.0),
            blur_map,
            "How little a further low-pass changes the edges near by: 0 is sharp.",
        ),
        Map(
            "compression",
            "Compression",
            "levels",
            (0.0, 8.0),
            compression_map,
            "Steps across the boundaries of the 8 × 8 JPEG grid, beyond the variation inside the blocks.",
        ),
    )
}
