"""Plotly charts, all on one template."""

from collections.abc import Sequence
from html import escape
from math import ceil
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

_AXIS = {"showgrid": False, "zeroline": False, "ticks": "outside", "ticklen": 3, "title": {"font": {"size": 12}}}
# Backgrounds are the page's; static/page.css gives text and lines the page's colours, light or dark.
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "title": {"font": {"size": 12}},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "margin": {"l": 60, "r": 8, "t": 28, "b": 50},
        "modebar": {
            "remove": ["select2d", "lasso2d", "autoScale2d"],
            "bgcolor": "rgba(0,0,0,0)",
            "color": "#8a8a8a",
            "activecolor": "#8a8a8a",
        },
    }
)


class Dots(NamedTuple):
    """One panel of ``dot_panels``.

    Attributes:
        title: with its unit.
        values: one a row, None where there is none.
        lines: where references are: value, colour and Plotly's dash; the dots are tied to the first.
        digits: behind the point, in labels.
        limits: of the axis; None follows the values.
    """

    title: str
    values: Sequence[float | None]
    lines: Sequence[tuple[float, str, str]]
    digits: int
    limits: tuple[float, float] | None = None


# CSS pixels: a row, the title above a panel with its gap, the axis below.
_ROW, _ABOVE, _BELOW = 24, 34, 30
# Of a panel's span: free at the left, and at the right for the labels.
_LEFT, _RIGHT = 0.08, 0.4
# Characters of a model's name.
_LONGEST = 18


def dot_panels(rows: Sequence[tuple[str, str]], panels: Sequence[Dots], columns: int, empty: str) -> go.Figure:
    """Panels of dots, a row a model, each dot tied to its reference line.

    Args:
        rows: name and colour of each model, from top to bottom.
        columns: panels side by side.
        empty: what a panel without values says.
    """
    lines = ceil(len(panels) / columns)
    each = _ROW * len(rows)
    inner = lines * each + (lines - 1) * (_ABOVE + _BELOW)
    figure = make_subplots(
        lines,
        columns,
        subplot_titles=[panel.title for panel in panels],
        shared_yaxes=True,
        specs=[
            [{} if line * columns + column < len(panels) else None for column in range(columns)]
            for line in range(lines)
        ],
        horizontal_spacing=0.03,
        vertical_spacing=(_ABOVE + _BELOW) / inner if lines > 1 else 0,
    )
    places = list(range(len(rows)))
    for number, panel in enumerate(panels):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        shown = [(i, value) for i, value in zip(places, panel.values, strict=True) if value is not None]
        for i, value in shown if panel.lines else ():
            stem = go.Scatter(x=[panel.lines[0][0], value], y=[i, i], mode="lines", hoverinfo="skip")
            figure.add_trace(stem.update(line={"color": rows[i][1], "width": 2}), **place)
        for value, colour, dash in panel.lines:
            figure.add_vline(value, line={"color": colour, "width": 1, "dash": dash}, **place)
        values = panel.limits or [*(value for _, value in shown), *(line[0] for line in panel.lines)] or [0.0, 1.0]
        low, span = min(values), max(values) - min(values) or 1
        hover = [f"{escape(rows[i][0])}: {value:.{panel.digits}f}<extra></extra>" for i, value in shown]
        dots = go.Scatter(x=[value for _, value in shown], y=[i for i, _ in shown], mode="markers", hovertemplate=hover)
        figure.add_trace(dots.update(marker={"color": [rows[i][1] for i, _ in shown], "size": 10}), **place)
        # Labels stand in a column of their own, where no line crosses them.
        labels = go.Scatter(x=[low + (1 + _LEFT) * span] * len(shown), y=dots.y, mode="text", hoverinfo="skip")
        texts = [f"{value:.{panel.digits}f}" for _, value in shown]
        figure.add_trace(labels.update(text=texts, textposition="middle right"), **place)
        figure.update_xaxes(
            range=[low - _LEFT * span, low + (1 + _RIGHT) * span],
            nticks=4,
            showticklabels=bool(shown),
            ticks="outside" if shown else "",
            **place,
        )
        if not shown:
            middle = {"x": low + (1 + _RIGHT - _LEFT) / 2 * span, "y": (len(rows) - 1) / 2}
            figure.add_annotation(text=empty, showarrow=False, **middle, **place)
    names = [_short(name) for name, _ in rows]
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(
        tickvals=places, ticktext=names, range=[len(rows) - 0.5, -0.5], ticks="", fixedrange=True, automargin=True
    )
    figure.update_annotations(font_size=12)
    # A touch screen always shows Plotly's buttons; they need a line of their own where the page is narrow.
    top = _ABOVE if columns > 2 else _ABOVE + 20
    figure.update_layout(
        template=TEMPLATE,
        showlegend=False,
        dragmode=False,
        height=inner + top + _BELOW,
        margin={"l": 8, "t": top, "b": _BELOW},
    )
    return figure


def _short(name: str) -> str:
    """A name that fits beside a panel; Plotly takes some HTML, so it is escaped."""
    return escape(name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…")
