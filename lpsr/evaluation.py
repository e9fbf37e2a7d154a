"""A folder of plates, many models, one table: the protocol."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lpsr.checkpoints import CHECKPOINTS, load_restorer, read_card, write_card
from lpsr.data.plates import Plate
from lpsr.degrade import PAPER, degrade
from lpsr.errors import InputError
from lpsr.metrics.fidelity import Fidelity, fidelity, summarise
from lpsr.metrics.reading import score_readings, wilson_interval
from lpsr.models.restorer import Restorer
from lpsr.passport import degradation_facts, measurement_facts
from lpsr.readers import Reader, Reading

SEED = 0


def evaluate(
    plates: Sequence[Plate],
    models: Sequence[str | Restorer],
    *,
    data: str,
    split: str | None,
    reader: Reader | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    folder: str | Path = CHECKPOINTS,
) -> dict[str, Any]:
    """Score models on plates by the protocol.

    Args:
        models: "hr" (the plate itself, the ceiling of reading), "bicubic", names of checkpoints in ``folder``, or
            restorers, such as one of a checkpoint elsewhere.
        data, split: what the passport calls the plates.
        reader: None leaves the reading columns out.
        progress: called after each plate; what it raises ends the evaluation.

    Returns ``{"passport": {...}, "models": {name: {"n", "psnr", "psnr_y", "ssim", "ocr_confidence", "n_read", "exact",
    "exact_ci95", "ge6", "ge5", "char_accuracy", "province", "exact_without_province"}}}``; PSNR in dB, the rest in
    [0, 1]; of "hr" the fidelity values are None. Raises InputError for a model that does not exist or a plate that
    cannot be read.
    """
    if not plates:
        raise InputError("There are no plates to evaluate on.")
    # By name; HR needs no restorer.
    restorers: dict[str, Restorer | None] = {}
    for model in models:
        if model == "hr":
            restorers["hr"] = None
        else:
            restorer = load_restorer(model, folder) if isinstance(model, str) else model
            restorers[restorer.name] = restorer
    fidelities: dict[str, list[Fidelity]] = {name: [] for name, one in restorers.items() if one}
    readings: dict[str, list[tuple[str | None, Reading]]] = {name: [] for name in restorers}
    for number, plate in enumerate(plates):
        hr = plate.hr()
        lr = degrade(hr)
        for name, restorer in restorers.items():
            picture = restorer.restore(lr) if restorer else hr
            if restorer:
                fidelities[name].append(fidelity(hr, picture))
            if reader is not None:
                readings[name].append((plate.text, reader.read(picture)))
        progress(number + 1, len(plates))
    passport = {
        "data": data,
        "split": split,
        "n": len(plates),
        "crop": "bounding box of the corners (the whole file where unknown), right and bottom to multiples of 8",
        **degradation_facts(PAPER),
        "seed": SEED,
        **measurement_facts(
            reader and reader.engine, {name: one.sha256 for name, one in restorers.items() if one and one.sha256}
        ),
    }
    scores = {name: {"n": len(plates), **score(fidelities.get(name), readings[name])} for name in restorers}
    return {"passport": passport, "models": scores}


def update_cards(
    result: dict[str, Any], folder: str | Path = CHECKPOINTS, names: Collection[str] | None = None
) -> None:
    """Put the scores of each checkpoint measured, or of those of ``names``, with their passport on its card.

    Raises InputError where a checkpoint was replaced since it was measured.
    """
    passport = result["passport"]
    for name, digest in passport["checkpoints"].items():
        if names is not None and name not in names:
            continue
        card = read_card(name, folder)
        if card.sha256 != digest:
            raise InputError(f"The checkpoint {name} was replaced while it was measured; evaluate it again.")
        test = {"passport": {**passport, "checkpoints": {name: digest}}, **result["models"][name]}
        write_card(card.model_copy(update={"test": test}), folder)


def score(fidelities: Sequence[Fidelity] | None, readings: Sequence[tuple[str | None, Reading]]) -> dict[str, Any]:
    """The scores of one model over many plates, as ``evaluate`` gives them.

    Args:
        fidelities: one a plate; None of what has none, such as HR itself.
        readings: true text (None where unknown) and reading; without any the reading columns are left out.
    """
    scores: dict[str, Any] = dict.fromkeys(("psnr", "psnr_y", "ssim"))
    if fidelities is not None:
        columns = zip(scores, np.transpose(fidelities), strict=True)
        scores = {name: summarise(column, SEED) for name, column in columns}
    if readings:
        scores["ocr_confidence"] = summarise([reading.raw_confidence for _, reading in readings], SEED)
    known = [(text, reading.plate_text) for text, reading in readings if text]
    if known:
        rates = score_readings(known)
        scores |= asdict(rates)
        scores["n_read"] = scores.pop("n")
        scores["exact_ci95"] = list(wilson_interval(round(rates.exact * rates.n), rates.n))
    return scores
