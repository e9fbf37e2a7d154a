"""One chart of curves along the iterations, named at their ends."""

from collections.abc import Sequence
from html import escape
from math import log10
from textwrap import wrap
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from lpsr.app.axes import GRID, TICKS, End, log_ticks, name_ends
from lpsr.app.charts import TEMPLATE
from lpsr.app.words import Words
from lpsr.training.curves import Series, thin

# CSS pixels.
HEIGHT, _TOP, _BOTTOM, _LEFT, _RIGHT = 230, 30, 38, 54, 14
# Points of a line; a line of fewer than the second shows each.
_MOST, _FEW = 400, 24
# A reference beyond so many times the curves' own span would leave nothing to see of them.
_FAR = 2.0


class Line(NamedTuple):
    """A curve, named at its end where it has a label; ``dash`` and ``width`` are Plotly's."""

    label: str
    colour: str
    series: Series
    dash: str = "solid"
    width: float = 1.5


class Reference(NamedTuple):
    """A horizontal line, named where it has a label."""

    label: str
    colour: str
    value: float


def panel(
    title: str,
    lines: Sequence[Line],
    words: Words,
    *,
    log_x: bool = False,
    log_y: bool = False,
    limits: tuple[float, float] | None = None,
    form: str = ".3g",
    unit: str = "",
    references: Sequence[Reference] = (),
    empty: str | None = None,
) -> go.Figure:
    """One chart, as wide as its place.

    Args:
        log_x, log_y: logarithmic axes; on that of y, what is not positive is left out.
        limits: that y shows at least.
        form: d3's format of a value.
        empty: what the chart says where no line has a value.
    """
    lines = [line._replace(series=thin(line.series, _MOST)) for line in lines if line.series.known]
    figure = go.Figure()
    figure.update_layout(
        template=TEMPLATE,
        title={"text": escape(title), "x": 0, "xref": "container", "y": 1, "yanchor": "top", "pad": {"t": 7, "l": 4}},
        title_font_size=13,
        height=HEIGHT,
        margin={"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM},
        showlegend=False,
        hovermode="closest",
        hoverlabel={"bgcolor": "#3a3a40", "bordercolor": "#3a3a40", "align": "left"},
    )
    figure.update_yaxes(tickfont_size=11).update_xaxes(tickfont_size=11)
    figure.update_xaxes(title={"text": escape(words("train_charts.iterations")), "standoff": 4})
    if not lines:
        text = empty or words("train_charts.nothing")
        # Plotly does not break lines.
        broken = "<br>".join(escape(one) for one in wrap(text, 20 if words.language == "zh" else 38))
        figure.add_annotation(text=broken, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font_size=12)
        figure.update_layout(meta={"title": title, "text": text})
        return figure.update_xaxes(visible=False, fixedrange=True).update_yaxes(visible=False, fixedrange=True)
    for line in lines:
        name = f"{escape(line.label)}<br>" if line.label else ""
        few = len(line.series.values) < _FEW
        figure.add_scatter(
            x=line.series.iterations,
            y=line.series.values.astype(np.float32),
            mode="lines+markers" if few else "lines",
            line={"color": line.colour, "dash": line.dash, "width": line.width},
            marker={"size": 4},
            name=escape(line.label),
            hovertemplate=f"{name}{words('train_charts.iteration')} %{{x:,}}<br>%{{y:{form}}}{unit}<extra></extra>",
        )
    low, high = _range(lines, references, limits, log_y)
    for one in references:
        figure.add_hline(one.value, line={"color": one.colour, "width": 1, "dash": "dot"})
    figure.update_xaxes(_along(lines, log_x))
    figure.update_yaxes(
        type="log" if log_y else "linear",
        range=[low, high],
        gridcolor=GRID,
        showgrid=True,
        **(log_ticks(low, high) if log_y else {"nticks": TICKS}),
    )
    ends = [End(line.label, line.colour, _last(line.series)) for line in lines]
    name_ends(figure, [end for end in (*ends, *(End(*one) for one in references)) if end.name], low, high, log_y)
    # For those who do not see the chart.
    text = ", ".join(f"{name} {value:{form}}{unit}".strip() for name, _, value, _ in ends)
    figure.update_layout(meta={"title": title, "text": text})
    return figure


def _range(
    lines: Sequence[Line], references: Sequence[Reference], limits: tuple[float, float] | None, log_y: bool
) -> tuple[float, float]:
    """Of y, in Plotly's measure: logarithms on a logarithmic axis, where what is not positive has no place."""
    values = np.concatenate([line.series.values for line in lines])
    values = values[np.isfinite(values)]
    if log_y:
        values = np.log10(values[values > 0]) if (values > 0).any() else np.array([-3.0, 0.0])
    low, high = float(values.min()), float(values.max())
    if limits:
        low, high = min(low, limits[0]), max(high, limits[1])
    span = max(high - low, abs(high) * 1e-3, 1e-12)
    for one in references:
        if low - _FAR * span <= one.value <= high + _FAR * span:
            low, high = min(low, one.value), max(high, one.value)
    # A flat curve lies in the middle.
    pad = 0.06 * (high - low) or (0.1 if log_y else abs(high) * 0.1 or 1.0)
    return low - pad, high + pad


def _along(lines: Sequence[Line], log_x: bool) -> dict:
    last = max(int(line.series.iterations[-1]) for line in lines)
    if not log_x:
        # A little more than the last point, whose mark would be cut.
        return {"type": "linear", "range": [0, 1.02 * max(last, 1)], "nticks": 5, "tickformat": "~s"}
    first = max(min(int(line.series.iterations[0]) for line in lines), 1)
    low, high = log10(first), log10(max(last, first))
    pad = 0.03 * (high - low) or 0.2
    return {
        "type": "log",
        "range": [low - pad, high + pad],
        "tickformat": "~s",
        "gridcolor": GRID,
        "showgrid": True,
        **log_ticks(low - pad, high + pad),
    }


def _last(series: Series) -> float:
    return float(series.values[np.isfinite(series.values)][-1])
