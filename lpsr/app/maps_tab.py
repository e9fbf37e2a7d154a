"""Tab *Degradation maps*: where the compared pictures are noisy, blurred or blocky, as in the paper's figure 13."""

import base64
import csv
import io
import logging
from html import escape
from math import ceil
from operator import is_
from typing import TYPE_CHECKING
from urllib.parse import quote

import gradio as gr
import numpy as np

from lpsr.app.colours import colours
from lpsr.app.gallery import caption, data_uri
from lpsr.app.lab import describe
from lpsr.app.language import Words, words_for
from lpsr.app.session import PROCESSOR, Choice
from lpsr.app.theme import script
from lpsr.images import viridis
from lpsr.metrics.degradation import MAPS

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Result
    from lpsr.metrics.degradation import Map

log = logging.getLogger(__name__)

# Values shown of each map, a side: a larger map is thinned, and averages over far more pixels than that leaves out.
CELLS = 320
_FOLLOW_JS = "() => { document.dispatchEvent(new Event('choice')); }"
_WAITING = '<div class="maps-waiting" aria-busy="true">' + "<i></i>" * 24 + "</div>"
# Heading and pictures of what is shown.
Drawn = tuple[str, list[np.ndarray]]


class MapsTab:
    """The components of the tab; its maps are computed when it is opened, and follow the choice while it is open."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        self.view = gr.HTML(_WAITING, js_on_load=script("maps"), elem_id="maps")
        self.drawn = gr.State(None)

    def listen(self, choice: gr.State) -> None:
        """Bind the events to the visitor's choice."""
        # Asks in the browser first: who has not opened the tab need not be served its maps.
        choice.change(None, js=_FOLLOW_JS, api_visibility="private")
        gr.on(
            [self.tab.select, self.view.input],
            draw,
            [choice, self.drawn],
            [self.view, self.drawn],
            concurrency_id=PROCESSOR,
            concurrency_limit=1,
            api_visibility="private",
            show_progress="minimal",
            trigger_mode="always_last",
        )


def draw(choice: Choice | None, drawn: Drawn | None, request: gr.Request) -> tuple:
    """The maps of the choice and what they show; nothing where they are shown already, a sentence where they cannot."""
    words = words_for(request)
    if choice is None or choice.comparison is None:
        return _note(words.html("maps.nothing")), None
    heading, shown = _heading(choice, words), _shown(choice)
    pictures = [result.picture for result in shown]
    if drawn and drawn[0] == heading and len(drawn[1]) == len(pictures) and all(map(is_, drawn[1], pictures)):
        return gr.skip(), gr.skip()
    try:
        return heading + _maps(shown, words), (heading, pictures)
    except Exception:
        log.exception("The maps failed.")
        return _note(words.html("maps.sorry")), None


def _shown(choice: Choice) -> "list[Result]":
    """All pictures but LR, whose enlarged pixels are no degradation that a map could show."""
    return [result for result in choice.comparison.results if result.name != "lr"]


def _heading(choice: Choice, words: Words) -> str:
    """Which plate is shown, and what happened to it."""
    degradation = choice.comparison.degradation
    how = words("maps.direct") if degradation is None else words("maps.degraded", how=describe(degradation, words))
    name = caption(choice.caption, words) or choice.key or words("page.own")
    return f'<p class="heading">{escape(" · ".join(filter(None, (name, choice.text, how))))}</p>'


def _maps(shown: "list[Result]", words: Words) -> str:
    # (rows, maps, H, W)
    values = np.array([[one.function(result.picture) for one in MAPS.values()] for result in shown])
    means = values.mean((2, 3), dtype=np.float64)
    tops = [_top(one, values[:, column]) for column, one in enumerate(MAPS.values())]
    height, width = values.shape[2:]
    step = ceil(max(height, width) / CELLS)
    thin = values[:, :, ::step, ::step]
    colour = colours(result.name for result in shown)
    rows = "".join(
        _row(result, *row, tops, colour[result.name], words) for result, *row in zip(shown, thin, means, strict=True)
    )
    # Hundredths, as the captions show them: noise is below 427 levels, so 16 bits hold them.
    cells = np.rint(thin * 100).astype("<u2")
    return (
        f'<p class="maps-hint">{words.html("maps.hint")}</p>'
        f'<section class="maps" style="--ratio: {width / height:.4f}" data-width="{width}" data-height="{height}" '
        f'data-step="{step}" data-cells="{base64.b64encode(cells).decode()}">'
        f"{_heads(values, tops, words)}{rows}{_how(words)}"
        f'</section><p class="unseen" id="maps-said" role="status"></p>{_table(shown, means, words)}'
    )


def _top(one: "Map", values: np.ndarray) -> float:
    """Upper end of a column's colour scale: above 99 % of its values, and neither tiny nor beyond the map's range."""
    return min(max(float(np.percentile(values, 99)), one.range[1] / 4), one.range[1])


def _heads(values: np.ndarray, tops: list[float], words: Words) -> str:
    """The place and its coordinates, then for each column its name, and of a map unit and colour scale."""
    height, width = values.shape[2:]
    bar = data_uri(viridis(np.arange(256)[None], 0, 255))
    heads = [
        f'<div class="maps-place" tabindex="0" role="application" aria-label="{words.html("maps.place_keys")}">'
        f'{words.html("maps.place")} <b data-none="x –, y –">x –, y –</b></div>',
        f'<div class="maps-head"><h2>{words.html("maps.picture")}</h2> <small>{width} × {height} px</small></div>',
    ]
    for (name, one), maps, top in zip(MAPS.items(), values.swapaxes(0, 1), tops, strict=True):
        low, high = (words.html(f"maps.{name}_{end}") for end in ("low", "high"))
        more = "≥ " * bool(maps.max() > top)
        heads.append(
            f'<div class="maps-head"><h2>{words.html(f"maps.{name}")}</h2> <small>{words.html(f"maps.{name}_unit")}'
            f'</small><img class="maps-bar" src="{bar}" alt=""><span class="maps-ends">'
            f"<span>{one.range[0]:.2f} <i>{low}</i></span><span><i>{high}</i> {more}{top:.2f}</span></span></div>"
        )
    return f'<div class="maps-columns maps-heads">{"".join(heads)}</div>'


def _how(words: Words) -> str:
    """How to read the scales and each map, and where it misleads."""
    how = "".join(f"<p><b>{words.html(f'maps.{name}')}</b> {words.html(f'maps.{name}_how')}</p>" for name in MAPS)
    return f'<div class="maps-columns maps-how"><p>{words.html("maps.scales")}</p>{how}</div>'


def _row(result: "Result", values: np.ndarray, means: np.ndarray, tops: list[float], colour: str, words: Words) -> str:
    """A picture and its maps; ``values`` is ``(maps, h, w)``."""
    height, width = result.picture.shape[:2]
    alt = words.html("compare.alt", title=result.title, width=width, height=height)
    cells = [_cell(result.picture, alt, f"<span>{words.html('maps.picture')}</span>")]
    for (name, one), of_map, mean, top in zip(MAPS.items(), values, means, tops, strict=True):
        title = words.html(f"maps.{name}")
        # That map is zero throughout only where it found nothing to measure on.
        if name == "compression" and mean == 0:
            said, here = words.html("maps.no_grid"), ""
        else:
            said, here = words.html("maps.mean", value=mean), f'{words.html("maps.here")} <b class="maps-here">–</b>'
        alt = words.html("maps.alt", map=words(f"maps.{name}"), title=result.title)
        line = f'<span class="maps-name">{title}</span> <span>{said}</span> <span>{here}</span>'
        cells.append(_cell(viridis(of_map, one.range[0], top), f"{alt}, {said}", line))
    return (
        f'<div class="maps-columns maps-row" role="group" aria-label="{escape(result.title)}">'
        f'<h3 style="--model: {colour}">{escape(result.title)}</h3>{"".join(cells)}</div>'
    )


def _cell(picture: np.ndarray, alt: str, line: str) -> str:
    height, width = picture.shape[:2]
    return (
        f'<figure class="maps-cell"><div class="maps-frame"><img src="{data_uri(picture)}" alt="{alt}" '
        f'width="{width}" height="{height}" draggable="false"></div><figcaption>{line}</figcaption></figure>'
    )


def _table(shown: "list[Result]", means: np.ndarray, words: Words) -> str:
    """Means, one row a picture, one column a map, with the same as a CSV file."""
    file = io.StringIO()
    heads = [f"{one.title}, {one.unit or 'share'}" for one in MAPS.values()]
    lines = [[result.title, *(f"{mean:.4f}" for mean in row)] for result, row in zip(shown, means, strict=True)]
    csv.writer(file).writerows([["model", *heads], *lines])
    head = "".join(
        f'<th scope="col">{words.html(f"maps.{name}")}<small>{words.html(f"maps.{name}_unit")}</small></th>'
        for name in MAPS
    )
    body = "".join(
        f'<tr><th scope="row">{escape(result.title)}</th>' + "".join(f"<td>{mean:.2f}</td>" for mean in row) + "</tr>"
        for result, row in zip(shown, means, strict=True)
    )
    return (
        f'<div class="maps-means"><table><caption>{words.html("maps.means")}</caption>'
        f'<thead><tr><th scope="col">{words.html("maps.model")}</th>{head}</tr></thead><tbody>{body}</tbody></table>'
        f'<p><a download="maps.csv" href="data:text/csv;charset=utf-8,{quote(file.getvalue())}">'
        f"{words.html('maps.csv')}</a></p></div>"
    )


def _note(sentence: str) -> str:
    return f'<p class="note" role="alert">{sentence}</p>'
