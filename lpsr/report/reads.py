"""Is what looks better read better, and is a confident reader right? PSNR and confidence against exact reads."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lpsr.report.cards import card_of, is_of
from lpsr.report.claims import commands
from lpsr.report.formats import level, number, percent
from lpsr.report.selection import (
    MANHATTAN,
    SHIPPED,
    TITLES,
    caption,
    comparable,
    file_of,
    loss_of,
    measured,
    scores_of,
    shipped,
)
from lpsr.report.shapes import Band, Figure, Finding, Text, listed
from lpsr.report.statistics import Estimate, auc, bins, median, share
from lpsr.report.tables import characters, known
from lpsr.results import Measurement, Results, RunRecord, Scores

if TYPE_CHECKING:
    from lpsr.checkpoints import Card

FIFTHS, CONFIDENCES = 5, 8
# Right or wrong plates below which an AUC says nothing.
FEW = 10

# The share of something that is right, of a model over the plates of a group.
Rate = Callable[[Scores, NDArray[np.intp]], Estimate]


def figures(results: Results, cards: Sequence["Card"] = ()) -> list[Figure]:
    """A point a model; then, of the shipped checkpoints, whose ``cards`` tell of which runs they were made, PSNR and
    confidence against what was read."""
    test = shipped(results)
    found = [_models(results, cards), *(_within(test) if test else ())]
    return [figure for figure in found if figure]


def _models(results: Results, cards: Sequence["Card"]) -> Figure | None:
    """Median PSNR and share exact of every model that was measured on the same plates."""
    test, runs = shipped(results), measured(results.runs, readings=True)
    if test:
        runs = [run for run in runs if comparable(run.measurement, test, readings=True)]
    # Studies share runs, and checkpoints are made of them; weights count once.
    runs = _distinct(runs, test, cards)
    # Name, colour and scores.
    models: list[tuple[Text, str, Scores]] = []
    if test:
        models += [(caption(name, scores), name, scores) for name, scores in test.models.items()]
    models += [(f"{run.study}: {run.name}", loss_of(run).model, scores_of(run)) for run in runs]
    points = []
    for name, colour, scores in models:
        if scores.psnr is not None and (exact := known(scores.exact)) is not None:
            points.append((name, colour, median(scores.psnr).value, percent(share(exact))))
    if len(points) < 2:
        return None
    apart = [(a[2] - b[2], a[3].value - b[3].value) for a, b in combinations(points, 2)]
    apart = [(psnr, exact) for psnr, exact in apart if psnr and exact]
    same = sum((psnr > 0) == (exact > 0) for psnr, exact in apart)
    best, most = max(points, key=lambda point: point[2]), max(points, key=lambda point: point[3].value)
    values = {"same": str(same), "pairs": str(len(apart)), "models": str(len(points))}
    values |= {"best": best[0], "most": most[0], "psnr": number(best[2], 2), "exact": number(most[3].value, 1)}
    bands = tuple(_band(name, colour, [psnr], [exact]) for name, colour, psnr, exact in points)
    return Figure(
        "psnr_exact_models",
        "psnr_reads",
        Finding("psnr_exact_models"),
        bands,
        Finding("axis_psnr"),
        Finding("axis_exact"),
        "markers",
        Finding("psnr_exact_models_found", values),
        (*([f"{SHIPPED}.json"] if test else []), *map(file_of, runs)),
        "\n".join(filter(None, [test.command if test else "", commands(runs)])),
    )


def _distinct(runs: Sequence[RunRecord], test: Measurement | None, cards: Sequence["Card"]) -> list[RunRecord]:
    """The runs whose weights no earlier run has, nor a checkpoint of ``test``."""
    models = test.models if test else {}
    known = {scores.sha256 for scores in models.values()}
    own = [card for name in models if test and (card := card_of(name, test, cards))]
    found = []
    for run in runs:
        digest = scores_of(run).sha256
        if (digest is None or digest not in known) and not any(is_of(card, run) for card in own):
            known.add(digest)
            found.append(run)
    return found


def _within(test: Measurement) -> list[Figure | None]:
    """By plate: exact reads by fifths of PSNR; plate texts, raw texts and characters that are right by confidence."""

    def exact(scores: Scores, group: NDArray[np.intp]) -> Estimate:
        return share([scores.exact[k] for k in group])

    def raw(scores: Scores, group: NDArray[np.intp]) -> Estimate:
        return share([scores.exact_raw[k] for k in group])

    def right(scores: Scores, group: NDArray[np.intp]) -> Estimate:
        return characters(scores, test, group)

    figures = [_figure("psnr_exact", test, _by(test, "psnr", FIFTHS, exact), "axis_exact", _psnr_found(test))]
    for key, rate in (("exact", exact), ("raw", raw), ("characters", right)):
        bands = _by(test, "confidence", CONFIDENCES, rate)
        figures.append(_figure(f"confidence_{key}", test, bands, f"axis_{key}", _sure(test, key, rate)))
    return figures


def _by(test: Measurement, column: str, count: int, rate: Rate) -> list[Band]:
    """For each model the rate, in %, in groups of plates of like ``column``, at the mean of the group."""
    bands = []
    for name, scores in test.models.items():
        values = getattr(scores, column)
        if values is None or scores.exact is None:
            continue
        # Plates whose text is unknown are in no group.
        values = np.array(
            [np.nan if right is None else value for value, right in zip(values, scores.exact, strict=True)]
        )
        groups = bins(values, count)
        if len(groups) > 1:
            # Confidence is drawn in % like the rates, so that the diagonal means what it says.
            places = [float(values[group].mean()) * (100 if column == "confidence" else 1) for group in groups]
            bands.append(_band(caption(name, scores), name, places, [percent(rate(scores, group)) for group in groups]))
    return bands


def _figure(key: str, test: Measurement, bands: Sequence[Band], y: str, finding: Finding | None) -> Figure | None:
    if not bands or finding is None:
        return None
    confidence = key != "psnr_exact"
    return Figure(
        key,
        "confidence" if confidence else "psnr_reads",
        Finding(key),
        tuple(bands),
        Finding("axis_confidence_percent" if confidence else "axis_psnr"),
        Finding(y),
        "lines",
        finding,
        (f"{SHIPPED}.json",),
        test.command,
        diagonal=confidence,
    )


def subject(test: Measurement) -> str | None:
    """The model that sentences are about: PECL-Manhattan, else the last that restores."""
    restored = [name for name, one in test.models.items() if one.psnr is not None and one.exact is not None]
    return MANHATTAN if MANHATTAN in restored else restored[-1] if restored else None


def _psnr_found(test: Measurement) -> Finding | None:
    name = subject(test)
    if name is None:
        return None
    scores = test.models[name]
    rows = [(psnr, exact) for psnr, exact in zip(scores.psnr, scores.exact, strict=True) if exact is not None]
    psnr, exact = np.array(rows, np.float64).reshape(-1, 2).T
    groups = bins(psnr, FIFTHS)
    area = auc(psnr, exact > 0)
    if len(groups) < 2 or area is None:
        return None
    ends = {end: level(percent(share(exact[groups[at]])), 1) for end, at in (("low", 0), ("high", -1))}
    return Finding("psnr_exact_found", {"model": scores.title, "auc": number(area, 2), **ends})


def _sure(test: Measurement, key: str, rate: Rate) -> Finding | None:
    """Mean confidence beside the rate, by model, and how well confidence tells right from wrong."""
    parts = []
    for name, scores in test.models.items():
        if scores.confidence is None or name not in ("hr", "bicubic", *TITLES):
            continue
        known = np.array([k for k, right in enumerate(scores.exact) if right is not None])
        if not known.size:
            continue
        confidence = np.array(scores.confidence)[known]
        values = {
            "model": caption(name, scores),
            "confidence": number(100 * float(confidence.mean()), 1),
            "right": level(percent(rate(scores, known)), 1),
        }
        exact = np.array(scores.exact, object)[known].astype(bool)
        area = auc(confidence, exact) if key == "exact" and FEW <= exact.sum() <= exact.size - FEW else None
        parts.append(
            Finding("sure_part", values)
            if area is None
            else Finding("sure_part_auc", {**values, "auc": number(area, 2)})
        )
    return Finding(f"confidence_{key}_found", {"parts": listed(parts)}) if parts else None


def _band(name: Text, colour_key: str, x: Sequence[float], points: Sequence[Estimate]) -> Band:
    return Band(
        name,
        colour_key,
        tuple(x),
        tuple(one.value for one in points),
        tuple(one.low for one in points),
        tuple(one.high for one in points),
        tuple(one.n for one in points),
    )
