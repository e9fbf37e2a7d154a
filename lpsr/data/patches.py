"""HR and LR training patches from folders of plates.

Every patch is a function of (seed, iteration, place in the batch) alone, so a resumed run, or one on several
processes, sees the same patches as an uninterrupted one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from lpsr.data.layout import character_quads
from lpsr.data.plates import Plate
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.images import bounding_origin, outline
from lpsr.plates import ALPHABET, is_plate

# A character counts as shown above the first fraction of its area, as not shown below the second.
SHOWN, HIDDEN = 0.7, 0.3


class Source(NamedTuple):
    """A decoded plate: ``(H, W, 3)`` uint8, corners ``(4, 2)`` and what is on it (None where unknown)."""

    picture: np.ndarray
    corners: np.ndarray
    text: str | None


@dataclass(frozen=True)
class Augmentation:
    """Light random changes of the HR patch before it is degraded; each is uniform within ± its value.

    Attributes:
        geometric: share of patches that are turned and scaled at all (resampling softens a little).
        rotation: degrees.
        scale: relative.
        brightness: 8-bit levels added.
        contrast: relative gain about mid grey.
        colour: relative gain of each channel.
    """

    geometric: float = 0.5
    rotation: float = 4.0
    scale: float = 0.12
    brightness: float = 20.0
    contrast: float = 0.15
    colour: float = 0.05


NO_AUGMENTATION = Augmentation(0, 0, 0, 0, 0, 0)


def load_sources(plates: Sequence[Plate]) -> list[Source]:
    """Decode plates into memory; without corners the whole file counts as the plate.

    Raises InputError for a picture that cannot be read.
    """
    sources = []
    for plate in plates:
        picture = plate.picture()
        height, width = picture.shape[:2]
        corners = plate.corners
        if corners is None:
            corners = outline(width, height)
        sources.append(Source(picture, corners, plate.text if plate.text and is_plate(plate.text) else None))
    return sources


def draw_group(
    groups: Sequence[tuple[Sequence[Source], float]], bounds: np.ndarray, rng: np.random.Generator
) -> Sequence[Source]:
    """The sources of one of ``groups``; ``bounds`` are the running sums of their normalised shares."""
    return groups[min(int(np.searchsorted(bounds, rng.random(), "right")), len(groups) - 1)][0]


class PatchSampler:
    """Draws batches of patches from weighted groups of sources.

    Args:
        groups: ``(sources, share)`` pairs; shares are normalised. Within a group every plate is equally likely.
        size: height and width of the HR patch in pixels, multiples of 8.
        seed: of everything random.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Sequence[Source], float]],
        size: tuple[int, int] = (64, 64),
        seed: int = 0,
        augmentation: Augmentation = NO_AUGMENTATION,
    ) -> None:
        if not any(sources and share > 0 for sources, share in groups):
            raise InputError("There are no plates to train on.")
        self.groups = [(sources, share) for sources, share in groups if sources and share > 0]
        shares = np.array([share for _, share in self.groups], float)
        self.bounds = np.cumsum(shares / shares.sum())
        self.size = size
        self.seed = seed
        self.augmentation = augmentation

    def batch(self, iteration: int, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """The patches at ``places`` of an iteration's batch: HR ``(N, H, W, 3)``, LR ``(N, H/8, W/8, 3)``, uint8."""
        hr = np.stack([self.patch(iteration, place)[0] for place in places])
        return hr, np.stack([degrade(patch) for patch in hr])

    def labelled_batch(self, iteration: int, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """HR ``(N, H, W, 3)`` uint8 and which characters of ALPHABET each shows ``(N, 65)`` float32.

        1 is shown, 0 is not, NaN is half visible or (all of a patch of unknown text) unknown.
        """
        drawn = [self.patch(iteration, place) for place in places]
        size = self.size_of(iteration)
        labels = np.stack([shown_characters(source, matrix, size) for _, source, matrix in drawn])
        return np.stack([patch for patch, _, _ in drawn]), labels

    def read_batch(self, iteration: int, places: Sequence[int]) -> tuple[np.ndarray, list[str | None]]:
        """HR ``(N, H, W, 3)`` uint8 and the texts of their plates; for whole plates, what the patches show."""
        drawn = [self.patch(iteration, place) for place in places]
        return np.stack([patch for patch, _, _ in drawn]), [source.text for _, source, _ in drawn]

    def patch(self, iteration: int, place: int) -> tuple[np.ndarray, Source, np.ndarray]:
        """One HR patch ``(H, W, 3)`` uint8, its source, and the ``(2, 3)`` affine map from source to patch."""
        rng = np.random.default_rng((self.seed, iteration, place))
        size = self.size_of(iteration)
        sources = draw_group(self.groups, self.bounds, rng)
        source, matrix = self._draw(sources, size, rng)
        moves_only = np.array_equal(matrix[:, :2], np.eye(2))
        patch = cv2.warpAffine(
            source.picture,
            matrix,
            (size[1], size[0]),
            # A whole-pixel shift copies pixels; only turned and scaled patches are interpolated.
            flags=cv2.INTER_NEAREST if moves_only else cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return self._colour(patch, rng), source, matrix

    def size_of(self, iteration: int) -> tuple[int, int]:
        """Height and width of an iteration's patches."""
        return self.size

    def _draw(
        self, sources: Sequence[Source], size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[Source, np.ndarray]:
        """A plate of a group, and the affine map that brings a part of it into the patch."""
        source = sources[rng.integers(len(sources))]
        return source, self._place(source, rng)

    def _place(self, source: Source, rng: np.random.Generator) -> np.ndarray:
        """An affine map that puts a random part of the plate into the patch."""
        height, width = self.size
        (x0, y0), (x1, y1) = source.corners.min(0), source.corners.max(0)
        turn, zoom = 0.0, 1.0
        if rng.random() < self.augmentation.geometric:
            turn = np.deg2rad(rng.uniform(-self.augmentation.rotation, self.augmentation.rotation))
            zoom = 1 + rng.uniform(-self.augmentation.scale, self.augmentation.scale)
        linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        # The patch's centre moves over the plate so that the plate's edges are seen from either side.
        reach_x = max((x1 - x0) / 2 - width / 2 / zoom, 0) + 8
        reach_y = max(abs((y1 - y0) / 2 - height / 2 / zoom), 2)
        centre = np.array(
            [(x0 + x1) / 2 + rng.uniform(-reach_x, reach_x), (y0 + y1) / 2 + rng.uniform(-reach_y, reach_y)]
        )
        picture_height, picture_width = source.picture.shape[:2]
        # Stay inside the picture where it is large enough, so that little is mirrored.
        for axis, (patch_side, side) in enumerate(((width / zoom, picture_width), (height / zoom, picture_height))):
            if side >= patch_side:
                centre[axis] = np.clip(centre[axis], patch_side / 2, side - patch_side / 2)
        shift = np.array([width / 2, height / 2]) - linear @ centre
        if turn == 0 and zoom == 1:
            shift = np.rint(shift)
        return np.column_stack([linear, shift])

    def _colour(self, patch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        augmentation = self.augmentation
        if not (augmentation.brightness or augmentation.contrast or augmentation.colour):
            return patch
        gain = (1 + rng.uniform(-augmentation.contrast, augmentation.contrast)) * (
            1 + rng.uniform(-augmentation.colour, augmentation.colour, 3)
        )
        offset = 128 - 128 * gain + rng.uniform(-augmentation.brightness, augmentation.brightness)
        levels = np.arange(256)[:, None] * gain + offset  # (256, 3)
        table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
        return cv2.LUT(patch, table[None])


class WholePlateSampler(PatchSampler):
    """Draws batches of whole plates: the bounding box of the corners, as the evaluation protocol cuts HR.

    The plates of a batch have one size, that of a random plate, its sides at most ``LARGEST``. Half of them
    (``Augmentation.geometric``) are turned and scaled to it, from sizes within ``Augmentation.scale`` of it where there
    are such plates; the rest have that size themselves. All are shifted by up to two pixels.
    """

    # Pixels of a side.
    LARGEST = 512

    # Candidates to scale, where fewer are within reach.
    NEAREST = 16

    def __init__(
        self,
        groups: Sequence[tuple[Sequence[Source], float]],
        seed: int = 0,
        augmentation: Augmentation = NO_AUGMENTATION,
    ) -> None:
        # ``size_of`` takes the place of one size for all.
        super().__init__(groups, (8, 8), seed, augmentation)
        # (n, 2) height and width of each group's plates.
        self.sides = {id(sources): np.array([_sides(source) for source in sources]) for sources, _ in self.groups}
        self.reachable: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}

    def size_of(self, iteration: int) -> tuple[int, int]:
        # No place in a batch: (seed, iteration) alone would give the numbers of place 0.
        rng = np.random.default_rng((self.seed, iteration, 2**31))
        sides = self.sides[id(draw_group(self.groups, self.bounds, rng))]
        height, width = np.clip(sides[rng.integers(len(sides))] // 8 * 8, 8, self.LARGEST).astype(int)
        return int(height), int(width)

    def _draw(
        self, sources: Sequence[Source], size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[Source, np.ndarray]:
        exact, near = self._candidates(sources, size)
        scaled = len(exact) == 0 or rng.random() < self.augmentation.geometric
        indices = near if scaled else exact
        source = sources[indices[rng.integers(len(indices))]]
        linear, origin = np.eye(2), bounding_origin(source.corners)
        if scaled:
            turn = np.deg2rad(rng.uniform(-self.augmentation.rotation, self.augmentation.rotation))
            linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            sides = _box(source.corners @ linear.T)[1]
            # A box of up to 7 more pixels is what is cut to this size.
            linear = np.diag(((np.array(size) + rng.uniform(0, 8, 2)) / sides)[::-1]) @ linear
            origin = _box(source.corners @ linear.T)[0]
        return source, np.column_stack([linear, rng.integers(-2, 3, 2) - origin])

    def _candidates(self, sources: Sequence[Source], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the plates of a group that have this size, and of those that can be scaled to it."""
        key = (id(sources), size)
        if key not in self.reachable:
            sides = self.sides[id(sources)]
            exact = np.flatnonzero((sides // 8 * 8 == size).all(1))
            stretch = np.abs(np.log((np.array(size) + 4) / sides)).max(1)
            near = np.flatnonzero(stretch <= np.log1p(self.augmentation.scale))
            if len(near) < self.NEAREST:
                near = np.argsort(stretch, kind="stable")[: self.NEAREST]
            self.reachable[key] = exact, near
        return self.reachable[key]


def _box(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Origin (x, y) and sides (height, width) of the pixels that hold ``(4, 2)`` corners."""
    low = np.floor(corners.min(0))
    return low, (np.floor(corners.max(0)) + 1 - low)[::-1]


def _sides(source: Source) -> np.ndarray:
    """Height and width of a plate's bounding box within its picture, as ``bounding_crop`` cuts it."""
    high = np.minimum(np.floor(source.corners.max(0)) + 1, source.picture.shape[1::-1])
    return np.maximum(high - bounding_origin(source.corners), 1)[::-1]


def shown_characters(source: Source, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which characters of ALPHABET a patch shows, ``(65,)`` float32: 1, 0, or NaN where it cannot be said."""
    if source.text is None:
        return np.full(len(ALPHABET), np.nan, np.float32)
    labels = np.zeros(len(ALPHABET), np.float32)
    height, width = size
    frame = outline(width, height)
    quads = character_quads(source.text, source.corners) @ matrix[:, :2].T + matrix[:, 2]
    for character, quad in zip(source.text, quads.astype(np.float32), strict=True):
        visible = cv2.intersectConvexConvex(quad, frame)[0] / max(cv2.contourArea(quad), 1e-6)
        label = 1.0 if visible >= SHOWN else 0.0 if visible <= HIDDEN else np.nan
        index = ALPHABET.index(character)
        # The clearest showing of a character that occurs twice decides.
        if label == 1 or labels[index] == 0:
            labels[index] = label
    return labels
