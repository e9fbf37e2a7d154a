"""The set-up form of the training tab: what to train, on what, how; how long it takes; the same as text."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

from lpsr.app.cards import alert
from lpsr.app.language import Words, label, words_for
from lpsr.app.training import form_html as html
from lpsr.app.training.controls import FOLDED, Controls, devices, has_gpu, weights
from lpsr.app.training.plates import TOUCH, look_into_folder, look_into_zip, touch
from lpsr.app.training.values import (
    CUSTOM,
    KEPT_BY_PRESETS,
    TRIO,
    Values,
    free_name,
    names_of,
    plans_of,
    preset_of,
    values_of,
)
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.training.plan import Plan

log = logging.getLogger(__name__)


class Form:
    """The components and what they do to one another.

    ``controls`` hold what ``plans_of`` takes, in its order; ``start`` and ``message`` are the tab's to use; ``filled``
    is what ``fill`` puts out, ``inputs`` and ``live`` what ``show`` takes and puts out.

    Args:
        bounds_mode: "full"; "demo", where loss, PECL's details, seed and name can be chosen; "off", a sentence alone.
        folders: of plates on the server, to choose from.
        root: of the runs; None is the program's own.
        training: whether a run is going on now.
    """

    def __init__(
        self,
        bounds_mode: str,
        folders: Sequence[str],
        root: Path | None = None,
        training: Callable[[], bool] = lambda: False,
    ) -> None:
        self.mode, self.training, self._root = bounds_mode, training, root
        # Plans without their names.
        self._measuring: set[Plan] = set()
        if bounds_mode != "full":
            sentence = label("train_form.off" if bounds_mode == "off" else "train_form.demo_only")
            gr.HTML('<p class="setup-locked">' + sentence + "</p>")
        with gr.Column(visible=bounds_mode != "off", elem_id="setup"):
            self._parts = Controls(folders, bounds_mode == "full")
        self.controls = self._parts.ordered
        self.start, self.message = self._parts.start, self._parts.message
        # The name that the form last proposed: as long as it stands there, it follows preset and loss.
        self._proposed = gr.State("")
        # Plates by split of the folders and ZIPs that were looked into, by their paths.
        self._plates = gr.State({})
        self._until = gr.State(0.0)
        self._timer = gr.Timer(TOUCH, active=False)
        parts = self._parts
        self.live = [parts["preset"], parts["name"], self._proposed, parts.about, parts.time, parts.recipe]
        self.live += [self.start, self.message]
        self.inputs = [self._proposed, self._plates, *self.controls]
        self.filled = [*dict.fromkeys([*self.controls, *self.live])]

    @property
    def root(self) -> Path:
        """The folder of the runs."""
        from lpsr.training.runs import RUNS

        return self._root or RUNS

    def plans_of(self, values: Sequence) -> "list[Plan]":
        """The plans that ``controls`` describe, within the page's bounds. Raises InputError."""
        return plans_of(values, self.mode)

    def check(self, plans: "Sequence[Plan]", words: Words) -> None:
        """Raises InputError where a name is taken, or an upload, weights or a GPU are not there."""
        for plan in plans:
            if self._taken(plan.name):
                raise InputError(words("train_form.taken", name=plan.name))
            if plan.data.kind == "zip" and not Path(plan.data.file).is_file():
                raise InputError(words("train_form.zip_gone"))
            start = plan.settings.init_from
            if start and not Path(start).is_file():
                raise InputError(words("train_form.no_weights", path=start))
            if plan.device == "cuda" and not has_gpu():
                raise InputError(words("train_form.no_gpu"))

    def _taken(self, name: str) -> bool:
        from lpsr.checkpoints import CHECKPOINTS

        return bool(name) and ((self.root / name).exists() or (CHECKPOINTS / f"{name}.json").exists())

    def listen(self, opened: Sequence[Callable]) -> None:
        """Bind the events; ``opened`` are the triggers at which the form comes into sight."""
        if self.mode == "off":
            return
        parts = self._parts
        private = {"api_visibility": "private", "show_progress": "hidden"}
        at_once = private | {"queue": False, "trigger_mode": "always_last"}
        inputs, again = self.inputs, {"fn": self.show, "inputs": self.inputs, "outputs": self.live, **at_once}
        gr.on(opened, None, js=FOLDED, api_visibility="private")
        shown = gr.on(opened, self._open, inputs, self.filled, **at_once)
        chosen = parts["preset"].input(self._preset, inputs, self.filled, **at_once)
        apart = ("base", "preset", "name", "folder", "init", "file")
        changed = [one.input for key, one in parts.by_key.items() if key not in apart]
        # Of a text, "input" passes over what is pasted or deleted; a path that is typed counts once it is whole.
        changed += [parts[key].change for key in ("name", "folder", "init")]
        changed += [parts["file"].upload, parts["file"].clear]
        gr.on(changed, **again)
        # One at a time on the whole server; afterwards the line is that of what the form says by then.
        alone = private | {"concurrency_id": "train-measure", "concurrency_limit": 1}
        for event, measure in (
            (shown.then, self._measure_preset),
            (chosen.then, self._measure_preset),
            (parts["loss"].input, self._measure_preset),
            (parts.time.select, self._measure),
        ):
            measured = event(measure, self.controls, [parts.time, self.message], **alone)
            measured.then(self._timed, [self._plates, *self.controls], parts.time, **at_once)
        if self.mode == "full":
            # In a demo they are out of sight; a visitor who sends events by hand is not to look into folders.
            self._listen_to_data(private, at_once)

    def _listen_to_data(self, private: dict[str, Any], at_once: dict[str, Any]) -> None:
        parts, again = self._parts, {"fn": self.show, "inputs": self.inputs, "outputs": self.live, **at_once}
        parts["network"].input(_fitting, self.controls, parts["init"], **at_once)
        slow = private | {"concurrency_id": "train-plates", "concurrency_limit": 2}
        folder, file = [parts["folder"], self._plates], [parts["file"], self._plates]
        looked = parts["folder"].change(look_into_folder, folder, [parts.found_folder, self._plates], **slow)
        looked.then(**again)
        upload = [parts.found_zip, parts["file"], self._plates, self._until, self._timer]
        looked = parts["file"].upload(look_into_zip, file, upload, **slow)
        looked.then(**again)
        parts["file"].clear(lambda: ("", gr.Timer(active=False)), None, [parts.found_zip, self._timer], **at_once)
        kept = self._timer.tick(touch, [parts["file"], self._until], [*upload[:2], self._timer], **private)
        kept.then(**again)

    def follow(self, started: Dependency) -> None:
        """After a start, propose the next name; after one that was refused, its sentence in ``message`` stays.

        A name of the visitor's own gets a number behind it.
        """
        outputs = [one for one in self.live if one is not self.message]
        started.then(self._next, self.inputs, outputs, queue=False, api_visibility="private", show_progress="hidden")

    def show(self, proposed: str, plates: dict, request: gr.Request, *values: Any) -> dict:
        """What follows from the controls: preset, name, time, recipe, and a sentence where something is wrong."""
        return self._shown(proposed, Values(*values), words_for(request), plates)

    def _next(self, proposed: str, plates: dict, request: gr.Request, *values: Any) -> dict:
        given, name = Values(*values), {}
        if given.name != proposed and any(map(self._taken, names_of(given.name, given.loss).values())):
            given = given._replace(name=free_name(re.sub(r"-\d+$", "", given.name), given.loss, self._taken))
            name = {self._parts["name"]: given.name}
        shown = self._shown(proposed, given, words_for(request), plates) | name
        return {component: value for component, value in shown.items() if component is not self.message}

    def _shown(self, proposed: str, given: Values, words: Words, plates: dict) -> dict:
        parts, busy = self._parts, self.training()
        shown = {self.start: gr.update(value=words("train_form.queue" if busy else "train_form.start"))}
        try:
            # The preset first, for it is part of the name.
            preset = preset_of(self.plans_of(given._replace(name="run"))[-1])
            if given.name == proposed:
                stem = preset if given.loss == TRIO else f"{preset}-{given.loss}"
                name = free_name(stem, given.loss, self._taken)
                shown |= {parts["name"]: name, self._proposed: name}
                given = given._replace(name=name)
            plans = self.plans_of(given)
        except InputError as error:
            return shown | {self.message: alert(str(error)), parts.recipe: ""}
        try:
            self.check(plans, words)
            message = ""
        except InputError as error:
            message = alert(str(error))
        return shown | {
            parts["preset"]: preset,
            parts.about: html.about(preset, plans[-1], words),
            parts.time: self._time(plans, words, plates),
            parts.recipe: html.recipe(plans, words),
            self.message: message,
        }

    def fill(self, plan: "Plan", words: Words) -> dict:
        """Updates of ``filled`` that show a plan, under a name that is free: to use a run's recipe again."""
        from lpsr.training.plan import Generated

        if plan.data.kind == "zip":
            # What was uploaded is its visitor's alone, and deleted soon.
            kept = Values(*values_of(plan.model_copy(update={"data": Generated()})))._replace(data="zip")
        else:
            kept = Values(*values_of(plan))
        given = kept._replace(name=free_name(re.sub(r"-\d+$", "", plan.name), kept.loss, self._taken))
        return self._filled("", given, words, {})

    def _filled(self, proposed: str, given: Values, words: Words, plates: dict) -> dict:
        shown = dict(zip(self.controls, given, strict=True)) | self._shown(proposed, given, words, plates)
        return shown | {self._parts["init"]: weights(given, words)}

    def _open(self, proposed: str, plates: dict, request: gr.Request, *values: Any) -> dict:
        """The first time the demo; later what was there, with names, times and weights as they are by now."""
        from lpsr.training.plan import preset

        words, given = words_for(request), Values(*values)
        if given.base is None:
            given = Values(*values_of(preset("demo", "demo")))._replace(name=proposed)
            return self._filled(proposed, given, words, plates) | {self._parts["device"]: devices(words)}
        return self._shown(proposed, given, words, plates) | {self._parts["init"]: weights(given, words)}

    def _preset(self, proposed: str, plates: dict, request: gr.Request, *values: Any) -> dict:
        from lpsr.training.plan import preset

        given = Values(*values)
        if given.preset != CUSTOM:
            kept = {key: getattr(given, key) for key in KEPT_BY_PRESETS}
            given = Values(*values_of(preset(given.preset, "run")))._replace(**kept)
        return self._filled(proposed, given, words_for(request), plates)

    def _time(self, plans: "Sequence[Plan]", words: Words, plates: dict) -> str:
        """The line on how long it takes."""
        from lpsr.training.estimate import known

        data = plans[0].data
        counts = None if data.kind == "generated" else plates.get(data.folder if data.kind == "folder" else data.file)
        found = [known(plan, self._cache, counts) for plan in plans]
        if None not in found:
            return html.estimate(found, words, shared=data.kind == "generated")
        if self._measuring.intersection(map(_nameless, plans)):
            return html.measuring(words)
        return html.unmeasured(self.training(), words)

    @property
    def _cache(self) -> Path:
        return self.root / ".estimates"

    def _timed(self, plates: dict, request: gr.Request, *values: Any) -> str | dict:
        try:
            return self._time(self.plans_of(values), words_for(request), plates)
        except InputError:
            return gr.skip()

    def _measure_preset(self, request: gr.Request, *values: Any) -> Iterator[dict]:
        """Presets are measured unasked, once for this machine."""
        if Values(*values).preset == CUSTOM:
            yield {self.message: gr.skip()}
        else:
            yield from self._measure(request, *values)

    def _measure(self, request: gr.Request, *values: Any) -> Iterator[dict]:
        from lpsr.training.estimate import known, measure

        words = words_for(request)
        # A handler that yields nothing would empty what it puts out.
        yield {self.message: gr.skip()}
        plans = []
        try:
            plans = [plan for plan in self.plans_of(values) if known(plan, self._cache) is None]
            if plans and not self.training():
                self._measuring.update(map(_nameless, plans))
                yield {self._parts.time: html.measuring(words)}
                for plan in plans:
                    measure(plan, self._cache)
        except InputError as error:
            yield {self.message: alert(str(error))}
        except Exception:
            log.exception("A measurement failed.")
            yield {self.message: alert(words("train.sorry"))}
        finally:
            self._measuring.difference_update(map(_nameless, plans))


def _nameless(plan: "Plan") -> "Plan":
    return plan.model_copy(update={"name": "run"})


def _fitting(request: gr.Request, *values: Any) -> dict:
    return weights(Values(*values), words_for(request))
