"""From HR to LR: the paper's degradation (bicubic ×8 and nothing else), and options beyond it."""

from dataclasses import dataclass
from numbers import Integral

import cv2
import numpy as np
from PIL import Image

from lpsr.errors import InputError
from lpsr.images import crop_to_multiple

KERNELS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}
SCALE = 8


@dataclass(frozen=True)
class Degradation:
    """How an HR picture becomes an LR picture, in this order: blur, downscale, noise, JPEG.

    Attributes:
        scale: downscaling factor, 2 to 16; the paper's is 8.
        kernel: Pillow resampling filter, a key of ``KERNELS``.
        blur: σ of a Gaussian applied to the HR picture, in HR pixels; 0 is none.
        noise: σ of Gaussian noise added to the LR picture, in 8-bit levels; 0 is none.
        jpeg: JPEG quality 1..100 of the LR picture; None is none.
        seed: of the noise, not negative.

    Raises InputError for a value outside these ranges.
    """

    scale: int = SCALE
    kernel: str = "bicubic"
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise InputError(f"There is no kernel {self.kernel!r}; choose one of {', '.join(KERNELS)}.")
        if not isinstance(self.scale, Integral) or not 2 <= self.scale <= 16:
            raise InputError(f"The scale must be a whole number between 2 and 16, not {self.scale}.")
        if not 0 <= self.blur <= 50:
            raise InputError(f"The blur σ must be between 0 and 50 HR pixels, not {self.blur}.")
        if not 0 <= self.noise <= 255:
            raise InputError(f"The noise σ must be between 0 and 255 levels, not {self.noise}.")
        if self.jpeg is not None and not (isinstance(self.jpeg, Integral) and 1 <= self.jpeg <= 100):
            raise InputError(f"The JPEG quality must be a whole number between 1 and 100, not {self.jpeg}.")
        if not isinstance(self.seed, Integral) or self.seed < 0:
            raise InputError(f"The seed must be a whole number of at least 0, not {self.seed}.")


PAPER = Degradation()


def degrade(hr: np.ndarray, degradation: Degradation = PAPER) -> np.ndarray:
    """Degrade ``hr``, ``(H, W, 3)`` uint8, to ``(H // s, W // s, 3)`` uint8.

    Sides that are no multiples of the scale are cropped at right and bottom first. Raises InputError where the
    picture is smaller than the scale.
    """
    picture = crop_to_multiple(hr, degradation.scale)
    if degradation.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), degradation.blur, borderType=cv2.BORDER_REFLECT_101)
    size = picture.shape[1] // degradation.scale, picture.shape[0] // degradation.scale
    lr = np.asarray(Image.fromarray(picture).resize(size, KERNELS[degradation.kernel]))
    if degradation.noise:
        noise = np.random.default_rng(degradation.seed).normal(0, degradation.noise, lr.shape)
        lr = np.clip(np.rint(lr + noise), 0, 255).astype(np.uint8)
    if degradation.jpeg is not None:
        _, code = cv2.imencode(".jpg", lr[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, degradation.jpeg])
        lr = np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])
    return lr


def enlarge(lr: np.ndarray, scale: int = SCALE, kernel: str = "bicubic") -> np.ndarray:
    """Enlarge ``(h, w, 3)`` uint8 to ``(h·s, w·s, 3)`` uint8 with a Pillow filter: the bicubic baseline, or "nearest".

    Raises InputError for a kernel that is not in ``KERNELS``.
    """
    if kernel not in KERNELS:
        raise InputError(f"There is no kernel {kernel!r}; choose one of {', '.join(KERNELS)}.")
    size = lr.shape[1] * scale, lr.shape[0] * scale
    return np.asarray(Image.fromarray(lr).resize(size, KERNELS[kernel]))
