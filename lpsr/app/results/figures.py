"""A report's figures as Plotly figures, for the page and for ``report.html``: neither Gradio nor PyTorch is needed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import cycle
from math import isfinite, log10
from textwrap import wrap
from typing import NamedTuple

import plotly.graph_objects as go

from lpsr.app.axes import GRID, TICKS, End, log_ticks, name_ends
from lpsr.app.charts import TEMPLATE
from lpsr.app.colours import COLOURS, MORE
from lpsr.app.results.heat import add_heat
from lpsr.report.shapes import Band, Figure, Report, Words, say

# CSS pixels; the last is another line of labels below the axis.
HEIGHT, _TOP, _BOTTOM, _LEFT, _RIGHT, _MORE = 310, 26, 42, 50, 12, 14
_GREY = "#8a8a8a"
# Series of one colour differ in dash and mark.
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_MARKS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "x": "✕"}
# From so many series on, only the first of each colour is named; a line of fewer points than the second shows each, and
# one of more the third, where it must be told from others of its colour.
_CROWD, _FEW, _SOME = 13, 24, 8
# A reference beyond so many times the values' own span would leave nothing to see of them.
_FAR = 4.0
# Of a category's place, that its series share.
_SHARED = 0.72
# Characters of a category, from where on it is broken.
_BREAK = 9


def report_colours(report: Report, others: Iterable[str] = ()) -> dict[str, str]:
    """A colour for each model and run that is drawn or tabled, and for ``others``, the same throughout."""
    keys = [band.colour_key for figure in report.figures for band in figure.bands]
    keys += [row.colour_key for table in report.tables for row in table.rows if row.colour_key]
    keys += others
    more, found = cycle(MORE), {}
    for key in dict.fromkeys(keys):
        # A run's name most often says what it was trained with.
        family = next((one for one in ("manhattan", "euclidean") if one in key), None)
        found[key] = COLOURS.get(key) or COLOURS.get(f"pecl-{family}") or next(more)
    # Plotly does not know the page's colour of text.
    return found | {"hr": _GREY} if "hr" in found else found


def draw(figure: Figure, words: Words, colours: Mapping[str, str]) -> go.Figure:
    """The figure without its title, which stands above it (``layout.meta.title``); as wide as its place.

    Args:
        colours: "#rrggbb" by the bands' keys (``report_colours``).

    Series are named at their ends. Where that leaves no room, ``layout.meta`` has what a legend needs, "names" (mark,
    colour and name), and the margin without them, "narrow". A heat map's are beside its rows, and it has no "narrow".
    """
    drawn = go.Figure()
    drawn.update_layout(
        template=TEMPLATE,
        height=HEIGHT,
        margin={"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM},
        showlegend=False,
        hovermode="closest",
        hoverlabel={"bgcolor": "#3a3a40", "bordercolor": "#3a3a40", "align": "left"},
        barmode="overlay",
    )
    text = {"title": say(figure.title, words), "text": say(figure.finding, words)}
    if figure.mode == "heat":
        add_heat(drawn, figure, words)
        return drawn.update_layout(meta={**text, "names": []})
    styles = _styles(figure.bands, colours)
    categories = _categories(figure.bands, words)
    low, high = _range(figure)
    along = _along(figure, categories)
    for number, (band, style) in enumerate(zip(figure.bands, styles, strict=True)):
        x = _places(band, number, len(figure.bands), categories, words)
        _add(drawn, figure, band, x, style, words)
    start, stop = along["range"] if along["type"] == "linear" else (10**one for one in along["range"])
    across = [([start, stop], [value, value]) for _, value in figure.reference]
    if figure.diagonal:
        corners = [max(low, start), min(high, stop)]
        across.append((corners, corners))
    for x, y in across:
        drawn.add_scatter(x=x, y=y, mode="lines", line={"color": _GREY, "width": 1, "dash": "dot"}, hoverinfo="skip")
    drawn.update_xaxes(along, tickfont_size=11, title={"text": escape(say(figure.x, words)), "standoff": 6})
    zero = {"zeroline": low < 0 < high, "zerolinecolor": _GREY, "zerolinewidth": 1}
    drawn.update_yaxes(zero, range=[low, high], nticks=TICKS, gridcolor=GRID, showgrid=True, tickfont_size=11)
    # Ticks of several lines need their own room.
    more = _MORE * max((text.count("<br>") for text in along.get("ticktext", ())), default=0)
    drawn.update_layout(height=HEIGHT + more, margin_b=_BOTTOM + more)
    ends = _ends(figure, styles, words)
    name_ends(drawn, ends, low, high, log_y=False)
    # Rather than along the axis, where it would be turned.
    title = {"text": escape(say(figure.y, words)), "x": 0, "xanchor": "left", "xshift": 4 - _LEFT}
    drawn.add_annotation(
        **title, y=1, yanchor="bottom", yshift=8, xref="paper", yref="paper", showarrow=False, font_size=12
    )
    names = [(end.mark, end.colour, end.name) for end in ends]
    return drawn.update_layout(meta={**text, "names": names, "narrow": {"r": _RIGHT}})


class _Style(NamedTuple):
    """Of a series; ``dash`` and ``mark`` are Plotly's, ``alone`` says whether no other has its colour."""

    colour: str
    dash: str
    mark: str
    named: bool
    alone: bool


def _styles(bands: Sequence[Band], colours: Mapping[str, str]) -> list[_Style]:
    of = Counter(colours[band.colour_key] for band in bands)
    seen: Counter[str] = Counter()
    crowd, styles = len(bands) >= _CROWD, []
    for band in bands:
        colour = colours[band.colour_key]
        number = seen[colour]
        seen[colour] += 1
        mark = "circle" if crowd else list(_MARKS)[number % len(_MARKS)]
        styles.append(_Style(colour, _DASHES[number % len(_DASHES)], mark, not (crowd and number), of[colour] == 1))
    return styles


def _add(drawn: go.Figure, figure: Figure, band: Band, x: list[float], style: _Style, words: Words) -> None:
    """One series with its interval."""
    colour = style.colour
    hover = [_hover(band, k, words) for k in range(len(x))]
    common = {"x": x, "y": band.y, "name": escape(say(band.name, words)), "hovertext": hover, "hoverinfo": "text"}
    if figure.mode == "lines":
        _add_band(drawn, band, x, colour)
        few = len(x) < _FEW
        drawn.add_scatter(
            **common,
            mode="lines+markers" if few or not style.alone else "lines",
            line={"color": colour, "width": 1.75, "dash": style.dash},
            marker={"size": 6, "symbol": style.mark, "maxdisplayed": 0 if few else _SOME},
        )
    elif figure.mode == "bars":
        error = _error(band, "#3a3a40")
        drawn.add_bar(**common, width=0.9 * _SHARED / len(figure.bands), marker_color=colour, error_y=error)
    elif style.named:
        mark = {"color": colour, "size": 8, "symbol": style.mark}
        drawn.add_scatter(**common, mode="markers", marker=mark, error_y=_error(band, colour))
    else:
        # In a crowd intervals would hide what they belong to.
        mark = {"color": colour, "size": 6, "symbol": "circle-open"}
        drawn.add_scatter(**common, mode="markers", marker=mark)


def _add_band(drawn: go.Figure, band: Band, x: list[float], colour: str) -> None:
    """The interval as a translucent fill, one polygon between two gaps."""
    if band.low is None or band.high is None:
        return
    xs: list[float | None] = []
    ys: list[float | None] = []
    stretch: list[int] = []
    for k in [*range(len(x)), None]:
        if k is not None and None not in (band.y[k], band.low[k], band.high[k]):
            stretch.append(k)
        elif stretch:
            xs += [*(x[i] for i in stretch), *(x[i] for i in stretch[::-1]), None]
            ys += [*(band.low[i] for i in stretch), *(band.high[i] for i in stretch[::-1]), None]
            stretch = []
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    fill = f"rgba({red}, {green}, {blue}, 0.16)"
    drawn.add_scatter(x=xs, y=ys, mode="lines", line_width=0, fill="toself", fillcolor=fill, hoverinfo="skip")


def _error(band: Band, colour: str) -> dict | None:
    """Whiskers from low to high."""
    if band.low is None or band.high is None:
        return None
    ends = {"array": [], "arrayminus": []}
    for value, low, high in zip(band.y, band.low, band.high, strict=True):
        unknown = None in (value, low, high)
        ends["array"].append(0 if unknown else high - value)
        ends["arrayminus"].append(0 if unknown else value - low)
    return {"type": "data", "symmetric": False, "thickness": 1.25, "width": 0, "color": colour, **ends}


def _hover(band: Band, k: int, words: Words) -> str:
    x, value = band.x[k], band.y[k]
    if value is None:
        return ""
    place = f"{x:,.6g}".replace(",", "\u202f") if isinstance(x, float | int) else say(x, words)
    lines = [say(band.name, words), place, _number(value)]
    if band.low is not None and band.high is not None and None not in (band.low[k], band.high[k]):
        lines[-1] += f" [{_number(band.low[k])}, {_number(band.high[k])}]"
    return "<br>".join(map(escape, [*lines, f"n = {band.n[k]}"]))


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _categories(bands: Sequence[Band], words: Words) -> dict[str, str] | None:
    """Each category with its label below the axis; None where x are numbers."""
    found: dict[str, set[int]] = {}
    for band in bands:
        for x, n in zip(band.x, band.n, strict=True):
            if isinstance(x, float | int):
                return None
            found.setdefault(say(x, words), set()).add(n)
    labels = {}
    for name, counts in found.items():
        lines = [escape(line) for line in wrap(name, _BREAK)]
        # Of all series alike.
        lines += [f"n = {counts.pop()}"] if len(counts) == 1 else []
        labels[name] = "<br>".join(lines)
    return labels


def _places(band: Band, number: int, of: int, categories: Mapping[str, str] | None, words: Words) -> list[float]:
    """Where the points stand; those of one category beside each other."""
    if categories is None:
        return list(band.x)
    index = {name: place for place, name in enumerate(categories)}
    shift = (number - (of - 1) / 2) * _SHARED / of
    return [index[say(x, words)] + shift for x in band.x]


def _stretching(figure: Figure) -> list[Band]:
    """The series that the axes must show. Bicubic would push a crowd together; an arrow says where it is."""
    return [band for band in figure.bands if len(figure.bands) < _CROWD or band.colour_key != "bicubic"]


def _range(figure: Figure) -> tuple[float, float]:
    """Of y: all values and intervals, and references that are near enough."""
    values = [
        one
        for band in _stretching(figure)
        for column in (band.y, band.low or (), band.high or ())
        for one in column
        if one is not None and isfinite(one)
    ]
    low, high = min(values, default=0.0), max(values, default=1.0)
    above = low >= 0
    if figure.mode == "bars":
        low = min(low, 0.0)
    span = high - low or abs(high) * 0.05 or 1.0
    for _, value in figure.reference:
        if low - _FAR * span <= value <= high + _FAR * span:
            low, high = min(low, value), max(high, value)
    pad = 0.05 * (high - low) or 0.05 * span
    # What cannot be negative has no axis below zero.
    return max(low - pad, 0.0) if above else low - pad, high + pad


def _along(figure: Figure, categories: Mapping[str, str] | None) -> dict:
    """The axis of x."""
    if categories is not None:
        places = list(range(len(categories)))
        labels = list(categories.values())
        return {"type": "linear", "range": [-0.5, len(places) - 0.5], "tickvals": places, "ticktext": labels}
    values = sorted({x for band in _stretching(figure) for x in band.x if not figure.log_x or x > 0})
    low, high = (values[0], values[-1]) if values else (1.0, 2.0)
    if not figure.log_x:
        pad = 0.04 * (high - low) or 1.0
        return {"type": "linear", "range": [low - pad, high + pad], "nticks": 5}
    low, high = log10(low), log10(high)
    pad = 0.04 * (high - low) or 0.2
    ends = {"type": "log", "range": [low - pad, high + pad], "gridcolor": GRID, "showgrid": True}
    if len(values) <= TICKS:
        return {**ends, "tickvals": values, "ticktext": [f"{one:g}" for one in values]}
    return {**ends, "tickformat": "~s", **log_ticks(low - pad, high + pad)}


def _ends(figure: Figure, styles: Sequence[_Style], words: Words) -> list[End]:
    """Names beside the plot, each at the last point of its series; a single one needs none."""
    ends = []
    for band, style in zip(figure.bands, styles, strict=True):
        known = [value for value in band.y if value is not None]
        if style.named and known:
            mark = "■" if figure.mode == "bars" else _MARKS[style.mark]
            ends.append(End(say(band.name, words), style.colour, known[-1], mark))
    ends += [End(say(name, words), _GREY, value, "┄") for name, value in figure.reference]
    return ends if len(ends) > 1 else []
