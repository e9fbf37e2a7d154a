"""Views of one plate that comes nearer or goes away: growing width, small changes of perspective, blur, noise, JPEG."""

from collections.abc import Sequence

import cv2
import numpy as np

from lpsr.data.generator.camera import jpeg
from lpsr.degrade import motion_kernel
from lpsr.errors import InputError
from lpsr.rectify import check_corners, plate_size, rectify

WIDTHS = (16, 80)
# Below it a row of characters has no shape left.
LEAST = 8
# How far corners stray, as shares of the plate's height (standard deviations): over all views, and view by view.
_DRIFT, _JITTER = 0.06, 0.03
# Of the views' own pixels: σ of the defocus and length of the motion.
_DEFOCUS, _MOTION = (0.2, 0.8), (0.0, 2.5)
# σ in 8-bit levels, and JPEG quality.
_NOISE, _QUALITY = (1.0, 5.0), (60, 95)
# Factors on the light of all views, of their colours, and of one view.
_LIGHT, _COLOUR, _FLICKER = 0.25, 0.06, 0.06


def approach(
    picture: np.ndarray,
    corners: np.ndarray,
    views: int,
    seed: int | Sequence[int] = 0,
    *,
    widths: tuple[int, int] = WIDTHS,
    recede: bool = False,
) -> list[np.ndarray]:
    """Views of the plate within ``corners`` of ``picture``, cut and straightened as a locator would, from far to near.

    The distance shrinks evenly, so the width grows ever faster. A camera far away sees the plate's plane through a
    homography, so a change of perspective and an error of the locator look alike once it is straightened: the corners
    stray by some hundredths of its height. Every view has its own sampling, light, defocus (σ 0.2 to 0.8 px of the
    view), motion blur (up to 2.5 px), noise (σ 1 to 5 levels) and JPEG (quality 60 to 95), around what all have in
    common. They are pictures of one photo, whose own blur, noise and dirt all of them share.

    Args:
        picture: ``(H, W, 3)`` uint8; corners: ``(4, 2)`` pixels, clockwise from the plate's top left.
        views: how many, at least 1.
        seed: of everything random; the same arguments give the same pictures.
        widths: of the first and the last view, px, growing, from 8; none is wider than the plate in ``picture``.
        recede: the plate goes away: the widest view comes first.

    Raises InputError as ``check_corners``, for fewer views, and where the plate is narrower than the first view.
    """
    corners = check_corners(corners, (picture.shape[1], picture.shape[0]))
    native = plate_size(corners)
    first, last = widths[0], min(widths[1], native[0])
    if views < 1:
        raise InputError(f"At least one view must be asked for, not {views}.")
    if not LEAST <= widths[0] <= widths[1]:
        raise InputError(f"The widths of the views must grow from at least {LEAST} px, not {widths[0]} to {widths[1]}.")
    if native[0] < first:
        raise InputError(f"The plate is {native[0]} px wide; its views would be wider, from {first} px.")
    seeds = (seed,) if isinstance(seed, int) else tuple(seed)
    rng = np.random.default_rng(seeds)
    drift = rng.normal(0, _DRIFT, (2, 4, 2))
    # What all views have in common: the level of each, and the direction of the motion.
    light = rng.uniform(1 - _LIGHT, 1 + _LIGHT) * rng.uniform(1 - _COLOUR, 1 + _COLOUR, 3)
    level, direction = rng.random(4), rng.uniform(0, np.pi)
    made = []
    for i, width in enumerate(np.rint(1 / np.linspace(1 / first, 1 / last, views)).astype(int).tolist()):
        own = np.random.default_rng((*seeds, i))
        way = i / max(views - 1, 1)
        stray = drift[0] * (1 - way) + drift[1] * way + own.normal(0, _JITTER, (4, 2))
        size = width, max(round(width * native[1] / native[0]), 2)
        # Whole pixels of the photo in one of the view, so that blur is that of the optics, before the sensor.
        finer = max(1, round(native[0] / width))
        moved = np.float32(corners + stray * native[1])
        seen = rectify(picture, moved, (size[0] * finer, size[1] * finer)).astype(np.float32)
        seen *= np.float32(light * own.uniform(1 - _FLICKER, 1 + _FLICKER))
        defocus, motion, noise, quality = (
            low + (high - low) * (common + share) / 2
            for (low, high), common, share in zip(
                (_DEFOCUS, _MOTION, _NOISE, _QUALITY), level, own.random(4), strict=True
            )
        )
        seen = cv2.GaussianBlur(seen, (0, 0), defocus * finer, borderType=cv2.BORDER_REFLECT_101)
        kernel = motion_kernel(max(motion * finer, 1), direction + own.normal(0, 0.2))
        seen = cv2.filter2D(seen, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        # The sensor's pixels average what falls on them.
        seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
        seen = np.clip(np.rint(seen + own.normal(0, noise, seen.shape)), 0, 255).astype(np.uint8)
        made.append(jpeg(seen, round(quality), *own.integers(8, size=2).tolist()))
    return made[::-1] if recede else made
