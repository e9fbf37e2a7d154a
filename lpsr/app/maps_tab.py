"""Tab *Degradation maps*: where the compared plates are noisy, blurred or blocky."""

from html import escape
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from lpsr.app.session import PROCESSOR, Choice
from lpsr.app.theme import COLOURS
from lpsr.metrics.degradation import MAPS

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Result

# How to read each map, and where it misleads.
READ = {
    "noise": "Bright means grainy. Fine texture counts as noise, and a restoration is smooth even where it is wrong.",
    "blur": "Bright means soft. A flat area takes the blur of the edges around it; invented edges are sharp too.",
    "compression": "Bright means blocky. A ×8 upsampler can leave an 8-pixel period of its own, "
    "which this map cannot tell from JPEG's.",
}
_NOTHING = "Choose a plate on the Compare tab first."
_WIDTH_JS = "(choice, width) => [choice, window.innerWidth]"


class MapsTab:
    """The components of the tab; its maps are computed when it is opened."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        self.width = gr.Number(1440, visible=False)
        self.heading = gr.HTML("", elem_id="maps-heading")
        self.plots = []
        for name, one in MAPS.items():
            unit = f", {one.unit}" if one.unit else ", share from 0 to 1"
            gr.HTML(f'<div class="map"><h2>{one.title}{unit}</h2><p>{one.description} {READ[name]}</p></div>')
            self.plots.append(gr.Plot(label=one.title, show_label=False, elem_id=f"map-{name}", buttons=[]))

    def listen(self, choice: gr.State) -> None:
        """Bind the events to the visitor's choice."""
        self.tab.select(
            self._draw,
            [choice, self.width],
            [self.heading, *self.plots],
            js=_WIDTH_JS,
            concurrency_id=PROCESSOR,
            concurrency_limit=1,
            api_visibility="private",
            show_progress="minimal",
        )

    def _draw(self, choice: Choice | None, width: float) -> list:
        if choice is None:
            return [f'<p class="note">{_NOTHING}</p>', *[None] * len(self.plots)]
        from lpsr.app.charts import heat_maps

        shown = [result for result in choice.comparison.results if result.name != "lr"]
        columns = len(shown) if width >= 1000 else 2 if width >= 600 else 1
        figures = []
        for one in MAPS.values():
            maps = [one.function(result.picture) for result in shown]
            top = max(float(np.percentile(maps, 99)), one.range[1] / 4)
            named = [(_caption(result, values), values) for result, values in zip(shown, maps, strict=True)]
            figures.append(heat_maps(named, one, min(top, one.range[1]), columns, width))
        plate = " · ".join(filter(None, (choice.text, choice.source)))
        scale = "Each row has one colour scale, so its pictures compare; another plate may have another."
        return [f'<p class="heading">{escape(plate)}. {scale}</p>', *figures]


def _caption(result: "Result", values: np.ndarray) -> str:
    colour = COLOURS.get(result.name, "")
    mark = f'<span style="color:{colour}">■</span> ' if colour.startswith("#") else ""
    return f"{mark}{result.title}, mean {values.mean():.2f}"
