"""Plotly charts, all on one template."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

if TYPE_CHECKING:
    from lpsr.metrics.degradation import Map

_AXIS = {"showgrid": False, "zeroline": False, "ticks": "outside", "ticklen": 3, "title": {"font": {"size": 12}}}
# Backgrounds are the page's; style.css gives text and lines the page's colours, light or dark.
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "title": {"font": {"size": 12}},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "coloraxis": {
            "colorscale": "Viridis",
            "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 4, "ypad": 0, "title": {"side": "right"}},
        },
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

# CSS pixels: titles and axes between two rows; lowest and highest map, whatever the plate's shape.
_BETWEEN = 60
_LOWEST, _HIGHEST = 30, 400
# Cells of a map a side: more than a screen shows of one map, and a megabyte less of each.
_CELLS = 320
_BELOW = {
    "orientation": "h",
    "yref": "container",
    "y": 0,
    "yanchor": "bottom",
    "xpad": 0,
    "title": {"side": "bottom"},
}


def heat_maps(named: Sequence[tuple[str, np.ndarray]], one: "Map", top: float, columns: int, width: float) -> go.Figure:
    """Maps side by side on one colour scale.

    Args:
        named: caption and ``(H, W)`` float32 of each, all of one size.
        one: which map they are.
        top: upper end of the scale, in the map's unit.
        columns: maps in a row.
        width: of the page, in CSS pixels.
    """
    rows = ceil(len(named) / columns)
    height, length = named[0][1].shape
    # Page margins, axis and colour bar beside a row of maps; on a phone the bar lies below.
    phone = columns == 1
    around, bottom = (100, 110) if phone else (220, 50)
    each = min(max((width - around) / columns * height / length, _LOWEST), _HIGHEST)
    inner = rows * each + (rows - 1) * _BETWEEN
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[name for name, _ in named],
        horizontal_spacing=0.015,
        vertical_spacing=_BETWEEN / inner if rows > 1 else 0,
    )
    unit = one.unit or "share"
    step = ceil(max(height, length) / _CELLS)
    # A touch screen always shows Plotly's buttons; they need a line of their own where the page is narrow.
    top_margin = 28 if columns > 2 else 58
    for number, (_, values) in enumerate(named):
        row, column = divmod(number, columns)
        trace = go.Heatmap(
            z=np.round(values[::step, ::step], 3),
            dx=step,
            dy=step,
            coloraxis="coloraxis",
            hovertemplate=f"x %{{x}}, y %{{y}}: %{{z:.2f}} {unit}<extra></extra>",
        )
        figure.add_trace(trace, row + 1, column + 1)
        axis = "" if number == 0 else str(number + 1)
        last = number + columns >= len(named)
        figure.update_xaxes(
            title={"text": "x, px", "standoff": 4} if last else None,
            constrain="domain",
            row=row + 1,
            col=column + 1,
        )
        figure.update_yaxes(
            title={"text": "y, px", "standoff": 4} if column == 0 else None,
            showticklabels=column == 0,
            ticks="outside" if column == 0 else "",
            autorange="reversed",
            scaleanchor=f"x{axis}",
            constrain="domain",
            row=row + 1,
            col=column + 1,
        )
    figure.update_annotations(font_size=12)
    figure.update_layout(
        template=TEMPLATE,
        height=inner + top_margin + bottom,
        margin={"t": top_margin, "b": bottom} | ({"l": 48} if phone else {}),
        coloraxis={"cmin": one.range[0], "cmax": top, "colorbar": _BELOW if phone else {}},
    )
    figure.update_coloraxes(colorbar_title_text=unit)
    return figure
