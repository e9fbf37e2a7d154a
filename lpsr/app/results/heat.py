"""Heat maps of a report: a row a series, a column a category, the value in every cell."""

from html import escape

import plotly.graph_objects as go

from lpsr.report.shapes import Band, Figure, Words, say

# CSS pixels of a row, and of a letter of a row's name.
ROW, _LETTER = 26, 6.4
# See-through, so that the page's colour of text stands on it, light and dark; chosen for a contrast of 4.5 : 1.
_COLOURS = [[0.0, "rgba(0, 114, 178, 0.02)"], [1.0, "rgba(0, 114, 178, 0.5)"]]


def add_heat(drawn: go.Figure, figure: Figure, words: Words) -> None:
    """Add the cells, from 0 to 100 %, and both axes; sets height and left margin."""
    rows = [say(band.name, words) for band in figure.bands]
    columns = [say(one, words) for one in figure.bands[0].x]
    drawn.add_heatmap(
        z=[band.y for band in figure.bands],
        text=[["" if one is None else f"{one:.0f}" for one in band.y] for band in figure.bands],
        hovertext=[[_hover(band, k, words) for k in range(len(columns))] for band in figure.bands],
        texttemplate="%{text}",
        hoverinfo="text",
        colorscale=_COLOURS,
        zmin=0,
        zmax=100,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    # The upper bound of a class has a line of its own, so that eight classes have room on a phone.
    ticks = [escape(one).replace("–", "–<br>") for one in columns]
    drawn.update_xaxes(
        tickvals=list(range(len(columns))), ticktext=ticks, tickangle=0, tickfont_size=11, showgrid=False
    )
    # So has what is behind the plus, for the same reason.
    names = [escape(one).replace(" + ", "<br>+ ") for one in rows]
    drawn.update_yaxes(tickvals=list(range(len(rows))), ticktext=names, autorange="reversed")
    drawn.update_yaxes(tickfont_size=11, showgrid=False, zeroline=False, ticks="")
    drawn.update_xaxes(title={"text": escape(say(figure.x, words)), "standoff": 6}, zeroline=False, ticks="")
    lines = [line for name in names for line in name.split("<br>")]
    left = round(8 + max(_LETTER * sum(1 if ord(letter) < 0x2E80 else 2 for letter in line) for line in lines))
    bottom = 42 + 14 * any("<br>" in tick for tick in ticks)
    drawn.update_layout(height=8 + ROW * len(rows) + bottom, margin={"l": left, "r": 4, "t": 8, "b": bottom})


def _hover(band: Band, k: int, words: Words) -> str:
    if band.y[k] is None:
        return ""
    lines = [say(band.name, words), say(band.x[k], words), f"{band.y[k]:.1f}"]
    if band.low and band.high:
        lines[-1] += f" [{band.low[k]:.1f}, {band.high[k]:.1f}]"
    return "<br>".join(map(escape, [*lines, f"n = {band.n[k]}"]))
