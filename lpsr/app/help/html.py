"""What the tab *Does it help?* shows of a measurement, of its progress and of plates that were brought, as HTML."""

import json
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from lpsr.app.batch_html import span, time_left
from lpsr.app.cards import alert
from lpsr.app.copied import command_html, copied
from lpsr.app.help.job import KEPT, Job
from lpsr.app.language import Words
from lpsr.app.plots import plot_words

if TYPE_CHECKING:
    # For annotations only: it imports what the first paint need not wait for.
    from lpsr.benefit.result import Benefit

COMMAND = "python -m lpsr does-it-help --data DIR --frames 20 --results"
# Refused files that are named.
MOST_REFUSED = 8


def content(benefit: "Benefit", source: str, heading: str, words: Words) -> str:
    """A measurement for ``static/results.js``: JSON as of ``lpsr.app.results.tab.content``.

    Args:
        source: what files it is from; empty for one of the visitor's own.
        heading: of which plates it is, HTML.
    """
    from lpsr.app.results.figures import draw, report_colours
    from lpsr.app.results.html import figure_item, table_item
    from lpsr.report.benefit import class_table, parts
    from lpsr.report.benefit_verdict import class_title, verdict
    from lpsr.report.rows import csv_text, rows, table_rows
    from lpsr.report.shapes import Report, say

    tables, figures = parts(benefit, source)
    every = [class_table(benefit, one.name, source) for one in benefit.classes]
    answers = verdict(benefit)
    # The verdict stands above; beside the table is how it was found.
    shown = [
        replace(one, finding=answers[-1]) if one.key == "benefit_gain" else one
        for one in tables
        if not one.key.startswith("benefit_class_")
    ]
    report = Report((), (), (*shown, *every), figures, {source: benefit.passport}, ())
    colours = report_colours(report)
    said = [escape(say(one, words)) for one in answers[: max(len(answers) - 1, 1)]]
    charts = "".join(figure_item(one, report, words) for one in figures)
    listed = "".join(table_item(one, report, colours, words) for one in shown)
    folded = ""
    for one, table in zip(benefit.classes, every, strict=True):
        item = table_item(table, report, colours, words)
        folded += f"<details><summary>{escape(class_title(one.name))}</summary>{item}</details>"
    text = (
        f'<div class="results-body"><section class="help-verdict"><p class="help-which">{heading}</p>'
        f"<h2>{said[0]}</h2>{''.join(f'<p>{one}</p>' for one in said[1:])}</section>"
        f'<div class="results-items">{charts}{listed}</div>'
        f'<section class="help-classes"><h2>{words.html("help.classes_title")}</h2>{folded}</section></div>'
    )
    drawn = {one.key: json.loads(draw(one, words, colours).to_json()) for one in figures}
    csv = {one.key: csv_text(*rows(one, words)) for one in figures}
    csv |= {one.key: csv_text(*table_rows(one, words)) for one in (*shown, *every)}
    return json.dumps({"html": text, "figures": drawn, "csv": csv, "words": plot_words(words), "stem": "lpsr"})


def nothing(sentence: str, words: Words) -> str:
    """The same where there is no measurement: why, and how one is made."""
    text = (
        f'<div class="results-body"><p class="results-none">{escape(sentence)}</p>'
        f"{copied(words('results.command'), command_html(COMMAND), words)}</div>"
    )
    return json.dumps({"html": text, "figures": {}, "csv": {}, "words": plot_words(words), "stem": "lpsr"})


def data_of(benefit: "Benefit", words: Words) -> str:
    """On which plates it was measured, HTML."""
    known = benefit.passport
    split = f", {words('help.split', split=known['split'])}" if known.get("split") else ""
    # Of each size; there may be fewer of some.
    numbers = [one.n for one in benefit.classes]
    n = "–".join(str(one) for one in sorted({min(numbers), max(numbers)}))
    return escape(f"{known.get('data')}{split}, n = {n}")


def progress(job: Job, ahead: int, words: Words) -> str:
    """Where a measurement stands."""
    if job.state == "waiting":
        return _status(words.html("help.waiting", ahead=ahead), 0, 0, words)
    if job.state == "running":
        text = words.html(f"help.{'stopping' if job.stopping.is_set() else job.stage or 'loading'}")
        if job.of:
            text += f" {words.html('help.steps', done=job.done, all=job.of)}"
        if (left := job.left) is not None and job.done < job.of:
            text += " · " + time_left(left, words)
        return _status(text, job.done, job.of, words)
    if job.state == "failed":
        return alert(job.error or words("help.sorry"))
    minutes = KEPT // 60
    return f'<p role="status">{words.html(f"help.{job.state}", minutes=minutes)}</p>'


def _status(text: str, done: int, of: int, words: Words) -> str:
    value = f'value="{done}" max="{of}"' if of else ""
    return (
        f'<div class="batch-progress"><progress {value} aria-label="{words.html("help.progress")}"></progress>'
        f'<span role="status">{text}</span></div>'
    )


def estimate(seconds: float, plates: int, words: Words) -> str:
    """About how long it takes."""
    unit, value = span(seconds)
    return f'<p role="status">{words.html(f"help.takes_{unit}", value=value, n=plates)}</p>'


def found(held: Mapping[str, Any], words: Words) -> str:
    """What an uploaded ZIP holds."""
    text = f'<p role="status">{words.html("help.found", count=held["count"], unknown=held["unknown"])}</p>'
    refused = held["refused"]
    if refused:
        lines = [f"<li>{f'<b>{escape(file)}</b>: ' if file else ''}{escape(why)}</li>" for file, why in refused]
        lines = lines[:MOST_REFUSED] + [f"<li>… {len(lines) - MOST_REFUSED}</li>"] * (len(lines) > MOST_REFUSED)
        title = words.html("help.refused", count=len(refused))
        text += f"<details><summary>{title}</summary><ul>{''.join(lines)}</ul></details>"
    return text


def downloads(words: Words) -> str:
    """The button of a measurement's JSON."""
    return (
        f'<div class="downloads"><button type="button" data-kind="json">{words.html("help.json")}</button>'
        f'<span class="status" role="status" data-making="{words.html("numbers.making")}"></span></div>'
    )
