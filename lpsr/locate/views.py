"""What is kept of a photo: a view around each plate, in which other plates are painted over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from lpsr.images import bounding_crop, bounding_origin, outline, reduced
from lpsr.locate.find import Found
from lpsr.rectify import check_corners, plate_size, rectify

Cut = Literal["straight", "box"]
# Longest side of a view, pixels; and how much is kept around a plate, in widths and heights of it.
MOST_SIDE = 1024
_AROUND = 0.75, 1.25
# Of what is painted over: a little more than the plate that was found.
_OVER = 1.15


@dataclass(frozen=True, eq=False)
class View:
    """Part of a photo.

    Attributes:
        picture: ``(H, W, 3)`` uint8, sides of at most 1024 pixels.
        corners: of the plate, ``(4, 2)`` float32 in pixels of ``picture``, clockwise from top left.
        score: how likely that is a plate, [0, 1]; None where nobody found the corners: they are a proposal.
        text: what the plate reads; None where it was not read.
        scale: pixels of ``picture`` for one of the photo, at most 1.
    """

    picture: np.ndarray
    corners: np.ndarray
    score: float | None = None
    text: str | None = None
    scale: float = 1.0


def views(photo: np.ndarray, found: Sequence[Found]) -> tuple[View, ...]:
    """A view of each plate in ``found``, in their order; of the others each shows but a patch of colour."""
    return tuple(_view(photo, one, [other.corners for other in found if other is not one]) for one in found)


def whole(photo: np.ndarray) -> View:
    """The whole photo, reduced, where no plate was found, with corners in its middle to be moved."""
    picture = reduced(photo, MOST_SIDE)
    height, width = picture.shape[:2]
    half = min(width / 3, height * 1.2) / 2
    corners = np.float32([[-half, -half / 3], [half, -half / 3], [half, half / 3], [-half, half / 3]])
    return View(picture, corners + np.float32([width / 2, height / 2]), scale=max(width, height) / max(photo.shape[:2]))


def cut(view: View, corners: np.ndarray, how: Cut) -> tuple[np.ndarray, np.ndarray]:
    """The plate within ``corners`` of a view, ``(h, w, 3)`` uint8, and its corners ``(4, 2)`` float32 in that picture.

    "straight" is by homography to the plate's own size, "box" the axis-aligned box of the corners (the protocol's).
    Raises InputError as ``check_corners``, or where the box lies outside the picture.
    """
    corners = check_corners(corners, view.picture.shape[1::-1])
    if how == "straight":
        return rectify(view.picture, corners), outline(*plate_size(corners))
    return bounding_crop(view.picture, corners).copy(), np.float32(corners - bounding_origin(corners))


def _view(photo: np.ndarray, found: Found, others: Sequence[np.ndarray]) -> View:
    extent = np.array(photo.shape[1::-1])
    size = np.ptp(found.corners, axis=0)
    around = np.array(_AROUND) * size
    low = np.clip(np.floor(found.corners.min(0) - around), 0, extent - 1).astype(int)
    high = np.clip(np.ceil(found.corners.max(0) + around), low + 1, extent).astype(int)
    part = photo[low[1] : high[1], low[0] : high[0]]
    picture = reduced(part, MOST_SIDE)
    if picture is part:
        picture = part.copy()
    # Sides are whole pixels, so either may be reduced a little more than the other.
    scale = np.array(picture.shape[1::-1]) / part.shape[1::-1]
    plate = (found.corners - low) * scale
    own = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(own, np.int32(np.rint(plate)), 1)
    for corners in others:
        area = np.zeros_like(own)
        middle = corners.mean(0)
        cv2.fillConvexPoly(area, np.int32(np.rint((middle + _OVER * (corners - middle) - low) * scale)), 1)
        area[own > 0] = 0
        if area.any():
            picture[area > 0] = picture[area > 0].mean(0)
    return View(picture, np.float32(plate), found.score, found.reading and found.reading.plate_text, float(scale.max()))
