"""What the page computes for a visitor: the chosen plate, its comparison, and what to say about it."""

import logging
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpsr.app.engines import ABOUT_READERS, NO_READER, usable_reader
from lpsr.app.gallery import Entry
from lpsr.app.link import DEFAULT, Settings
from lpsr.app.photo.state import Photo, find, photo_of
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Comparison

log = logging.getLogger(__name__)

# One group for everything that keeps the processor busy.
PROCESSOR = "processor"
# HR plates narrower than this leave an LR plate of fewer than 8 columns.
FEW_PIXELS = 64

# A key of locales/compare.json, and the values of its text.
Note = tuple[str, dict]

_first = threading.Lock()
# Plates of the shelves with the page's own settings, under the stamp of the checkpoints they were compared with.
_kept: dict[Entry, tuple[tuple, "Choice"]] = {}


# By identity: Gradio hashes it to see that it changed.
@dataclass(frozen=True, eq=False)
class Choice:
    """What a visitor has chosen, and what came of it; a picture of their own is kept for this visit alone.

    Attributes:
        picture: ``(H, W, 3)`` uint8; None while the corners of a plate in a photo are still to be set.
        key, caption: of a plate from a shelf, else empty.
        text, corners: the true text and the plate's corners in the picture, where known.
        direct: the picture is the LR plate itself.
        photo: the photo that the picture was cut from.
        settings: degradation and checkpoints.
        comparison: None before ``compared``; without readings before ``read``, or where there is no reader.
        notes: what the visitor should know about it.
    """

    picture: np.ndarray | None
    key: str = ""
    caption: str = ""
    text: str | None = None
    corners: np.ndarray | None = field(default=None, compare=False)
    direct: bool = False
    photo: Photo | None = None
    settings: Settings = DEFAULT
    comparison: "Comparison | None" = None
    notes: tuple[Note, ...] = ()

    @property
    def unread(self) -> bool:
        """Whether it is compared, and nobody has tried to read it."""
        return self.comparison is not None and not self.comparison.reader and NO_READER not in self.notes


def choose(entry: Entry, settings: Settings = DEFAULT) -> Choice:
    """A plate of a shelf, compared and read where that was done before. Raises InputError for a broken file."""
    stamp, choice = _kept.get(entry, (None, None))
    if stamp == _stamp() and settings == replace(DEFAULT, reader=settings.reader):
        return choice if settings == DEFAULT else afresh(choice, settings)
    plate = entry.plate
    return Choice(plate.hr(), entry.key, entry.caption, plate.text, plate.hr_corners(), settings=settings)


def bring(picture: np.ndarray, direct: bool = False, settings: Settings = DEFAULT) -> Choice:
    """A visitor's own picture: of a photo the best plate in it, else the picture as it is.

    ``direct``: it is the LR plate itself; of one that is too large for that the plate in it is. Raises InputError.
    """
    from lpsr.compare import MAX_DIRECT_PIXELS
    from lpsr.locate import is_plate

    try:
        found = find(picture)
    except InputError:
        # The visitor can set the corners.
        found = []
    if (direct and picture.shape[0] * picture.shape[1] <= MAX_DIRECT_PIXELS) or is_plate(picture, found):
        corners = found[0].corners if found else None
        return Choice(picture, corners=corners, direct=direct, settings=settings)
    return cut(Choice(None, direct=direct, settings=settings), photo_of(picture, found))


def cut(choice: Choice, photo: Photo) -> Choice:
    """The choice with the plate of ``photo``, not compared; without a picture where there is none to cut.

    A plate too large to be restored directly is not. Raises InputError for corners that cannot be a plate's.
    """
    from lpsr.compare import MAX_DIRECT_PIXELS

    picture, corners = photo.cut() if photo.ready else (None, None)
    direct = choice.direct and (picture is None or picture.shape[0] * picture.shape[1] <= MAX_DIRECT_PIXELS)
    return replace(choice, picture=picture, corners=corners, direct=direct, photo=photo, comparison=None, notes=())


def compared(choice: Choice) -> Choice:
    """The choice with its pictures and numbers, still without readings. Raises InputError."""
    from lpsr.compare import compare

    models, notes = usable_models(choice.settings.models)
    comparison = compare(
        choice.picture,
        models,
        degradation=choice.settings.degradation,
        direct=choice.direct,
        text=choice.text,
        corners=choice.corners,
        crop=choice.photo and choice.photo.crop,
    )
    height, width = choice.picture.shape[:2]
    if choice.direct and choice.settings.degradation != DEFAULT.degradation:
        notes.append(("note_direct", {}))
    # Of a plate in a photo the panel says it.
    if not choice.direct and not choice.key and choice.photo is None and width <= FEW_PIXELS:
        notes.append(("note_small", {"width": width, "height": height}))
    if comparison.reduced_from:
        height, width = comparison.hr.shape[:2]
        before = "{} × {}".format(*comparison.reduced_from)
        notes.append(("note_reduced", {"before": before, "width": width, "height": height}))
    return replace(choice, comparison=comparison, notes=tuple(notes))


def read(choice: Choice) -> Choice:
    """The compared choice with readings and what they are worth; with a note where there is no reader."""
    from lpsr.compare import read

    reader, notes = usable_reader(choice.settings.reader)
    choice = replace(choice, notes=(*choice.notes, *notes))
    return choice if reader is None else replace(choice, comparison=read(choice.comparison, reader))


def afresh(choice: Choice, settings: Settings) -> Choice:
    """The compared choice without its readings, for another reader: ``settings`` differ in that alone."""
    from lpsr.compare import unread

    notes = tuple(note for note in choice.notes if note[0] not in ABOUT_READERS)
    return replace(choice, settings=settings, comparison=unread(choice.comparison), notes=notes)


def first(entry: Entry) -> Choice:
    """A plate of a shelf with the page's own settings, compared and read; kept while the checkpoints stay.

    Every visitor may see it. Raises InputError for a broken file.
    """
    # Only one thread at a time: the warm-up and the first visitor want the same plate.
    with _first:
        choice = choose(entry)
        if choice.comparison is None:
            stamp, choice = _stamp(), read(compared(choice))
            # A note speaks of trouble that may pass.
            if not choice.notes:
                _kept[entry] = stamp, choice
        return choice


def shipped_models() -> list[str]:
    """The checkpoints that are compared where the visitor did not choose: those that ship."""
    from lpsr.checkpoints import ORDER, known_models

    return [name for name in known_models() if name in ORDER]


def _stamp() -> tuple:
    """Names and times of the checkpoints' files: another stamp, other results."""
    from lpsr.checkpoints import CHECKPOINTS

    folder = Path(CHECKPOINTS)
    return tuple(sorted((one.name, one.stat().st_mtime_ns) for one in folder.iterdir())) if folder.is_dir() else ()


def usable_models(chosen: tuple[str, ...] | None) -> tuple[list[str], list[Note]]:
    """Bicubic and the chosen models that load, in the order of the page, and a note for what does not."""
    from lpsr.checkpoints import ORDER, known_models, load_restorer

    known, models, notes = known_models(), [], []
    wanted = ("bicubic", *(ORDER if chosen is None else chosen))
    for name in known:
        if name not in wanted:
            continue
        try:
            load_restorer(name)
            models.append(name)
        except InputError as error:
            # The sentence names a path of the server, which is for its log alone.
            log.warning("%s", error)
            notes.append(("note_checkpoint", {"name": name}))
    missing = [name for name in wanted if name not in known]
    if missing:
        notes.append(("note_missing", {"names": ", ".join(missing)}))
    return models, notes
