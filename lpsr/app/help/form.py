"""The form of tab *Does it help?*: which plates are measured, by which readers and restorations, and for how long."""

import logging
import time
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from lpsr.app.cards import alert
from lpsr.app.engines import ENGINES, offered, title
from lpsr.app.help import html
from lpsr.app.help.wish import MOST, MOST_HOSTED, SOURCES, check_zip, restorers_here, seconds, shipped, wish_of
from lpsr.app.language import label, words_for
from lpsr.app.training.plates import KEPT, TOUCH, touch
from lpsr.app.uploads import FileUpload
from lpsr.errors import InputError

log = logging.getLogger(__name__)

# What is ticked first: what answers within a minute or two.
RESTORERS, CLASSES, PLATES = ("bicubic", "mse-long"), ("x8", "20-40", "40-60"), 12


class Form:
    """The components; ``controls`` hold what ``wish_of`` takes, ``file`` is the ZIP.

    ``hosted``: others share the page, so that measurements are small.
    """

    def __init__(self, hosted: bool) -> None:
        self.hosted = hosted
        # What the ZIP holds, or why it cannot be used, and until when it is kept from the sweep of uploads.
        self.held, self.why, self.until = gr.State(None), gr.State(""), gr.State(0.0)
        self.touching = gr.Timer(TOUCH, active=False)
        gr.HTML("<h2>" + label("help.measure") + "</h2>")
        self.source = gr.Radio(
            [(label(f"help.{name}"), name) for name in SOURCES],
            value="generated",
            label=label("help.plates"),
            elem_id="help-source",
        )
        with gr.Column(visible=False, elem_id="help-zip") as self.zip:
            gr.HTML('<p class="minor">' + label("help.zip_how") + "</p>")
            self.file = FileUpload(
                label=label("help.zip"), file_types=[".zip"], file_count="single", height=110, elem_id="help-file"
            )
            self.found = gr.HTML("", elem_id="help-found")
        self.readers = gr.CheckboxGroup(
            [(label(f"readers.{name}"), name) for name in ENGINES],
            value=list(ENGINES),
            label=label("help.readers"),
            elem_id="help-readers",
        )
        self.restorers = gr.CheckboxGroup([], label=label("help.restorers"), elem_id="help-restorers")
        self.classes = gr.CheckboxGroup([], label=label("help.classes"), elem_id="help-classes")
        self.most = gr.Slider(
            1, MOST_HOSTED if self.hosted else MOST, PLATES, step=1, label=label("help.most"), elem_id="help-most"
        )
        self.frames = gr.Checkbox(False, label=label("help.frames"), elem_id="help-frames")
        self.time = gr.HTML("", elem_id="help-time")
        self.controls = [self.source, self.readers, self.restorers, self.classes, self.most, self.frames]

    def listen(self, tab: gr.Tab) -> None:
        """Bind the events."""
        private = {"api_visibility": "private", "show_progress": "hidden"}
        at_once = private | {"queue": False, "trigger_mode": "always_last"}
        estimated = {"fn": self._estimate, "inputs": [self.held, *self.controls], "outputs": self.time, **at_once}
        tab.select(self._open, [self.held, *self.controls], [*self.controls[1:4], self.time], **at_once)
        gr.on([one.input for one in self.controls], **estimated)
        self.source.input(lambda name: gr.update(visible=name == "zip"), self.source, self.zip, **at_once)
        brought = [self.found, self.file, self.held, self.why, self.until, self.touching]
        checked = self.file.upload(_bring, self.file, brought, concurrency_id="help-zip", **private)
        checked.then(**estimated)
        gone = [self.found, self.held, self.why, self.touching]
        self.file.clear(lambda: ("", None, "", gr.Timer(active=False)), None, gone, **at_once).then(**estimated)
        self.touching.tick(touch, [self.file, self.until], [self.found, self.file, self.touching], **private)

    def _open(self, held: dict | None, request: gr.Request, *values: Any) -> tuple:
        """What can be chosen by now."""
        from lpsr.benefit.result import CLASSES as ALL
        from lpsr.report.benefit_verdict import class_title

        words = words_for(request)
        source, readers, restorers, classes, most, frames = values
        here, known = offered(), restorers_here()
        readers = [name for name in here if name in readers] or here[:1]
        if not restorers and not classes:
            restorers, classes = [name for name in RESTORERS if name in known], list(CLASSES)
        restorers = [name for name in restorers if name in known]
        return (
            gr.update(choices=[(title(name, words), name) for name in here], value=readers),
            gr.update(choices=[(one, name) for name, one in known.items()], value=restorers),
            gr.update(choices=[(class_title(name), name) for name in ALL], value=classes),
            self._estimate(held, request, source, readers, restorers, classes, most, frames),
        )

    def _estimate(self, held: dict | None, request: gr.Request, *values: Any) -> str:
        words = words_for(request)
        try:
            wish = wish_of(values, self.hosted)
        except InputError as error:
            return f'<p class="minor">{escape(str(error))}</p>'
        if wish.source == "zip" and not held:
            return f'<p class="minor">{words.html("help.no_zip")}</p>'
        plates = held["count"] if wish.source == "zip" else len(shipped())
        return html.estimate(seconds(wish, plates), min(plates, wish.most), words)


def _bring(path: str | None, request: gr.Request) -> Iterator[tuple]:
    """What the ZIP holds; one that cannot be used is not kept."""
    words = words_for(request)
    yield f'<p role="status">{words.html("help.checking")}</p>', gr.skip(), None, "", 0.0, gr.Timer(active=False)
    try:
        held = check_zip(path)
        yield html.found(held, words), gr.skip(), held, "", time.monotonic() + KEPT, gr.Timer(active=True)
        return
    except InputError as error:
        why = str(error)
    except Exception:
        log.exception("A ZIP could not be checked.")
        why = words("help.sorry")
    yield alert(why), None, None, why, 0.0, gr.Timer(active=False)
