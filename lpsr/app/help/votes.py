"""A vote over frames of one plate, character by character: of a generated approach, or of a visitor's own frames."""

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from lpsr.app.cards import alert
from lpsr.app.engines import ENGINES, named_reader, offered, title
from lpsr.app.gallery import FOLDER
from lpsr.app.help import votes_html as html
from lpsr.app.help.wish import restorers_here
from lpsr.app.language import label, words_for
from lpsr.app.session import PROCESSOR
from lpsr.app.uploads import FilesUpload
from lpsr.errors import InputError
from lpsr.images import SUFFIXES, reduced
from lpsr.voting import MOST_SIDE, quality

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.readers import Reading

log = logging.getLogger(__name__)

SOURCES = ("approach", "own_frames")
MOST_FRAMES, USUAL, MOST_SEED = 20, 10, 99
RESTORER = "mse-long"


@dataclass(frozen=True)
class Frames:
    """Views of one plate, in their order.

    Attributes:
        pictures: each ``(H, W, 3)`` uint8. names: what each is called. text: the true one, where known.
        notes: sentences on files that could not be used. others: number of other plates that the pictures show.
    """

    pictures: list[np.ndarray]
    names: list[str]
    text: str | None
    notes: tuple[str, ...] = ()
    others: int = 0


@dataclass(frozen=True)
class Round:
    """The readings of all frames, as they are or restored; ``restorer`` is a title, "" for none."""

    restorer: str
    pictures: list[np.ndarray]
    readings: "list[Reading]"


class VotesPart:
    """The components."""

    def __init__(self) -> None:
        gr.HTML("<h2>" + label("help.vote_title") + "</h2>", elem_id="help-vote")
        gr.HTML('<p class="minor">' + label("help.vote_how") + "</p>")
        with gr.Row(elem_id="help-vote-form"):
            with gr.Column(min_width=240, scale=1):
                self.source = gr.Radio(
                    [(label(f"help.{name}"), name) for name in SOURCES],
                    value=SOURCES[0],
                    label=label("help.vote_source"),
                    elem_id="help-vote-source",
                )
                self.files = FilesUpload(
                    label=label("help.vote_files"),
                    file_count="multiple",
                    file_types=["image"],
                    height=110,
                    visible=False,
                    elem_id="help-vote-files",
                )
                self.plate = gr.Dropdown(
                    [], label=label("help.vote_plate"), filterable=False, elem_id="help-vote-plate"
                )
            with gr.Column(min_width=240, scale=1):
                self.count = gr.Slider(
                    1, MOST_FRAMES, USUAL, step=1, label=label("help.vote_frames"), elem_id="help-vote-count"
                )
                self.seed = gr.Slider(0, MOST_SEED, 0, step=1, label=label("help.vote_seed"), elem_id="help-vote-seed")
            with gr.Column(min_width=240, scale=1):
                self.reader = gr.Dropdown(
                    [(label(f"readers.{name}"), name) for name in ENGINES],
                    value=ENGINES[0],
                    label=label("readers.reader"),
                    filterable=False,
                    elem_id="help-vote-reader",
                )
                self.restorer = gr.Dropdown(
                    [], label=label("help.vote_restorer"), filterable=False, elem_id="help-vote-restorer"
                )
        self.shown = gr.HTML("", elem_id="help-votes")
        self.controls = [self.source, self.files, self.plate, self.count, self.seed, self.reader, self.restorer]

    def listen(self, tab: gr.Tab) -> None:
        """Bind the events; the first vote is counted when the tab is opened."""
        private = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
        counted = {"fn": _count, "inputs": self.controls, "outputs": self.shown, **private}
        counted |= {"concurrency_id": PROCESSOR, "concurrency_limit": 1}
        chosen = [self.plate, self.reader, self.restorer]
        tab.select(_open, chosen, chosen, queue=False, **private).then(**counted)
        self.source.input(_switch, self.source, [self.files, self.plate, self.count, self.seed], queue=False, **private)
        simple = [self.source, self.plate, self.reader, self.restorer]
        # A slider that is dragged counts once it is let go; its field, and the keys, once they rest.
        moved = [one.release for one in (self.count, self.seed)] + [one.input for one in simple]
        gr.on([*moved, self.files.change], **counted)


def _open(plate: str | None, reader: str, restorer: str | None, request: gr.Request) -> tuple:
    """What can be chosen by now."""
    words, here, known = words_for(request), offered(), restorers_here()
    texts = [one.text for one in _plates()]
    return (
        gr.update(choices=texts, value=plate if plate in texts else texts[0]),
        gr.update(choices=[(title(name, words), name) for name in here], value=reader if reader in here else here[0]),
        gr.update(
            choices=[(one, name) for name, one in known.items()],
            value=restorer if restorer in known else next(name for name in (RESTORER, "bicubic") if name in known),
        ),
    )


def _switch(source: str) -> tuple:
    made = gr.update(visible=source == "approach")
    return gr.update(visible=source == "own_frames"), made, made, made


def _count(
    source: str,
    files: list[tuple[str, str]],
    plate: str,
    count: int,
    seed: int,
    reader: str,
    restorer: str,
    request: gr.Request,
) -> Iterator[str]:
    """The votes without restoration, then with it."""
    from lpsr.checkpoints import load_restorer

    words = words_for(request)
    try:
        # A visitor may send anything by hand.
        if restorer not in list(restorers_here()):
            raise InputError("Choose a restoration.")
        engine = named_reader(reader if reader in offered() else ENGINES[0])
        if source == "own_frames":
            if not files:
                yield f'<p class="minor">{words.html("help.vote_bring")}</p>'
                return
            yield f'<p class="minor" role="status">{words.html("help.vote_reading")}</p>'
            frames = brought(files, engine)
        else:
            frames = approached(plate, count, seed)
        qualities = [quality(one) for one in frames.pictures]
        rounds = [Round("", frames.pictures, [engine.read(one) for one in frames.pictures])]
        yield html.votes(frames, rounds, qualities, engine, words, pending=True)
        model = load_restorer(restorer)
        restored = [model.restore(reduced(one, MOST_SIDE)) for one in frames.pictures]
        rounds.append(Round(model.title, restored, [engine.read(one) for one in restored]))
        yield html.votes(frames, rounds, qualities, engine, words)
    except InputError as error:
        yield alert(str(error))
    except Exception:
        log.exception("A vote failed.")
        yield alert(words("help.sorry"))


def approached(text: str, count: int, seed: int) -> Frames:
    """Simulated views of a plate that ships. Raises InputError."""
    from lpsr.benefit.frames import WIDTHS
    from lpsr.data.generator.views import approach

    plate = next((one for one in _plates() if one.text == text), _plates()[0])
    count, seed = (int(value) if isinstance(value, int | float) else 1 for value in (count, seed))
    count, seed = min(max(count, 1), MOST_FRAMES), min(max(seed, 0), MOST_SEED)
    views = approach(plate.picture(), plate.corners, count, seed, widths=WIDTHS)
    return Frames(views, [str(number) for number in range(1, count + 1)], plate.text)


def brought(files: Sequence[tuple[str, str]], reader: Any) -> Frames:
    """The plate in each of a visitor's pictures. Raises InputError."""
    from lpsr.clip import cut_plates

    notes = [f"{name}: {_LEFT}" for _, name in files[MOST_FRAMES:]]
    names, known = {}, []
    for path, name in files[:MOST_FRAMES]:
        if PurePosixPath(name).suffix.lower() in SUFFIXES:
            known.append((path, name))
        else:
            notes.append(f"{name}: {_NO_PICTURE}")
    if not known:
        raise InputError(notes[-1])
    with tempfile.TemporaryDirectory(prefix="lpsr-frames-") as folder:
        for number, (path, name) in enumerate(known):
            # Named by us: what a visitor calls a file may be anything.
            link = Path(folder) / f"{number:03d}{PurePosixPath(name).suffix.lower()}"
            if not os.path.isfile(path):
                raise InputError("A frame is no longer kept; bring the frames again.")
            link.symlink_to(path)
            names[link.name] = name

        def complain(error: InputError, file: Path) -> None:
            said, name = str(error), names[file.name]
            notes.append(said.replace(file.name, name) if file.name in said else f"{name}: {said}")

        try:
            plates, others = cut_plates(folder, reader, complain=complain)
        except InputError as error:
            # One tells why; there may be many.
            raise InputError(" ".join([str(error), *notes[:1]])) from error
    return Frames([one.picture for one in plates], [names[one.name] for one in plates], None, tuple(notes), len(others))


_NO_PICTURE = f"No picture; frames are {', '.join(sorted(SUFFIXES))}."
_LEFT = f"At most {MOST_FRAMES} frames are voted over."


def _plates() -> list:
    from lpsr.data.plates import open_plates

    return open_plates(FOLDER)
