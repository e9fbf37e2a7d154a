"""Tab *Results*: the report of ``lpsr.report``, read from the result files when the tab is opened."""

import hashlib
import json
import logging
import threading
from dataclasses import replace
from pathlib import Path

import gradio as gr

from lpsr.app.cards import alert
from lpsr.app.language import label, words_for
from lpsr.app.plots import plot_words
from lpsr.app.results.view import report_view
from lpsr.app.words import Words
from lpsr.errors import InputError

log = logging.getLogger(__name__)

_WAITING = '<p class="results-none" role="status">' + label("results.loading") + "</p>"


class ResultsTab:
    """The components."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        self.waiting = gr.HTML(_WAITING, elem_id="results-said")
        self.report = report_view("results")
        # The key of what the browser shows, so that nothing is sent again while no file has changed.
        self.shown = gr.Textbox("", visible=False)

    def listen(self) -> None:
        """Bind the events."""
        self.tab.select(
            _show,
            self.shown,
            [self.waiting, self.report, self.shown],
            concurrency_id="results",
            concurrency_limit=1,
            api_visibility="private",
            show_progress="hidden",
        )


def _show(shown: str, request: gr.Request) -> tuple:
    from lpsr.results import RESULTS

    words = words_for(request)
    try:
        key = f"{words.language}-{_mark(RESULTS)}"
        return (gr.skip(), gr.skip(), gr.skip()) if key == shown else ("", content(RESULTS, words), key)
    except Exception:
        log.exception("The results could not be shown.")
        return alert(words("results.sorry")), gr.skip(), ""


def content(folder: Path, words: Words) -> str:
    """What the page shows, as JSON: "html", "figures" (Plotly's) and "csv" by key, "words", and "stem" of file names.

    Kept until a file in the folder changes.
    """
    mark = _mark(folder)
    with _lock:
        if _kept.get("mark") != mark:
            _kept.clear()
            _kept["mark"] = mark
        if words.language not in _kept:
            _kept[words.language] = _content(folder, words)
        return _kept[words.language]


def _content(folder: Path, words: Words) -> str:
    from lpsr.app.results import html
    from lpsr.app.results.figures import draw, report_colours
    from lpsr.app.results.pictures import pictures
    from lpsr.checkpoints import list_checkpoints
    from lpsr.report.build import build
    from lpsr.report.examples import read_examples
    from lpsr.report.rows import csv_text, rows, table_rows
    from lpsr.results import read_results

    report, examples = build(read_results(folder), cards=list_checkpoints()), None
    try:
        examples = read_examples(folder)
    except InputError as error:
        report = replace(report, problems=(*report.problems, str(error)))
    colours = report_colours(report, examples.titles if examples else ())
    drawn = {figure.key: json.loads(draw(figure, words, colours).to_json()) for figure in report.figures}
    shown = pictures(examples, folder, colours, words) if examples else ""
    text = html.page(report, colours, words, shown) if report.sections or shown else html.nothing(report, words)
    tables = {figure.key: csv_text(*rows(figure, words)) for figure in report.figures}
    tables |= {table.key: csv_text(*table_rows(table, words)) for table in report.tables}
    return json.dumps({"html": text, "figures": drawn, "csv": tables, "words": plot_words(words), "stem": "lpsr"})


def _mark(folder: Path) -> str:
    """What a folder's files are known by, without those that are being written; nothing where there is no folder."""
    files = sorted(path for path in folder.rglob("[!.]*") if path.is_file())
    facts = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


_lock = threading.Lock()
_kept: dict[str, str] = {}
