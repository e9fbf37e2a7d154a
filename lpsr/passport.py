"""The passport that every number carries: what it was measured on, how, and with which versions."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lpsr import __version__
from lpsr.degrade import Degradation

_PACKAGES = ("torch", "numpy", "pillow", "opencv-python", "onnxruntime", "paddleocr", "rapidocr")


def packages() -> dict[str, str]:
    """Versions of what takes part in a measurement; packages that are not installed are left out."""
    return {"lpsr": __version__, "python": platform.python_version(), **dict(_installed())}


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    # Asked for once: it takes 0.1 s to search every installed package.
    found = []
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def degradation_facts(degradation: Degradation) -> dict[str, Any]:
    """How LR pictures were made, in the protocol's words."""
    return {
        "scale": degradation.scale,
        "kernel": f"Pillow {degradation.kernel}, 8-bit",
        "blur_sigma_hr_px": degradation.blur,
        "noise_sigma_levels": degradation.noise,
        "jpeg_quality": degradation.jpeg,
        "noise_seed": degradation.seed,
    }
