"""The live charts of training: components, and what they show.

Gradio's own plot mounts its chart anew on every value, which flickers and drops the visitor's zoom; here the page keeps
six charts and changes their data (``static/plots.js``), with the Plotly that Gradio brings.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from lpsr.app.language import Words
from lpsr.app.plots import plot_words, plotly
from lpsr.app.theme import script

if TYPE_CHECKING:
    # For annotations only: the first paint need not wait for it.
    from lpsr.training.curves import Curves

# In the order of the page.
CHARTS = ("loss", "psnr", "contrast", "weights", "distance", "rate")
_TEMPLATE = (
    '<div class="train-charts">'
    + "".join(
        f'<figure data-chart="{chart}"><div class="plot" role="img"></div><div class="plot-buttons"></div></figure>'
        for chart in CHARTS
    )
    + '<p class="failed" role="status"></p></div>'
)
# Drawn charts that are kept for other visitors.
_KEPT = 16


class Named(NamedTuple):
    """The curves of a run.

    Attributes:
        name: of the run.
        colour: "#rrggbb".
        bicubic: dB, bicubic's PSNR on the validation plates, where it is known.
    """

    name: str
    colour: str
    curves: "Curves"
    bicubic: float | None = None


class Charts:
    """The components. ``outputs`` take ``values``; ``shown`` is an input beside whatever else a handler needs.

    Attributes:
        html: all charts.
        shown: the key of what the browser shows, so that nothing is sent while nothing has changed.
    """

    def __init__(self) -> None:
        self.html = gr.HTML(
            "",
            html_template=_TEMPLATE,
            js_on_load=script("plots") + script("train_charts"),
            elem_id="train-charts",
            plotly=plotly(),
        )
        self.shown = gr.Textbox("", visible=False)
        self.outputs = [self.html, self.shown]

    def values(self, runs: Sequence[Named], words: Words, baseline: Named | None = None, shown: str = "") -> list[Any]:
        """What ``outputs`` take: the charts of ``figures``, or nothing new where they are ``shown`` already."""
        state = [_state(run) for run in runs], baseline and _state(baseline), words.language
        key = hashlib.blake2b(repr(state).encode(), digest_size=16).hexdigest()
        if key == shown:
            return [gr.skip(), gr.skip()]
        # One visitor's charts are most often every visitor's.
        with _lock:
            if key not in _drawn:
                _drawn[key] = _draw(runs, words, baseline)
            _drawn.move_to_end(key)
            if len(_drawn) > _KEPT:
                _drawn.popitem(last=False)
            return [_drawn[key], key]


def _state(run: Named) -> tuple:
    return run.name, run.colour, run.bicubic, run.curves.version


def _draw(runs: Sequence[Named], words: Words, baseline: Named | None) -> str:
    from lpsr.app.training.figures import figures

    names = [run.name for run in runs]
    return json.dumps(
        {
            "runs": names,
            "stem": names[0] if len(names) == 1 else "lpsr-runs",
            "figures": {name: json.loads(one.to_json()) for name, one in figures(runs, words, baseline).items()},
            "words": plot_words(words),
        }
    )


_lock = threading.Lock()
_drawn: OrderedDict[str, str] = OrderedDict()
