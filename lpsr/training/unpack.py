"""Which pictures of a ZIP can be trained on, what is kept of each, and on which side of training it goes."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from lpsr.data.archive import Limits
from lpsr.data.gather import Source
from lpsr.data.plates import CORNER_COLUMNS
from lpsr.errors import InputError
from lpsr.images import bounding_crop, bounding_origin, encode_png
from lpsr.plates import normalise
from lpsr.training.bounds import MOST_UPLOAD
from lpsr.training.plan import SPLITS

LIMITS = Limits(most=20_000, upload=MOST_UPLOAD, unpacked=4 * 2**30, lists=32 * 2**20, directory=8 * 2**20)
# Width and height of a plate: the LR of a smaller one is 7 × 1 pixels. A larger one is a photo of more than a plate.
MIN_WIDTH, MIN_HEIGHT, MAX_PIXELS = 64, 16, 10**6
# Around the plate in a photo, in pixels: patches reach beyond its edges.
MARGIN = 64


class Kept(NamedTuple):
    """What is kept of a picture: ``(H, W, 3)`` uint8, its file's bytes and suffix, and the corners in it."""

    picture: np.ndarray
    content: bytes
    suffix: str
    corners: np.ndarray | None


def keep(source: Source, content: bytes) -> Kept:
    """A picture that was gathered, if its plate can be trained on; ``content`` are its file's bytes.

    A photo is cut, without loss, to the plate and what patches reach around it; every other file stays as it is.
    Raises InputError for what is no picture, or no plate of a usable size.
    """
    picture, corners = source.picture(content)
    plate = picture if corners is None else bounding_crop(picture, corners)
    height, width = plate.shape[:2]
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        raise InputError(f"Its plate is {width} × {height} pixels; at least {MIN_WIDTH} × {MIN_HEIGHT} are needed.")
    if width * height > MAX_PIXELS:
        raise InputError(f"Its plate is {width} × {height} pixels; cut it to the plate, or make it smaller first.")
    if corners is not None:
        x, y = np.maximum(bounding_origin(corners) - MARGIN, 0)
        part = picture[y : y + height + 2 * MARGIN, x : x + width + 2 * MARGIN]
        if 4 * part.size < picture.size:
            return Kept(part, encode_png(part), ".png", corners - (x, y))
    return Kept(picture, content, PurePosixPath(source.file).suffix.lower(), corners)


def index_row(file: str, source: Source, kept: Kept) -> dict[str, Any]:
    """The plate's line of ``index.csv``, without its split."""
    row: dict[str, Any] = {"file": file, "text": normalise(source.text or "")}
    row["crop_height"], row["crop_width"] = kept.picture.shape[:2]
    if kept.corners is not None:
        # The shortest text of each float32: rounded, a corner could fall into another pixel.
        row |= dict(zip(CORNER_COLUMNS, map(str, np.float32(kept.corners).ravel()), strict=True))
    return row


def inner(file: str) -> str:
    """The path inside the ZIP of ``Source.file`` or ``Refused.file``; the name of the ZIP itself stays."""
    return file.split("/", 1)[-1]


def share_out(sources: Sequence[Source]) -> list[str]:
    """The split of each plate: the one that the index names, else its folder's (train, val, test), else by ``SPLITS``.

    Plates that name no split are never apart from others of their text. The same plates are shared out in the same way
    in whatever order they come.
    """
    texts = [normalise(source.text or "") for source in sources]
    splits = [_named(source) for source in sources]
    named: dict[str, str] = {}
    for text, split in zip(texts, splits, strict=True):
        # A text that the index has in several splits must not come to those that test.
        if text and split in SPLITS and named.get(text) != "train":
            named[text] = split
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        if not splits[place]:
            splits[place] = named.get(text, "")
        if not splits[place]:
            groups.setdefault(text or "/" + inner(sources[place].file), []).append(place)
    due = {split: share * sum(map(len, groups.values())) for split, share in SPLITS.items()}
    # Large groups first, while there is room for them; the others in an order that has nothing to do with their names.
    for _, places in sorted(groups.items(), key=lambda group: (-len(group[1]), sha256(group[0].encode()).digest())):
        split = max(due, key=due.__getitem__)
        due[split] -= len(places)
        for place in places:
            splits[place] = split
    return splits


def count(splits: Sequence[str]) -> dict[str, int]:
    """Plates in train, val and test."""
    counts = Counter(splits)
    return {split: counts[split] for split in SPLITS}


def _named(source: Source) -> str:
    folders = (name.lower() for name in PurePosixPath(inner(source.file)).parts[-2::-1])
    return source.split.strip().lower() or next((name for name in folders if name in SPLITS), "")
