"""Tab *Degradation maps*: where the compared plates are noisy, blurred or blocky."""

import csv
import io
import logging
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import gradio as gr
import numpy as np

from lpsr.app.session import PROCESSOR, Choice
from lpsr.app.theme import COLOURS
from lpsr.metrics.degradation import MAPS

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Result
    from lpsr.metrics.degradation import Map

log = logging.getLogger(__name__)

# How to read each map, and where it misleads.
READ = {
    "noise": "Bright means grainy. Fine texture counts as noise, and a restoration is smooth even where it is wrong.",
    "blur": "Bright means soft. A flat area takes the blur of the edges around it; invented edges are sharp too.",
    "compression": "Bright means blocky. A ×8 upsampler can leave an 8-pixel period of its own, "
    "which this map cannot tell from JPEG's. Where no grid is found, the map is zero.",
}
_NOTHING = "No plate is kept for this visit, or no longer; choose one on the Compare tab."
_SORRY = "The maps could not be drawn because of a fault in the program; its log says more."
_SCALE = "Each row has one colour scale, so its pictures compare; another plate may have another."
_WIDTH_JS = "(choice, width) => [choice, window.innerWidth]"


class MapsTab:
    """The components of the tab; its maps are computed when it is opened."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        self.width = gr.Number(1440, visible=False)
        self.heading = gr.HTML("", elem_id="maps-heading")
        self.plots = []
        for name, one in MAPS.items():
            unit = f", 8-bit {one.unit} (of 255)" if one.unit else ", share from 0 to 1"
            words = f"<h2>{one.title}{unit}</h2><p>{one.description} {READ[name]}</p>"
            gr.HTML(f'<div class="map">{words}</div>')
            self.plots.append(gr.Plot(label=one.title, show_label=False, elem_id=f"map-{name}", buttons=[]))
        self.means = gr.HTML("", elem_id="maps-means")

    def listen(self, choice: gr.State) -> None:
        """Bind the events to the visitor's choice."""
        self.tab.select(
            self._draw,
            [choice, self.width],
            [self.heading, *self.plots, self.means],
            js=_WIDTH_JS,
            concurrency_id=PROCESSOR,
            concurrency_limit=1,
            api_visibility="private",
            show_progress="minimal",
        )

    def _draw(self, choice: Choice | None, width: float) -> list:
        """Heading, a chart for each map, their means; a sentence alone where there is nothing to draw."""
        try:
            return [_note(_NOTHING), *[None] * len(self.plots), ""] if choice is None else _maps(choice, width)
        except Exception:
            log.exception("The maps failed.")
            return [_note(_SORRY), *[None] * len(self.plots), ""]


def _maps(choice: Choice, width: float) -> list:
    from lpsr.app.charts import heat_maps

    shown = [result for result in choice.comparison.results if result.name != "lr"]
    columns = len(shown) if width >= 1200 else 3 if width >= 900 else 2 if width >= 600 else 1
    figures, means = [], []
    for one in MAPS.values():
        maps = [one.function(result.picture) for result in shown]
        means.append([float(values.mean()) for values in maps])
        top = max(float(np.percentile(maps, 99)), one.range[1] / 4)
        named = [(_caption(result, values, one), values) for result, values in zip(shown, maps, strict=True)]
        figures.append(heat_maps(named, one, min(top, one.range[1]), columns, width))
    plate = " · ".join(filter(None, (choice.text, choice.source)))
    return [f'<p class="heading">{escape(plate)}. {_SCALE}</p>', *figures, _table(shown, means)]


def _note(sentence: str) -> str:
    return f'<p class="note" role="alert">{sentence}</p>'


def _caption(result: "Result", values: np.ndarray, one: "Map") -> str:
    colour = COLOURS.get(result.name, "")
    mark = f'<span style="color:{colour}">■</span> ' if colour.startswith("#") else ""
    # That map is zero throughout only where it found nothing to measure on.
    value = "no JPEG grid" if one.name == "compression" and not values.any() else f"mean {values.mean():.2f}"
    return f"{mark}{escape(result.title)}, {value}"


def _table(shown: "list[Result]", means: list[list[float]]) -> str:
    """Means, one row a model, one column a map, with the same as a CSV file."""
    heads = [f"{one.title}, {one.unit or 'share'}" for one in MAPS.values()]
    file = io.StringIO()
    rows = [[result.title, *values] for result, values in zip(shown, zip(*means, strict=True), strict=True)]
    csv.writer(file).writerows([["model", *heads], *([row[0], *(f"{one:.4f}" for one in row[1:])] for row in rows)])
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in ("mean", *heads))
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{one:.2f}</td>" for one in row[1:]) + "</tr>"
        for row in rows
    )
    link = f'<a download="maps.csv" href="data:text/csv;charset=utf-8,{quote(file.getvalue())}">CSV</a>'
    return f'<table class="means"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{link}</p>'
