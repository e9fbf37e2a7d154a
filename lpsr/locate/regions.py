"""Where in a photo a plate may be: written lines, found by the packaged PP-OCR text detector, and plate-like shapes.

A region is a row ``(x, y, width, height, angle)``: a rectangle's centre and sides in pixels, and the direction of its
longer side in degrees, clockwise on the screen, in (−90, 90].
"""

import threading
from functools import cache
from typing import Any

import cv2
import numpy as np

from lpsr.readers.weights import prepare_environment

# Longer sides over shorter ones of a line of seven or eight characters, and of what may be a plate's sheet.
_TEXT_ASPECT, _SHEET_ASPECT = (1.6, 8.0), (1.7, 6.5)
# Of 8-bit hue, saturation and value (OpenCV's, hue below 180): blue, green and yellow plates.
_COLOURS = (((98, 80, 40), (128, 255, 255)), ((40, 40, 60), (90, 255, 255)), ((12, 90, 80), (34, 255, 255)))
# Lines and shapes that are looked at: a page of writing has a thousand lines.
MOST_LINES, MOST_SHAPES = 96, 24
_lock = threading.Lock()


def text_regions(picture: np.ndarray) -> np.ndarray:
    """Written lines in ``(H, W, 3)`` uint8, and neighbours on one line joined, ``(n, 5)`` float, at most 96, those of
    the highest letters."""
    boxes = _detector()(np.ascontiguousarray(picture[..., ::-1])).boxes
    if boxes is None or not len(boxes):
        return np.empty((0, 5))
    lines = np.array([_upright(cv2.minAreaRect(np.float32(box))) for box in boxes])
    candidates = np.concatenate([lines, _joined(lines)])
    aspect = candidates[:, 2] / np.maximum(candidates[:, 3], 1)
    candidates = candidates[(aspect > _TEXT_ASPECT[0]) & (aspect < _TEXT_ASPECT[1])]
    return candidates[np.sort(np.argsort(-candidates[:, 3], kind="stable")[:MOST_LINES])]


def shape_regions(picture: np.ndarray) -> np.ndarray:
    """What has a plate's colour or a plate's dense upright strokes, ``(n, 5)`` float, at most 24, largest first."""
    hsv = cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), 1), cv2.COLOR_RGB2HSV)
    masks = [cv2.inRange(hsv, low, high) for low, high in _COLOURS]
    strokes = cv2.convertScaleAbs(cv2.Sobel(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F, 1, 0))
    masks.append(cv2.threshold(strokes, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1])
    found = []
    for mask in masks:
        # Characters part the sheet, and strokes stand apart: joined along the line, then bare of what is thin.
        joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 15), np.uint8))
        joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((5, 9), np.uint8))
        for contour in cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
            region = _upright(cv2.minAreaRect(contour))
            filled = cv2.contourArea(contour) / max(region[2] * region[3], 1)
            aspect = region[2] / max(region[3], 1)
            if region[2] >= 16 and filled > 0.55 and _SHEET_ASPECT[0] < aspect < _SHEET_ASPECT[1]:
                found.append(region)
    found.sort(key=lambda region: -region[2] * region[3])
    return np.array(found[:MOST_SHAPES]).reshape(-1, 5)


def _upright(rectangle: tuple) -> tuple[float, float, float, float, float]:
    """``cv2.minAreaRect``'s answer as a region."""
    (x, y), (width, height), angle = rectangle
    if width < height:
        width, height, angle = height, width, angle - 90
    return x, y, width, height, (angle + 90) % -180 + 90


def _joined(lines: np.ndarray) -> np.ndarray:
    """Pairs of neighbours on one line as one region each: the dot parts some plates."""
    pairs = []
    for i, (x, y, width, height, angle) in enumerate(lines):
        others = lines[i + 1 :]
        direction = np.deg2rad(np.where(width > others[:, 2], angle, others[:, 4]))
        step_x, step_y = others[:, 0] - x, others[:, 1] - y
        gap = np.abs(step_x * np.cos(direction) + step_y * np.sin(direction)) - (width + others[:, 2]) / 2
        across = np.abs(step_y * np.cos(direction) - step_x * np.sin(direction))
        low, high = np.minimum(height, others[:, 3]), np.maximum(height, others[:, 3])
        for other in others[(gap < 1.5 * high) & (across < 0.4 * high) & (low > 0.6 * high)]:
            boxes = [cv2.boxPoints((one[:2], one[2:4], one[4])) for one in (lines[i], other)]
            pairs.append(_upright(cv2.minAreaRect(np.concatenate(boxes))))
    return np.array(pairs).reshape(-1, 5)


def _detector() -> Any:
    with _lock:
        return _load()


@cache
def _load() -> Any:
    """RapidOCR's text detector on the weights in its wheel, PP-OCRv6 small, one thread; safe to share by threads."""
    prepare_environment()
    from rapidocr import RapidOCR

    params = {
        "Global.log_level": "critical",
        "Global.use_rec": False,
        "Global.use_cls": False,
        # Pictures come in the size that suits.
        "Det.limit_type": "max",
        "Det.limit_side_len": 4096,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    program = RapidOCR(params=params)
    program(np.zeros((64, 64, 3), np.uint8))
    return program.text_det
