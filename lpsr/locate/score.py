"""How well plates are located: against photos whose plates' corners are known."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lpsr.checkpoints import CORNERS, shipped_auxiliary
from lpsr.data.generator.folder import TRUTH
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.images import bounding_crop, open_picture
from lpsr.locate.find import SAME, Found, locate, overlap
from lpsr.metrics.reading import wilson_interval
from lpsr.passport import measurement_facts
from lpsr.readers import Reader
from lpsr.rectify import rectify

# The criterion of CCPD: intersection over union.
RIGHT = 0.7


@dataclass(frozen=True)
class Photo:
    """A photo whose plates are known.

    Attributes:
        path: of the file.
        corners: of each plate, ``(4, 2)`` float32 pixels clockwise from top left, pixel i covering [i, i + 1).
        texts: of each plate, None where unknown.
    """

    path: Path
    corners: tuple[np.ndarray, ...]
    texts: tuple[str | None, ...]


def open_photos(folder: str | Path) -> list[Photo]:
    """The photos of a folder of ``synthesize --photos`` (``truth.json``, photos without a plate among them), of a
    plate folder or of a CCPD folder.

    Raises InputError for a folder that is none of them, or where no plate has corners.
    """
    folder = Path(folder)
    if (folder / TRUTH).is_file():
        return _from_truth(folder)
    plates = [plate for plate in open_plates(folder) if plate.corners is not None]
    if not plates:
        raise InputError(f"No plate of {folder} has known corners; there is nothing to check against.")
    return [Photo(plate.path, (_between_pixels(plate.corners),), (plate.text,)) for plate in plates]


def check(
    photos: Sequence[Photo],
    *,
    data: str,
    reader: Reader | None = None,
    progress: Callable[[int, int], None] = lambda done, count: None,
) -> dict[str, Any]:
    """Locate the plates of every photo and say how well, as ``locate --check`` writes it.

    A plate is found where a located one overlaps it by more than 0.7 (intersection over union); what overlaps no plate
    by 0.3 is a false alarm. The error of its corners is their mean distance. Shares have 95 % intervals (Wilson). With
    a ``reader`` the found plates are read, straightened and as the axis-aligned box of their corners.

    Raises InputError for a photo that cannot be read.
    """
    plates, seconds, alarms = [], [], 0
    for done, photo in enumerate(photos, 1):
        picture = open_picture(photo.path)
        start = time.perf_counter()
        found = locate(picture, reader=reader)
        seconds.append(time.perf_counter() - start)
        overlaps = np.array([[overlap(one.corners, corners) for corners in photo.corners] for one in found])
        overlaps = overlaps.reshape(len(found), len(photo.corners))
        alarms += int((overlaps.max(1, initial=0) < SAME).sum())
        plates += _judged(picture, photo, found, overlaps, reader)
        progress(done, len(photos))
    right = [plate for plate in plates if plate["overlap"] > RIGHT]
    result = {
        "photos": len(photos),
        "plates": len(plates),
        "found": _share([plate["overlap"] > RIGHT for plate in plates]),
        "best": _share([plate["best"] for plate in plates if "best" in plate]),
        "corner_error_px": _spread([plate["error"] for plate in right]),
        "corner_error_percent_of_width": _spread([100 * plate["error"] / plate["width"] for plate in right]),
        "false_alarms": alarms,
        "seconds": _spread(seconds),
        "read_straight": _share([plate["straight"] for plate in right if "straight" in plate]),
        "read_box": _share([plate["box"] for plate in right if "box" in plate]),
        "passport": {
            "data": data,
            "criterion": f"intersection over union above {RIGHT}",
            **measurement_facts(reader.engine if reader else None, _weights()),
        },
    }
    return {key: value for key, value in result.items() if value is not None}


def _judged(
    picture: np.ndarray, photo: Photo, found: Sequence[Found], overlaps: np.ndarray, reader: Reader | None
) -> list[dict[str, Any]]:
    """What became of each plate of a photo; ``overlaps`` are those of what was found (rows) and the plates."""
    judged = []
    for corners, text, shared in zip(photo.corners, photo.texts, overlaps.T, strict=True):
        plate = {"overlap": shared.max(initial=0), "width": np.linalg.norm(corners[1] - corners[0])}
        if len(photo.corners) == 1:
            plate["best"] = bool(len(shared) and shared[0] > RIGHT)
        if plate["overlap"] > RIGHT:
            one = found[int(shared.argmax())].corners
            plate["error"] = np.linalg.norm(one - corners, axis=1).mean()
            if reader is not None and text:
                plate["straight"] = reader.read(rectify(picture, one)).plate_text == text
                plate["box"] = reader.read(bounding_crop(picture, one)).plate_text == text
        judged.append(plate)
    return judged


def _from_truth(folder: Path) -> list[Photo]:
    photos = []
    try:
        entries = read_json(folder / TRUTH)
        if not isinstance(entries, list) or not entries:
            raise ValueError("no list")
        for entry in entries:
            corners = tuple(np.float32(plate["corners"]) for plate in entry["plates"])
            if not all(one.shape == (4, 2) and np.isfinite(one).all() for one in corners):
                raise ValueError("no four points")
            texts = tuple(plate["text"] for plate in entry["plates"])
            if not all(text is None or isinstance(text, str) for text in texts):
                raise ValueError("no text")
            # A list is data: it must not be able to point outside its folder.
            photos.append(Photo(folder / Path(entry["file"]).name, corners, texts))
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise InputError(
            f"{folder / TRUTH} is no list of photos and their plates as locate --json writes it."
        ) from error
    return photos


def _between_pixels(corners: np.ndarray) -> np.ndarray:
    """CCPD's corners are whole pixels, of which the middle is meant; the generator's lie where they lie."""
    return corners + np.float32(0.5) if np.array_equal(corners, np.floor(corners)) else corners


def _weights() -> dict[str, str]:
    return {CORNERS: read_json(shipped_auxiliary(CORNERS).with_suffix(".json"))["sha256"]}


def _share(right: Sequence[bool] | np.ndarray) -> dict[str, Any] | None:
    if not len(right):
        return None
    low, high = wilson_interval(int(np.sum(right)), len(right))
    return {"share": round(float(np.mean(right)), 4), "ci95": [round(low, 4), round(high, 4)], "n": len(right)}


def _spread(values: Sequence[float] | np.ndarray) -> dict[str, float] | None:
    if not len(values):
        return None
    middle, high = np.percentile(values, [50, 95])
    return {"median": round(float(middle), 3), "p95": round(float(high), 3), "max": round(float(np.max(values)), 3)}
