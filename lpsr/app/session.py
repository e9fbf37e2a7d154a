"""What the page computes for a visitor: the chosen plate, its comparison, and sentences where something failed."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpsr.app.gallery import Entry
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Comparison

log = logging.getLogger(__name__)

# One group for everything that keeps the processor busy.
PROCESSOR = "processor"
SORRY = "This plate could not be compared because of a fault in the program; its log says more."
# HR plates narrower than this leave an LR plate of fewer than 8 columns.
FEW_PIXELS = 64

_first = threading.Lock()
# Plates of the shelves, with the stamp of the checkpoints they were compared under.
_kept: dict[Entry, tuple[tuple, "Choice"]] = {}


@dataclass(frozen=True)
class Choice:
    """What a visitor has chosen; a picture of their own is kept for this visit alone.

    Attributes:
        picture: ``(H, W, 3)`` uint8.
        source: what the page calls it.
        key: of a plate from a shelf, else empty.
        text: the true text, where known.
        direct: the picture is the LR plate itself.
        comparison, notes: what came of it.
    """

    picture: np.ndarray
    source: str
    key: str = ""
    text: str | None = None
    direct: bool = False
    comparison: "Comparison | None" = None
    notes: tuple[str, ...] = ()


def from_picture(picture: np.ndarray, source: str, text: str | None = None, direct: bool = False) -> Choice:
    """Compare a picture. Raises InputError where it cannot be."""
    comparison, notes = _compare(picture, text, direct)
    if not direct and picture.shape[1] <= FEW_PIXELS:
        notes += (
            f"The picture is only {picture.shape[1]} × {picture.shape[0]} pixels. If it is already low resolution, "
            "tick the box below the upload.",
        )
    return Choice(picture, source, "", text, direct, comparison, notes)


def from_entry(entry: Entry) -> Choice:
    """Compare a plate from a shelf; the result is kept while the checkpoints stay, since every visitor may see it."""
    # Only one thread at a time: the warm-up and the first visitor want the same plate.
    with _first:
        stamp = _stamp()
        before, choice = _kept.get(entry, (None, None))
        if before != stamp:
            picture, text = entry.plate.hr(), entry.plate.text
            comparison, notes = _compare(picture, text, False)
            choice = Choice(picture, entry.caption, entry.key, text, False, comparison, notes)
            # A note speaks of trouble that may pass.
            if not notes:
                _kept[entry] = stamp, choice
        return choice


def api_compare(picture: np.ndarray) -> dict:
    """The JSON of ``/compare``. Raises InputError."""
    return _compare(picture, None, False)[0].to_json()


def _stamp() -> tuple:
    """Names and times of the checkpoints' files: another stamp, other results."""
    from lpsr.checkpoints import CHECKPOINTS

    folder = Path(CHECKPOINTS)
    return tuple(sorted((one.name, one.stat().st_mtime_ns) for one in folder.iterdir())) if folder.is_dir() else ()


def _compare(picture: np.ndarray, text: str | None, direct: bool) -> tuple["Comparison", tuple[str, ...]]:
    from lpsr.compare import compare
    from lpsr.readers import get_reader

    models, notes = _usable_models()
    try:
        reader = get_reader()
    except InputError as error:
        reader, notes = None, (*notes, str(error))
    comparison = compare(picture, models, direct=direct, text=text, reader=reader)
    if comparison.reduced_from:
        height, width = comparison.hr.shape[:2]
        before = "{} × {}".format(*comparison.reduced_from)
        notes += (f"The picture was reduced from {before} to {width} × {height} pixels first; crop it to the plate.",)
    return comparison, notes


def _usable_models() -> tuple[list[str], tuple[str, ...]]:
    """The headline models that load, and a sentence for each that does not."""
    from lpsr.checkpoints import known_models, load_restorer
    from lpsr.compare import DEFAULT_MODELS

    known, models, notes = known_models(), [], []
    for name in DEFAULT_MODELS:
        if name not in known:
            continue
        try:
            load_restorer(name)
            models.append(name)
        except InputError as error:
            # The sentence names a path of the server, which is for its log alone.
            log.warning("%s", error)
            notes.append(f"The checkpoint {name} cannot be used; the app's log says why.")
    missing = [name for name in DEFAULT_MODELS if name not in known]
    if missing:
        notes.append(f"No checkpoint here for {', '.join(missing)}; the remaining models are shown.")
    return models, tuple(notes)
