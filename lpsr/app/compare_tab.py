"""Tab *Compare*: choose or bring a plate, see what each model makes of it."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from lpsr.app import cards, session
from lpsr.app.api import Api
from lpsr.app.gallery import Entry, Shelf
from lpsr.app.lab import MOST_MODELS, Lab, chosen_models, engine_picker, picker, preset_shown, settings_of, values_of
from lpsr.app.language import Words, label, words_for
from lpsr.app.link import DEFAULT, KEYS, Settings, from_query, preset_of
from lpsr.app.numbers import NumbersPanel
from lpsr.app.photo.clip import ClipPart
from lpsr.app.photo.panel import PhotoPanel
from lpsr.app.photo.state import find
from lpsr.app.session import PROCESSOR, Choice
from lpsr.app.steps import again, steps
from lpsr.app.theme import script
from lpsr.app.uploads import PictureUpload, sent, take_picture
from lpsr.degrade import PRESETS
from lpsr.errors import InputError

log = logging.getLogger(__name__)


class CompareTab:
    """The components of the tab.

    ``choice`` holds the visitor's plate and its comparison for the other tabs, ``settings`` what the controls say.
    """

    def __init__(self, shelves: list[Shelf]) -> None:
        self.shelves = {shelf.name: shelf for shelf in shelves}
        self.entries = {entry.key: entry for shelf in shelves for entry in shelf.entries}
        self.choice = gr.State(None)
        self.settings = gr.State(DEFAULT)
        with gr.Row(elem_classes="source"):
            with gr.Column(min_width=240, scale=1, elem_classes="own"):
                self.upload = PictureUpload(
                    label=label("page.own"),
                    type="filepath",
                    image_mode=None,
                    format="png",
                    sources=["upload", "clipboard", "webcam"],
                    height=124,
                    buttons=[],
                    placeholder=label("page.drop"),
                    elem_id="upload",
                )
                self.clip = ClipPart()
                self.direct = gr.Checkbox(label=label("page.direct"), elem_id="direct", container=False)
            with gr.Column(min_width=300, scale=4):
                self.source = gr.Radio(
                    [(label(f"page.{name}"), name) for name in self.shelves],
                    value=shelves[0].name,
                    label=label("page.shelves"),
                    show_label=False,
                    container=False,
                    visible=len(shelves) > 1,
                    elem_id="source",
                )
                self.shelf = gr.HTML(shelves[0].html, js_on_load=script("shelf"), elem_id="shelf")
        self.message = gr.HTML("", elem_id="message")
        self.clip.status_row()
        self.photo = PhotoPanel()
        self.lab = Lab()
        self.result = gr.HTML(
            '<section class="result waiting"><p class="heading">' + label("page.loading") + "</p></section>",
            js_on_load=script("result"),
            elem_id="result",
            keys=list(KEYS),
        )
        self.verdict = gr.HTML("", js_on_load=script("verdict"), elem_id="verdict")
        self.closer = gr.HTML("", js_on_load=script("closer"), elem_id="closer")
        self.numbers = NumbersPanel()
        self.api = Api()

    def listen(self, page: gr.Blocks, asked: gr.State) -> None:
        """Bind the events; the page calls it once all tabs are there.

        ``asked`` is the checkpoint that another tab brings here: its name, and a number that is new each time.
        """
        lab = self.lab
        shown = [self.message, self.result, self.verdict, self.closer, self.choice, self.settings]
        common = {
            "concurrency_id": PROCESSOR,
            "concurrency_limit": 1,
            "api_visibility": "private",
            "show_progress": "minimal",
            "show_progress_on": self.result,
            "trigger_mode": "always_last",
        }
        page.load(self._open, None, [*shown, lab.preset, *lab.controls, self.source, self.shelf], **common)
        self.shelf.select(self._choose, self.settings, shown, **common)
        self.upload.input(self._take, [self.upload, self.direct, self.settings], [*shown, self.upload], **common)
        self.direct.input(self._redo, [self.direct, self.choice, self.settings], [*shown, self.direct], **common)
        # A slider that is dragged should not make the result flicker, nor a corner.
        live = common | {"show_progress": "hidden"}
        self.photo.listen(self.choice, self.settings, shown, self.direct, self._redo, common, live)
        self.clip.listen(self.settings, shown, self.message, self.direct, common)
        # Presets and sliders follow one another first: with the result they would undo what was moved meanwhile.
        at_once = {
            "queue": False,
            "show_progress": "hidden",
            "api_visibility": "private",
            "trigger_mode": "always_last",
        }
        gr.on([one.input for one in lab.degradation], preset_shown, lab.degradation, lab.preset, **at_once)
        lab.preset.input(lambda name: values_of(PRESETS[name]), lab.preset, lab.degradation, **at_once)
        gr.on(
            [one.input for one in lab.controls],
            self._adjust,
            [self.choice, self.settings, *lab.controls],
            [*shown, lab.models],
            **live,
        )
        lab.preset.input(self._preset, [self.choice, self.settings, lab.preset], shown, **live)
        asked.change(self._use, [asked, self.choice, self.settings], [*shown, lab.models], **common)
        # A checkpoint may have come since the page was opened.
        lab.choose.click(_pick, self.settings, lab.models, **at_once)
        self.source.input(
            lambda name: self.shelves[name].html,
            self.source,
            self.shelf,
            api_visibility="private",
            show_progress="hidden",
        )
        self.numbers.listen(self.choice)
        self.api.listen()

    def warm_up(self) -> None:
        """Load what a comparison needs by making the first one, and what finds plates in photos."""
        try:
            find(session.first(next(iter(self.entries.values()))).picture)
        except Exception as error:
            # The first visitor gets its sentence; here there is nobody to show it to.
            log.warning("The first comparison failed: %s", error)

    def _open(self, request: gr.Request) -> Iterator[tuple]:
        """The controls as the link has them, then its plate, else the first."""
        words, query = words_for(request), request.query_params
        complaint = None
        try:
            settings = from_query(query)
        except InputError as error:
            settings, complaint = DEFAULT, words("lab.bad_link", why=error)
        if settings.models is not None and len(settings.models) > MOST_MODELS:
            settings, complaint = DEFAULT, words("lab.bad_link", why=words("lab.too_many", most=MOST_MODELS))
        entry = self.entries.get(query.get("plate"))
        if entry is None:
            entry = next(iter(self.entries.values()))
            if "plate" in query:
                complaint = words("lab.no_plate", plate=query["plate"])
        shelf = next(one for one in self.shelves.values() if entry in one.entries)
        controls = [preset_of(settings.degradation), *values_of(settings.degradation), picker(settings, words)]
        controls.append(engine_picker(settings, words))
        # The first shelf is on the page already.
        controls += [shelf.name, gr.skip() if shelf is next(iter(self.shelves.values())) else shelf.html]
        yield *[gr.skip()] * 5, settings, *controls
        for step in steps(lambda: self._entry(entry, settings), settings, words):
            if complaint and not step[0]:
                step = cards.alert(complaint), *step[1:]
            yield *step, *[gr.skip()] * len(controls)

    def _choose(self, settings: Settings, event: gr.EventData, request: gr.Request) -> Iterator[tuple]:
        # A handler that yields nothing would empty what it puts out.
        entry = self.entries.get(str(sent(event, "plate")))
        if entry is None:
            yield tuple([gr.skip()] * 6)
        else:
            yield from steps(lambda: self._entry(entry, settings), settings, words_for(request))

    def _entry(self, entry: Entry, settings: Settings) -> Choice:
        return session.first(entry) if settings == DEFAULT else session.choose(entry, settings)

    def _take(self, path: str | None, direct: bool, settings: Settings, request: gr.Request) -> Iterator[tuple]:
        if path is None:
            # What is pasted empties the component first; to empty it again would meet the picture that follows.
            yield tuple([gr.skip()] * 7)
        else:
            # Emptied at once: a second picture may come while the first is compared.
            yield *[gr.skip()] * 6, None
            make = lambda: session.bring(take_picture(path), direct, settings)  # noqa: E731
            for step in steps(make, settings, words_for(request), fresh=True):
                yield *step, gr.skip()

    def _redo(self, direct: bool, choice: Choice | None, settings: Settings, request: gr.Request) -> Iterator[tuple]:
        """The box speaks of the visitor's own picture: the one shown, or the next."""
        words = words_for(request)
        if choice is None:
            yield cards.alert(words("page.gone")), *[gr.skip()] * 6
        elif choice.key:
            yield tuple([gr.skip()] * 7)
        else:
            for step in steps(lambda: again(choice, direct=direct, settings=settings), settings, words):
                # Where it fails, the result stays as it is, and so must the box.
                yield *step, gr.skip() if isinstance(step[4], Choice) else choice.direct

    def _adjust(self, choice: Choice | None, before: Settings, request: gr.Request, *values: Any) -> Iterator[tuple]:
        words = words_for(request)
        if len(values[-2]) > MOST_MODELS:
            yield cards.alert(words("lab.too_many", most=MOST_MODELS)), *[gr.skip()] * 5, chosen_models(before)
            return
        try:
            settings = settings_of(values, session.shipped_models())
        except InputError as error:
            yield cards.alert(str(error)), *[gr.skip()] * 6
            return
        for step in self._resettle(choice, settings, words):
            yield *step, gr.skip()

    def _preset(self, choice: Choice | None, before: Settings, name: str, request: gr.Request) -> Iterator[tuple]:
        settings = replace(before, degradation=PRESETS[name])
        yield from self._resettle(choice, settings, words_for(request))

    def _use(
        self, asked: tuple[str, int], choice: Choice | None, before: Settings, request: gr.Request
    ) -> Iterator[tuple]:
        """One checkpoint more, in the place of the last where there are ``MOST_MODELS`` already."""
        name, _ = asked
        kept = [one for one in chosen_models(before) if one != name][: MOST_MODELS - 1]
        settings = replace(before, models=(*kept, name))
        words = words_for(request)
        yield *[gr.skip()] * 6, picker(settings, words)
        for step in self._resettle(choice, settings, words):
            yield *step, gr.skip()

    def _resettle(self, choice: Choice | None, settings: Settings, words: Words) -> Iterator[tuple]:
        """The same plate with other settings."""
        if choice is None:
            yield cards.alert(words("page.gone")), *[gr.skip()] * 4, settings
        elif choice.comparison and settings != choice.settings == replace(settings, reader=choice.settings.reader):
            yield from steps(lambda: session.afresh(choice, settings), settings, words)
        elif choice.key:
            yield from steps(lambda: self._entry(self.entries[choice.key], settings), settings, words)
        else:
            yield from steps(lambda: again(choice, settings=settings), settings, words)


def _pick(settings: Settings, request: gr.Request) -> dict:
    return picker(settings, words_for(request))
