"""One plate, many models: everything the Compare page shows, in one value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lpsr.calibration import load_calibration
from lpsr.checkpoints import CHECKPOINTS, ORDER, RESERVED, known_models, load_restorer
from lpsr.degrade import PAPER, Degradation, degrade, enlarge
from lpsr.errors import InputError
from lpsr.evidence import Verdict, weigh
from lpsr.images import crop_to_multiple, reduced
from lpsr.metrics.consistency import Consistency, consistency
from lpsr.metrics.fidelity import fidelity
from lpsr.passport import degradation_facts, measurement_facts
from lpsr.readers import Reader, Reading

DEFAULT_MODELS = ("bicubic", *ORDER)
# Larger pictures are reduced first: a plate has no use for more, and the time grows with the pixels.
MAX_HR_SIDE = 640
# LR pixels that may be restored directly; 128 × 64 becomes 1024 × 512.
MAX_DIRECT_PIXELS = 128 * 64


@dataclass(frozen=True)
class Result:
    """One picture of a comparison; without an HR plate, or of HR itself, the fidelity values are None.

    Attributes:
        name, title: "hr", "lr", "bicubic" or a checkpoint's; the caption.
        picture: ``(H, W, 3)`` uint8 at HR size (LR enlarged by nearest neighbour).
        psnr, psnr_y: dB. ssim_y: [-1, 1]. gain: PSNR over bicubic, dB.
        consistency: the picture, degraded again, against LR; None for LR itself.
        reading: what the reader made of it, None where nothing was read.
    """

    name: str
    title: str
    picture: np.ndarray
    psnr: float | None = None
    psnr_y: float | None = None
    ssim_y: float | None = None
    gain: float | None = None
    consistency: Consistency | None = None
    reading: Reading | None = None

    def to_json(self) -> dict[str, Any]:
        """As the API gives it: without the picture."""
        return {
            "name": self.name,
            "psnr": self.psnr,
            "psnr_y": self.psnr_y,
            "ssim": self.ssim_y,
            "gain": self.gain,
            "consistency_rmse": self.consistency and self.consistency.rmse,
            "reading": self.reading and self.reading.to_json(),
        }


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` found; ``results`` in the one order: HR (where there is one), LR, bicubic, then the models.

    Attributes:
        lr: ``(h, w, 3)`` uint8, at its own size.
        results: one a picture, all of HR size.
        degradation: HR to LR; None where a small picture was restored directly.
        text: the true text where known.
        corners: of the plate in pixels of the results, ``(4, 2)`` float32 clockwise from top left, where known.
        passport: how everything was made and measured.
        reduced_from: ``(width, height)`` of a picture that was too large.
        verdict: what the readings of the restorations support; None where nothing was read.
        reader: its name in ``lpsr.readers.READERS``; empty where nothing was read.
        threshold: as the reader's.
    """

    lr: np.ndarray
    results: tuple[Result, ...]
    degradation: Degradation | None
    text: str | None
    corners: np.ndarray | None
    passport: dict[str, Any]
    reduced_from: tuple[int, int] | None = None
    verdict: Verdict | None = None
    reader: str = ""
    threshold: float | None = None

    @property
    def hr(self) -> np.ndarray | None:
        """``(H, W, 3)`` uint8, None where a small picture was restored directly."""
        return self.results[0].picture if self.results[0].name == "hr" else None

    @property
    def restorations(self) -> tuple[Result, ...]:
        """The results of checkpoints, in their order: what is neither HR nor LR nor bicubic."""
        return tuple(result for result in self.results if result.name not in RESERVED)

    def to_json(self) -> dict[str, Any]:
        """The API's answer; ``hr_size`` is None where there is no HR."""
        size = None if self.hr is None else [self.hr.shape[1], self.hr.shape[0]]
        return {
            "hr_size": size,
            "lr_size": [self.lr.shape[1], self.lr.shape[0]],
            "text": self.text,
            "reduced_from": self.reduced_from,
            "models": [result.to_json() for result in self.results],
            "verdict": self.verdict and self.verdict.to_json(),
            "passport": self.passport,
        }


def compare(
    picture: np.ndarray,
    models: Sequence[str] | None = None,
    *,
    degradation: Degradation = PAPER,
    direct: bool = False,
    text: str | None = None,
    corners: np.ndarray | None = None,
    crop: str | None = None,
    folder: str | Path = CHECKPOINTS,
) -> Comparison:
    """Degrade a plate and restore it with every model, by the protocol of evaluation; ``read`` then reads it.

    Args:
        picture: the HR plate ``(H, W, 3)`` uint8, cropped here at right and bottom to multiples of 8; with ``direct``
            the LR plate itself.
        models: names that ``load_restorer`` takes; None is bicubic and every shipped checkpoint that is there.
        degradation: HR to LR; its scale must be 8.
        text: the true text, where known.
        corners: of the plate in pixels of ``picture``, ``(4, 2)`` clockwise from top left, where known.
        crop: how ``picture`` was cut, for the passport.

    Raises InputError for a picture that is too small or (``direct``) too large, or a model that does not exist.
    """
    if models is None:
        models = [name for name in known_models(folder) if name in DEFAULT_MODELS]
    scale = degradation.scale
    if scale != PAPER.scale:
        raise InputError(f"The models restore ×{PAPER.scale}; a degradation of ×{scale} cannot be compared.")
    restorers = [load_restorer(name, folder) for name in models]
    hr = reduced_from = None
    if direct:
        lr = picture
        if corners is not None:
            corners = np.float32(corners) * scale
        if lr.shape[0] * lr.shape[1] > MAX_DIRECT_PIXELS:
            raise InputError(
                f"The picture is {lr.shape[1]} × {lr.shape[0]} pixels, too large to be restored directly (at most "
                f"{MAX_DIRECT_PIXELS} pixels, such as 128 × 64); crop it to the plate or let it be degraded first."
            )
    else:
        if min(picture.shape[:2]) < scale:
            raise InputError(
                f"The plate is {picture.shape[1]} × {picture.shape[0]} pixels, too small to be degraded ×{scale}; "
                "restore it directly."
            )
        hr = reduced(picture, MAX_HR_SIDE)
        reduced_from = None if hr is picture else (picture.shape[1], picture.shape[0])
        if corners is not None:
            corners = np.float32(corners) * (hr.shape[1] / picture.shape[1], hr.shape[0] / picture.shape[0])
        hr = crop_to_multiple(hr, scale)
        lr = degrade(hr, degradation)

    shown = [] if hr is None else [Result("hr", "HR", hr)]
    shown.append(Result("lr", "LR", enlarge(lr, scale, "nearest")))
    shown += [Result(one.name, one.title, one.restore(lr)) for one in restorers]
    if hr is not None:
        shown[1:] = [replace(result, **fidelity(hr, result.picture)._asdict()) for result in shown[1:]]
        measured = {result.name: result.psnr for result in shown}
        reference = measured["bicubic"] if "bicubic" in measured else fidelity(hr, enlarge(lr, scale)).psnr
        shown[1:] = [replace(result, gain=result.psnr - reference) for result in shown[1:]]
    # How a picture restored directly became small nobody knows; the paper's degradation is what the models assume.
    again = PAPER if direct else degradation
    shown = [
        result if result.name == "lr" else replace(result, consistency=consistency(result.picture, lr, again))
        for result in shown
    ]
    passport = {
        "source": "a single picture" + (", restored directly" if direct else ""),
        "reduced_from": reduced_from and f"{reduced_from[0]} × {reduced_from[1]} pixels, OpenCV area",
        "crop": "; ".join(filter(None, (crop, None if direct else "right and bottom to multiples of 8"))) or "none",
        **({} if direct else degradation_facts(degradation)),
        "consistency": "degraded again without noise" + (", by bicubic ×8 (assumed)" if direct else ""),
        **measurement_facts(None, {one.name: one.sha256 for one in restorers if one.sha256}),
    }
    return Comparison(lr, tuple(shown), None if direct else degradation, text, corners, passport, reduced_from)


def unread(comparison: Comparison) -> Comparison:
    """The comparison as it was before ``read``."""
    results = tuple(replace(result, reading=None) for result in comparison.results)
    passport = {**comparison.passport, "reader": None}
    return replace(comparison, results=results, passport=passport, verdict=None, reader="", threshold=None)


def read(comparison: Comparison, reader: Reader, folder: str | Path = CHECKPOINTS) -> Comparison:
    """The comparison with a reading of every picture, and the verdict by the calibration in ``folder``.

    The reading of HR is no evidence; where the true text is unknown, its length tells whether the calibration applies.
    """
    results = tuple(replace(result, reading=reader.read(result.picture)) for result in comparison.results)
    passport = {**comparison.passport, "reader": reader.engine}
    found = replace(comparison, results=results, passport=passport, reader=reader.name, threshold=reader.threshold)
    known = found.text or (results[0].reading.plate_text if found.hr is not None else None)
    verdict = weigh(
        {one.name: one.reading for one in found.restorations},
        {one.name: one.consistency.rmse for one in found.restorations},
        width=found.lr.shape[1],
        length=None if known is None else len(known),
        checkpoints=passport["checkpoints"],
        degradation=found.degradation,
        reader=reader.engine,
        calibration=load_calibration(folder),
    )
    return replace(found, verdict=verdict)
