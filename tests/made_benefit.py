"""A result of ``does-it-help`` made up so that what must be said of it is known."""

import numpy as np

from lpsr.benefit.frames import NONE, VoteCurve
from lpsr.benefit.result import CLASSES, SCALES, WIDTHS, Benefit, Cell, ClassResult, Model, ReaderFacts, outcome

PLATES = 200
MODELS = {"bicubic": "Bicubic", "mse": "MSE", "pecl-manhattan": "PECL-Manhattan"}
READERS = {
    "paddle-onnx": "PaddleOCR on ONNX Runtime, PP-OCRv6 small",
    "plate-hr": "CRNN, HR plates",
    "plate-multiscale": "CRNN, plates of any size",
}


def outcomes(exact: int, n: int = PLATES, sure: int = 0, right: int = 5) -> str:
    """The first ``exact`` plates read exactly, of the others the first ``sure`` wrong and yet confident."""
    return "".join(
        outcome(7, 7, True, True) if k < exact else outcome(7, right, False, k < exact + sure) for k in range(n)
    )


def make_class(name: str, exact: dict[tuple[str, str], int], n: int = PLATES, **facts) -> ClassResult:
    """``exact`` of ``n`` plates by (restorer, reader), the first ones; their order is that of the cells."""
    low = 152 // SCALES[name] if name in SCALES else WIDTHS[name][0]
    cells = [
        Cell(restorer=restorer, reader=reader, outcomes=outcomes(count, n), seconds=0.01)
        for (restorer, reader), count in exact.items()
    ]
    usual = {"name": name, "width": low, "plates": range(n), "characters": "7" * n, "cells": cells}
    return ClassResult(**usual | facts)


def make_benefit(
    classes: dict[str, dict[tuple[str, str], int]] | None = None, n: int = PLATES, votes=None, **facts
) -> Benefit:
    """By class how many of ``n`` plates each pipeline reads exactly. Without any: restoration helps the general reader
    where plates are small and harms nobody, and the multi-scale reader reads LR directly better than all others."""
    if classes is None:
        start = {name: place for place, name in enumerate(CLASSES)}
        general, own, any_size = READERS
        classes = {
            name: {
                (restorer, reader): min(
                    n,
                    {general: 10, own: 14, any_size: 110}[reader]
                    + 22 * at
                    + {NONE: 0, "bicubic": 4}.get(restorer, 0 if reader == any_size else max(0, 80 - 18 * at)),
                )
                for restorer in (NONE, *MODELS)
                for reader in READERS
            }
            for name, at in start.items()
        }
    pipelines = list(next(iter(classes.values())))
    readers, restorers = ([*dict.fromkeys(one[k] for one in pipelines)] for k in (1, 0))
    usual = {
        "command": "python -m lpsr does-it-help --data plates --split test --results",
        "passport": {"data": "made up", "split": "test", "n": n, "checkpoints": {"mse": "ab" * 32}, "threads": 1},
        "crop": "straight",
        "models": [Model(name=name, title=MODELS.get(name, name)) for name in restorers if name != NONE],
        "readers": [
            ReaderFacts(name=name, title=READERS.get(name, name), engine=name, threshold=0.5, calibrated=False)
            for name in readers
        ],
        "classes": [make_class(name, exact, n) for name, exact in classes.items()],
        "votes": votes,
    }
    return Benefit(**usual | facts)


def make_votes(n: int = 40) -> list[VoteCurve]:
    """The general reader without restoration and after "mse", by two votes."""
    found = []
    for at, restorer in enumerate((NONE, "mse")):
        for plus, vote in enumerate(("majority", "confidence")):
            rights = [min(n, 4 + 6 * k + 5 * at + 2 * plus) for k in range(4)]
            found.append(
                VoteCurve(
                    restorer=restorer,
                    reader="paddle-onnx",
                    vote=vote,
                    frames=(1, 3, 5, 10),
                    outcomes=["1" * right + "0" * (n - right) for right in rights],
                )
            )
    return found


def shuffled(text: str, seed: int) -> str:
    """The same outcomes on other plates."""
    return "".join(np.random.default_rng(seed).permutation(list(text)))
