"""From about where a plate is to its four corners: the corner network on the straightened surroundings."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from lpsr.checkpoints import CORNERS, shipped_auxiliary
from lpsr.models.corner_network import SIZE, CornerNetwork, load_corner_network
from lpsr.models.restorer import to_tensor

# How much wider than the plate the network's picture is: at a first look, from a line of text or a shape, and then.
FIRST_LOOK, NEXT_LOOK = 1.6, 1.4
# Pictures that are looked at together.
_BATCH = 16


def look(picture: np.ndarray, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners ``(n, 4, 2)`` float32 in pixels of ``(H, W, 3)`` uint8, and how likely each is a plate's, ``(n,)``.

    ``views`` are n rows (x, y, width, angle): centre and width in pixels of the part that is looked at, half as high,
    and its turn in degrees, clockwise on the screen.
    """
    points, plate = [], []
    for start in range(0, len(views), _BATCH):
        matrices = [_from_view(view) for view in views[start : start + _BATCH]]
        seen = np.stack([_see(picture, matrix) for matrix in matrices])
        with torch.inference_mode():
            found = _network()(to_tensor(seen))
        for matrix, corners in zip(matrices, found.points.double().numpy(), strict=True):
            points.append(corners @ matrix[:, :2].T + matrix[:, 2])
        plate.append(found.plate.sigmoid().numpy())
    if not points:
        return np.empty((0, 4, 2), np.float32), np.empty(0)
    return np.float32(points), np.concatenate(plate).astype(float)


def refine(picture: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, float]:
    """The corners ``(4, 2)`` float32 of the plate that is about where ``corners`` are, and how likely it is one."""
    found, plate = look(picture, views_of(np.float64(corners)[None], NEXT_LOOK))
    return found[0], float(plate[0])


def views_of(corners: np.ndarray, wider: float) -> np.ndarray:
    """The views in which plates with ``corners`` ``(n, 4, 2)`` stand level, ``wider`` times as wide as they are."""
    across = (corners[:, 1] + corners[:, 2] - corners[:, 0] - corners[:, 3]) / 2
    down = (corners[:, 2] + corners[:, 3] - corners[:, 0] - corners[:, 1]) / 2
    width, height = np.linalg.norm(across, axis=1), np.linalg.norm(down, axis=1)
    angle = np.rad2deg(np.arctan2(across[:, 1], across[:, 0]))
    # A plate that is seen from far aside is high for its width.
    return np.column_stack([corners.mean(1), wider * np.maximum(width, 2 * height), angle])


def _from_view(view: np.ndarray) -> np.ndarray:
    """The ``(2, 3)`` affine map from the network's picture to the photo."""
    x, y, width, angle = view
    scale, turn = width / SIZE[1], np.deg2rad(angle)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.column_stack([linear, np.array([x, y]) - linear @ (SIZE[1] / 2, SIZE[0] / 2)])


def _see(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What the network is shown: ``(96, 192, 3)`` uint8."""
    scale = np.hypot(*matrix[:, 0])
    if scale > 1.5:
        # Reduced by area first, around the view alone: samples further apart than pixels would miss strokes.
        frame = np.array([[0, 0], [SIZE[1], 0], [SIZE[1], SIZE[0]], [0, SIZE[0]]]) @ matrix[:, :2].T + matrix[:, 2]
        low = np.clip(np.floor(frame.min(0)) - 2, 0, np.array(picture.shape[1::-1]) - 1).astype(int)
        high = np.clip(np.ceil(frame.max(0)) + 2, low + 1, picture.shape[1::-1]).astype(int)
        part = picture[low[1] : high[1], low[0] : high[0]]
        size = np.maximum(np.rint((high - low) / scale), 1).astype(int)
        picture = cv2.resize(part, size.tolist(), interpolation=cv2.INTER_AREA)
        ratio = size / (high - low)
        matrix = np.column_stack([np.diag(ratio) @ matrix[:, :2], (matrix[:, 2] - low) * ratio])
    # Pixel centres lie at halves, OpenCV's at whole numbers.
    shift = matrix[:, 2] + matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(
        picture,
        np.column_stack([matrix[:, :2], shift]),
        SIZE[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _network() -> CornerNetwork:
    path = shipped_auxiliary(CORNERS)
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _load(path: Path, modified: int) -> CornerNetwork:
    return load_corner_network(path)
