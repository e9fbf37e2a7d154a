"""Finds the plates in a photo: where one may be, where its corners are, what it says, and which is the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from lpsr.errors import InputError
from lpsr.images import outline, reduced
from lpsr.locate.corners import FIRST_LOOK, NEXT_LOOK, look, views_of
from lpsr.locate.regions import shape_regions, text_regions
from lpsr.readers import Reader, Reading
from lpsr.rectify import check_corners, rectify

# Longest side of the photo in which text is looked for: enough for plates of 5 % of it, then, where there is none,
# for smaller ones.
SIDES = (640, 1536)
# Share of the picture from which on the plate in it is the picture.
FILLED = 0.55
# A picture without a plate found that may still be a plate's: longest side in px, and width over height; one so small
# is a plate's crop whatever is found in it.
MOST_SIDE, ASPECTS, SMALL = 640, (1.8, 6.0), 64
# The least likelihood of a plate, and the overlap (intersection over union) above which two are one.
LEAST, SAME = 0.5, 0.3


@dataclass(frozen=True, eq=False)
class Found:
    """A plate in a photo.

    Attributes:
        corners: ``(4, 2)`` float32, x and y in pixels of the photo, clockwise from the plate's top left.
        score: [0, 1]: how likely it is a plate, by its looks and by how surely it reads as one.
        reading: of the straightened plate; None without a reader.
    """

    corners: np.ndarray
    score: float
    reading: Reading | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``locate --json`` and the API give it."""
        return {
            "corners": [[round(float(value), 2) for value in corner] for corner in self.corners],
            "score": round(self.score, 4),
            "text": self.reading and self.reading.plate_text,
        }


def locate(picture: np.ndarray, *, reader: Reader | None = None, most: int = 6) -> list[Found]:
    """The plates in a photo ``(H, W, 3)`` uint8, best first, at most ``most``; [] where none is found.

    Candidates are written lines and shapes of a plate's colour or strokes; the corner network finds the corners of
    each, looks again from there, and tells plates from the rest. ``reader`` reads each and takes part in the score.
    """
    for side in SIDES:
        small = reduced(picture, side)
        regions = np.concatenate([text_regions(small), shape_regions(small)])
        found = _plates(picture, regions, max(picture.shape[:2]) / max(small.shape[:2]))[:most]
        if reader is not None:
            found = _read(picture, found, reader)
        if found or small is picture:
            break
    return found


def rate(likely: float, reading: Reading | None) -> float:
    """How likely something is a plate, [0, 1], that is ``likely`` one by its looks and reads so."""
    # A plate too small to be read is one all the same.
    return likely if reading is None else likely * (0.5 + 0.5 * reading.confidence)


def is_plate(picture: np.ndarray, found: Sequence[Found]) -> bool:
    """Whether the picture is a plate's crop: the first of ``found`` fills it, or its shape is one's and it is very
    small or nothing was found."""
    height, width = picture.shape[:2]
    if found and max(width, height) > SMALL:
        return cv2.contourArea(found[0].corners) > FILLED * width * height
    return max(width, height) <= MOST_SIDE and ASPECTS[0] <= width / height <= ASPECTS[1]


def _read(picture: np.ndarray, found: Sequence[Found], reader: Reader) -> list[Found]:
    """What reads as a plate, best first."""
    read = [(one, reader.read(rectify(picture, one.corners))) for one in found]
    rated = [Found(one.corners, rate(one.score, reading), reading) for one, reading in read]
    return sorted((one for one in rated if one.score >= LEAST), key=lambda one: -one.score)


def _plates(picture: np.ndarray, regions: np.ndarray, enlarge: float) -> list[Found]:
    """What the corner network makes of ``regions``, which are of a picture ``enlarge`` times smaller."""
    views = np.column_stack([regions[:, :2], FIRST_LOOK * np.maximum(regions[:, 2], 2 * regions[:, 3])]) * enlarge
    corners, likely = look(picture, np.column_stack([views, regions[:, 4]]))
    kept = apart(corners, likely, 0.1)
    corners, likely = look(picture, views_of(corners[kept], NEXT_LOOK))
    kept = [i for i in apart(corners, likely, LEAST) if is_sound(corners[i], picture.shape)]
    return [Found(corners[i], float(likely[i])) for i in kept]


def apart(corners: Sequence[np.ndarray], likely: Sequence[float], least: float) -> list[int]:
    """Indices of the likeliest of those that lie on one another, none below ``least``, likeliest first."""
    kept: list[int] = []
    for i in np.argsort(-np.asarray(likely), kind="stable"):
        if likely[i] >= least and all(overlap(corners[i], corners[j]) < SAME for j in kept):
            kept.append(int(i))
    return kept


def is_sound(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether the corners can be a plate's, of which the photo shows at least half."""
    try:
        check_corners(corners, shape[1::-1])
    except InputError:
        return False
    return _area(_shared(corners, outline(shape[1], shape[0]))) >= 0.5 * _area(corners)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two convex quadrilaterals, ``(4, 2)`` each, in [0, 1]."""
    # OpenCV calls clockwise what is so where y runs up.
    one, other = (cv2.convexHull(np.float32(corners), clockwise=False)[:, 0] for corners in (one, other))
    shared = _area(_shared(one, other))
    return shared / max(_area(one) + _area(other) - shared, 1e-6)


def _shared(one: np.ndarray, other: np.ndarray) -> list[list[float]]:
    """What two convex polygons, clockwise, have in common (Sutherland and Hodgman, 1974).

    OpenCV's ``intersectConvexConvex`` finds little or nothing where they are nearly the same.
    """
    # As Python's numbers, which so few are faster in.
    points, edges = one.tolist(), other.tolist()
    for (x0, y0), (x1, y1) in zip(edges[-1:] + edges[:-1], edges, strict=True):
        # Positive where a point lies on the inner side of the edge.
        inner = [(x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) for x, y in points]
        kept = []
        for i, (x, y) in enumerate(points):
            if inner[i - 1] * inner[i] < 0:
                share = inner[i] / (inner[i] - inner[i - 1])
                kept.append([x + (points[i - 1][0] - x) * share, y + (points[i - 1][1] - y) * share])
            if inner[i] >= 0:
                kept.append([x, y])
        points = kept
    return points


def _area(points: Sequence[Sequence[float]]) -> float:
    return cv2.contourArea(np.float32(points).reshape(-1, 2))
