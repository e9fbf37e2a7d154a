"""Where the characters of a Chinese licence plate sit, in millimetres (GA 36-2018), and in a picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from lpsr.errors import InputError

HEIGHT_MM = 140.0
CHARACTER_HEIGHT_MM = 90.0
MARGIN_MM = 15.5
# Around a character, as a share of its size: half the gap to the next one.
BOX_MARGIN = 1 / 8


@dataclass(frozen=True)
class Layout:
    """The plan of one kind of plate; x to the right, y down, origin at the plate's top left corner, all in mm.

    Attributes:
        kind: "blue" or "green".
        width_mm, height_mm: of the plate.
        boxes: (left, top, right, bottom) of each character, from left to right.
        dot: (centre x, centre y, diameter) of the dot after the second character; None where there is none.
    """

    kind: str
    width_mm: float
    height_mm: float
    boxes: tuple[tuple[float, float, float, float], ...]
    dot: tuple[float, float, float] | None


def _layout(kind: str, widths: list[float], gap: float, middle_gap: float, dot_diameter: float | None) -> Layout:
    """Characters of the given widths, ``gap`` apart, but ``middle_gap`` between the second and the third."""
    top = (HEIGHT_MM - CHARACTER_HEIGHT_MM) / 2
    left, boxes = MARGIN_MM, []
    for index, width in enumerate(widths):
        boxes.append((left, top, left + width, top + CHARACTER_HEIGHT_MM))
        left += width + (middle_gap if index == 1 else gap)
    dot = None if dot_diameter is None else ((boxes[1][2] + boxes[2][0]) / 2, HEIGHT_MM / 2, dot_diameter)
    return Layout(kind, boxes[-1][2] + MARGIN_MM, HEIGHT_MM, tuple(boxes), dot)


# 440 × 140 mm, small cars.
BLUE = _layout("blue", [45.0] * 7, gap=12.0, middle_gap=34.0, dot_diameter=10.0)
# 480 × 140 mm, small new-energy cars; the round mark after the second character is no dot.
GREEN = _layout("green", [45.0] + [43.0] * 7, gap=9.0, middle_gap=49.0, dot_diameter=None)

_BY_LENGTH = {len(layout.boxes): layout for layout in (BLUE, GREEN)}


def layout_of(text: str) -> Layout:
    """The layout of a plate text: BLUE for 7 characters, GREEN for 8. Raises InputError for another length."""
    try:
        return _BY_LENGTH[len(text)]
    except KeyError:
        raise InputError(f"{text!r} has {len(text)} characters; a plate text has 7 or 8.") from None


def plate_homography(layout: Layout, corners: np.ndarray) -> np.ndarray:
    """The ``(3, 3)`` float64 homography from mm on the plate to pixels of a picture.

    ``corners`` are the plate's, ``(4, 2)``, x and y in pixels, clockwise from top left.
    """
    width, height = layout.width_mm, layout.height_mm
    plate = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    return cv2.getPerspectiveTransform(plate, np.float32(corners))


def character_quads(text: str, corners: np.ndarray) -> np.ndarray:
    """The quadrilateral of each character of ``text`` in a picture.

    ``corners`` are the plate's, ``(4, 2)``, x and y in pixels, clockwise from top left. Returns ``(n, 4, 2)`` float32
    in the same pixels and order, n = 7 or 8. Raises InputError for a text of another length.
    """
    layout = layout_of(text)
    boxes = np.float64(layout.boxes)
    quads = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]].reshape(-1, 1, 2)
    pixels = cv2.perspectiveTransform(quads, plate_homography(layout, corners))
    return pixels.reshape(-1, 4, 2).astype(np.float32)


def character_boxes(text: str, corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where to cut each character of ``text`` out of a picture: the bounding box of its quadrilateral, with a margin.

    ``corners`` are the plate's, ``(4, 2)``, x and y in pixels, clockwise from top left; ``size`` is the picture's
    ``(width, height)``. Returns ``(n, 4)`` int, left, top, right, bottom, cut to the picture and at least 1 × 1 pixel,
    n = 7 or 8. Raises InputError for a text of another length.
    """
    quads = character_quads(text, corners)
    low, high = quads.min(axis=1), quads.max(axis=1)
    margin = (high - low) * BOX_MARGIN
    low = np.clip(np.floor(low - margin), 0, np.subtract(size, 1))
    high = np.clip(np.ceil(high + margin), low + 1, size)
    return np.hstack([low, high]).astype(int)
