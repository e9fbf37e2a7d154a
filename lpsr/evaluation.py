"""A folder of plates, many models, one table: the protocol."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from lpsr.checkpoints import CHECKPOINTS, load_restorer, read_card, write_card
from lpsr.data.plates import CROPS, Crop, Plate
from lpsr.degrade import PAPER, degrade
from lpsr.errors import InputError
from lpsr.metrics.fidelity import Fidelity, fidelity, summarise
from lpsr.metrics.reading import Judgement, judge, rates, wilson_interval
from lpsr.model_card import write_model_card
from lpsr.models.restorer import Restorer
from lpsr.passport import degradation_facts, measurement_facts
from lpsr.readers import Reader, Reading
from lpsr.results import Measurement, Plates, Scores

SEED = 0
# What stands on every card beside the checkpoint's own scores, where it was measured too.
BESIDE = ("hr", "bicubic")
# Plates that a province needs for a row of its own; those with fewer are counted together.
ENOUGH, OTHERS = 10, "others"


def measure(
    plates: Sequence[Plate],
    models: Sequence[str | Restorer],
    *,
    data: str,
    split: str | None,
    reader: Reader | None = None,
    crop: Crop = "box",
    progress: Callable[[int, int], None] = lambda done, total: None,
    folder: str | Path = CHECKPOINTS,
    command: str = "",
) -> Measurement:
    """Measure models on plates by the protocol, plate by plate.

    Args:
        models: "hr" (the plate itself, the ceiling of reading), "bicubic", names of checkpoints in ``folder``, or
            restorers, such as one of a checkpoint elsewhere.
        data, split: what the passport calls the plates.
        reader: None leaves the reading columns out.
        crop: how HR is cut; the protocol's is "box".
        progress: called after each plate; what it raises ends the measurement.
        command: what the measurement says made it.

    Raises InputError for a model that does not exist or a plate that cannot be read.
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
    sizes: list[tuple[int, int]] = []
    for number, plate in enumerate(plates):
        hr = plate.cut(crop)
        lr = degrade(hr)
        sizes.append(hr.shape[:2])
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
        "crop": CROPS[crop],
        **degradation_facts(PAPER),
        "seed": SEED,
        **measurement_facts(
            reader and reader.engine, {name: one.sha256 for name, one in restorers.items() if one and one.sha256}
        ),
    }
    return Measurement(
        command=command,
        passport=passport,
        plates=_describe(plates, sizes),
        models={
            name: Scores(
                title=one.title if one else "HR",
                sha256=one.sha256 if one else None,
                **_columns(fidelities.get(name), readings[name]),
            )
            for name, one in restorers.items()
        },
    )


def evaluate(plates: Sequence[Plate], models: Sequence[str | Restorer], **options: Any) -> dict[str, Any]:
    """``measure`` in short, its arguments the same; what it gives is that of ``summarise_measurement``."""
    return summarise_measurement(measure(plates, models, **options))


def summarise_measurement(measurement: Measurement) -> dict[str, Any]:
    """The scores of each model over all plates.

    Returns ``{"passport": {...}, "models": {name: {"n", "psnr", "psnr_y", "ssim", "ocr_confidence", "n_read", "exact",
    "exact_ci95", "ge6", "ge5", "char_accuracy", "province", "exact_without_province"}}}``; PSNR in dB, the rest in
    [0, 1]; of "hr" the fidelity values are None.
    """
    plates = measurement.plates
    scores = {
        name: {"n": len(plates.width), **_summarise(scores, plates.characters)}
        for name, scores in measurement.models.items()
    }
    return {"passport": measurement.passport, "models": scores}


def update_cards(
    measurement: Measurement, folder: str | Path = CHECKPOINTS, names: Collection[str] | None = None
) -> None:
    """Put the scores of each checkpoint measured, or of those of ``names``, on its cards, over all plates and by
    province, with their passport and those of HR and bicubic where they were measured too.

    Raises InputError where a checkpoint was replaced since it was measured.
    """
    models, passport = summarise_measurement(measurement)["models"], measurement.passport
    beside = {name: models[name] for name in BESIDE if name in models}
    for name, digest in passport["checkpoints"].items():
        if names is not None and name not in names:
            continue
        card = read_card(name, folder)
        if card.sha256 != digest:
            raise InputError(f"The checkpoint {name} was replaced while it was measured; evaluate it again.")
        test = {"passport": {**passport, "checkpoints": {name: digest}}, **models[name], "beside": beside}
        test["provinces"] = by_province(measurement.plates, measurement.models[name])
        write_card(card.model_copy(update={"test": test}), folder)
        write_model_card(name, folder)


def by_province(plates: Plates, scores: Scores) -> list[dict[str, Any]]:
    """``{"name", "n", "psnr"}`` of each province with enough plates, the most frequent first, then of the others
    together, and with readings ``"n_read"``, ``"exact"`` and ``"province"``. Empty where that makes no two groups."""
    counts = Counter(province for province in plates.province if province)
    own = [province for province, count in counts.most_common() if count >= ENOUGH]
    groups: dict[str, list[int]] = {name: [] for name in [*own, OTHERS]}
    for index, province in enumerate(plates.province):
        if province:
            groups[province if province in own else OTHERS].append(index)
    found = []
    for name, members in groups.items():
        if not members:
            continue
        group: dict[str, Any] = {"name": name, "n": len(members)}
        if scores.psnr is not None:
            group["psnr"] = summarise([scores.psnr[index] for index in members], SEED)
        if scores.exact is not None and scores.province is not None:
            group["n_read"] = len(members)
            group["exact"] = sum(bool(scores.exact[index]) for index in members) / len(members)
            group["province"] = sum(bool(scores.province[index]) for index in members) / len(members)
        found.append(group)
    return found if len(found) > 1 else []


def score(fidelities: Sequence[Fidelity] | None, readings: Sequence[tuple[str | None, Reading]]) -> dict[str, Any]:
    """The scores of one model over many plates, as ``evaluate`` gives them.

    Args:
        fidelities: one a plate; None of what has none, such as HR itself.
        readings: true text (None where unknown) and reading; without any the reading columns are left out.
    """
    scores = Scores(title="", sha256=None, **_columns(fidelities, readings))
    return _summarise(scores, [_length(text) for text, _ in readings])


def _describe(plates: Sequence[Plate], sizes: Sequence[tuple[int, int]]) -> Plates:
    return Plates(
        width=[width for _, width in sizes],
        height=[height for height, _ in sizes],
        characters=[_length(plate.text) for plate in plates],
        province=[plate.text[0] if plate.text else None for plate in plates],
        brightness=[_number(plate.extra.get("brightness")) for plate in plates],
        blurriness=[_number(plate.extra.get("blurriness")) for plate in plates],
        kind=[plate.extra.get("kind", "") for plate in plates],
    )


def _columns(
    fidelities: Sequence[Fidelity] | None, readings: Sequence[tuple[str | None, Reading]]
) -> dict[str, list[Any] | None]:
    """The columns of ``Scores``."""
    columns: dict[str, list[Any] | None] = dict.fromkeys(("psnr", "psnr_y", "ssim"))
    if fidelities is not None:
        columns = dict(zip(columns, map(list, zip(*fidelities, strict=True)), strict=True))
    if not readings:
        return columns
    judged = [judge(text, reading.plate_text) if text else None for text, reading in readings]
    for key in ("right", "exact", "province", "exact_without_province"):
        columns[key] = [one and getattr(one, key) for one in judged]
    columns["exact_raw"] = [judge(text, reading.raw_text).exact if text else None for text, reading in readings]
    columns["confidence"] = [reading.raw_confidence for _, reading in readings]
    return columns


def _summarise(scores: Scores, characters: Sequence[int | None]) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: None if column is None else summarise(column, SEED)
        for key, column in (("psnr", scores.psnr), ("psnr_y", scores.psnr_y), ("ssim", scores.ssim))
    }
    if scores.confidence is None:
        return found
    found["ocr_confidence"] = summarise(scores.confidence, SEED)
    places = scores.right, scores.exact, scores.province, scores.exact_without_province
    judged = [Judgement(*one) for one in zip(characters, *places, strict=True) if one[0] is not None]
    if judged:
        share = rates(judged)
        found |= asdict(share)
        found["n_read"] = found.pop("n")
        found["exact_ci95"] = list(wilson_interval(round(share.exact * share.n), share.n))
    return found


def _length(text: str | None) -> int | None:
    return len(text) if text else None


def _number(text: str | None) -> float | None:
    """The number of an index's cell; None for what is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) else None
