"""The passport that every number carries: what it was measured on, how, and with which versions."""

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lpsr import __version__
from lpsr.degrade import Degradation
from lpsr.metrics.fidelity import MAX_DB

_PACKAGES = ("torch", "numpy", "pillow", "opencv-python", "onnxruntime", "paddleocr", "rapidocr")


def packages() -> dict[str, str]:
    """Versions of what takes part in a measurement; packages that are not installed are left out."""
    return {"lpsr": __version__, "python": platform.python_version(), **dict(_installed())}


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
        "blur_sigma_px": degradation.blur,
        "motion_length_px": degradation.motion,
        "motion_angle_degrees": degradation.angle,
        "blur_at": degradation.blur_at,
        "noise_sigma_levels": degradation.noise,
        "noise_at": degradation.noise_at,
        "noise_seed": degradation.seed,
        "jpeg_quality": degradation.jpeg,
        "jpeg_at": degradation.jpeg_at,
    }


def measurement_facts(reader: str | None, checkpoints: dict[str, str]) -> dict[str, Any]:
    """How pictures were scored, whatever they were: the part that every passport shares.

    Args:
        reader: the engine that read, None where nothing was read.
        checkpoints: SHA-256 of the weights by name.
    """
    return {
        "colour_space": "RGB, 8-bit; luma full-range BT.601",
        "psnr_limit_db": MAX_DB,
        "reader": reader,
        "readings": "text constrained to the form of plates; confidence of the unconstrained text",
        "checkpoints": checkpoints,
        "packages": packages(),
    }
