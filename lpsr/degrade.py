"""From HR to LR: the paper's degradation (bicubic ×8 and nothing else), and options beyond it."""

from dataclasses import dataclass
from math import radians
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
# Where blur, noise and JPEG may happen, seen from the downscaling.
PLACES = ("before", "after")


@dataclass(frozen=True)
class Degradation:
    """How an HR picture becomes an LR picture.

    Blur, noise and JPEG each happen before the downscaling (in the optics, the sensor, the recording of a camera that
    sees the plate large) or after it (in a copy that was made small first); on either side in this order: Gaussian
    blur, motion blur, noise, JPEG. Lengths are in pixels of the picture they are applied to: HR pixels before, LR
    pixels after.

    Attributes:
        scale: downscaling factor, 2 to 16; the paper's is 8.
        kernel: Pillow resampling filter, a key of ``KERNELS``.
        blur: σ of a Gaussian, 0 to 50 pixels; 0 is none.
        motion: length of a straight motion blur, 0 to 50 pixels; below 1 is none.
        angle: its direction in degrees, 0 is along the plate, positive is clockwise.
        noise: σ of Gaussian noise, 0 to 255 8-bit levels; 0 is none.
        jpeg: JPEG quality 1..100; None is none.
        blur_at, noise_at, jpeg_at: "before" or "after"; ``blur_at`` is that of the motion, too.
        seed: of the noise, not negative.

    Raises InputError for a value outside these ranges.
    """

    scale: int = SCALE
    kernel: str = "bicubic"
    blur: float = 0.0
    motion: float = 0.0
    angle: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    blur_at: str = "before"
    noise_at: str = "after"
    jpeg_at: str = "after"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise InputError(f"There is no kernel {self.kernel!r}; choose one of {', '.join(KERNELS)}.")
        if not isinstance(self.scale, Integral) or not 2 <= self.scale <= 16:
            raise InputError(f"The scale must be a whole number between 2 and 16, not {self.scale}.")
        if not 0 <= self.blur <= 50:
            raise InputError(f"The blur σ must be between 0 and 50 pixels, not {self.blur}.")
        if not 0 <= self.motion <= 50:
            raise InputError(f"The length of the motion must be between 0 and 50 pixels, not {self.motion}.")
        if not -360 <= self.angle <= 360:
            raise InputError(f"The angle of the motion must be between -360 and 360 degrees, not {self.angle}.")
        if not 0 <= self.noise <= 255:
            raise InputError(f"The noise σ must be between 0 and 255 levels, not {self.noise}.")
        if self.jpeg is not None and not (isinstance(self.jpeg, Integral) and 1 <= self.jpeg <= 100):
            raise InputError(f"The JPEG quality must be a whole number between 1 and 100, not {self.jpeg}.")
        for name in ("blur_at", "noise_at", "jpeg_at"):
            if getattr(self, name) not in PLACES:
                raise InputError(f"{name} must be 'before' or 'after' the downscaling, not {getattr(self, name)!r}.")
        if not isinstance(self.seed, Integral) or self.seed < 0:
            raise InputError(f"The seed must be a whole number of at least 0, not {self.seed}.")


PAPER = Degradation()
# What a plate goes through on its way into a low-resolution picture. Brightness stays, so that PSNR stays comparable.
PRESETS = {
    "paper": PAPER,
    # A long exposure in little light: soft, grainy, recorded sparingly.
    "night": Degradation(blur=2.0, noise=8.0, jpeg=70),
    # A recorder that keeps many hours: the small picture is compressed hard.
    "cctv": Degradation(kernel="area", blur=1.0, noise=2.0, jpeg=35),
    # A car that drives past: about one and a half LR pixels along the plate.
    "motion": Degradation(motion=13.0),
}


def degrade(hr: np.ndarray, degradation: Degradation = PAPER) -> np.ndarray:
    """Degrade ``hr``, ``(H, W, 3)`` uint8, to ``(H // s, W // s, 3)`` uint8.

    Sides that are no multiples of the scale are cropped at right and bottom first. Raises InputError where the
    picture is smaller than the scale.
    """
    picture = _spoil(crop_to_multiple(hr, degradation.scale), degradation, "before")
    size = picture.shape[1] // degradation.scale, picture.shape[0] // degradation.scale
    lr = np.asarray(Image.fromarray(picture).resize(size, KERNELS[degradation.kernel]))
    return _spoil(lr, degradation, "after")


def _spoil(picture: np.ndarray, degradation: Degradation, place: str) -> np.ndarray:
    """Blur, motion, noise and JPEG, those that happen at this place."""
    if degradation.blur_at == place:
        if degradation.blur:
            picture = cv2.GaussianBlur(picture, (0, 0), degradation.blur, borderType=cv2.BORDER_REFLECT_101)
        if degradation.motion >= 1:
            kernel = motion_kernel(degradation.motion, radians(degradation.angle))
            picture = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    if degradation.noise_at == place and degradation.noise:
        noise = np.random.default_rng(degradation.seed).normal(0, degradation.noise, picture.shape)
        picture = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
    if degradation.jpeg_at == place and degradation.jpeg is not None:
        _, code = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, degradation.jpeg])
        picture = np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])
    return picture


def motion_kernel(length: float, direction: float) -> np.ndarray:
    """A straight line of ``length`` pixels (at least 1) in ``direction`` (radians), slightly softened, that sums to 1.

    It is drawn on whole pixels, so its centre of mass may lie up to one pixel beside the middle.

    Returns ``(k, k)`` float32 with k odd.
    """
    side = int(np.ceil(length)) // 2 * 2 + 3
    kernel = np.zeros((side, side), np.float32)
    centre = (side - 1) / 2
    reach = np.array([np.cos(direction), np.sin(direction)]) * (length - 1) / 2
    start, end = ((np.array([centre, centre]) + sign * reach) * 16 for sign in (-1, 1))
    start, end = (tuple(np.rint(point).astype(int).tolist()) for point in (start, end))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_8, 4)
    kernel = cv2.GaussianBlur(kernel, (3, 3), 0.5)
    return kernel / kernel.sum()


def enlarge(lr: np.ndarray, scale: int = SCALE, kernel: str = "bicubic") -> np.ndarray:
    """Enlarge ``(h, w, 3)`` uint8 to ``(h·s, w·s, 3)`` uint8 with a Pillow filter: the bicubic baseline, or "nearest".

    Raises InputError for a kernel that is not in ``KERNELS``.
    """
    if kernel not in KERNELS:
        raise InputError(f"There is no kernel {kernel!r}; choose one of {', '.join(KERNELS)}.")
    size = lr.shape[1] * scale, lr.shape[0] * scale
    return np.asarray(Image.fromarray(lr).resize(size, KERNELS[kernel]))
