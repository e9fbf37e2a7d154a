"""Panel *Photo* of the Compare tab: the plate that was found in a photo, corrected, cut otherwise or exchanged."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from lpsr.app import cards, session
from lpsr.app.gallery import data_uri
from lpsr.app.language import label, words_for
from lpsr.app.link import Settings
from lpsr.app.photo import bar, editor
from lpsr.app.photo.state import CUT, Photo
from lpsr.app.session import Choice
from lpsr.app.steps import steps
from lpsr.app.theme import script
from lpsr.app.uploads import sent

# What the editor shows: the view's name, and how often its corners were set by a button.
Drawn = tuple[str, int]


class PhotoPanel:
    """The components; they follow the visitor's choice, and are hidden where that is from no photo."""

    def __init__(self) -> None:
        with gr.Column(elem_id="photo"):
            self.bar = gr.HTML("", js_on_load=script("photo"), elem_id="photo-bar")
            with gr.Column(elem_id="photo-inside"):
                with gr.Row(elem_classes="photo-how"):
                    gr.HTML(label("photo.how"))
                    self.how = gr.Radio(
                        [(label(f"photo.{how}"), how) for how in ("straight", "box")],
                        value=CUT,
                        label=label("photo.how"),
                        container=False,
                        elem_id="photo-how",
                    )
                self.editor = gr.HTML("", js_on_load=editor.SCRIPT, elem_id="photo-editor")
        self.drawn = gr.State(None)

    def listen(
        self,
        choice: gr.State,
        settings: gr.State,
        shown: list[gr.components.Component],
        direct: gr.Checkbox,
        redo: Callable[..., Iterator[tuple]],
        common: dict[str, Any],
        live: dict[str, Any],
    ) -> None:
        """Bind the events.

        Args:
            shown: what ``lpsr.app.steps.steps`` fills. direct, redo: the box "restore directly", and what it does.
            common, live: options of events that compare, and of those that a visitor may repeat quickly.
        """
        choice.change(
            _show,
            [choice, self.drawn],
            [self.bar, self.how, self.editor, self.drawn, direct],
            api_visibility="private",
            show_progress="hidden",
            trigger_mode="always_last",
        )

        def press(
            choice: Choice | None, settings: Settings, event: gr.EventData, request: gr.Request
        ) -> Iterator[tuple]:
            if choice is not None and choice.photo is not None and sent(event, "direct") is True:
                yield *[gr.skip()] * len(shown), True
                yield from redo(True, choice, settings, request)
            else:
                for step in _recut(choice, settings, lambda photo: _pressed(photo, event), request):
                    yield *step, gr.skip()

        self.bar.select(press, [choice, settings], [*shown, direct], **common)
        self.editor.select(_place, [choice, settings], shown, **live)
        self.how.input(_cut, [choice, settings, self.how], shown, **live)


def _show(choice: Choice | None, drawn: Drawn | None, request: gr.Request) -> tuple:
    """Bar, how the plate is cut, editor, what that shows, and whether the plate is restored directly.

    Its own corners are not sent back to the editor.
    """
    if choice is None or choice.photo is None:
        return ("", gr.skip(), "", None, gr.skip()) if drawn else tuple([gr.skip()] * 5)
    words, photo = words_for(request), choice.photo
    view, now = photo.view, (photo.name, photo.settled)
    corners = gr.skip()
    if drawn != now:
        size = view.picture.shape[1], view.picture.shape[0]
        source = data_uri(view.picture)
        corners = editor.html(
            source, size, photo.corners, words, view=photo.name, first=view.corners, search=not photo.found
        )
    return bar.html(choice, words), photo.how, corners, now, choice.direct


def _place(choice: Choice | None, settings: Settings, event: gr.EventData, request: gr.Request) -> Iterator[tuple]:
    yield from _recut(choice, settings, lambda photo: _placed(photo, event), request)


def _cut(choice: Choice | None, settings: Settings, how: str, request: gr.Request) -> Iterator[tuple]:
    yield from _recut(choice, settings, lambda photo: replace(photo, how=how), request)


def _placed(photo: Photo, event: gr.EventData) -> Photo | None:
    """With the editor's corners; those of a view that is no longer shown come too late.

    Farther than a view's length from it the editor moves none; to straighten what lies there would take much memory.
    """
    corners = editor.sent_corners(event)
    if corners is None or sent(event, "view") != photo.name:
        return None
    size = np.array(photo.view.picture.shape[1::-1])
    return photo.place(corners) if ((-size <= corners) & (corners <= 2 * size)).all() else None


def _pressed(photo: Photo, event: gr.EventData) -> Photo | None:
    """Another plate, or the whole picture as the plate."""
    which = sent(event, "plate")
    if type(which) is int and 0 <= which < len(photo.views) and which != photo.which:
        return replace(photo, which=which)
    return photo.place_around() if sent(event, "whole") is True else None


def _recut(
    choice: Choice | None, settings: Settings, change: Callable[[Photo], Photo | None], request: gr.Request
) -> Iterator[tuple]:
    """The photo's plate cut after a ``change``, which says None for what changes nothing, and compared."""
    words = words_for(request)
    if choice is None:
        yield cards.alert(words("page.gone")), *[gr.skip()] * 5
        return
    photo = choice.photo and change(choice.photo)
    if photo is None:
        yield tuple([gr.skip()] * 6)
    else:
        changed = replace(choice, settings=settings)
        yield from steps(lambda: session.cut(changed, photo), settings, words, fresh=True)
