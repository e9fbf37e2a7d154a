"""Parts of charts that are drawn along an axis: ticks of logarithms, names at the ends of lines."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

GRID = "rgba(138, 138, 138, 0.22)"
# More ticks on a logarithmic axis are too many.
TICKS = 6
# Plotly's name of what stands at the end of a line.
END = "end"
# CSS pixels from label to label, and of a letter.
_GAP, _LETTER = 13, 6.6


class End(NamedTuple):
    """A name at the end of a line, and ``mark``, by which it is told from others of its colour."""

    name: str
    colour: str
    value: float
    mark: str = "■"


def log_ticks(low: float, high: float) -> dict:
    """Ticks at 1, 2, 5 or at powers of ten between two logarithms; few are left to Plotly, whose many would crowd."""
    powers = range(floor(low), ceil(high) + 1)
    for digits in (1, 2, 5), (1,):
        places = [(digit, power) for power in powers for digit in digits if low <= log10(digit) + power <= high]
        if len(places) <= TICKS or digits == (1,):
            break
    # Plotly makes half as many again.
    plain = {"nticks": 4, "tickangle": 0}
    if len(places) < 3:
        return plain
    places = places[:: ceil(len(places) / TICKS)]
    return {
        **plain,
        "tickmode": "array",
        "tickvals": [digit * 10.0**power for digit, power in places],
        "ticktext": [_tick(digit, power) for digit, power in places],
    }


def _tick(digit: int, power: int) -> str:
    if not -4 <= power < 12:
        return f"{digit}e{power}".replace("-", "−")
    if power >= 3:
        return f"{digit * 10 ** (power % 3)}{'kMG'[power // 3 - 1]}"
    return f"{digit * 10.0**power:g}"


def name_ends(figure: go.Figure, ends: Sequence[End], low: float, high: float, log_y: bool) -> None:
    """Names at the right, each at its line's end and none on another; an arrow where the end lies outside."""
    margin = figure.layout.margin
    inner = figure.layout.height - margin.t - margin.b
    texts, places = [], []
    for name, colour, value, mark in ends:
        value = (log10(value) if value > 0 else -np.inf) if log_y else value
        arrow = " ↓" if value < low else " ↑" if value > high else ""
        texts.append(f'<span style="color:{escape(colour)}">{mark}</span> {escape(name)}{arrow}')
        places.append(float(np.clip((value - low) / (high - low), 0, 1)))
    for text, place in zip(texts, _spread(places, _GAP / inner), strict=True):
        figure.add_annotation(
            text=text,
            x=1,
            y=place,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="middle",
            xshift=4,
            showarrow=False,
            font_size=11,
            name=END,
        )
    if ends:
        figure.update_layout(margin_r=round(max(text_width(end.name) for end in ends)) + 32)


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """The places in [0, 1], moved as little as needed to lie ``gap`` apart, in their order."""
    gap = min(gap, 1 / max(len(places) - 1, 1))
    order = sorted(range(len(places)), key=places.__getitem__)
    spread = [places[i] for i in order]
    for i in range(1, len(spread)):
        spread[i] = max(spread[i], spread[i - 1] + gap)
    for i in reversed(range(len(spread))):
        spread[i] = min(spread[i], 1.0 if i == len(spread) - 1 else spread[i + 1] - gap)
    moved = dict(zip(order, spread, strict=True))
    return [moved[i] for i in range(len(places))]


def text_width(text: str) -> float:
    """About how many CSS pixels a label has."""
    return sum(_LETTER if ord(letter) < 0x2E80 else 2 * _LETTER for letter in text)
