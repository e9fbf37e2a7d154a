"""Pictures to learn reading from: plates cut as a reader gets them, at any size down to an eighth.

Every picture is a function of (seed, iteration, place in the batch) alone, as in ``lpsr.data.patches``.
"""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from lpsr.data.patches import Source, draw_group
from lpsr.degrade import motion_kernel
from lpsr.errors import InputError
from lpsr.images import bounding_crop, bounding_origin, outline
from lpsr.plates import ALPHABET

Factors = Literal["logarithmic", "linear"]
# Share of plates that are straightened by their corners; the others are cut by their bounding box.
_STRAIGHT = 0.5
# A corner's error and a whole plate's, of its height and width.
_CORNER, _SHIFT = 0.05, 0.04
# What a plate is reduced by: kernels of the protocol and of other programs.
_KERNELS = (Image.Resampling.BICUBIC, Image.Resampling.BICUBIC, Image.Resampling.BOX, Image.Resampling.LANCZOS)
# Below it a row of characters has no shape left.
_LEAST = 4


class ReaderSampler:
    """Draws batches of plates with their texts.

    Args:
        groups: ``(sources, share)`` pairs; shares are normalised. Sources are left out whose text is unknown or holds
            a character that is not in ``ALPHABET``. Within a group a province is drawn by the square root of its
            number, so that rare ones are seen more often than they occur.
        size: height and width of the pictures.
        coarsest: every plate is reduced by a factor drawn from [1, coarsest].
        factors: whether that factor is uniform ("linear") or its logarithm is.
        seed: of everything random.

    Raises InputError where no plate has a text.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Sequence[Source], float]],
        size: tuple[int, int],
        coarsest: float = 1.0,
        factors: Factors = "logarithmic",
        seed: int = 0,
    ) -> None:
        known = [([one for one in sources if _can_be_read(one.text)], share) for sources, share in groups]
        self.groups = [(sources, share) for sources, share in known if sources and share > 0]
        if not self.groups:
            raise InputError("None of the plates has a text that can be read; name a folder whose index.csv has them.")
        shares = np.array([share for _, share in self.groups], float)
        self.bounds = np.cumsum(shares / shares.sum())
        self.chances = {id(sources): _by_province(sources) for sources, _ in self.groups}
        self.size = size
        self.coarsest = coarsest
        self.factors = factors
        self.seed = seed

    def batch(self, iteration: int, places: Sequence[int]) -> tuple[np.ndarray, list[str]]:
        """The pictures at ``places`` of an iteration's batch, ``(N, H, W, 3)`` uint8, and their texts."""
        pictures, texts = zip(*(self.sample(iteration, place) for place in places), strict=True)
        return np.stack(pictures), list(texts)

    def sample(self, iteration: int, place: int) -> tuple[np.ndarray, str]:
        """One picture ``(H, W, 3)`` uint8 and its text."""
        rng = np.random.default_rng((self.seed, iteration, place))
        sources = draw_group(self.groups, self.bounds, rng)
        source = sources[int(np.searchsorted(self.chances[id(sources)], rng.random(), "right"))]
        corners = _jittered(source.corners, rng)
        # Around the corners there is room for the error, where the file has any.
        around = bounding_crop(source.picture, corners)
        corners = corners - np.float32(bounding_origin(corners))
        if self.coarsest > 1:
            linear = self.factors == "linear"
            factor = rng.uniform(1, self.coarsest) if linear else np.exp(rng.uniform(0, np.log(self.coarsest)))
            around, corners = _reduced(around, corners, factor, rng)
        picture = _photograph(_warped(around, corners, self.size, rng), rng)
        return picture, source.text


def _can_be_read(text: str | None) -> bool:
    return bool(text) and set(text) <= set(ALPHABET)


def _by_province(sources: Sequence[Source]) -> np.ndarray:
    """Running sums of each source's chance."""
    _, index, counts = np.unique([one.text[0] for one in sources], return_inverse=True, return_counts=True)
    chances = 1 / np.sqrt(counts)[index]
    sums = np.cumsum(chances / chances.sum())
    # Rounded, the last may lie below a random number.
    sums[-1] = 1
    return sums


def _jittered(corners: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Corners of the plate or of its bounding box, found not quite right, ``(4, 2)`` float32 in pixels of the file."""
    low, high = corners.min(0), corners.max(0)
    if rng.random() >= _STRAIGHT:
        corners = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    width, height = high - low
    errors = rng.normal(0, _CORNER / 2, (4, 2)) * height
    shift = rng.uniform(-_SHIFT, _SHIFT, 2) * (width, 1.5 * height)
    grow = 1 + rng.uniform(-_SHIFT, 2 * _SHIFT, 2) * (1, 1.5)
    centre = corners.mean(0)
    return ((corners - centre) * grow + centre + errors + shift).astype(np.float32)


def _reduced(
    picture: np.ndarray, corners: np.ndarray, factor: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The picture in fewer pixels, and what a camera or a file adds there."""
    height, width = picture.shape[:2]
    size = max(round(width / factor), _LEAST), max(round(height / factor), _LEAST)
    small = np.asarray(Image.fromarray(picture).resize(size, _KERNELS[rng.integers(len(_KERNELS))]))
    if rng.random() < 0.2:
        _, code = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))])
        small = np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])
    return small, corners * np.float32((size[0] / width, size[1] / height))


def _warped(picture: np.ndarray, corners: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """What lies within the corners, brought to ``size``."""
    height, width = size
    # No finer than it is to be, so that the warp does not alias.
    scale = 1.3 * width / max(float(np.ptp(corners[:, 0])), 1)
    if scale < 1:
        smaller = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
        corners = corners * np.float32((smaller[0] / picture.shape[1], smaller[1] / picture.shape[0]))
        picture = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
    homography = cv2.getPerspectiveTransform(corners - np.float32(0.5), outline(width, height) - np.float32(0.5))
    flags = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_LINEAR
    return cv2.warpPerspective(picture, homography, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _photograph(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, colour, blur and noise of another photo."""
    if rng.random() < 0.15:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.8))
    if rng.random() < 0.1:
        kernel = motion_kernel(rng.uniform(1.5, 3), rng.uniform(0, np.pi))
        picture = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    gain = rng.uniform(0.7, 1.3) * (1 + rng.uniform(-0.1, 0.1, 3))
    offset = 128 - 128 * gain + rng.uniform(-30, 30)
    light = picture * np.float32(gain) + np.float32(offset)
    if rng.random() < 0.2:
        light += rng.normal(0, rng.uniform(1, 6), picture.shape).astype(np.float32)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)
