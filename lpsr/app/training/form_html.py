"""The set-up form's HTML: what a plan comes to, how long it takes, its recipe, and what its data holds."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from lpsr.app.cards import alert
from lpsr.app.copied import command_html, copied
from lpsr.app.language import Words
from lpsr.app.training.wording import budget, number

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.training.estimate import Estimate
    from lpsr.training.material import Found
    from lpsr.training.plan import Plan

# Seconds below which a stage is not worth a word.
_SHORT = 1.0
# Files that a list of refused ones names.
_LISTED = 100


def rough(seconds: float, words: Words) -> str:
    """An estimated time, no finer than it is good for: "45 s", "2 min 10 s", "12 min", "3 h 20 min" or "40 days"."""
    if seconds < 90:
        return words("train_form.seconds", seconds=round(seconds))
    if seconds < 595:
        tens = round(seconds / 10)
        key = "minutes_seconds" if tens % 6 else "minutes"
        return words(f"train_form.{key}", minutes=tens // 6, seconds=tens % 6 * 10)
    minutes = round(seconds / 60)
    if minutes < 90:
        return words("train_form.minutes", minutes=minutes)
    if minutes < 48 * 60:
        return words("train_form.hours", hours=minutes // 60, minutes=minutes % 60)
    return words("train_form.days", days=round(seconds / 86400))


def about(preset: str, plan: "Plan", words: Words) -> str:
    """The preset's sentence, and what the plan comes to."""
    return f'{_line(words(f"train_form.how_{preset}"))}<p class="minor">{escape(budget(plan, words))}</p>'


def estimate(estimates: "Sequence[Estimate]", words: Words, shared: bool = False) -> str:
    """How long one run takes, or three one after the other, by what was measured; ``shared``: on the same plates."""
    if shared:
        first, *rest = estimates
        once = [one._replace(stages=one.stages | {"data": 0.0}, total=one.total - one.stages["data"]) for one in rest]
        estimates = [first, *once]
    stages: dict[str, float] = {}
    for one in estimates:
        for name, seconds in one.stages.items():
            stages[name] = stages.get(name, 0.0) + seconds
    parts = ", ".join(
        f"{words(f'train_form.stage_{name}')} {rough(seconds, words)}"
        for name, seconds in stages.items()
        if seconds >= _SHORT
    )
    paces = [one.iterations_per_second for one in estimates]
    slow, fast = f"{min(paces):.2g}", f"{max(paces):.2g}"
    return _status(
        words(
            "train_form.estimate",
            total=rough(sum(one.total for one in estimates), words),
            stages=parts,
            rate=slow if slow == fast else f"{slow}–{fast}",
        )
    )


def unmeasured(busy: bool, words: Words) -> str:
    """The line before there is a measurement: a button, or why there is none while something trains."""
    text = words("train_form.unmeasured")
    if busy:
        return _status(f"{text} {words('train_form.measure_later')}")
    button = f'<button type="button" data-kind="measure">{words.html("train_form.measure")}</button>'
    return f'<p role="status">{escape(text)} {button}</p>'


def measuring(words: Words) -> str:
    """The line while it is measured."""
    return _status(words("train_form.measuring"))


def recipe(plans: "Sequence[Plan]", words: Words) -> str:
    """The command lines of the plans, and the plans as JSON, a list where there are several; each to copy."""
    from lpsr.training.plan import Archive, command_line

    # Where an upload lies for some minutes is of no use to anybody.
    named = [
        plan.model_copy(update={"data": Archive(file=Path(plan.data.file).name)}) if plan.data.kind == "zip" else plan
        for plan in plans
    ]
    values = [plan.model_dump(mode="json") for plan in named]
    text = json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False, indent=2)
    commands = "\n".join(map(command_line, named))
    return copied(words("train_form.command"), command_html(commands), words) + copied(
        words("train_form.json"), escape(text), words
    )


def checking(words: Words) -> str:
    """While a ZIP is looked into."""
    return _status(words("train_form.checking"))


def found(plates: Mapping[str, int], words: Words) -> str:
    """What a folder holds, by split."""
    return _status(words("train_form.found", **{split: number(count) for split, count in plates.items()}))


def unpacked(archive: "Found", words: Words) -> str:
    """What a ZIP holds, or why it cannot be used, and the files in it that are refused, each with why."""
    if archive.problem:
        html = alert(archive.problem)
    else:
        facts = {key: number(getattr(archive, key)) for key in ("texts", "corners")}
        html = found(archive.plates, words) + _line(words("train_form.labels", **facts))
        if archive.opened < archive.pictures:
            html += _line(words("train_form.opened", count=number(archive.opened)))
    if archive.refused:
        rows = "".join(
            f"<li>{f'<b>{escape(name)}</b>: ' if name else ''}{escape(why)}</li>"
            for name, why in archive.refused[:_LISTED]
        )
        more = len(archive.refused) - _LISTED
        rows += f"<li>{words.html('train_watch.more', count=number(more))}</li>" if more > 0 else ""
        title = words.html("train_form.refused", count=number(len(archive.refused)))
        html += f"<details><summary>{title}</summary><ul>{rows}</ul></details>"
    return html


def _status(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'


def _line(text: str) -> str:
    return f"<p>{escape(text)}</p>"
