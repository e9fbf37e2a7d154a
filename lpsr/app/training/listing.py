"""The list of runs: what each trains, how it stands, and what a visitor can do with it.

Gradio patches HTML by position, so a new run on top would move the focus and a half-typed note to another run. The
component's template is therefore empty, and ``static/train_list.js`` draws its value, run by run. Its event "select"
needs ``trigger_mode="multiple"``: Gradio otherwise drops what a visitor does before the last answer has come.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import gradio as gr

from lpsr.app.language import Words
from lpsr.app.training.wording import decibels, duration, loss, mark, network, number, what
from lpsr.app.uploads import sent
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.training.runs import Run

TEMPLATE = '<div class="runs"></div>'
# Seconds for which the size of a run that grows is taken as it was.
_FRESH = 30

Action = Literal["choose", "compare", "baseline", "resume", "again", "discard", "note"]


class Event(NamedTuple):
    """What a visitor asks of a run.

    Attributes:
        on: for "compare", whether its curves are to be drawn.
        text: for "note", one line.
    """

    action: Action
    run: str
    on: bool = False
    text: str = ""


def event_of(event: gr.EventData) -> Event:
    """What the script sent. Raises InputError for anything else, which a visitor may send by hand."""
    from lpsr.checkpoints import is_usable_name
    from lpsr.training.runs import MAX_NOTE

    action, run, on, text = (sent(event, key) for key in ("action", "run", "on", "text"))
    usable = isinstance(action, str) and action in get_args(Action) and isinstance(run, str) and is_usable_name(run)
    if not usable or (action == "compare" and not isinstance(on, bool)):
        raise InputError("The page sent what it cannot mean; reload it.")
    if action != "note":
        return Event(action, run, on is True)
    if not isinstance(text, str):
        raise InputError("A note is text; reload the page.")
    if len(text) > MAX_NOTE:
        raise InputError(f"A note has at most {MAX_NOTE} characters; this one has {len(text)}.")
    # Also without what would turn the text around, or could not be written.
    return Event(action, run, text=" ".join("".join(one if one.isprintable() else " " for one in text).split()))


def listing(
    runs: "Sequence[Run]",
    selected: str | None,
    compared: Mapping[str, str],
    baseline: str | None,
    words: Words,
    may_control: "Callable[[Run], bool]",
) -> str:
    """The value of the component.

    Args:
        runs: in their order.
        selected: the run that is shown.
        compared: runs whose curves are drawn, with their colours there.
        baseline: the MSE run that the contrast is measured against.
        may_control: whether this visitor may resume and delete a run and write its note.
    """
    rows = "".join(
        _row(run, run.name == selected, compared.get(run.name), run.name == baseline, words, may_control(run))
        for run in runs
    )
    title = words.html("train_list.title")
    return (
        f"<section><h2>{title}</h2><p{_hidden(bool(runs))}>{words.html('train_list.empty')}</p>"
        f'<ul role="list" aria-label="{title}">{rows}</ul></section>'
    )


def _row(run: "Run", chosen: bool, colour: str | None, baseline: bool, words: Words, may_control: bool) -> str:
    """A run; always the same elements, some of them hidden, so that the script finds each in its place."""
    name, status, settings = escape(run.name), run.status, run.plan.settings
    train = status.stages["train"]
    total = train.of or settings.iterations
    trained = escape(f"{loss(settings.loss, words)} · {network(settings, words)}")
    bar = f'value="{min(train.done, total)}" max="{total}"'
    return (
        f'<li data-run="{name}"{" class=chosen" * chosen}><div class="head">'
        f'<button type="button" data-do="choose"{" aria-current=true" * chosen}>{name}</button>'
        f'<span class="state {status.state}">{mark(status.state)}<span>{_state(run, words)}</span></span></div>'
        f'<p class="minor" title="{escape(what(run, words))}">{trained} · {_age(status.created, words)}</p>'
        f'<p class="message"{_hidden(status.state != "failed")}>{escape(status.message)}</p>'
        f'<progress {bar} aria-label="{words.html("train_list.progress", name=run.name)}"'
        f"{_hidden(status.state != 'running')}></progress>"
        f"<dl>{_numbers(run, total, words)}</dl>{_note(run, words, may_control)}"
        f"{_tools(run, colour, baseline, words, may_control)}{_confirm(run, words)}</li>"
    )


def _state(run: "Run", words: Words) -> str:
    state = run.status.state
    if state == "queued":
        return words.html("train_list.next" if run.place == 1 else "train_list.queued", place=run.place)
    return words.html("train_list.early" if state == "done" and run.status.early else f"train_watch.is_{state}")


def _age(created: float, words: Words) -> str:
    minutes = max(int(time.time() - created) // 60, 0)
    at = datetime.fromtimestamp(created, UTC)
    if minutes < 1:
        text = words("train_list.now")
    elif minutes < 60:
        text = words("train_list.minutes", count=minutes)
    elif minutes < 48 * 60:
        text = words("train_list.hours", count=minutes // 60)
    else:
        text = words("train_list.days", count=minutes // (24 * 60))
    return f'<time datetime="{at:%Y-%m-%dT%H:%MZ}" title="{at:%Y-%m-%d %H:%M} UTC">{escape(text)}</time>'


def _numbers(run: "Run", total: int, words: Words) -> str:
    """Terms and what is known of them."""
    stages = run.status.stages
    tested = stages["evaluate"].facts
    bicubic = decibels(tested.get("bicubic"))
    numbers = {
        "iterations": f"{number(stages['train'].done)} / {number(total)}",
        "val": decibels(stages["train"].facts.get("best")) or "–",
        "test": decibels(tested.get("psnr")) or "–",
        "time": duration(run.status.seconds, words) if run.status.seconds else "–",
        "size": _bytes(_size_of(run), words),
    }
    small = {"test": words("train_watch.bicubic", value=bicubic) if bicubic else ""}
    return "".join(
        f"<div><dt>{words.html(f'train_list.{key}')}</dt>"
        f"<dd>{escape(value)}<small>{escape(small.get(key, ''))}</small></dd></div>"
        for key, value in numbers.items()
    )


def _size_of(run: "Run") -> int:
    """Bytes on the disk; a run that rests is measured once."""
    from lpsr.training.status import STATUS

    path = run.folder / STATUS
    if run.status.state == "running" or not path.is_file():
        return _measured(run.folder, int(time.monotonic() / _FRESH))
    return _measured(run.folder, -path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _measured(folder: Path, stamp: int) -> int:
    """``stamp``: another one, another measurement."""
    from lpsr.training.runs import size_of

    return size_of(folder)


def _bytes(count: int, words: Words) -> str:
    if count < 999.5e6:
        value = "< 0.1" if count < 1e5 else f"{count / 1e6:.1f}" if count < 9.95e6 else f"{count / 1e6:.0f}"
        return words("train_list.megabytes", value=value)
    return words("train_watch.gigabytes", value=f"{count / 1e9:.1f}")


def _note(run: "Run", words: Words, may_control: bool) -> str:
    """The note, and the field that it is written in."""
    from lpsr.training.runs import MAX_NOTE

    key = "edit" if run.note else "add"
    return (
        f'<div class="note-line"><p{_hidden(not run.note)}>{escape(run.note)}</p>'
        f'<button type="button" data-do="edit" aria-label="{words.html(f"train_list.{key}_of", name=run.name)}"'
        f"{_hidden(not may_control)}>{words.html(f'train_list.{key}')}</button>"
        f'<input type="text" maxlength="{MAX_NOTE}" value="{escape(run.note)}" autocomplete="off" '
        f'aria-label="{words.html("train_list.note_of", name=run.name)}" hidden></div>'
    )


def _tools(run: "Run", colour: str | None, baseline: bool, words: Words, may_control: bool) -> str:
    """What can be done with a run."""

    def tick(kind: str, do: str, on: bool, hidden: bool = False) -> str:
        return (
            f'<label{_hidden(hidden)} title="{words.html(f"train_list.{do}_of", name=run.name)}">'
            f'<input type="{kind}" name="runs-{do}" data-do="{do}"{" checked" * on} '
            f'aria-label="{words.html(f"train_list.{do}_of", name=run.name)}"> {words.html(f"train_list.{do}")}</label>'
        )

    def button(do: str, hidden: bool = False) -> str:
        return (
            f'<button type="button" data-do="{do}" aria-label="{words.html(f"train_list.{do}_of", name=run.name)}"'
            f"{_hidden(hidden)}>{words.html(f'train_list.{do}')}</button>"
        )

    resumable = run.status.state in ("paused", "interrupted", "failed")
    style = f' style="--model: {escape(colour)}"' if colour else ""
    return (
        f'<div class="tools"{style}>{tick("checkbox", "compare", colour is not None)}'
        f"{tick('radio', 'baseline', baseline, hidden=run.plan.settings.loss.kind != 'mse')}"
        f"{button('resume', hidden=not (resumable and may_control))}{button('again')}"
        f"{button('delete', hidden=not may_control)}</div>"
    )


def _confirm(run: "Run", words: Words) -> str:
    """The question before a run is deleted."""
    question = words.html("train_list.question", name=run.name)
    return (
        f'<div class="confirm" role="group" aria-label="{question}" hidden><p>{question}</p>'
        f'<button type="button" data-do="discard">{words.html("train_list.delete")}</button>'
        f'<button type="button" data-do="cancel">{words.html("train_list.cancel")}</button></div>'
    )


def _hidden(hidden: bool) -> str:
    return " hidden" if hidden else ""
