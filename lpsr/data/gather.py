"""Pictures from files and ZIPs that anybody may have made: found, checked and opened one at a time, on no disk."""

import io
import posixpath
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lpsr.data.ccpd import parse_name
from lpsr.data.plates import read_index, read_label
from lpsr.errors import InputError
from lpsr.images import MAX_BYTES, SUFFIXES, bounding_crop, bounding_origin, open_picture

MOST = 60
MAX_UNPACKED = 200 * 2**20
# No photo shrinks so much; what is smaller than a megabyte may, a plain one for example.
MAX_RATIO, RATIO_FROM = 200, 2**20
MAX_INDEX = 4 * 2**20
# Characters of a true text, which every page and table of a batch repeats.
MAX_TEXT = 32
# Bytes of a ZIP's list of files, some ten thousand of them; each takes a kilobyte of memory to look at.
MAX_DIRECTORY = 2 * 2**20

INDEX = "index.csv"
_ARCHIVES = {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"}
_CLUTTER = {"thumbs.db", "desktop.ini"}
# All that zipfile raises on damaged files.
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, LookupError, struct.error)

REASONS = {
    "gone": "The upload is no longer kept; bring it again.",
    "upload": "With it the files have more than {limit} MB together.",
    "unpacked": "With it the pictures have more than {limit} MB together.",
    "large": "It has more than {limit} MB.",
    "ratio": "It unpacks to {ratio} times its packed size, which no photo does.",
    "most": "A batch takes at most {most} pictures; {count} more are left out.",
    "duplicate": "It is the same picture as {other}.",
    "picture": "It is not a picture; bring PNG, JPEG, WebP, BMP, TIFF or GIF, or a ZIP of these.",
    "broken": "The ZIP is damaged or incomplete; make it again.",
    "directory": "The ZIP lists too many files; bring one with at most {most} pictures.",
    "empty": "The ZIP holds no pictures.",
    "nested": "An archive inside a ZIP is not opened; bring its pictures themselves.",
    "outside": "Its path leads out of the ZIP.",
    "link": "It is a link, not a picture.",
    "encrypted": "It is encrypted; make the ZIP without a password.",
    "method": "It is packed in an unusual way; make the ZIP with deflate, the usual one.",
    "index": "The list cannot be used: {why}",
    "missing": "{count} of the pictures that it names are not here.",
}


@dataclass(frozen=True)
class Refused:
    """A file that cannot be used, and why.

    Attributes:
        file: as its owner calls it; empty where the reason speaks of many.
        reason, values: a key of ``REASONS``, and what its sentence is filled with.
    """

    file: str
    reason: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        return REASONS[self.reason].format(**self.values)


@dataclass(frozen=True)
class Source:
    """A picture that was found and not opened yet.

    Attributes:
        name: fit for a folder, and no other's in its batch.
        file: as its owner calls it, with the path inside the ZIP.
        path: of the file, or of the ZIP that holds it.
        member: its place in that ZIP, None for a file by itself.
        text, corners: as in ``Plate``; from the index or else from a CCPD file name.
        indexed: they are from the index.
    """

    name: str
    file: str
    path: Path
    member: zipfile.ZipInfo | None
    text: str | None = None
    corners: np.ndarray | None = field(default=None, compare=False)
    indexed: bool = False

    def plate(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The plate by the protocol's crop, ``(H, W, 3)`` uint8, and its corners there, where known.

        Raises InputError for what cannot be opened.
        """
        try:
            content = _content(self.path, self.member)
        except FileNotFoundError as error:
            raise InputError(REASONS["gone"]) from error
        except _BROKEN as error:
            raise InputError("It is damaged inside its ZIP; make the ZIP again.") from error
        picture = open_picture(content, posixpath.basename(self.file))
        # A crop may keep the name of the photo it was cut from, whose corners are no longer in it.
        if self.corners is None or not (self.indexed or _inside(self.corners, picture)):
            return picture, None
        return bounding_crop(picture, self.corners), self.corners - bounding_origin(self.corners)


@dataclass(frozen=True)
class Inputs:
    """What ``gather`` found."""

    sources: tuple[Source, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class _File:
    """``file``, ``path`` and ``member`` as in ``Source``; ``inner`` is the path among the files that came with it."""

    file: str
    inner: str
    path: Path
    member: zipfile.ZipInfo | None
    size: int
    crc: int


def gather(paths: Sequence[str | Path], names: Sequence[str] | None = None) -> Inputs:
    """Find the pictures in files and ZIPs, each once, in their order; files by themselves before those in ZIPs.

    They are not opened: a source may still prove to be no picture. Of copies the first whose text is known is taken.
    The texts and corners of an ``index.csv`` that comes with them, and of CCPD file names, are used. Hidden files are
    passed over; every other file that cannot be used is among ``refused``, and the rest goes on.

    Args:
        names: what the owner calls the files, by default their own names.
    """
    refused: list[Refused] = []
    folders: list[list[_File]] = [[]]
    total = 0
    for path, name in zip(map(Path, paths), names or [Path(one).name for one in paths], strict=True):
        name = posixpath.basename(_printable(name).replace("\\", "/"))
        try:
            size = path.stat().st_size
            with open(path, "rb") as file:
                packed = file.read(4) in (b"PK\3\4", b"PK\5\6") or name.lower().endswith(".zip")
        except OSError:
            refused.append(Refused(name, "gone"))
            continue
        if total + size > MAX_BYTES:
            refused.append(Refused(name, "upload", {"limit": MAX_BYTES // 2**20}))
            continue
        total += size
        if packed:
            folders.append(_members(path, name, refused))
        elif posixpath.splitext(name)[1].lower() in SUFFIXES or name.lower() == INDEX:
            folders[0].append(_File(name, name, path, None, size, zlib.crc32(path.read_bytes())))
        else:
            refused.append(Refused(name, "picture"))
    return Inputs(tuple(_sources(folders, refused)), tuple(refused))


def _sources(folders: Iterable[list[_File]], refused: list[Refused]) -> list[Source]:
    # By content; a text that is known wins, and stays in the place of the first copy.
    chosen: dict[tuple[int, int], tuple[_File, str | None, np.ndarray | None, bool]] = {}
    duplicates: list[_File] = []
    for files in folders:
        labels = _labels(files, refused)
        for file in files:
            if posixpath.basename(file.inner).lower() == INDEX:
                continue
            text, corners = labels.get(file.inner) or _ccpd_label(file.inner)
            content = file.size, file.crc
            first = chosen.get(content)
            if first is not None and (first[1] is not None or text is None):
                duplicates.append(file)
                continue
            if first is not None:
                duplicates.append(first[0])
            chosen[content] = file, text, corners, file.inner in labels
    for file in duplicates:
        refused.append(Refused(file.file, "duplicate", {"other": chosen[file.size, file.crc][0].file}))
    sources: list[Source] = []
    names: set[str] = set()
    surplus = unpacked = 0
    for file, text, corners, indexed in chosen.values():
        if len(sources) == MOST:
            surplus += 1
        elif unpacked + file.size > MAX_UNPACKED:
            refused.append(Refused(file.file, "unpacked", {"limit": MAX_UNPACKED // 2**20}))
        else:
            unpacked += file.size
            # A CCPD name is long and says little to people but for the text.
            stem = _ccpd_label(file.inner)[0] or posixpath.splitext(posixpath.basename(file.inner))[0]
            sources.append(Source(_folder_name(stem, names), file.file, file.path, file.member, text, corners, indexed))
    if surplus:
        refused.append(Refused("", "most", {"most": MOST, "count": surplus}))
    return sources


def _members(path: Path, name: str, refused: list[Refused]) -> list[_File]:
    """The pictures and lists of a ZIP."""
    try:
        with open(path, "rb") as file:
            # Not public, but the very function by which zipfile finds the list: another could be told another length.
            end = zipfile._EndRecData(file)
        if end is not None and end[zipfile._ECD_SIZE] > MAX_DIRECTORY:
            refused.append(Refused(name, "directory", {"most": MOST}))
            return []
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _BROKEN:
        refused.append(Refused(name, "broken"))
        return []
    files, troubles = [], []
    for member in members:
        inner = _printable(_member_name(member).replace("\\", "/"))
        parts = inner.split("/")
        if member.is_dir() or parts[-1].lower() in _CLUTTER or "__MACOSX" in parts or _hidden(parts):
            continue
        inner = posixpath.normpath(inner)
        trouble = _trouble(member, inner)
        if trouble is None:
            files.append(_File(f"{name}/{inner}", inner, path, member, member.file_size, member.CRC))
        else:
            troubles.append(Refused(f"{name}/{inner}", *trouble))
    refused += troubles or ([] if files else [Refused(name, "empty")])
    return files


def _trouble(member: zipfile.ZipInfo, inner: str) -> tuple[str, dict[str, Any]] | None:
    """Why a member cannot be used, as ``Refused`` has it."""
    suffix = posixpath.splitext(inner)[1].lower()
    index = posixpath.basename(inner).lower() == INDEX
    limit = MAX_INDEX if index else MAX_BYTES
    if inner.startswith(("/", "../")) or re.match("[A-Za-z]:", inner):
        return "outside", {}
    if stat.S_ISLNK(member.external_attr >> 16):
        return "link", {}
    if suffix in _ARCHIVES:
        return "nested", {}
    if suffix not in SUFFIXES and not index:
        return "picture", {}
    if member.flag_bits & 1:
        return "encrypted", {}
    # The other methods unpack without a limit.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "method", {}
    if member.file_size > limit:
        return "large", {"limit": limit // 2**20}
    ratio = member.file_size // max(member.compress_size, 1)
    if member.file_size > RATIO_FROM and ratio > MAX_RATIO:
        return "ratio", {"ratio": ratio}
    return None


def _content(path: Path, member: zipfile.ZipInfo | None) -> bytes:
    """The bytes of a file, or of a member of a ZIP: never more than that declares, which is within the limits."""
    if member is None:
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        # By the megabyte: read() would unpack to the end before it counts.
        return b"".join(iter(lambda: file.read(2**20), b""))


def _labels(files: Iterable[_File], refused: list[Refused]) -> dict[str, tuple[str | None, np.ndarray | None]]:
    """Text and corners by ``_File.inner``, from every list among the files."""
    files = list(files)
    here = {file.inner for file in files}
    labels = {}
    for file in files:
        folder, base = posixpath.split(file.inner)
        if base.lower() != INDEX:
            continue
        try:
            lines = io.StringIO(_content(file.path, file.member).decode("utf-8-sig"), newline="")
            own = {
                posixpath.normpath(posixpath.join(folder, row["file"] or "")): read_label(row, f"line {number}")
                for number, row in enumerate(read_index(lines, base), 2)
            }
        except InputError as error:
            refused.append(Refused(file.file, "index", {"why": str(error)}))
            continue
        except _BROKEN:
            refused.append(Refused(file.file, "index", {"why": "it is not a CSV file in UTF-8."}))
            continue
        if any(len(text or "") > MAX_TEXT for text, _ in own.values()):
            refused.append(Refused(file.file, "index", {"why": f"a text has more than {MAX_TEXT} characters."}))
            continue
        missing = len(own.keys() - here)
        if missing:
            refused.append(Refused(file.file, "missing", {"count": missing}))
        labels |= own
    return labels


def _ccpd_label(inner: str) -> tuple[str | None, np.ndarray | None]:
    try:
        name = parse_name(posixpath.basename(inner))
    except InputError:
        return None, None
    return name.text, np.float32(name.corners)


def _inside(corners: np.ndarray, picture: np.ndarray) -> bool:
    return bool((corners >= 0).all() and (corners < picture.shape[1::-1]).all())


def _member_name(member: zipfile.ZipInfo) -> str:
    """The member's name; zipfile takes what is not marked as UTF-8 for cp437, which hardly any program writes today."""
    if member.flag_bits & 0x800:
        return member.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return member.filename.encode("cp437").decode(encoding)
        except UnicodeError:
            continue
    return member.filename


def _hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in parts)


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in name)[-200:]


def _folder_name(wish: str, taken: set[str]) -> str:
    """A name for a folder, made different from those taken and added to them."""
    stem = re.sub(r"[^\w&-]+", "_", wish)[:60].strip("_") or "picture"
    name, number = stem, 2
    # Some systems do not tell upper case from lower case.
    while name.lower() in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name.lower())
    return name
