"""Tab *Compare*: choose or bring a plate, see what each model makes of it."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from lpsr.app import cards
from lpsr.app.gallery import Shelf
from lpsr.app.session import PROCESSOR, SORRY, Choice, api_compare, from_entry, from_picture
from lpsr.app.uploads import FileUpload, PictureUpload
from lpsr.errors import InputError
from lpsr.images import open_picture

log = logging.getLogger(__name__)

# Marks the plate that the result shows, and puts it into the address, so that a link opens it again.
_MARK = """
const mark = () => {
  const result = document.querySelector('section.result');
  if (!result) return;
  document.querySelectorAll('.shelf button').forEach(
    (one) => one.setAttribute('aria-pressed', String(one.dataset.plate === result.dataset.plate)));
};
"""
_SHELF_JS = (
    _MARK
    + """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-plate]');
  if (button) trigger('select', { plate: button.dataset.plate });
});
watch('value', mark);
"""
)
_RESULT_JS = (
    _MARK
    + """
// Nearest neighbour is for enlarging; a picture larger than its card is drawn smooth.
const fit = () => element.querySelectorAll('.plate').forEach((one) => one.classList.toggle('reduced',
  Math.min(one.clientWidth / one.getAttribute('width'), one.clientHeight / one.getAttribute('height')) < 1));
new ResizeObserver(fit).observe(element);
let unfolded = false;
element.addEventListener('toggle', (event) => { unfolded = event.target.open; }, true);
element.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && event.target.matches('.term')) event.target.blur();
});
watch('value', () => {
  mark();
  fit();
  const result = element.querySelector('section.result');
  if (!result) return;
  result.querySelectorAll('details').forEach((one) => { one.open = unfolded; });
  const address = new URL(location.href);
  if (result.dataset.plate) address.searchParams.set('plate', result.dataset.plate);
  else address.searchParams.delete('plate');
  history.replaceState(history.state, '', address);
  // A Space shows the page in a frame, and its own address in the bar.
  if (parent !== window) parent.postMessage({ queryString: address.search, hash: '' }, 'https://huggingface.co');
});
"""
)
_WAITING = '<section class="result waiting"><p class="heading">Loading the models and the reader…</p></section>'


class CompareTab:
    """The components of the tab; ``choice`` holds the visitor's plate and its comparison for the other tabs."""

    def __init__(self, shelves: list[Shelf]) -> None:
        self.shelves = {shelf.title: shelf for shelf in shelves}
        self.entries = {entry.key: entry for shelf in shelves for entry in shelf.entries}
        self.choice = gr.State(None)
        with gr.Row(elem_classes="source"):
            with gr.Column(min_width=240, scale=1, elem_classes="own"):
                self.upload = PictureUpload(
                    label="Own picture",
                    type="filepath",
                    image_mode=None,
                    format="png",
                    sources=["upload", "clipboard", "webcam"],
                    height=124,
                    buttons=[],
                    placeholder="Drop or click",
                    elem_id="upload",
                )
                self.direct = gr.Checkbox(label="Already small: restore directly", elem_id="direct", container=False)
            with gr.Column(min_width=300, scale=4):
                self.source = gr.Radio(
                    list(self.shelves),
                    value=shelves[0].title,
                    label="Source of the plates",
                    show_label=False,
                    container=False,
                    visible=len(shelves) > 1,
                    elem_id="source",
                )
                self.shelf = gr.HTML(shelves[0].html, js_on_load=_SHELF_JS, elem_id="shelf")
        self.message = gr.HTML("", elem_id="message")
        self.result = gr.HTML(_WAITING, js_on_load=_RESULT_JS, elem_id="result")
        with gr.Row(visible=False):
            self.api_picture = FileUpload(label="picture")
            self.api_answer = gr.JSON()

    def listen(self, page: gr.Blocks) -> None:
        """Bind the events; the page calls it once all tabs are there."""
        shown = [self.message, self.result, self.choice, self.upload]
        common = {
            "concurrency_id": PROCESSOR,
            "concurrency_limit": 1,
            "api_visibility": "private",
            "show_progress": "minimal",
            "show_progress_on": self.result,
            "trigger_mode": "always_last",
        }
        page.load(self._open, None, shown, **common)
        self.shelf.select(self._choose, None, shown, **common)
        self.upload.input(self._take, [self.upload, self.direct], shown, **common)
        self.direct.input(self._redo, [self.direct, self.choice], [*shown, self.direct], **common)
        self.source.input(
            lambda title: self.shelves[title].html,
            self.source,
            self.shelf,
            api_visibility="private",
            show_progress="hidden",
        )
        self.api_picture.upload(
            _answer,
            self.api_picture,
            self.api_answer,
            api_name="compare",
            concurrency_id=PROCESSOR,
            concurrency_limit=1,
        )

    def warm_up(self) -> None:
        """Load what a comparison needs by making the first one."""
        try:
            from_entry(next(iter(self.entries.values())))
        except Exception as error:
            # The first visitor gets its sentence; here there is nobody to show it to.
            log.warning("The first comparison failed: %s", error)

    def _open(self, request: gr.Request) -> tuple:
        first = next(iter(self.entries))
        key = request.query_params.get("plate", first)
        return _show(lambda: from_entry(self.entries.get(key) or self.entries[first]))

    def _choose(self, event: gr.EventData) -> tuple:
        entry = self.entries.get(event.plate)
        return gr.skip() if entry is None else _show(lambda: from_entry(entry))

    def _take(self, path: str | None, direct: bool) -> tuple:
        if path is None:
            return *[gr.skip()] * 3, None
        return _show(lambda: from_picture(take_picture(path), "Own picture", direct=direct))

    def _redo(self, direct: bool, choice: Choice | None) -> tuple:
        """The box speaks of the visitor's own picture: the one shown, or the next."""
        if choice is None:
            return cards.alert("This visit's plate is no longer kept; bring it again."), *[gr.skip()] * 4
        if choice.key:
            return "", *[gr.skip()] * 4
        shown = _show(lambda: from_picture(choice.picture, choice.source, choice.text, direct))
        # Where it fails, the result stays as it is, and so must the box.
        return *shown, gr.skip() if isinstance(shown[2], Choice) else choice.direct


def _show(compare: Callable[[], Choice]) -> tuple[Any, ...]:
    """Message, result, choice and upload; where ``compare`` fails, its sentence, and result and choice stay."""
    try:
        choice = compare()
    except InputError as error:
        return cards.alert(str(error)), gr.skip(), gr.skip(), None
    except Exception:
        log.exception("A comparison failed.")
        return cards.alert(SORRY), gr.skip(), gr.skip(), None
    return "", cards.results(choice.comparison, choice.key, choice.source, choice.notes), choice, None


def take_picture(path: str) -> np.ndarray:
    """Read an uploaded file. Raises InputError.

    The file is left to Gradio's sweep: equal uploads are one file, which another visitor may be waiting for.
    """
    if not Path(path).is_file():
        raise InputError("The upload did not arrive; bring the picture again.")
    return open_picture(path, "The picture")


def _answer(picture: str | None) -> dict:
    """Degrade a plate ×8, restore it with every model, and measure and read each.

    Takes a picture of a plate and returns {"hr_size": [w, h], "models": [{"name", "psnr", "psnr_y", "ssim",
    "reading": {...}}], ...}.
    """
    try:
        if picture is None:
            raise InputError("Send a picture of a plate.")
        return api_compare(take_picture(picture))
    except InputError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception:
        log.exception("A comparison failed.")
        raise gr.Error(SORRY, print_exception=False) from None
