"""A clip or a burst that a visitor brings: its plates followed through the frames, the sharpest to be compared."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import gradio as gr

from lpsr.app import session
from lpsr.app.cards import alert
from lpsr.app.language import Words, label, words_for
from lpsr.app.link import Settings
from lpsr.app.photo.state import Photo, Seen, reader_if_any
from lpsr.app.session import Choice
from lpsr.app.steps import steps
from lpsr.app.uploads import ClipUpload
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.clip import Track

log = logging.getLogger(__name__)

# Clips that are followed at once; others wait.
CLIPS = 1
# What is kept of a clip: plates, and the sharpest frames of each.
MOST_TRACKS, MOST_FRAMES = 3, 6
# Certainty of its surest frame below which a plate beside a better one is not offered.
LEAST = 0.5

# Frames done, their number, seconds left where that is known, and the plates.
Step = tuple[int, int, float | None, "list[Track] | None"]


class ClipPart:
    """The components: a button that takes the files, and what shows how far it is."""

    def __init__(self) -> None:
        self._stops: dict[str, threading.Event] = {}
        self.files = ClipUpload(
            label("photo.clip"), file_count="multiple", file_types=["video", "image"], size="sm", elem_id="clip-files"
        )

    def status_row(self) -> None:
        """The progress and the button that ends it, where the page wants them."""
        with gr.Row(elem_id="clip"):
            self.status = gr.HTML("", elem_id="clip-status")
            self.stop = gr.Button(label("photo.stop"), size="sm", elem_id="clip-stop")
        self.followed = gr.State(None)

    def listen(
        self,
        settings: gr.State,
        shown: list[gr.components.Component],
        message: gr.HTML,
        direct: gr.Checkbox,
        common: dict[str, Any],
    ) -> None:
        """Bind the events; ``shown`` is what ``lpsr.app.steps.steps`` fills, ``common`` options of what compares."""
        self.files.upload(
            self._follow,
            self.files,
            [message, self.status, self.followed],
            concurrency_id="clip",
            concurrency_limit=CLIPS,
            api_visibility="private",
            show_progress="hidden",
        )
        # Past the queue, where it would wait for the clip that it is to stop.
        self.stop.click(self._halt, None, None, queue=False, api_visibility="private", show_progress="hidden")
        self.followed.change(_compare, [self.followed, direct, settings], [*shown, self.followed], **common)

    def _halt(self, request: gr.Request) -> None:
        if request.session_hash in self._stops:
            self._stops[request.session_hash].set()

    def _follow(self, files: list[tuple[str, str]], request: gr.Request) -> Iterator[tuple]:
        """Message, progress, and at the end the photo that the clip is reduced to."""
        words, stop = words_for(request), threading.Event()
        self._stops[request.session_hash] = stop
        try:
            yield "", _progress(0, 0, None, words), gr.skip()
            for done, count, left, tracks in _followed([path for path, _ in files], stop):
                if tracks is None:
                    yield gr.skip(), _progress(done, count, left, words), gr.skip()
                elif tracks:
                    yield gr.skip(), "", photo_of(tracks)
                else:
                    yield alert(words("photo.none_in_clip")), "", gr.skip()
        except Exception as error:
            known = isinstance(error, InputError)
            if not known:
                log.exception("A clip failed.")
            yield alert(str(error) if known else words("page.sorry")), "", gr.skip()
        finally:
            stop.set()
            # A second clip of the same visit may have taken the place.
            if self._stops.get(request.session_hash) is stop:
                del self._stops[request.session_hash]


def _followed(paths: Sequence[str], stop: threading.Event) -> Iterator[Step]:
    """Frames done, their number, seconds left and, in the last step, the plates. Raises InputError."""
    from lpsr.clip import track_clip

    if not paths or not all(Path(path).is_file() for path in paths):
        raise InputError("The clip did not arrive; bring it again.")
    news: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
    started, done, count = time.monotonic(), 0, 0
    with ThreadPoolExecutor(1, "clip") as lane:
        try:
            work = lane.submit(
                track_clip,
                paths[0] if len(paths) == 1 else paths,
                reader=reader_if_any(),
                progress=lambda done, count: news.put((done, count)),
                should_stop=stop.is_set,
            )
            work.add_done_callback(lambda _: news.put(None))
            while (step := news.get()) is not None:
                done, count = step
                yield done, count, (time.monotonic() - started) / done * (count - done), None
            yield done, count, None, work.result()
        finally:
            # Whoever leaves is not waited for longer than a frame takes.
            stop.set()


def photo_of(tracks: "Sequence[Track]") -> Photo:
    """What is kept of a clip: of its surest plates the sharpest frames, sharpest first."""
    sure = [one for one in tracks[1:MOST_TRACKS] if max(each.certainty for each in one.sightings) >= LEAST]
    kept = [(track, track.best(MOST_FRAMES)) for track in [tracks[0], *sure]]
    seen = [
        Seen(track.text, len(track.sightings), tuple((one.index, one.seconds) for one in best)) for track, best in kept
    ]
    return Photo(tuple(one.view for _, best in kept for one in best), seen=tuple(seen))


def _compare(photo: Photo | None, direct: bool, settings: Settings, request: gr.Request) -> Iterator[tuple]:
    if photo is None:
        yield tuple([gr.skip()] * 7)
        return
    choice = Choice(None, direct=direct, settings=settings)
    for step in steps(lambda: session.cut(choice, photo), settings, words_for(request), fresh=True):
        # The choice has it now.
        yield *step, None


def _progress(done: int, count: int, left: float | None, words: Words) -> str:
    """A bar and about how long it takes."""
    text = words.html("photo.frame", done=done, all=count) if count else words.html("photo.opening")
    if left:
        unit, value = ("minutes", round(left / 60)) if left > 90 else ("seconds", max(round(left), 1))
        text += " · " + words.html(f"batch.{unit}_left", value=value)
    value = f'value="{done}" max="{count}"' if count else ""
    return (
        f'<div class="batch-progress"><progress {value} aria-label="{words.html("photo.following")}"></progress>'
        f'<span role="status">{text}</span></div>'
    )
