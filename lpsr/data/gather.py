"""Pictures of plates out of files and ZIPs: each once, with what is known of it, opened one at a time on no disk."""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lpsr.data.archive import File, Limits, Refused, content, is_list, members, printable
from lpsr.data.ccpd import parse_name
from lpsr.data.plates import read_index, read_label
from lpsr.errors import InputError
from lpsr.images import MAX_BYTES, SUFFIXES, bounding_crop, bounding_origin, open_picture

BATCH = Limits(most=60, upload=MAX_BYTES, unpacked=200 * 2**20, lists=4 * 2**20, directory=2 * 2**20)
# Lines of the lists that come together; each takes a kilobyte of memory.
MAX_LINES = 100_000
# Characters of a true text, which every page and table of a batch repeats.
MAX_TEXT = 32


class Label(NamedTuple):
    """What a list or a file name says of a picture: ``text``, ``corners`` and ``split`` as in ``Plate``."""

    text: str | None = None
    corners: np.ndarray | None = None
    split: str = ""


@dataclass(frozen=True)
class Source:
    """A picture that was found and not opened yet.

    Attributes:
        name: fit for a folder, and no other's in its batch.
        file: as its owner calls it, with the path inside the ZIP.
        path: of the file, or of the ZIP that holds it.
        member: its place in that ZIP, None for a file by itself.
        text, corners: as in ``Plate``; from the index or else from a CCPD file name.
        split: as in ``Plate``; from the index.
        indexed: they are from the index.
    """

    name: str
    file: str
    path: Path
    member: zipfile.ZipInfo | None
    text: str | None = None
    corners: np.ndarray | None = field(default=None, compare=False)
    split: str = ""
    indexed: bool = False

    def content(self, archive: zipfile.ZipFile | None = None) -> bytes:
        """The bytes of its file; ``archive``: its ZIP, where that is open already.

        Raises InputError where it is gone or damaged.
        """
        return content(self.path, self.member, archive)

    def picture(self, content: bytes) -> tuple[np.ndarray, np.ndarray | None]:
        """The whole picture of these bytes, ``(H, W, 3)`` uint8, and the corners in it, where known.

        Raises InputError for what cannot be opened.
        """
        picture = open_picture(content, posixpath.basename(self.file))
        # A crop may keep the name of the photo it was cut from, whose corners are no longer in it.
        known = self.corners is not None and (self.indexed or _inside(self.corners, picture))
        return picture, self.corners if known else None

    def plate(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The plate by the protocol's crop, ``(H, W, 3)`` uint8, and its corners there, where known.

        Raises InputError for what cannot be opened.
        """
        picture, corners = self.picture(self.content())
        if corners is None:
            return picture, None
        return bounding_crop(picture, corners), corners - bounding_origin(corners)


@dataclass(frozen=True)
class Inputs:
    """What ``gather`` found."""

    sources: tuple[Source, ...]
    refused: tuple[Refused, ...]


def gather(paths: Sequence[str | Path], names: Sequence[str] | None = None, limits: Limits = BATCH) -> Inputs:
    """Find the pictures in files and ZIPs, each once, in their order; files by themselves before those in ZIPs.

    They are not opened: a source may still prove to be no picture. Of copies the first whose text is known is taken.
    The texts, corners and splits of an ``index.csv`` that comes with them, and of CCPD file names, are used. Hidden
    files are passed over; every other file that cannot be used is among ``refused``, and the rest goes on.

    Args:
        names: what the owner calls the files, by default their own names.
    """
    refused: list[Refused] = []
    folders: list[list[File]] = [[]]
    total = 0
    for path, name in zip(map(Path, paths), names or [Path(one).name for one in paths], strict=True):
        name = posixpath.basename(printable(name).replace("\\", "/"))
        try:
            size = path.stat().st_size
            with open(path, "rb") as file:
                packed = file.read(4) in (b"PK\3\4", b"PK\5\6") or name.lower().endswith(".zip")
        except OSError:
            refused.append(Refused(name, "gone"))
            continue
        if total + size > limits.upload:
            refused.append(Refused(name, "upload", {"limit": limits.upload // 2**20}))
            continue
        total += size
        if packed:
            folders.append(members(path, name, limits, refused))
        elif posixpath.splitext(name)[1].lower() in SUFFIXES or is_list(name):
            folders[0].append(File(name, name, path, None, size, zlib.crc32(path.read_bytes())))
        else:
            refused.append(Refused(name, "picture"))
    return Inputs(tuple(_sources(folders, limits, refused)), tuple(refused))


def _sources(folders: Iterable[list[File]], limits: Limits, refused: list[Refused]) -> list[Source]:
    # By content; a text that is known wins, and stays in the place of the first copy.
    chosen: dict[tuple[int, int], tuple[File, Label, bool]] = {}
    duplicates: list[File] = []
    for files in folders:
        labels = _labels(files, limits, refused)
        for file in files:
            if is_list(file.inner):
                continue
            label = labels.get(file.inner) or _ccpd_label(file.inner)
            key = file.size, file.crc
            first = chosen.get(key)
            if first is not None and (first[1].text is not None or label.text is None):
                duplicates.append(file)
                continue
            if first is not None:
                duplicates.append(first[0])
            chosen[key] = file, label, file.inner in labels
    for file in duplicates:
        refused.append(Refused(file.file, "duplicate", {"other": chosen[file.size, file.crc][0].file}))
    sources: list[Source] = []
    names: dict[str, int] = {}
    surplus = unpacked = 0
    for file, label, indexed in chosen.values():
        if len(sources) == limits.most:
            surplus += 1
        elif unpacked + file.size > limits.unpacked:
            refused.append(Refused(file.file, "unpacked", {"limit": limits.unpacked // 2**20}))
        else:
            unpacked += file.size
            # A CCPD name is long and says little to people but for the text.
            stem = _ccpd_label(file.inner).text or posixpath.splitext(posixpath.basename(file.inner))[0]
            sources.append(Source(_folder_name(stem, names), file.file, file.path, file.member, *label, indexed))
    if surplus:
        refused.append(Refused("", "most", {"most": limits.most, "count": surplus}))
    return sources


def _labels(files: Iterable[File], limits: Limits, refused: list[Refused]) -> dict[str, Label]:
    """What every list among the files says, by ``File.inner``."""
    files = list(files)
    here = {file.inner for file in files}
    labels = {}
    size = lines = 0
    for file in files:
        if not is_list(file.inner):
            continue
        size += file.size
        try:
            if size > limits.lists:
                raise InputError(f"with it the lists have more than {limits.lists // 2**20} MB together.")
            table = content(file.path, file.member)
            lines += table.count(b"\n") + table.count(b"\r")
            if lines > MAX_LINES:
                raise InputError(f"with it the lists have more than {MAX_LINES} lines together.")
            own = _read_list(table, *posixpath.split(file.inner))
        except InputError as error:
            refused.append(Refused(file.file, "index", {"why": str(error)}))
            continue
        missing = len(own.keys() - here)
        if missing:
            refused.append(Refused(file.file, "missing", {"count": missing}))
        labels |= own
    return labels


def _read_list(table: bytes, folder: str, name: str) -> dict[str, Label]:
    try:
        lines = io.StringIO(table.decode("utf-8-sig"), newline="")
    except UnicodeError as error:
        raise InputError("it is not a CSV file in UTF-8.") from error
    labels = {}
    for number, row in enumerate(read_index(lines, name), 2):
        text, corners = read_label(row, f"line {number}")
        if len(text or "") > MAX_TEXT:
            raise InputError(f"a text has more than {MAX_TEXT} characters.")
        label = Label(text, corners, row.get("split") or "")
        labels[posixpath.normpath(posixpath.join(folder, row["file"] or ""))] = label
    return labels


def _ccpd_label(inner: str) -> Label:
    try:
        name = parse_name(posixpath.basename(inner))
    except InputError:
        return Label()
    return Label(name.text, np.float32(name.corners))


def _inside(corners: np.ndarray, picture: np.ndarray) -> bool:
    return bool((corners >= 0).all() and (corners < picture.shape[1::-1]).all())


def _folder_name(wish: str, taken: dict[str, int]) -> str:
    """A name for a folder, made different from those taken and added to them, with how often it was wished for."""
    stem = name = re.sub(r"[^\w&-]+", "_", wish)[:60].strip("_") or "picture"
    # Some systems do not tell upper case from lower case.
    while name.lower() in taken:
        taken[stem.lower()] += 1
        name = f"{stem}-{taken[stem.lower()]}"
    taken[name.lower()] = 1
    return name
