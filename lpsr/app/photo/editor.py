"""The corner editor: a photo with the outline of a plate to be moved onto it, and the plate straightened live."""

import json
from html import escape

import gradio as gr
import numpy as np

from lpsr.app.theme import script
from lpsr.app.uploads import sent
from lpsr.app.words import Words

SCRIPT = script("corners_draw") + script("corners")
# Clockwise from the plate's top left, as the corners are.
CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")
# Pixels; no view is so large, nor any corner so far from it.
_FAR = 100_000
# What the script puts into the texts: they keep these in braces.
_BRACES = {name: f"{{{name}}}" for name in ("x", "y", "width", "height")}


def html(
    source: str,
    size: tuple[int, int],
    corners: np.ndarray,
    words: Words,
    *,
    view: str = "",
    first: np.ndarray | None = None,
    search: bool = False,
) -> str:
    """The editor, for a ``gr.HTML`` with ``js_on_load=SCRIPT``.

    When the visitor lets go of a corner, the component's ``select`` event brings ``{"corners": [[x, y] × 4], "view"}``.
    The script keeps the visitor's corners while an answer to earlier ones comes, so the value may, but need not, be
    set anew. It follows the value where ``view`` or ``source`` changes, or where ``corners`` are none that it sent.

    Args:
        source: The view's picture as a data URI.
        size: Its (width, height) in pixels.
        corners: ``(4, 2)``, x and y in the view's pixels, clockwise from the plate's top left.
        view: A name of the view, which comes back with its corners.
        first: The corners that "reset" restores; None takes ``corners``.
        search: Where the plate is has yet to be seen, so the whole view is shown first.
    """

    def text(key: str) -> str:
        return words.html(f"corners.{key}", **_BRACES)

    def button(action: str) -> str:
        return f'<button type="button" data-do="{action}" title="{text(action + "_tip")}">{text(action)}</button>'

    first = corners if first is None else first
    width, height = size
    handles = "".join(
        f'<button type="button" class="handle" data-label="{text(one)}" aria-label="{text(one)}"></button>'
        for one in CORNERS
    )
    return (
        f'<section class="corner-editor" data-view="{escape(view)}" data-width="{width}" data-height="{height}" '
        f'data-corners="{_json(corners)}" data-first="{_json(first)}" data-search="{str(search).lower()}">'
        f'<figure class="photo"><figcaption><span class="what">{text("photo")}</span>'
        f'<span class="tools" role="group" aria-label="{text("tools")}"><span class="zooms">'
        f"{button('plate')}{button('whole')}</span>"
        f'{button("turn")}{button("reset")}</span></figcaption><div class="stage" role="application" '
        f'aria-label="{text("stage")}" aria-describedby="corner-hint"><div class="frame">'
        f'<img src="{escape(source)}" alt="" draggable="false"><svg aria-hidden="true">'
        '<path class="shade" fill-rule="evenodd"></path><polygon class="inside"></polygon>'
        '<polygon class="under"></polygon><polygon class="over"></polygon>'
        '<path class="top under"></path><path class="top over"></path></svg></div>'
        f'{handles}<div class="loupe" aria-hidden="true" hidden><canvas></canvas><span></span></div></div>'
        f'<div class="below"><p class="fault" role="status" data-folded="{text("folded")}" '
        f'data-short="{text("short")}"></p>'
        f'<p class="hint" id="corner-hint">{text("hint")} <span class="keys">{text("keys")}</span></p></div></figure>'
        f'<figure class="straight"><figcaption><span class="what">{text("straight")}</span>'
        f'<output class="size" data-text="{text("size")}"></output></figcaption>'
        f'<div class="frame"><canvas role="img" data-label="{text("alt")}"></canvas></div>'
        "</figure></section>"
    )


def sent_corners(event: gr.EventData) -> np.ndarray | None:
    """The corners ``(4, 2)`` float32 that the editor's event brings, or None where they are no four points.

    Whether they can be a plate's is for ``lpsr.rectify.check_corners`` to say.
    """
    corners = sent(event, "corners")
    if not isinstance(corners, list) or len(corners) != len(CORNERS) or not all(map(_is_point, corners)):
        return None
    return np.array(corners, np.float32)


def _is_point(value: object) -> bool:
    # Not a number compares as false.
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(one) in (int, float) and abs(one) < _FAR for one in value)
    )


def _json(corners: np.ndarray) -> str:
    return json.dumps(np.asarray(corners, float).tolist())
