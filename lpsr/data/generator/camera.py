"""Light falling on the scene, and what a phone-like camera makes of it. Pictures here are float32 RGB, 0 to 255."""

from math import cos, sin

import cv2
import numpy as np

from lpsr.data.generator.style import Values
from lpsr.degrade import motion_kernel


def light(picture: np.ndarray, values: Values, rng: np.random.Generator) -> np.ndarray:
    """Exposure, slope, cast shadow, glare, colour cast, saturation and haze."""
    height, width = picture.shape[:2]
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None]
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    amount = values.exposure * (1 + values.light_slope * (cos(angle) * x + sin(angle) * y))
    angle, offset, softness = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3), rng.uniform(0.01, 0.06)
    if values.shadow > 0:
        across = cos(angle) * x + sin(angle) * y * height / width - offset
        amount = amount * (1 - values.shadow * np.clip(across / softness + 0.5, 0, 1))
    gains = np.array([1 + 0.16 * values.warmth, 1.0, 1 - 0.2 * values.warmth])
    gains *= np.array([1 - 0.22 * values.green_cast, 1 + 0.12 * values.green_cast, 1 - 0.2 * values.green_cast])
    picture = picture * (amount[..., None] * gains.astype(np.float32))
    centre_x, centre_y, spread = rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), rng.uniform(0.01, 0.06)
    if values.glare > 0:
        blob = np.exp(-((x - centre_x) ** 2 + ((y - centre_y) * height / width) ** 2) / spread)
        picture += (170 * values.glare * blob)[..., None]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    picture += (grey[..., None] - picture) * (1 - values.saturation)
    veil = np.float32(150 * min(values.exposure, 1.2))
    picture += (veil - picture) * values.haze
    # Highlights roll off instead of clipping at once: 0 above 200 stays, 90 becomes 40, the rest nears 255.
    over = np.maximum(picture - 200, 0)
    return picture - over + over / (1 + over / 72)


def photograph(picture: np.ndarray, values: Values, rng: np.random.Generator) -> np.ndarray:
    """Defocus, motion blur, noise, sharpening and the camera's JPEG; returns ``(H, W, 3)`` uint8."""
    direction = rng.uniform(0, np.pi)
    grain_size, phase_x, phase_y = rng.uniform(0.3, 0.8), int(rng.integers(8)), int(rng.integers(8))
    if values.defocus > 0.05:
        picture = cv2.GaussianBlur(picture, (0, 0), values.defocus, borderType=cv2.BORDER_REFLECT_101)
    if values.motion > 1:
        kernel = motion_kernel(values.motion, direction)
        picture = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    if values.noise > 0:
        grain = rng.standard_normal(picture.shape, np.float32) * np.float32([1.0, 0.8, 1.1])
        # Demosaicking and denoising leave grain coarser than a pixel.
        picture = picture + cv2.GaussianBlur(grain, (0, 0), grain_size) * (values.noise * (1 + grain_size))
    if values.sharpening > 0:
        picture = picture + (picture - cv2.GaussianBlur(picture, (0, 0), 1.2)) * values.sharpening
    picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return jpeg(picture, int(values.jpeg), phase_x, phase_y) if values.jpeg <= 100 else picture


def jpeg(picture: np.ndarray, quality: int, phase_x: int, phase_y: int) -> np.ndarray:
    """Encode and decode with the 8 × 8 grid at a given phase: the crop was cut from a larger photo."""
    height, width = picture.shape[:2]
    padded = cv2.copyMakeBorder(picture, phase_y, 8, phase_x, 8, cv2.BORDER_REFLECT_101)
    _, code = cv2.imencode(".jpg", padded[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)[phase_y : phase_y + height, phase_x : phase_x + width, ::-1]
    return np.ascontiguousarray(decoded)
