"""Tab *Training*: set up a run, watch it, steer it, and take what came of it.

The runs live in processes and folders of their own (``lpsr.training.queue``); the page only looks at them, so that a
reload, or another visitor, finds the same.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from lpsr.app.cards import alert
from lpsr.app.language import Words, label, words_for
from lpsr.app.theme import script
from lpsr.app.tokens import token_of
from lpsr.app.training import after, downloads, listing, watch
from lpsr.app.training.charts import Charts
from lpsr.app.training.dispatcher import wake
from lpsr.app.training.form import Form
from lpsr.app.training.view import View, comparable, named_curves, shown_run, snapshot
from lpsr.app.training.visitors import may_see, may_steer, owner
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.training.bounds import Bounds
    from lpsr.training.runs import Run

log = logging.getLogger(__name__)

# Seconds between two looks of a page.
LOOK = 2.0
NO_FILES = {"buttons": "", "file": None}
PARTS = ("head", "files", "stages", "table", "note", "pictures", "card", "list")


class TrainingTab:
    """The components.

    Attributes:
        asked: name of the checkpoint to compare, and a number that is new each time.
    """

    def __init__(self, tab: gr.Tab, bounds: "Bounds", folders: Sequence[str]) -> None:
        self.tab, self.bounds = tab, bounds
        self.asked = gr.State(None)
        self.view = gr.State(View())
        self.shown = gr.State("")
        self.seen = gr.State({})
        self.doomed = gr.State("")
        self.timer = gr.Timer(LOOK, active=False)
        with gr.Row(elem_id="training"):
            with gr.Column(scale=0, min_width=320, elem_id="train-side"):
                self.form = Form(bounds.mode, folders, training=_training)
            with gr.Column(scale=1, min_width=300, elem_id="train-main"):
                self.message = gr.HTML("", elem_id="train-said")
                self.head = gr.HTML("", elem_id="train-head")
                with gr.Row(elem_id="train-buttons"):
                    self.pause = _button("pause")
                    self.resume = _button("resume")
                    self.keep = _button("keep")
                    self.discard = _button("discard")
                with gr.Row(visible=False, elem_id="train-sure") as self.sure:
                    self.question = gr.HTML("", elem_id="train-question")
                    self.really = gr.Button(label("train.discard"), variant="stop", size="sm", elem_id="train-really")
                    self.back = gr.Button(label("train_list.cancel"), size="sm", elem_id="train-back")
                self.files = gr.HTML(
                    NO_FILES,
                    html_template="${value.buttons}",
                    js_on_load=script("numbers") + script("train_after"),
                    elem_id="train-files",
                )
                self.stages = gr.HTML("", js_on_load=script("train_watch"), elem_id="train-stages")
                self.table = gr.HTML("", js_on_load=script("train_watch"), elem_id="train-table")
                self.note = gr.HTML("", elem_id="train-note")
                self.charts = Charts()
                self.pictures = gr.HTML("", js_on_load=script("train_watch"), elem_id="train-pictures")
                self.card = gr.HTML("", js_on_load=script("train_watch"), elem_id="train-card")
            self.list = gr.HTML(
                "", html_template=listing.TEMPLATE, js_on_load=script("train_list"), elem_id="train-list"
            )
        buttons = [self.pause, self.resume, self.keep, self.discard]
        parts = [getattr(self, name) for name in PARTS]
        self.looked = [*parts, *self.charts.outputs, *buttons, self.shown, self.message, self.seen]

    def listen(self, token: gr.BrowserState, tabs: gr.Tabs, others: Sequence[gr.Tab]) -> None:
        """Bind the events; ``token``: of ``browser_token``; the timer rests while one of the ``others`` is open."""
        private = {"api_visibility": "private", "show_progress": "hidden"}
        at_once = private | {"queue": False}
        inputs = [self.view, self.seen, token, self.charts.shown]
        look = {"fn": self._look, "inputs": inputs, "outputs": self.looked, **at_once}

        opened = self.tab.select(lambda: gr.Timer(active=True), None, self.timer, **at_once)
        opened.then(**look)
        gr.on([tab.select for tab in others], lambda: gr.Timer(active=False), None, self.timer, **at_once)
        self.timer.tick(**look, trigger_mode="once")
        self.form.listen([self.tab.select])

        started = self.form.start.click(
            self._start,
            [self.view, token, *self.form.controls],
            [self.form.message, token],
            concurrency_id="train-start",
            concurrency_limit=2,
            **private,
        )
        started.then(**look)
        self.form.follow(started)
        steered = [self.shown, self.view, token]
        for name in ("pause", "resume", "keep"):
            acted = getattr(self, name).click(self._act(name), steered, self.message, **at_once)
            acted.then(**look)
        asking = [self.sure, self.question, self.doomed]
        self.discard.click(_ask, self.shown, asking, **at_once)
        self.back.click(lambda: (gr.update(visible=False), "", ""), None, asking, **at_once)
        gone = self.really.click(self._act("discard"), [self.doomed, *steered[1:]], self.message, **private)
        gone.then(lambda: (gr.update(visible=False), "", ""), None, asking, **at_once).then(**look)
        listed = self.list.select(
            self._listed,
            [self.view, token],
            [self.message, *self.form.filled],
            **at_once | {"trigger_mode": "multiple"},
        )
        listed.then(**look)
        self.files.select(downloads.download, self.shown, self.files, concurrency_id="train-files", **private)
        # Through the queue: past it, no change of a state is told to those who listen.
        self.files.submit(downloads.use, None, [self.asked, tabs], **private)

    def _look(self, view: View, seen: dict, token: str, charts: str, request: gr.Request) -> list[Any]:
        """Everything that changed since the page last looked."""
        words = words_for(request)
        try:
            return self._looked(view, seen, token, charts, words)
        except (InputError, OSError) as error:
            # A run that is deleted at this very moment is gone at the next look. What stays wrong is said once.
            said, now = gr.skip(), seen | {"error": str(error)}
            if isinstance(error, InputError) and now != seen:
                said = alert(str(error))
            return [*[gr.skip()] * (len(self.looked) - 2), said, now]

    def _looked(self, view: View, seen: dict, token: str, charts: str, words: Words) -> list[Any]:
        from lpsr.training.runs import RUNS

        runs = snapshot(RUNS)
        run = shown_run(runs, view)
        said = gr.skip()
        if view.run and (run is None or run.name != view.run):
            said = alert(words("train.gone", name=view.run))
            view.let_go(view.run)
        view.last = run and run.name
        made, drawn = self._made(runs, run, view, token, words, charts)
        new = [gr.skip() if seen.get(name) == made[name][0] else made[name][1]() for name in PARTS]
        now = {name: mark for name, (mark, _) in made.items()}
        state = run.status.state if run and may_steer(run, token, self.bounds.mode) else ""
        trained = bool(run and run.status.stages["train"].done)
        usable = (
            state in ("running", "queued"),
            state in ("paused", "interrupted", "failed"),
            trained and state in ("running", "paused", "interrupted"),
            bool(state),
        )
        return [*new, *drawn, *(gr.update(visible=one) for one in usable), run.name if run else "", said, now]

    def _made(
        self, runs: "list[Run]", run: "Run | None", view: View, token: str, words: Words, charts: str
    ) -> tuple[dict[str, tuple[Any, Callable[[], Any]]], list[Any]]:
        """For each part what it is made from, and how; and what the charts take."""
        if run is None:
            drawn, baseline = [], None
            head = f'<p class="train-empty">{words.html("train.empty")}</p>'
            parts = {name: ("", lambda: "") for name in PARTS} | {
                "head": (head, lambda: head),
                "files": ("", lambda: NO_FILES),
            }
        else:
            drawn, baseline = named_curves(runs, run, view)
            visible = may_see(run, token)
            marks = watch.fingerprint(run)
            head = watch.header(run, drawn[0].curves, words)
            others = [one for one in runs if one.name in view.compared and not comparable(one, run)]
            note = f'<p class="note">{words.html("train.other_plates")}</p>' if others else ""
            parts = {
                "head": (head, lambda: head),
                "stages": ((marks.stages, visible), lambda: watch.stages(run, words, visible)),
                "pictures": (
                    (marks.patches, marks.film, visible),
                    lambda: watch.film(run, words, visible) + watch.patches(run, words, visible),
                ),
                "table": (marks.after, lambda: after.table(run, words)),
                "note": (note, lambda: note),
                "card": (marks.after, lambda: after.card(run, words)),
                "files": (marks.after, lambda: {"buttons": downloads.downloads(run, words), "file": None}),
            }
        listed = listing.listing(
            runs,
            run and run.name,
            {one.name: one.colour for one in drawn if one.name in view.compared},
            baseline and baseline.name,
            words,
            lambda one: may_steer(one, token, self.bounds.mode),
        )
        parts["list"] = (listed, lambda: listed)
        return parts, self.charts.values(drawn, words, baseline, charts)

    def _start(self, view: View, token: Any, request: gr.Request, *values: Any) -> tuple[str, str]:
        """The form's message, and the token; the view follows what was started."""
        words, token = words_for(request), token_of(token)

        def start() -> None:
            from lpsr.training.queue import submit
            from lpsr.training.runs import RUNS

            plans = self.form.plans_of(values)
            self.form.check(plans, words)
            submit(RUNS, plans, self.bounds, owner(token))
            snapshot(RUNS, fresh=True)
            view.follow()
            wake()

        return _told(start, words), token

    def _act(self, action: str) -> Callable:
        """A handler that steers a run: pause, resume, keep or discard."""

        def act(name: str, view: View, token: str, request: gr.Request) -> str:
            words = words_for(request)
            return _told(lambda: self._steer(action, name, view, token, words), words)

        return act

    def _steer(self, action: str, name: str, view: View, token: str, words: Words) -> None:
        from lpsr.training import queue
        from lpsr.training.runs import RUNS, read_run

        if not may_steer(read_run(RUNS, name), token, self.bounds.mode):
            raise InputError(words("train.not_yours"))
        getattr(queue, action)(RUNS, name)
        if action == "discard":
            view.let_go(name)
        snapshot(RUNS, fresh=True)
        wake()

    def _listed(self, view: View, token: str, event: gr.EventData, request: gr.Request) -> dict:
        """What a visitor asks of a run in the list."""
        from lpsr.training.runs import RUNS, read_run, set_note

        words, filled = words_for(request), {}

        def act() -> None:
            asked = listing.event_of(event)
            match asked.action:
                case "choose":
                    view.run = asked.run
                case "compare":
                    view.tick(asked.run, asked.on)
                case "baseline":
                    if view.last and not comparable(read_run(RUNS, asked.run), read_run(RUNS, view.last)):
                        raise InputError(words("train.no_baseline", name=asked.run))
                    view.baseline = asked.run
                case "again":
                    filled.update(self.form.fill(read_run(RUNS, asked.run).plan, words))
                case "note":
                    if not may_steer(read_run(RUNS, asked.run), token, self.bounds.mode):
                        raise InputError(words("train.not_yours"))
                    set_note(RUNS, asked.run, asked.text)
                    snapshot(RUNS, fresh=True)
                case "resume" | "discard":
                    self._steer(asked.action, asked.run, view, token, words)

        return {self.message: _told(act, words)} | filled


def _training() -> bool:
    from lpsr.training.runs import RUNS

    return any(run.status.state in ("running", "queued") for run in snapshot(RUNS))


def _told(work: Callable[[], None], words: Words) -> str:
    """Do it; empty, or the sentence of what went wrong."""
    try:
        work()
    except InputError as error:
        return alert(str(error))
    except Exception:
        log.exception("A run could not be steered.")
        return alert(words("train.sorry"))
    return ""


def _button(name: str) -> gr.Button:
    return gr.Button(label(f"train.{name}"), size="sm", visible=False, elem_id=f"train-{name}")


def _ask(name: str, request: gr.Request) -> tuple:
    """Whether to discard the run that is shown now, whatever is shown when the answer comes."""
    return gr.update(visible=True), f"<p>{words_for(request).html('train_list.question', name=name)}</p>", name
