"""Character shapes of Chinese licence plates, without any system font.

Letters and digits are centre lines drawn for this project after the look of GA 36 plates: one stroke width, box of
45 × 90 mm. Province characters are outlines in ``hanzi.json`` (source and licence: README.md and OFL.txt beside it).
"""

import json
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from lpsr.plates import PROVINCES

WIDTH_MM, HEIGHT_MM = 45, 90
STROKE_MM = 9.5
# Masks are drawn this fine once and reduced from there.
_FINE = 8
_OUTLINES = Path(__file__).with_name("hanzi.json")

# Centre lines in mm, y down: strokes of points (x, y) or (x, y, radius of the rounded corner).
# Ends are cut square; slanted strokes run past the box, whose edge then cuts them level.
_L, _R, _T, _B, _M, _O = 4.75, 40.25, 4.75, 85.25, 22.5, 17.7
_STEM = [(_L, 0), (_L, 90)]
_RING = [(_L, 45), (_L, _T, _O), (_R, _T, _O), (_R, _B, _O), (_L, _B, _O), (_L, 45)]
_P = [_STEM, [(_L, _T), (_R, _T, 17), (_R, 48, 17), (_L, 48)]]
_STROKES: dict[str, list[list[tuple[float, ...]]]] = {
    "0": [_RING],
    "1": [[(_M, 0), (_M, 90)]],
    "2": [[(_L, 28.5), (_L, _T, _O), (_R, _T, _O), (_R, 41, 14), (4, 88)], [(1, _B), (44, _B)]],
    "3": [
        [(1, _T), (44, _T)],
        [(41, 2), (17, 38)],
        [(16, 36.5), (_R, 36.5, _O), (_R, _B, _O), (_L, _B, _O), (_L, 61.5)],
    ],
    "4": [[(34, -6), (5, 66.5), (45, 66.5)], [(33.5, 0), (33.5, 90)]],
    "5": [[(42, _T), (7, _T)], [(8, 0), (6.5, 45)], [(7, 36), (_R, 36, _O), (_R, _B, _O), (_L, _B, _O), (_L, 61.5)]],
    "6": [
        [(_L, 60), (_L, 36, _O), (_R, 36, _O), (_R, _B, _O), (_L, _B, _O), (_L, 60)],
        [(35, -6), (_L, 46, 60), (_L, 62)],
    ],
    "7": [[(1, _T), (45, _T)], [(41.5, 0), (18.5, 54, 80), (16.5, 96)]],
    "8": [
        [(6.5, 24), (6.5, _T, 16), (38.5, _T, 16), (38.5, 42.5, 16), (6.5, 42.5, 16), (6.5, 24)],
        [(_L, 64), (_L, 42.5, _O), (_R, 42.5, _O), (_R, _B, _O), (_L, _B, _O), (_L, 64)],
    ],
    "9": [
        [(_R, 30), (_R, 54, _O), (_L, 54, _O), (_L, _T, _O), (_R, _T, _O), (_R, 30)],
        [(10, 96), (_R, 44, 60), (_R, 28)],
    ],
    "A": [[(3, 96), (_M + 0.5, -4)], [(_M - 0.5, -4), (42, 96)], [(9, 64.5), (36, 64.5)]],
    "B": [
        _STEM,
        [(_L, _T), (38, _T, 16), (38, 42.5, 16), (_L, 42.5)],
        [(_L, 42.5), (_R, 42.5, _O), (_R, _B, _O), (_L, _B)],
    ],
    "C": [[(_R, 28.5), (_R, _T, _O), (_L, _T, _O), (_L, _B, _O), (_R, _B, _O), (_R, 61.5)]],
    "D": [_STEM, [(_L, _T), (_R, _T, _O), (_R, _B, _O), (_L, _B)]],
    "E": [_STEM, [(_L, _T), (44, _T)], [(_L, 43), (40, 43)], [(_L, _B), (44, _B)]],
    "F": [_STEM, [(_L, _T), (44, _T)], [(_L, 43), (40, 43)]],
    "G": [[(_R, 28.5), (_R, _T, _O), (_L, _T, _O), (_L, _B, _O), (_R, _B, _O), (_R, 50), (24, 50)]],
    "H": [_STEM, [(_R, 0), (_R, 90)], [(_L, 44), (_R, 44)]],
    "J": [[(38, 0), (38, _B, 16.5), (_L, _B, 16.5), (_L, 62.5)]],
    "K": [_STEM, [(43, -6), (6, 56)], [(17, 38), (42.5, 96)]],
    "L": [_STEM, [(_L, _B), (44, _B)]],
    "M": [_STEM, [(_R, 0), (_R, 90)], [(_L + 0.5, 1), (_M, 60), (_R - 0.5, 1)]],
    "N": [_STEM, [(_R, 0), (_R, 90)], [(_L + 1, 2), (_R - 1, 88)]],
    "P": _P,
    "Q": [_RING, [(24, 63), (41, 88)]],
    "R": [*_P, [(21, 46), (42, 96)]],
    "S": [
        [
            (_R, 28),
            (_R, _T, _O),
            (_L, _T, _O),
            (_L, 37, 13),
            (_R, 50, 13),
            (_R, _B, _O),
            (_L, _B, _O),
            (_L, 62),
        ]
    ],
    "T": [[(0.5, _T), (44.5, _T)], [(_M, _T), (_M, 90)]],
    "U": [[(_L, 0), (_L, _B, _O), (_R, _B, _O), (_R, 0)]],
    "V": [[(3, -6), (_M + 0.5, 94)], [(_M - 0.5, 94), (42, -6)]],
    "W": [[(3, -6), (12.5, 94)], [(11.5, 94), (_M, 16), (33.5, 94)], [(32.5, 94), (42, -6)]],
    "X": [[(2, -6), (43, 96)], [(43, -6), (2, 96)]],
    "Y": [[(2, -6), (_M, 46), (43, -6)], [(_M, 44), (_M, 90)]],
    "Z": [[(2, _T), (44, _T)], [(41, 0), (4, 90)], [(1, _B), (44, _B)]],
}
# Strokes crowd in W and M, so the real ones are drawn lighter.
_STROKE_OF = {"W": 7.5, "M": 8.5}
# Horizontal and vertical thickening of the province outlines in mm: squeezed to half width, their upright strokes
# come out half as thick as the level ones; dense characters keep their gaps with less.
_HANZI_THICKEN = (2.8, 0.6)
_HANZI_DENSE = dict.fromkeys("赣冀鲁藏豫黑蒙粤湘鄂渝琼贵晋闽", (1.8, 0.1))


@lru_cache(maxsize=2048)
def character_mask(character: str, width: int, height: int) -> np.ndarray:
    """How much of each pixel the strokes of ``character`` cover, ``(height, width)`` uint8, 0 to 255.

    The character fills its 45 × 90 mm box. The array is shared: do not write to it.
    """
    mask = cv2.resize(_fine_mask(character), (width, height), interpolation=cv2.INTER_AREA)
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=128)
def _fine_mask(character: str) -> np.ndarray:
    mask = np.zeros((HEIGHT_MM * _FINE, WIDTH_MM * _FINE), np.uint8)
    if character in PROVINCES:
        return _draw_hanzi(mask, character)
    half = _STROKE_OF.get(character, STROKE_MM) / 2
    for stroke in _STROKES[character]:
        points = _round_corners(stroke)
        # Segments end square; discs close the outer side of every bend between them.
        for start, end in pairwise(points):
            along = end - start
            across = np.array([-along[1], along[0]]) / np.hypot(*along) * half
            corners = np.array([start + across, end + across, end - across, start - across])
            cv2.fillPoly(mask, [np.rint(corners * _FINE).astype(np.int32)], 255)
        closed = np.allclose(points[0], points[-1])
        for bend in points if closed else points[1:-1]:
            cv2.circle(mask, tuple(np.rint(bend * _FINE).astype(int).tolist()), round(half * _FINE), 255, -1)
    return mask


def _round_corners(stroke: list[tuple[float, ...]]) -> np.ndarray:
    """The stroke as ``(n, 2)`` points in mm, corners that carry a radius replaced by arcs of 9 points."""
    points = [np.array(stroke[0][:2], float)]
    for before, corner, after in zip(stroke[:-2], stroke[1:-1], stroke[2:], strict=True):
        vertex = np.array(corner[:2], float)
        if len(corner) == 2:
            points.append(vertex)
            continue
        inward, outward = np.array(before[:2]) - vertex, np.array(after[:2]) - vertex
        inward, outward = inward / np.hypot(*inward), outward / np.hypot(*outward)
        half_angle = np.arccos(np.clip(inward @ outward, -1, 1)) / 2
        centre_way = (inward + outward) / np.hypot(*(inward + outward))
        centre = vertex + centre_way * corner[2] / np.sin(half_angle)
        reach = corner[2] / np.tan(half_angle)
        start, end = vertex + inward * reach - centre, vertex + outward * reach - centre
        first = np.arctan2(start[1], start[0])
        turn = (np.arctan2(end[1], end[0]) - first + np.pi) % (2 * np.pi) - np.pi
        angles = first + turn * np.linspace(0, 1, 9)
        points.extend(centre + corner[2] * np.stack([np.cos(angles), np.sin(angles)], 1))
    points.append(np.array(stroke[-1][:2], float))
    # Two full arcs that meet leave the same point twice.
    keep = [True, *(np.hypot(*np.diff(points, axis=0).T) > 1e-6)]
    return np.array(points)[keep]


@lru_cache(maxsize=1)
def _outlines() -> dict[str, list[list[int]]]:
    return json.loads(_OUTLINES.read_text(encoding="utf-8"))


def _draw_hanzi(mask: np.ndarray, character: str) -> np.ndarray:
    """Fill the outlines (thousandths of the character's own bounding box), then thicken them up to the box."""
    thicken = np.array(_HANZI_DENSE.get(character, _HANZI_THICKEN)) * _FINE
    kernel = np.maximum(np.rint(thicken).astype(int) | 1, 1)
    size = np.array(mask.shape[::-1]) - kernel - 1
    contours = [
        np.rint(np.array(contour).reshape(-1, 2) / 1000 * size + kernel / 2).astype(np.int32)
        for contour in _outlines()[character]
    ]
    # Outer contours and holes run in opposite directions; what encloses comes before what it encloses.
    for contour in sorted(contours, key=cv2.contourArea, reverse=True):
        cv2.fillPoly(mask, [contour], 255 if cv2.contourArea(contour, oriented=True) < 0 else 0)
    return cv2.dilate(mask, np.ones(kernel[::-1], np.uint8))
