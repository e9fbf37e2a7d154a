"""The curves of training runs as Plotly figures."""

from collections.abc import Sequence

import plotly.graph_objects as go

from lpsr.app.colours import COLOURS
from lpsr.app.language import Words
from lpsr.app.training.charts import CHARTS, Named
from lpsr.app.training.panel import Line, Reference, panel
from lpsr.training.curves import Series, contrast

# Characters of a run's name in a label.
_LONGEST = 15
# Of one run: the whole loss, the pixel term (it is MSE), and the embedding term.
_TOTAL, _PIXEL, _CONTRASTIVE = "#8a8a8a", COLOURS["mse"], "#8F62C4"


def figures(runs: Sequence[Named], words: Words, baseline: Named | None = None) -> dict[str, go.Figure]:
    """A figure for each of ``CHARTS``.

    One run has several lines in a chart: its losses, both weights, PSNR and PSNR_Y. Several runs have a line each: the
    pixel loss, w_contrastive, PSNR. A line is named at its end. A chart without values says why.

    Args:
        baseline: the run that ``contrast`` compares with, trained by MSE.
    """
    make = _one if len(runs) == 1 else _several
    panels = make(runs, words)
    panels["contrast"] = _contrast(runs, words, baseline)
    return {chart: panels[chart] for chart in CHARTS}


def _one(runs: Sequence[Named], words: Words) -> dict[str, go.Figure]:
    ((_, colour, curves, bicubic),) = runs
    loss = [
        Line(words("train_charts.total"), _TOTAL, curves.total, width=3),
        Line(words("train_charts.pixel"), _PIXEL, curves.pixel),
        Line(words("train_charts.contrastive"), _CONTRASTIVE, curves.contrastive),
    ]
    weights = [
        Line("w_pixel", _PIXEL, curves.w_pixel),
        Line("w_contrastive", _CONTRASTIVE, curves.w_contrastive),
    ]
    scores = [Line("PSNR", colour, curves.val_psnr), Line("PSNR_Y", colour, curves.val_psnr_y, "dash")]
    return {
        "loss": panel(words("train_charts.loss"), loss, words, log_y=True),
        "weights": panel(words("train_charts.weights"), weights, words, limits=(0, 1), form=".3f"),
        "distance": _distance(runs, words),
        "rate": _rate(runs, words),
        "psnr": _psnr(scores, bicubic, words),
    }


def _several(runs: Sequence[Named], words: Words) -> dict[str, go.Figure]:
    known = {run.bicubic for run in runs}
    return {
        "loss": panel(words("train_charts.loss_pixel"), _lines(runs, "pixel"), words, log_y=True),
        "weights": panel("w_contrastive", _lines(runs, "w_contrastive"), words, limits=(0, 1), form=".3f"),
        "distance": _distance(runs, words),
        "rate": _rate(runs, words),
        # Runs that were validated on different plates have no line in common.
        "psnr": _psnr(_lines(runs, "val_psnr"), known.pop() if len(known) == 1 else None, words),
    }


def _distance(runs: Sequence[Named], words: Words) -> go.Figure:
    # Trained, yet without a distance.
    mse = any(run.curves.total.known for run in runs)
    empty = words("train_charts.no_distance" if mse else "train_charts.nothing")
    return panel(words("train_charts.distance"), _lines(runs, "distance"), words, empty=empty)


def _rate(runs: Sequence[Named], words: Words) -> go.Figure:
    figure = panel(words("train_charts.rate"), _lines(runs, "lr"), words, form=".2e")
    return figure.update_yaxes(exponentformat="e")


def _psnr(lines: list[Line], bicubic: float | None, words: Words) -> go.Figure:
    references = []
    if bicubic is not None:
        name = f"{words('train_charts.bicubic')} {bicubic:.2f}"
        references.append(Reference(name, COLOURS["bicubic"], bicubic))
    return panel(
        words("train_charts.psnr"),
        lines,
        words,
        log_x=True,
        form=".2f",
        unit=" dB",
        references=references,
        empty=words("train_charts.no_validation"),
    )


def _contrast(runs: Sequence[Named], words: Words, baseline: Named | None) -> go.Figure:
    title, lines = words("train_charts.contrast"), []
    if baseline is None:
        empty = words("train_charts.choose")
    else:
        name = _short(baseline.name)
        title = words("train_charts.contrast_to", name=name)
        others = [run for run in runs if run.name != baseline.name]
        for run in others:
            series = contrast(run.curves, baseline.curves)
            percent = Series(series.iterations, 100 * series.values)
            lines.append(Line(_label(run, runs), run.colour, percent))
        empty = words("train_charts.no_common" if others or not runs else "train_charts.itself", name=name)
    zero = [Reference("", _TOTAL, 0.0)]
    return panel(title, lines, words, log_x=True, limits=(0, 0), form="+.2f", unit=" %", references=zero, empty=empty)


def _lines(runs: Sequence[Named], name: str) -> list[Line]:
    return [Line(_label(run, runs), run.colour, getattr(run.curves, name)) for run in runs]


def _label(run: Named, runs: Sequence[Named]) -> str:
    """A single run's only line needs no name."""
    return _short(run.name) if len(runs) > 1 else ""


def _short(name: str) -> str:
    """A name that fits beside a chart; beginning and end stay, as those of a series of runs differ there."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 8]}…{name[-7:]}"
