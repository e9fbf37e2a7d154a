"""Figures over iterations: 6, 10, 11, and what equation 17 as printed does when it is trained on."""

from collections.abc import Callable, Sequence

import numpy as np

from lpsr.report.claims import commands
from lpsr.report.formats import count, number, signed
from lpsr.report.selection import MSE, TITLES, Trio, distances, file_of, headline, logged, loss_of, trios
from lpsr.report.shapes import Band, Figure, Finding, Text, listed, sentences
from lpsr.report.statistics import over_runs
from lpsr.results import Results, RunRecord

# dB: from where on a run is near its best.
NEAR = 0.1
_METRICS = {"psnr": "val_psnr", "psnr_y": "val_psnr_y"}


def figures(results: Results) -> list[Figure]:
    """Figure 6 and the contrasts of the headline studies, and the curves of the printed equation."""
    found = trios(results.runs)
    shown = headline(found)
    figures = [figure for trio in shown if (figure := _figure_6(trio))]
    for trio in shown:
        figures += [figure for metric in _METRICS if (figure := _contrast(trio, metric))]
    printed = [trio for trio in found if trio.loss.form == "printed" or trio.loss.weighting == "printed"]
    return figures + _equation_17(printed, results.runs)


def _figure_6(trio: Trio) -> Figure | None:
    curves = {model: [_curve(run, "psnr") for run in runs.values()] for model, runs in trio.runs.items()}
    bands = [_band(TITLES[model], model, several) for model, several in curves.items()]
    bands = [band for band in bands if band.x]
    if not bands:
        return None
    parts = []
    for band in bands:
        iteration, best = _convergence(band)
        parts.append(Finding("reaches", {"model": band.name, "iteration": count(iteration), "psnr": number(best, 2)}))
    runs = _runs(trio)
    return Figure(
        f"figure_6-{trio.study}",
        "figure_6",
        Finding("figure_6", {"study": trio.study}),
        tuple(bands),
        Finding("axis_iterations"),
        Finding("axis_val_psnr"),
        "lines",
        Finding("convergence", {"near": number(NEAR, 1), "parts": listed(parts)}),
        tuple(map(file_of, runs)),
        commands(runs),
        log_x=True,
    )


def _contrast(trio: Trio, metric: str) -> Figure | None:
    """Equation 20 at the iterations where both were validated, in %."""
    bands, runs, parts = [], [], []
    for model in trio.runs:
        pairs = [] if model == MSE else trio.pairs(model, MSE)
        curves = []
        for own, other in pairs:
            above, below = _curve(own, metric), _curve(other, metric)
            curves.append({k: 100 * (above[k] / below[k] - 1) for k in above.keys() & below.keys() if below[k] > 0})
        band = _band(TITLES[model], model, curves)
        if not band.x:
            continue
        bands.append(band)
        runs += [run for pair in pairs for run in pair]
        low, high = (None if ends is None else ends[-1] for ends in (band.low, band.high))
        values = {"model": TITLES[model], "value": signed(band.y[-1], 2), "iteration": count(int(band.x[-1]))}
        if low is None:
            parts.append(Finding("contrast_end", values))
        else:
            ends = f"[{signed(low, 2)}, {signed(high, 2)}]"
            parts.append(Finding("contrast_end_seeds", {**values, "interval": ends, "seeds": str(band.n[-1])}))
    if not bands:
        return None
    return Figure(
        f"contrast_{metric}-{trio.study}",
        "figures_10_11",
        Finding(f"contrast_{metric}", {"study": trio.study}),
        tuple(bands),
        Finding("axis_iterations"),
        Finding("axis_contrast"),
        "lines",
        sentences(parts),
        tuple(dict.fromkeys(map(file_of, runs))),
        commands(runs),
        log_x=True,
    )


def _equation_17(printed: Sequence[Trio], records: Sequence[RunRecord]) -> list[Figure]:
    """D, w_pixel and PSNR along the runs with the form or the weighting as printed, and others of their studies."""
    figures = []
    for study in dict.fromkeys(trio.study for trio in printed):
        runs = [run for run in records if run.study == study]
        form = [run for run in runs if loss_of(run).form == "printed"]
        weighting = [run for run in runs if loss_of(run).weighting == "printed"]
        figures += [
            _paths("distance", study, runs, form, distances),
            _paths("w_pixel", study, runs, weighting, _weights),
            _paths("psnr", study, runs, form or weighting, _validations),
        ]
    return [figure for figure in figures if figure]


def _paths(
    column: str,
    study: str,
    runs: Sequence[RunRecord],
    asked: Sequence[RunRecord],
    points_of: Callable[[RunRecord], dict[int, float]],
) -> Figure | None:
    """One value along all runs that have it; the sentence is about those ``asked``."""
    series = [(run, points) for run in runs if (points := points_of(run))]
    parts = [Finding("path", {"run": run.name, **_ends(points, column)}) for run, points in series if run in asked]
    if not parts:
        return None
    shown = [run for run, _ in series]
    values = {"parts": listed(parts), "margin": number(loss_of(asked[0]).margin or 0, 0)}
    return Figure(
        f"{column}-{study}",
        "equation_17",
        Finding(f"equation_17_{column}", {"study": study}),
        tuple(_band(run.name, run.name, [points]) for run, points in series),
        Finding("axis_iterations"),
        Finding("axis_val_psnr" if column == "psnr" else f"axis_{column}"),
        "lines",
        Finding(f"paths_{column}", values),
        tuple(map(file_of, shown)),
        commands(shown),
        log_x=True,
    )


def _ends(points: dict[int, float], column: str) -> dict[str, str]:
    digits = 2 if column == "psnr" else 3
    return {"first": number(points[min(points)], digits), "last": number(points[max(points)], digits)}


def _weights(run: RunRecord) -> dict[int, float]:
    return {} if loss_of(run).model == MSE else logged(run, "w_pixel")


def _validations(run: RunRecord) -> dict[int, float]:
    return _curve(run, "psnr")


def _runs(trio: Trio) -> list[RunRecord]:
    return [run for runs in trio.runs.values() for run in runs.values()]


def _curve(run: RunRecord, metric: str) -> dict[int, float]:
    """Validated values by iteration, those before the first step left out: a log axis has no place for them."""
    values = zip(run.curve["iteration"], run.curve.get(_METRICS[metric], ()), strict=False)
    return {int(k): value for k, value in values if k > 0}


def _band(name: Text, colour_key: str, curves: Sequence[dict[int, float]]) -> Band:
    """Mean of the curves of several seeds with its t interval, at the iterations that all curves with points have."""
    curves = [curve for curve in curves if curve] or [{}]
    common = sorted(set.intersection(*map(set, curves)))
    points = [over_runs([curve[k] for curve in curves]) for k in common]
    several = len(curves) > 1
    return Band(
        name,
        colour_key,
        tuple(map(float, common)),
        tuple(value for value, _, _ in points),
        tuple(low for _, low, _ in points) if several else None,
        tuple(high for _, _, high in points) if several else None,
        (len(curves),) * len(common),
    )


def _convergence(band: Band) -> tuple[int, float]:
    """The first iteration within ``NEAR`` of the best, and the best."""
    best = max(band.y)
    return int(band.x[int(np.argmax(np.array(band.y) >= best - NEAR))]), best
