"""Folders of generated plates and photos."""

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lpsr.data.generator.draw import GeneratedPlate, generate
from lpsr.data.generator.photo import generate_photo
from lpsr.data.generator.style import Style
from lpsr.data.plates import CORNER_COLUMNS, write_index
from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.images import encode_png

SUFFIXES = (".jpg", ".png")
JPEG_QUALITY = 92
# Beside photos: what is where in each.
TRUTH = "truth.json"
Progress = Callable[[int, int], None]


def synthesize(
    folder: str | Path,
    count: int,
    seed: int = 0,
    *,
    split: str | Mapping[str, float] = "train",
    style: Style | None = None,
    suffix: str = ".jpg",
    progress: Progress | None = None,
) -> Path:
    """Write ``count`` generated plates as a plate folder, the same for the same arguments; returns the folder.

    ``split`` is one name, or shares by name such as ``{"train": 0.9, "test": 0.1}``. No plate text comes twice, so
    no text is in two splits. ``suffix`` is ".jpg" (quality 92) or ".png" (lossless, several times larger).
    ``progress`` is called with (done, count). The folder appears complete or not at all.

    Raises InputError for a folder that exists and is not empty, or arguments that make no sense.
    """
    if count < 1:
        raise InputError(f"At least one plate must be asked for, not {count}.")
    if seed < 0:
        raise InputError(f"The seed must not be negative, but it is {seed}.")
    splits = _assign_splits(count, seed, {split: 1.0} if isinstance(split, str) else split)
    plates = _different(seed, style)
    labelled = ((next(plates), {"split": name}) for name in splits)
    return write_plates(folder, labelled, count, suffix=suffix, progress=progress)


def write_plates(
    folder: str | Path,
    plates: Iterable[tuple[GeneratedPlate, Mapping[str, str]]],
    count: int,
    *,
    suffix: str = ".jpg",
    extra_columns: Iterable[str] = (),
    progress: Progress | None = None,
) -> Path:
    """Write plates, each with further columns of its row ("split" among them), as a plate folder.

    Column ``char_quads`` holds each character's four corners in pixels as JSON. The folder is built beside its
    place and moved there at the end. Raises InputError as ``synthesize`` does.
    """
    with _new_folder(folder, suffix) as work:
        rows = []
        for number, (plate, extra) in enumerate(plates, 1):
            name = f"plates/{number:06d}{suffix}"
            (work / "plates").mkdir(exist_ok=True)
            (work / name).write_bytes(_encode(plate.picture, suffix))
            rows.append(_row(name, plate) | extra)
            if progress is not None:
                progress(number, count)
        write_index(work, rows, ("char_quads", *extra_columns))
    return Path(folder)


def synthesize_photos(
    folder: str | Path,
    count: int,
    seed: int = 0,
    *,
    suffix: str = ".jpg",
    progress: Progress | None = None,
    **options: Any,
) -> Path:
    """Write ``count`` whole photos and ``truth.json``, the same for the same arguments; returns the folder.

    ``options`` are those of ``generate_photo``. truth.json lists every photo, also those without a plate:
    ``[{"file": name, "plates": [{"corners": [[x, y] × 4], "text": text}]}]``, corners in pixels clockwise from the
    plate's top left. The folder appears complete or not at all.

    Raises InputError for a folder that exists and is not empty, or arguments that make no sense.
    """
    if count < 1:
        raise InputError(f"At least one photo must be asked for, not {count}.")
    with _new_folder(folder, suffix) as work:
        truth = []
        for index in range(count):
            photo = generate_photo(seed, index, **options)
            name = f"{index + 1:06d}{suffix}"
            (work / name).write_bytes(_encode(photo.picture, suffix))
            plates = [
                {"corners": np.round(plate.corners.astype(float), 2).tolist(), "text": plate.text}
                for plate in photo.plates
            ]
            truth.append({"file": name, "plates": plates})
            if progress is not None:
                progress(index + 1, count)
        write_json(work / TRUTH, truth)
    return Path(folder)


@contextmanager
def _new_folder(folder: str | Path, suffix: str) -> Iterator[Path]:
    """A folder to write into, beside ``folder``; it takes that place at the end, and nothing stays of it on failure."""
    folder = Path(folder)
    if suffix not in SUFFIXES:
        raise InputError(f"Pictures are written as {' or '.join(SUFFIXES)}, not {suffix!r}.")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} already holds something; choose a new or an empty folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise InputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    try:
        yield work
        work.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        work.rename(folder)
    except OSError as error:
        raise InputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _different(seed: int, style: Style | None) -> Iterator[GeneratedPlate]:
    """The plates of a series without those whose text came before."""
    texts, index = set(), 0
    while True:
        plate = generate(seed, index, style=style)
        index += 1
        if plate.text not in texts:
            texts.add(plate.text)
            yield plate


def _assign_splits(count: int, seed: int, shares: Mapping[str, float]) -> list[str]:
    """A split for each plate, in the given shares, shuffled."""
    usable = all(name and share > 0 for name, share in shares.items())
    if not shares or not usable or not math.isfinite(sum(shares.values())):
        raise InputError("Every split needs a name and a finite share above zero, such as train=0.9.")
    edges = np.rint(np.cumsum(list(shares.values())) / sum(shares.values()) * count).astype(int)
    names = np.repeat(list(shares), np.diff(edges, prepend=0))
    return np.random.default_rng(seed).permutation(names).tolist()


def _row(name: str, plate: GeneratedPlate) -> dict[str, str | int]:
    height, width = plate.picture.shape[:2]
    span = np.ptp(plate.corners, axis=0)
    return {
        "file": name,
        "text": plate.text,
        "crop_width": width,
        "crop_height": height,
        **dict(zip(CORNER_COLUMNS, (f"{value:.2f}" for value in plate.corners.ravel()), strict=True)),
        "plate_width": f"{span[0]:.1f}",
        "plate_height": f"{span[1]:.1f}",
        "kind": plate.kind,
        "char_quads": json.dumps(np.round(plate.character_quads.astype(float), 2).tolist(), separators=(",", ":")),
    }


def _encode(picture: np.ndarray, suffix: str) -> bytes:
    if suffix == ".png":
        return encode_png(picture)
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
