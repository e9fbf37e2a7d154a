"""Figures 8 and 9: PSNR, PSNR_Y, confidence and exact reads against the embedding's dimension d."""

from collections.abc import Sequence

from lpsr.report import paper
from lpsr.report.claims import commands, where
from lpsr.report.formats import change, level, percent
from lpsr.report.selection import (
    EUCLIDEAN,
    MANHATTAN,
    MSE,
    TITLES,
    Trio,
    differences,
    file_of,
    measured,
    scores_of,
    sweeps,
    trios,
)
from lpsr.report.shapes import Band, Figure, Finding, sentences
from lpsr.report.statistics import Estimate, mean, median, share
from lpsr.results import Results, RunRecord

# Column, digits, digits of differences, published value.
_METRICS = (
    ("psnr", 2, 3, paper.PECL.psnr[0]),
    ("psnr_y", 2, 3, paper.PECL.psnr_y[0]),
    ("confidence", 3, 3, paper.PECL.confidence[0]),
    ("exact", 1, 1, None),
)


def figures(results: Results) -> list[Figure]:
    """One a metric, of the study with most dimensions."""
    made = []
    for metric in _METRICS:
        found = sweeps(trios(measured(results.runs, readings=metric[0] in ("confidence", "exact"))))
        made += [figure for sweep in found[:1] if (figure := _figure(sweep, *metric))]
    return made


def _figure(sweep: dict[int, Trio], column: str, digits: int, fine: int, published: float | None) -> Figure | None:
    bands, runs = [], []
    for model in (EUCLIDEAN, MANHATTAN):
        points = {d: list(trio.runs[model].values()) for d, trio in sweep.items() if model in trio.runs}
        known = {d: one for d, several in points.items() if (one := estimate(several, column))}
        if not known:
            continue
        bands.append(_band(TITLES[model], model, known))
        runs += [run for several in points.values() for run in several]
    first = next(iter(sweep.values()))
    baseline = list(first.runs[MSE].values())
    mse = estimate(baseline, column)
    if not bands or mse is None:
        return None
    # MSE knows no d: a level line.
    bands.insert(0, _band(TITLES[MSE], MSE, dict.fromkeys(sweep, mse)))
    runs = [*baseline, *runs]
    said = [Finding("d_level", {"model": TITLES[MSE], "value": level(mse, digits)})]
    for model in (EUCLIDEAN, MANHATTAN):
        said += _gains(sweep, model, column, fine)
    return Figure(
        f"dimensions_{column}",
        "figures_8_9",
        Finding(f"dimensions_{column}", {"where": where(first, mse.runs)}),
        tuple(bands),
        Finding("axis_d"),
        Finding(f"axis_{column}"),
        "lines",
        sentences(said),
        tuple(dict.fromkeys(map(file_of, runs))),
        commands(runs),
        log_x=True,
        reference=() if published is None else ((Finding("paper_value"), published),),
    )


def estimate(runs: Sequence[RunRecord], column: str) -> Estimate | None:
    """Of one or several seeds: the median over plates; of exact reads the share, in %."""
    columns = [getattr(scores_of(run), column) for run in runs]
    if any(one is None or None in one for one in columns):
        return None
    return percent(share(columns)) if column == "exact" else median(columns)


def _gains(sweep: dict[int, Trio], model: str, column: str, digits: int) -> list[Finding]:
    """Over MSE, plate by plate: the least and the greatest of the dimensions."""
    gains = {}
    for d, trio in sweep.items():
        pairs = [(scores_of(own), scores_of(other)) for own, other in trio.pairs(model, MSE)]
        if (apart := differences(pairs, column)) is not None:
            gains[d] = percent(mean(apart)) if column == "exact" else median(apart)
    if not gains:
        return []
    least, most = (which(gains, key=lambda d: gains[d].value) for which in (min, max))
    values = {"least": str(least), "most": str(most), "model": TITLES[model]}
    values |= {"least_gain": change(gains[least], digits), "most_gain": change(gains[most], digits)}
    return [Finding(f"d_gain_{column}", values)]


def _band(name: str, colour_key: str, points: dict[int, Estimate]) -> Band:
    return Band(
        name,
        colour_key,
        tuple(map(float, points)),
        tuple(one.value for one in points.values()),
        tuple(one.low for one in points.values()),
        tuple(one.high for one in points.values()),
        tuple(one.n for one in points.values()),
    )
