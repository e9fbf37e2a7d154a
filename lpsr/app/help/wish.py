"""What a visitor wants measured: on which plates, by which pipelines; how long it takes; and the measurement itself."""

import math
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpsr.app.engines import named_reader, offered
from lpsr.app.help.job import Job
from lpsr.data.archive import Limits
from lpsr.errors import InputError
from lpsr.images import MAX_BYTES

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.benefit.result import Benefit
    from lpsr.data.plates import Plate

SOURCES = ("generated", "zip")
# Plates of a class and of the votes; on a page that others share, and on one's own.
MOST_HOSTED, MOST = 24, 500
# Frames that are voted over.
FRAMES = 10
UPLOAD = "plates.zip"
LIMITS = Limits(most=1000, upload=MAX_BYTES, unpacked=400 * 2**20, lists=4 * 2**20, directory=2 * 2**20)
# Typical LR, width times height in px, of each class; those voted over.
_PIXELS = {"x8": 140, "x4": 560, "x2": 2240, "20-40": 300, "40-60": 830, "60-80": 1630, "80-100": 2700, "100+": 7500}
_VIEW = 210
# Seconds on one core: of restoring a pixel of LR by a network of the usual size, and of one reading.
_RESTORE, _READ = 1e-4, {"paddle-onnx": 0.022}
_READ_OWN = 0.005
# Seconds of loading, the first time.
_LOAD = 3.0


@dataclass(frozen=True)
class Wish:
    """What is measured.

    Attributes:
        source: one of ``SOURCES``.
        readers, restorers, classes: their names, in the page's order.
        most: plates of a class at most.
        votes: whether frames are voted over as well.
    """

    source: str
    readers: tuple[str, ...]
    restorers: tuple[str, ...]
    classes: tuple[str, ...]
    most: int
    votes: bool


def restorers_here() -> dict[str, str]:
    """What can restore, with its title: bicubic and the checkpoints."""
    from lpsr.checkpoints import list_checkpoints

    return {"bicubic": "Bicubic", **{card.name: card.title for card in list_checkpoints()}}


def wish_of(values: Sequence, hosted: bool) -> Wish:
    """What the form's controls say, which a visitor may have sent by hand. Raises InputError."""
    from lpsr.benefit.result import CLASSES

    source, readers, restorers, classes, most, votes = values
    if source not in SOURCES or not isinstance(most, int | float) or not math.isfinite(most):
        raise InputError("These settings cannot be measured; reload the page.")
    chosen = [_among(readers, offered()), _among(restorers, list(restorers_here())), _among(classes, list(CLASSES))]
    if not chosen[0]:
        raise InputError("Choose at least one reader.")
    if not chosen[2]:
        raise InputError("Choose at least one size of plates.")
    return Wish(source, *chosen, max(1, min(int(most), MOST_HOSTED if hosted else MOST)), bool(votes))


def _among(names: Any, known: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in known if isinstance(names, list) and name in names)


def seconds(wish: Wish, plates: int) -> float:
    """About how long it takes on one core for so many plates."""
    n = min(plates, wish.most)
    networks = sum(name != "bicubic" for name in wish.restorers)
    read = (1 + len(wish.restorers)) * sum(_READ.get(name, _READ_OWN) for name in wish.readers)
    each = [_PIXELS[name] * _RESTORE * networks + read for name in wish.classes]
    if wish.votes:
        each += [_VIEW * _RESTORE * networks + read] * FRAMES
    return _LOAD + n * sum(each)


def measure(job: Job) -> "Benefit":
    """The measurement of ``job.wish``, in ``job.folder`` where plates were uploaded.

    Raises InputError for plates that cannot be used, and Stopped.
    """
    from lpsr.benefit.frames import facts, run_votes
    from lpsr.benefit.measure import run_benefit, spread
    from lpsr.benefit.merge import with_votes
    from lpsr.checkpoints import load_restorer

    wish: Wish = job.wish
    job.enter("loading")
    readers = [named_reader(name) for name in wish.readers]
    plates = _uploaded(job) if wish.source == "zip" else shipped()
    job.enter("measuring")
    command = f"python -m lpsr does-it-help {'--data DIR ' if wish.source == 'zip' else ''}{_options(wish)}"
    found = run_benefit(
        plates,
        wish.restorers,
        readers,
        data="uploaded plates" if wish.source == "zip" else "generated plates of the gallery",
        split=None,
        classes=wish.classes,
        most=dict.fromkeys(wish.classes, wish.most),
        progress=job.step,
        command=command,
    )
    if not wish.votes:
        return found
    job.enter("voting")
    chosen = spread(plates, wish.most)
    curves = run_votes(chosen, [load_restorer(m) for m in wish.restorers], readers, views=FRAMES, progress=job.step)
    return with_votes(found, curves, facts(FRAMES), command)


def shipped() -> "list[Plate]":
    """The generated plates that ship."""
    from lpsr.app.gallery import FOLDER
    from lpsr.data.plates import open_plates

    return open_plates(FOLDER)


def _options(wish: Wish) -> str:
    parts = {"models": wish.restorers, "readers": wish.readers, "classes": wish.classes, "most": [str(wish.most)]}
    if wish.votes:
        parts["frames"] = [str(FRAMES)]
    return " ".join(f"--{key} {' '.join(values)}".rstrip() for key, values in parts.items())


def check_zip(path: str) -> Mapping[str, Any]:
    """What an uploaded ZIP holds: "count" of pictures whose text is known, "unknown" of others, and "refused".

    Nothing is written or opened. Raises InputError where there is no plate to measure on.
    """
    from lpsr.data.gather import gather
    from lpsr.training.unpack import inner

    if not zipfile.is_zipfile(path):
        raise InputError("This file is no ZIP, or is cut off; bring a ZIP of pictures with an index.csv.")
    inputs = gather([path], ["plates.zip"], LIMITS)
    known = [source for source in inputs.sources if _usable(source.text)]
    refused = [(inner(one.file), one.sentence) for one in inputs.refused]
    if not known:
        why = f" {refused[0][1]}" if refused else ""
        raise InputError(
            "The ZIP holds no plate of known text; it needs pictures and an index.csv with the columns file and text."
            + why
        )
    return {"count": len(known), "unknown": len(inputs.sources) - len(known), "refused": refused}


def _usable(text: str | None) -> bool:
    from lpsr.plates import is_plate, normalise

    return bool(text) and is_plate(normalise(text))


def _uploaded(job: Job) -> "list[Plate]":
    """The plates of the ZIP in the job's folder, unpacked there."""
    from lpsr.data.gather import gather
    from lpsr.data.plates import open_plates, write_index
    from lpsr.training.unpack import index_row, keep

    inputs = gather([job.folder / UPLOAD], limits=LIMITS)
    sources = [source for source in inputs.sources if _usable(source.text)]
    folder, rows, why = job.folder / "plates", [], ""
    folder.mkdir()
    job.enter("unpacking")
    for number, source in enumerate(sources, 1):
        try:
            kept = keep(source, source.content())
        except InputError as error:
            why = f" {source.file}: {error}"
        else:
            name = f"{number:06d}{kept.suffix}"
            (folder / name).write_bytes(kept.content)
            rows.append(index_row(name, source, kept))
        job.step(number, len(sources))
    if not rows:
        raise InputError(f"The ZIP holds no plate that can be used.{why}")
    write_index(folder, rows)
    return open_plates(folder)


def bring(path: str, folder: Path) -> Path:
    """Keep an uploaded ZIP for a job, in a new folder. Raises InputError where it is gone."""
    try:
        folder.mkdir(parents=True)
        shutil.copyfile(path, folder / UPLOAD)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError("The upload is no longer kept; bring the ZIP again.") from error
    return folder
