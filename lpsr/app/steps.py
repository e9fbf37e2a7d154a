"""From a choice to what the Compare tab shows of it, in two steps: the pictures, then what is read in them."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from lpsr.app import cards, closer, session, verdict
from lpsr.app.language import Words
from lpsr.app.link import Settings
from lpsr.app.session import Choice
from lpsr.errors import InputError

log = logging.getLogger(__name__)


def steps(make: Callable[[], Choice], settings: Settings, words: Words, fresh: bool = False) -> Iterator[tuple]:
    """Message, result, verdict, closer look, choice, settings: first without readings, then with them.

    Where something fails, its sentence is the message; what was not compared yet leaves everything else as it is,
    unless a photo, or how its plate is cut, is new (``fresh``): no result of another plate stays beside it.
    """
    choice = compared = None
    try:
        choice = make()
        if choice.picture is None:
            # The photo's panel says why.
            yield "", *_unset(choice, settings, words)
            return
        if choice.comparison is None:
            choice = session.compared(choice)
        if choice.unread:
            compared = choice
            yield _shown(choice, settings, words, pending=True)
            choice = session.read(choice)
        yield _shown(choice, settings, words)
    except Exception as error:
        known = isinstance(error, InputError)
        if not known:
            log.exception("A comparison failed.")
        if compared:
            # What cannot be read waits for its readings no longer.
            rest = _shown(compared, settings, words)[1:]
        elif fresh and choice and choice.photo:
            rest = _unset(choice, settings, words)
        else:
            rest = *[gr.skip()] * 4, settings
        yield cards.alert(str(error) if known else words("page.sorry")), *rest


def again(choice: Choice, **changes: Any) -> Choice:
    """The choice with changes, to be compared anew."""
    return replace(choice, comparison=None, notes=(), **changes)


def _shown(choice: Choice, settings: Settings, words: Words, pending: bool = False) -> tuple:
    comparison = choice.comparison
    return (
        "",
        cards.results(choice, words, pending),
        verdict.html(comparison, words, pending),
        closer.html(comparison, words),
        choice,
        settings,
    )


def _unset(choice: Choice, settings: Settings, words: Words) -> tuple:
    """A photo of which nothing is compared."""
    sentence = words.html("photo.unset")
    empty = f'<section class="result unset" data-plate="" data-query=""><p class="heading">{sentence}</p></section>'
    return empty, "", "", choice, settings
