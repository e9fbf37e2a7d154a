"""Tab *Batch*: many pictures one after the other, a table that grows, and everything as a ZIP."""

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from gradio.utils import get_upload_folder

from lpsr.app import batch_html as html
from lpsr.app.cards import alert
from lpsr.app.engines import usable_reader
from lpsr.app.language import Words, label, words_for
from lpsr.app.link import Settings
from lpsr.app.session import usable_models
from lpsr.app.theme import script
from lpsr.app.uploads import FilesUpload, sent

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.batch import Item
    from lpsr.compare import Comparison
    from lpsr.data.gather import Inputs

log = logging.getLogger(__name__)

# Seconds: how long a ZIP is kept for a page that stays open, and how often the page says that it does.
KEPT, TOUCH = 30 * 60, 60
# Bytes of pictures that a visit keeps to show them in full; sixty plates of usual size take a fifth of it.
MOST_BYTES = 64 * 2**20
BATCHES = 4


# All batches share one thread, a picture at a time in turn, so that single comparisons find a core.
_lane = ThreadPoolExecutor(1, "batch")


@dataclass
class Kept:
    """What a visit keeps of its batch.

    Attributes:
        names: of the pictures that were compared, in order.
        comparisons: theirs; None for a picture that found no room in ``MOST_BYTES``.
        free: bytes of those that are left.
        zip: the file to download, once it is there.
        until: ``time.monotonic()`` when that may go.
    """

    names: list[str] = field(default_factory=list)
    comparisons: "list[Comparison | None]" = field(default_factory=list)
    free: int = MOST_BYTES
    zip: Path | None = None
    until: float = 0.0

    def add(self, item: "Item") -> None:
        """Keep a picture that was compared."""
        size = sum(result.picture.nbytes for result in item.comparison.results)
        fits = size <= self.free
        self.free -= size * fits
        self.names.append(html.name_of(item.source))
        self.comparisons.append(item.comparison if fits else None)


class BatchTab:
    """The components of the tab."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        self._stops: dict[str, threading.Event] = {}
        self.kept = gr.State(None)
        gr.HTML('<p class="batch-words">' + label("batch.limits") + "</p>")
        gr.HTML('<p class="batch-words minor">' + label("batch.labels") + "</p>")
        with gr.Row(elem_classes="source batch-source"):
            with gr.Column(min_width=300, scale=1):
                self.files = FilesUpload(
                    label=label("batch.files"), file_count="multiple", height=132, elem_id="batch-files"
                )
            with gr.Column(min_width=300, scale=1):
                self.how = gr.HTML("", elem_id="batch-how")
                self.found = gr.HTML("", elem_id="batch-found")
                with gr.Row(elem_classes="batch-buttons"):
                    self.start = gr.Button(
                        label("batch.start"), variant="primary", interactive=False, size="md", elem_id="batch-start"
                    )
                    self.stop = gr.Button(label("batch.stop"), interactive=False, size="md", elem_id="batch-stop")
                    self.download = gr.DownloadButton(
                        label("batch.download"), interactive=False, size="md", elem_id="batch-download"
                    )
                self.status = gr.HTML("", elem_id="batch-status")
        self.summary = gr.HTML("", elem_id="batch-summary")
        self.table = gr.HTML("", html_template=html.TABLE, js_on_load=script("batch"), elem_id="batch-table")
        self.legend = gr.HTML("", elem_id="batch-legend")
        self.detail = gr.HTML("", js_on_load=script("batch"), elem_id="batch-detail")
        self.timer = gr.Timer(TOUCH, active=False)

    def listen(self, settings: gr.State) -> None:
        """Bind the events; ``settings`` are those of the Compare tab."""
        private = {"api_visibility": "private", "show_progress": "hidden"}
        shown = [self.found, self.status, self.summary, self.table, self.legend, self.kept]
        shown += [self.start, self.stop, self.download, self.timer]
        self.tab.select(_how, settings, self.how, **private)
        self.files.change(self._found, self.files, [self.found, self.start], **private)
        self.start.click(
            self._start,
            [self.files, settings],
            shown,
            concurrency_id="batch",
            concurrency_limit=BATCHES,
            api_visibility="private",
            show_progress="minimal",
            show_progress_on=self.status,
        )
        # Past the queue, where it would wait for the batch that it is to stop.
        self.stop.click(self._halt, None, self.stop, queue=False, **private)
        for component in (self.table, self.detail):
            component.select(_detail, self.kept, self.detail, **private)
        self.timer.tick(_touch, self.kept, [self.download, self.timer, self.status], **private)

    def _found(self, files: list[tuple[str, str]], request: gr.Request) -> tuple[str, dict]:
        if not files:
            return "", gr.update(interactive=False)
        inputs = _gather(files)
        running = request.session_hash in self._stops
        return html.found(inputs, words_for(request)), gr.update(interactive=bool(inputs.sources) and not running)

    def _halt(self, request: gr.Request) -> dict:
        if request.session_hash in self._stops:
            self._stops[request.session_hash].set()
        return gr.update(interactive=False)

    def _start(self, files: list[tuple[str, str]], settings: Settings, request: gr.Request) -> Iterator[dict]:
        """Updates of the components while the batch runs."""
        words, stop = words_for(request), threading.Event()
        self._stops[request.session_hash] = stop
        try:
            yield from self._steps(files, settings, stop.is_set, words)
        except Exception:
            # Also an InputError: what is wrong with single pictures was said before, and a full disk is our matter.
            log.exception("A batch failed.")
            yield self._ended(alert(words("batch.sorry")))
        finally:
            # A second batch of the same visit may have taken the place.
            if self._stops.get(request.session_hash) is stop:
                del self._stops[request.session_hash]

    def _steps(
        self, files: Sequence[tuple[str, str]], settings: Settings, stop: Callable[[], bool], words: Words
    ) -> Iterator[dict]:
        from lpsr.batch import Tally, pack, run

        inputs, kept, tally = _gather(files), Kept(), Tally()
        total = len(inputs.sources)
        if not total:
            yield self._ended(alert(words("batch.nothing"))) | {self.found: html.found(inputs, words)}
            return
        reader, about_reader = usable_reader(settings.reader)
        models, more = usable_models(settings.models)
        notes = [words(f"compare.{key}", **values) for key, values in (*about_reader, *more)]
        rows = html.head(models, words)
        yield {
            self.found: html.found(inputs, words, unfolded=False),
            self.status: html.progress(0, total, None, words),
            self.summary: "",
            self.table: rows,
            self.legend: html.legend(inputs, words, reader.threshold if reader else None),
            self.start: gr.update(interactive=False),
            self.stop: gr.update(interactive=True),
            self.download: gr.update(value=None, interactive=False),
            self.timer: gr.Timer(active=False),
            self.kept: kept,
        }
        # Nobody else can guess the folder's name.
        path = Path(get_upload_folder()) / secrets.token_urlsafe(24) / "lpsr-batch.zip"
        started, done = time.monotonic(), 0
        items = pack(path, run(inputs, models, settings.degradation, reader, stop), tally, inputs.refused)
        try:
            with closing(items):
                while (item := self._next(items, files)) is not None:
                    done += 1
                    if item.comparison is not None:
                        kept.add(item)
                    rows += html.row(item, len(kept.names) - 1, models, words)
                    left = (time.monotonic() - started) / done * (total - done)
                    yield {self.table: rows, self.status: html.progress(done, total, left, words)}
            if not tally.compared:
                path.unlink()
        finally:
            # Only where no ZIP is in it.
            with suppress(OSError):
                path.parent.rmdir()
        kept.until = time.monotonic() + KEPT
        kept.zip = path if tally.compared else None
        status = html.ended(done, total, tally, time.monotonic() - started, KEPT // 60, notes, words)
        summary = html.summary(tally.summary(), words) if tally.compared else ""
        yield self._ended(status, kept.zip) | {self.summary: summary}

    @staticmethod
    def _next(items: "Iterator[Item]", files: Sequence[tuple[str, str]]) -> "Item | None":
        """The next picture, when it is this batch's turn; None after the last."""
        for path, _ in files:
            # Or the sweep takes a file before its turn.
            with suppress(OSError):
                os.utime(path)
        return _lane.submit(next, items, None).result()

    def _ended(self, status: str, path: Path | None = None) -> dict:
        return {
            self.status: status,
            self.start: gr.update(interactive=True),
            self.stop: gr.update(interactive=False),
            self.download: gr.update(value=path, interactive=path is not None),
            self.timer: gr.Timer(active=path is not None),
        }


def _gather(files: Sequence[tuple[str, str]]) -> "Inputs":
    from lpsr.data.gather import gather

    return gather([path for path, _ in files], [name for _, name in files])


def _how(settings: Settings, request: gr.Request) -> str:
    models, _ = usable_models(settings.models)
    return html.how(settings, models, words_for(request))


def _detail(kept: Kept | None, event: gr.EventData, request: gr.Request) -> str:
    words = words_for(request)
    number = sent(event, "number")
    if kept is None or not isinstance(number, int) or not 0 <= number < len(kept.names):
        return html.dialog(words("page.tab_batch"), words.html("batch.gone"), "", words)
    return html.detail(kept.comparisons[number], kept.names, number, words)


def _touch(kept: Kept | None, request: gr.Request) -> tuple:
    """Keep the ZIP from the sweep while the page is open, for ``KEPT`` seconds."""
    if kept is not None and kept.zip is not None and time.monotonic() < kept.until:
        try:
            os.utime(kept.zip)
            return gr.skip(), gr.skip(), gr.skip()
        except OSError:
            # A computer that slept came back too late.
            pass
    words = words_for(request)
    return gr.update(value=None, interactive=False), gr.Timer(active=False), html.note(words("batch.zip_gone"))
