"""Does a restoration fit the LR picture it was made from? It is degraded again and compared with that."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lpsr.degrade import Degradation, degrade
from lpsr.errors import InputError


class Consistency(NamedTuple):
    """How far a restoration, degraded again, lies from its LR picture; 0 contradicts none of its pixels.

    Attributes:
        rmse: root mean square over pixels and channels, in 8-bit levels.
        map: the same for each LR pixel, over the channels, ``(h, w)`` float32.
    """

    rmse: float
    map: np.ndarray


def consistency(picture: np.ndarray, lr: np.ndarray, degradation: Degradation) -> Consistency:
    """Degrade ``picture``, ``(H, W, 3)`` uint8, and compare it with ``lr``, ``(h, w, 3)`` uint8.

    The degradation's noise is left out, since a picture cannot know which noise fell on it. So HR itself has the noise
    (and what it did to the JPEG) as its distance, and 0 where there is none: the yardstick for restorations.

    Raises InputError where the degraded picture has another size than ``lr``.
    """
    again = degrade(picture, replace(degradation, noise=0.0))
    if again.shape != lr.shape:
        raise InputError(f"Degraded again the picture has the shape {again.shape}, the LR picture {lr.shape}.")
    squares = (again.astype(np.float32) - lr) ** 2
    return Consistency(float(np.sqrt(squares.mean(dtype=np.float64))), np.sqrt(squares.mean(axis=2)))
