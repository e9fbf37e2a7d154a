"""What is kept of a photo: a view around each plate, in which other plates are painted over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from lpsr.images import bounding_crop, bounding_origin
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
    picture, scale = _reduced(photo)
    height, width = picture.shape[:2]
    half = min(width / 3, height * 1.2) / 2
    corners = np.float32([[-half, -half / 3], [half, -half / 3], [half, half / 3], [-half, half / 3]])
    return View(picture, corners + np.float32([width / 2, height / 2]), scale=scale)


def cut(view: View, corners: np.ndarray, how: Cut) -> tuple[np.ndarray, np.ndarray]:
    """The plate within ``corners`` of a view, ``(h, w, 3)`` uint8, and its corners ``(4, 2)`` float32 in that picture.

    "straight" is by homography to the plate's own size, "box" the axis-aligned box of the corners (the protocol's).
    Raises InputError as ``check_corners``, or where the box lies outside the picture.
    """
    corners = check_corners(corners, view.picture.shape[1::-1])
    if how == "straight":
        width, height = plate_size(corners)
        return rectify(view.picture, corners), np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    return bounding_crop(view.picture, corners).copy(), np.float32(corners - bounding_origin(corners))


def _view(photo: np.ndarray, found: Found, others: Sequence[np.ndarray]) -> View:
    extent = np.array(photo.shape[1::-1])
    size = np.ptp(found.corners, axis=0)
    around = np.array(_AROUND) * size
    low = np.clip(np.floor(found.corners.min(0) - around), 0, extent - 1).astype(int)
    high = np.clip(np.ceil(found.corners.max(0) + around), low + 1, extent).astype(int)
    picture = photo[low[1] : high[1], low[0] : high[0]].copy()
    own = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(own, np.int32(np.rint(found.corners - low)), 1)
    for corners in others:
        area = np.zeros_like(own)
        middle = corners.mean(0)
        cv2.fillConvexPoly(area, np.int32(np.rint(middle + _OVER * (corners - middle) - low)), 1)
        area[own > 0] = 0
        if area.any():
            picture[area > 0] = picture[area > 0].mean(0)
    picture, scale = _reduced(picture)
    return View(
        picture,
        np.float32((found.corners - low) * scale),
        found.score,
        found.reading and found.reading.plate_text,
        scale,
    )


def _reduced(picture: np.ndarray) -> tuple[np.ndarray, float]:
    scale = MOST_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture, 1.0
    size = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA), scale
