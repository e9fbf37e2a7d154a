"""How close a restored plate is to its HR plate: PSNR, luma PSNR, luma SSIM, and their summary over many plates.

Pictures are ``(H, W, 3)`` uint8 RGB; reference and picture must have the same shape.
"""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from lpsr.errors import InputError
from lpsr.images import luma

RESAMPLES = 2000
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
MAX_DB = 100.0


class Fidelity(NamedTuple):
    """The three scores of a picture: PSNRs in dB, at most ``MAX_DB``; SSIM in [-1, 1]."""

    psnr: float
    psnr_y: float
    ssim_y: float


def fidelity(reference: np.ndarray, picture: np.ndarray) -> Fidelity:
    """``psnr``, ``psnr_y`` and ``ssim_y`` as they are reported, both PSNRs capped at ``MAX_DB``.

    An identical picture has an infinite PSNR, which JSON cannot write. A difference of a single level at one place of
    a large picture (above 51 262 pixels in RGB) exceeds 100 dB too and is capped as well. Errors as ``psnr``.
    """
    return Fidelity(
        min(psnr(reference, picture), MAX_DB), min(psnr_y(reference, picture), MAX_DB), ssim_y(reference, picture)
    )


def psnr(reference: np.ndarray, picture: np.ndarray) -> float:
    """PSNR over all pixels and the three channels, in dB: ``10 log10(255² / MSE)``; ``inf`` for identical pictures.

    Raises InputError for different or wrong shapes, TypeError where a picture is not uint8.
    """
    _check(reference, picture)
    return _psnr(reference, picture)


def psnr_y(reference: np.ndarray, picture: np.ndarray) -> float:
    """PSNR on full-range BT.601 luma (Pillow's "YCbCr" channel 0), in dB; ``inf`` for identical luma.

    Errors as ``psnr``.
    """
    _check(reference, picture)
    return _psnr(luma(reference), luma(picture))


def ssim_y(reference: np.ndarray, picture: np.ndarray) -> float:
    """Mean structural similarity on 8-bit luma, in [-1, 1], 1 for identical luma (Wang et al. 2004).

    11 × 11 Gaussian window of σ 1.5, K1 = 0.01, K2 = 0.03, L = 255, population covariance, averaged over the windows
    that lie wholly inside the plate. Where a side is shorter than 11 pixels the window is the largest odd one that
    fits (at 1 or 2 pixels it is a single pixel, and only the luminance term remains). Errors as ``psnr``.
    """
    _check(reference, picture)
    x, y = luma(reference).astype(np.float64), luma(picture).astype(np.float64)
    window = min(SSIM_WINDOW, (min(x.shape) - 1) // 2 * 2 + 1)
    kernel, margin = cv2.getGaussianKernel(window, SSIM_SIGMA, cv2.CV_64F), window // 2

    def average(values: np.ndarray) -> np.ndarray:
        filtered = cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel)
        return filtered[margin : values.shape[0] - margin, margin : values.shape[1] - margin]

    mean_x, mean_y = average(x), average(y)
    variance_x, variance_y = average(x * x) - mean_x**2, average(y * y) - mean_y**2
    covariance = average(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(similarity.mean())


def summarise(values: Iterable[float], seed: int = 0) -> dict[str, float | list[float]]:
    """Median, population standard deviation and the 95 % percentile-bootstrap interval of the median (Efron 1979).

    The bootstrap draws 2000 resamples with a generator seeded by ``seed``; the interval's ends are medians that were
    drawn (no interpolation). An infinite value counts in median and interval as larger than every other; the standard
    deviation is that of the finite values, 0 where there are none.

    Returns ``{"median": float, "std": float, "ci95": [low, high]}`` in the unit of the values. Raises ValueError for
    no values and for NaN.
    """
    values = np.asarray(list(values), dtype=np.float64)
    if not values.size:
        raise ValueError("there are no values to summarise")
    if np.isnan(values).any():
        raise ValueError("a value to summarise is NaN")
    draw = np.random.default_rng(seed)
    # By the hundred: all 2000 resamples of a large folder at once would not fit into memory.
    shape = 100, values.size
    medians = np.concatenate(
        [np.median(values[draw.integers(values.size, size=shape)], axis=1) for _ in range(RESAMPLES // shape[0])]
    )
    finite = values[np.isfinite(values)]
    return {
        "median": float(np.median(values)),
        "std": float(finite.std()) if finite.size else 0.0,
        "ci95": [
            float(np.percentile(medians, 2.5, method="lower")),
            float(np.percentile(medians, 97.5, method="higher")),
        ],
    }


def _check(reference: np.ndarray, picture: np.ndarray) -> None:
    for one in (reference, picture):
        if one.dtype != np.uint8:
            raise TypeError(f"a picture is uint8 RGB in 0..255, not {one.dtype}")
    if reference.shape != picture.shape:
        raise InputError(
            f"The pictures differ in size ({_size(reference)} and {_size(picture)}); only equal sizes can be compared."
        )
    if reference.ndim != 3 or reference.shape[2] != 3 or not reference.size:
        raise InputError(f"A picture has height, width and three channels, not the shape {reference.shape}.")


def _size(picture: np.ndarray) -> str:
    return " × ".join(map(str, picture.shape[1::-1])) if picture.ndim == 3 else str(picture.shape)


def _psnr(reference: np.ndarray, picture: np.ndarray) -> float:
    error = np.mean((reference.astype(np.float64) - picture) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))
