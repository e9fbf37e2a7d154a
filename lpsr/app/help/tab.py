"""Tab *Does it help?*: does restoration help reading, and when? As measured on real plates, or on one's own."""

import base64
import logging
import math
import secrets
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.utils import get_upload_folder

from lpsr.app.cards import alert
from lpsr.app.help import html
from lpsr.app.help.form import Form
from lpsr.app.help.job import Desk, Job, Refused
from lpsr.app.help.votes import VotesPart
from lpsr.app.help.wish import bring, measure, wish_of
from lpsr.app.language import LANGUAGES, Words, label, words_for
from lpsr.app.results.view import report_view
from lpsr.app.theme import script
from lpsr.app.tokens import is_token, token_of
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports what the first paint need not wait for.
    from lpsr.benefit.result import Benefit

log = logging.getLogger(__name__)

# Seconds between two looks of a page at its measurement.
LOOK = 1.0
# Seconds of a measurement on a page that others share: three times the estimate of the longest.
MOST_SECONDS = 20 * 60
# The measurements of all visitors.
DESK = Desk(measure)
_NO_FILES = {"buttons": "", "file": None}

_answers = count(1)


class HelpTab:
    """The components of the tab.

    ``hosted``: others share the page, so that one's measurements are small.
    """

    def __init__(self, tab: gr.Tab, hosted: bool, desk: Desk = DESK) -> None:
        self.tab, self.hosted, self.desk = tab, hosted, desk
        # The key of what the browser shows, so that nothing is sent again.
        self.shown = gr.Textbox("", visible=False)
        self.timer = gr.Timer(LOOK, active=False)
        # Changes where the visitor asked for something, so that it is looked at.
        self.asked = gr.State(0)
        gr.HTML('<p class="help-question">' + label("help.question") + "</p>")
        with gr.Row(elem_id="help"):
            with gr.Column(scale=1, min_width=300, elem_id="help-main"):
                self.which = gr.Radio(
                    [(label("help.committed"), "committed"), (label("help.own"), "own")],
                    value="committed",
                    label=label("help.which"),
                    visible=False,
                    container=False,
                    elem_id="help-which",
                )
                self.report = report_view("help-report")
            with gr.Column(scale=0, min_width=300, elem_id="help-side"):
                self.form = Form(hosted)
                with gr.Column(elem_id="help-actions"):
                    with gr.Row():
                        self.start = gr.Button(label("help.start"), variant="primary", size="md", elem_id="help-start")
                        self.stop = gr.Button(label("help.stop"), size="md", interactive=False, elem_id="help-stop")
                    self.message = gr.HTML("", elem_id="help-message")
                    self.status = gr.HTML("", elem_id="help-status")
                    self.files = gr.HTML(
                        _NO_FILES, html_template="${value.buttons}", js_on_load=script("numbers"), elem_id="help-files"
                    )
        self.votes = VotesPart()

    def listen(self, page: gr.Blocks, token: gr.BrowserState) -> None:
        """Bind the events; ``token`` is that of ``browser_token``."""
        private = {"api_visibility": "private", "show_progress": "hidden"}
        at_once = private | {"queue": False, "trigger_mode": "always_last"}
        looked = [self.status, self.start, self.stop, self.which, self.files, self.report, self.shown, self.timer]
        look = {"fn": self._look, "inputs": [token, self.which, self.shown], "outputs": looked, **private}
        look |= {"concurrency_id": "help", "concurrency_limit": 2}
        self.form.listen(self.tab)
        # One event for all that calls for a look: two at once might answer in the wrong order, and the older one would
        # end the timer.
        calls = [self.tab.select, self.timer.tick, self.which.input, self.asked.change]
        gr.on(calls, **look, trigger_mode="always_last")
        # After a reload the measurement goes on, and is followed again once the browser has found the token.
        gr.on([page.load, token.change], self._attach, token, self.timer, **at_once)
        # By the queue: beside it a state that changes calls nobody.
        asked = {"fn": lambda: next(_answers), "outputs": self.asked, **private}
        form = [token, self.form.file, self.form.why, *self.form.controls]
        self.start.click(self._start, form, [self.message, self.which, token], **private).then(**asked)
        self.form.file.upload(lambda: "", None, self.message, **at_once)
        # Past the queue, where it would wait for others.
        self.stop.click(self._stop, token, self.stop, **at_once).then(**asked)
        self.files.select(self._download, token, self.files, **private)
        self.votes.listen(self.tab)

    def _start(self, token: Any, path: str | None, why: str, request: gr.Request, *values: Any) -> tuple:
        """What is wrong, which measurement is shown, and the token."""
        words = words_for(request)
        token = token_of(token)
        try:
            wish, folder = wish_of(values, self.hosted), None
            job = self.desk.job(token)
            if job and job.active:
                raise Refused("going_on")
            if wish.source == "zip":
                if not path:
                    raise InputError(why or words("help.no_zip"))
                # Nobody else can guess its name, and the sweep of uploads passes it over.
                folder = bring(path, Path(get_upload_folder()) / f"help-{secrets.token_urlsafe(24)}")
            self.desk.start(token, wish, folder, MOST_SECONDS if self.hosted else math.inf)
        except Refused as refused:
            return alert(words(f"help.{refused}")), gr.skip(), token
        except InputError as error:
            return alert(str(error)), gr.skip(), token
        return "", "own", token

    def _stop(self, token: Any) -> dict:
        if is_token(token):
            self.desk.stop(token)
        return gr.update(interactive=False)

    def _attach(self, token: Any) -> gr.Timer:
        job = self._job(token)
        return gr.Timer(active=bool(job and job.active))

    def _look(self, token: Any, which: str, shown: str, request: gr.Request) -> tuple:
        """Where the visitor's measurement stands, and the one that is shown."""
        words = words_for(request)
        job = self._job(token)
        own = job is not None and job.state == "done"
        active = bool(job and job.active)
        # After a restart of the server, or too long an absence.
        gone = f'<p role="status">{words.html("help.gone")}</p>' if which == "own" else ""
        # What a measurement finds is shown once it is there.
        which = "own" if active else which if own else "committed"
        status = html.progress(job, self.desk.ahead(job), words) if job else gone
        if own and which == "own":
            key, made = f"own {job.number} {words.language}", lambda: _own(job.result, words)
        elif active and shown:
            key, made = shown, str
        else:
            mark = _mark()
            key, made = f"{mark} {words.language}", lambda: _committed(mark, words.language)
        try:
            report = gr.skip() if key == shown else made()
        except Exception:
            log.exception("A measurement could not be shown.")
            report, key = html.nothing(words("results.sorry"), words), ""
        return (
            status,
            gr.update(interactive=not active),
            gr.update(interactive=active and not job.stopping.is_set()),
            gr.update(visible=own, value=which),
            {"buttons": html.downloads(words), "file": None} if own and which == "own" else _NO_FILES,
            report,
            key,
            # Before the browser has found its token nothing is known.
            gr.Timer(active=active) if is_token(token) else gr.skip(),
        )

    def _job(self, token: Any) -> Job | None:
        """The visitor's measurement."""
        return self.desk.job(token) if is_token(token) else None

    def _download(self, token: Any, request: gr.Request) -> Iterator[dict]:
        words = words_for(request)
        job = self._job(token)
        file: dict[str, Any] = {"number": next(_answers)}
        if job is None or job.result is None:
            file["error"] = words("help.gone")
        else:
            data = job.result.model_dump_json(indent=1).encode()
            file |= {"name": "lpsr-benefit.json", "mime": "application/json", "data": base64.b64encode(data).decode()}
        yield {"buttons": html.downloads(words), "file": file}


def _own(benefit: "Benefit", words: Words) -> str:
    heading = f"<b>{words.html('help.own')}</b> {html.data_of(benefit, words)}"
    return html.content(benefit, "", heading, words)


@lru_cache(maxsize=len(LANGUAGES))
def _committed(mark: str, language: str) -> str:
    """Kept, since it takes seconds; ``mark`` is that of the file."""
    from lpsr.results import BENEFIT, RESULTS, read_benefit

    words = Words(language)
    if not (RESULTS / BENEFIT).is_file():
        return html.nothing(words("help.none"), words)
    try:
        benefit = read_benefit(RESULTS / BENEFIT)
    except InputError as error:
        return html.nothing(str(error), words)
    heading = f"<b>{words.html('help.committed')}</b> {html.data_of(benefit, words)}"
    return html.content(benefit, BENEFIT, heading, words)


def _mark() -> str:
    from lpsr.results import BENEFIT, RESULTS

    path = RESULTS / BENEFIT
    return f"committed {path.stat().st_mtime_ns}" if path.is_file() else "committed none"
