"""From a photo to a plate: its four corners checked, the plate straightened, and the width that it is worth.

Corners are ``(4, 2)``, x and y in pixels, clockwise from the plate's top left; pixel i covers [i, i + 1).
"""

import cv2
import numpy as np
from PIL import Image

from lpsr.errors import InputError
from lpsr.images import luma

MIN_EDGE = 4
# OpenCV cannot warp pictures of 32767 pixels.
MAX_EDGE = 8192
# Source pixels in one pixel of the result, up to which bicubic interpolation alone hardly aliases.
COARSE = 1.25
# Farthest from the picture's origin that a corner may be, px.
FAR = 1e6
# What a copy may differ by from the picture, root mean square of luma, and still equal it: the larger contrast and the
# larger level forgive more. Chosen on real plates, see ``effective_width``.
LOSS_OF_CONTRAST, LOSS_LEVELS = 0.07, 3.0
# Longest side that is looked at, and coefficients that noise can be told from.
MAX_SIDE, MIN_COEFFICIENTS = 640, 32


def check_corners(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``corners`` as ``(4, 2)`` float32, where they can be a plate's in a picture of ``size`` (width, height).

    Raises InputError for what is no four finite points, for a quadrilateral that is not convex or not clockwise, for
    an edge below 4 or above 8192 pixels, and for a corner that lies outside the picture by more than half the plate's
    width.
    """
    try:
        points = np.asarray(corners, dtype=float)
        if points.shape != (4, 2):
            raise ValueError("no four points")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError("The corners must be four points, each an x and a y in pixels.") from error
    if not (np.abs(points) < FAR).all():
        raise InputError("The four corners must be finite numbers of pixels in or near the picture.")
    # As they are returned, so that what is checked is what is used.
    points = points.astype(np.float32).astype(float)
    along = np.roll(points, -1, axis=0) - points
    after = np.roll(along, -1, axis=0)
    turns = along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0]
    if (turns < 0).all():
        raise InputError("The corners run counter-clockwise; give them clockwise from the plate's top left.")
    if not (turns > 0).all():
        raise InputError("The corners make no convex quadrilateral; each must lie outside the triangle of the others.")
    edges = _edges(points)
    if edges.min() < MIN_EDGE:
        raise InputError(f"An edge of the plate is {edges.min():.1f} px long; at least {MIN_EDGE} px are needed.")
    if edges.max() > MAX_EDGE:
        raise InputError(f"An edge of the plate is {edges.max():.0f} px long; at most {MAX_EDGE} px can be used.")
    if max(-points.min(), (points - size).max()) > _mean_edges(points)[0] / 2:
        raise InputError("More than half the plate's width lies outside the picture; move the corners into it.")
    return points.astype(np.float32)


def plate_size(corners: np.ndarray) -> tuple[int, int]:
    """(width, height) of the straightened plate: the mean of opposite edges in whole pixels, rounded down, so that on
    average no pixel is invented."""
    width, height = _mean_edges(corners)
    return int(width), int(height)


def rectify(picture: np.ndarray, corners: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """The plate within ``corners`` of ``picture``, ``(H, W, 3)`` uint8, straightened by homography.

    Args:
        size: (width, height) of the result in pixels; None takes ``plate_size``.

    Returns ``(height, width, 3)`` uint8. Interpolation is bicubic; where a pixel of the result covers more than one of
    the picture it is sampled finer and reduced, so nothing aliases. What lies outside the picture continues its border.
    Raises InputError as ``check_corners``.
    """
    corners = check_corners(corners, (picture.shape[1], picture.shape[0]))
    width, height = size or plate_size(corners)
    # Cut first, since OpenCV's warp bounds the sides of what it reads; bicubic reaches two pixels further.
    low = np.clip(np.floor(corners.min(0)).astype(int) - 3, 0, np.array(picture.shape[1::-1]) - 1)
    high = np.maximum(np.ceil(corners.max(0)).astype(int) + 3, low + 1)
    part = np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]])
    edges = _edges(corners)
    finer = max(1, int(np.ceil(max(edges[[0, 2]].max() / width, edges[[1, 3]].max() / height) / COARSE)))
    fine = width * finer, height * finer
    target = np.float32([[0, 0], [fine[0], 0], fine, [0, fine[1]]])
    # OpenCV counts from the middle of the first pixel, not from its edge.
    homography = cv2.getPerspectiveTransform(target - 0.5, np.float32(corners - low - 0.5))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    straight = cv2.warpPerspective(part, homography, fine, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if finer == 1:
        return straight
    return np.asarray(Image.fromarray(straight).resize((width, height), Image.Resampling.BICUBIC))


def effective_width(picture: np.ndarray) -> int:
    """The width in pixels that a cut plate, ``(H, W, 3)`` uint8, is worth: that of the narrowest copy which loses
    nothing but noise. An enlarged plate of 20 px is worth about 20. From 1 to the picture's width, at most 640.

    A copy n pixels wide holds the cosine frequencies of luma below n along the plate, and below n·H/W across it; what
    is left is its loss. The mean square of that may reach (7 % of the luma's standard deviation)² + (3 levels)² and the
    noise's, estimated from the highest frequencies. Both were chosen on 207 real plates (CCPD, val), reduced to 1/3,
    1/4 and 1/8 and enlarged again or not, so that the estimate follows best. Blur without noise leaves weak detail
    beyond that, which a reader uses: blurred plates are read as those about 1.7 times as wide, so for them it is a
    lower bound.
    """
    scale = min(1, MAX_SIDE / max(picture.shape[:2]))
    if scale < 1:
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    height, width = picture.shape[:2]
    # The Fourier transform of a picture beside its mirror images is its cosine transform.
    mirrored = np.pad(luma(picture).astype(float), ((0, height), (0, width)), mode="symmetric")
    # Share of the variance; the frequency 0 of either axis stands for itself alone, all others for a pair.
    power = np.abs(np.fft.rfft2(mirrored)[:height, :width] / (2 * height * width)) ** 2
    power[0] /= 2
    power[:, 0] /= 2
    power[0, 0] = 0
    rows, columns = np.ogrid[:height, :width]
    # The width of the widest copy that does not hold a frequency.
    widest = np.maximum(rows * width // height, columns)
    lost = np.append(np.cumsum(np.bincount(widest.ravel(), power.ravel(), width)[::-1])[::-1], 0)
    highest = power[(4 * rows >= 3 * height) & (4 * columns >= 3 * width)]
    # Of a squared normal variable the median is 0.455 of the mean.
    noise = np.median(highest) / 0.455 * power.size if highest.size >= MIN_COEFFICIENTS else 0.0
    share = 1 - (np.arange(width + 1) / width) ** 2
    allowed = LOSS_OF_CONTRAST**2 * power.sum() + LOSS_LEVELS**2 + noise * share
    return max(1, int(np.argmax(lost <= allowed)))


def _edges(corners: np.ndarray) -> np.ndarray:
    """The lengths of the top, right, bottom and left edge."""
    return np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)


def _mean_edges(corners: np.ndarray) -> np.ndarray:
    """The mean lengths of top and bottom edge and of left and right edge."""
    edges = _edges(np.asarray(corners, dtype=float))
    return (edges[:2] + edges[2:]) / 2
