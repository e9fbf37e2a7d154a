"""Files and ZIPs that anybody may have made: what is in them, checked before any of it is opened."""

import posixpath
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpsr.errors import InputError
from lpsr.images import MAX_BYTES, SUFFIXES

# No photo shrinks so much; what is smaller than a megabyte may, a plain one for example.
MAX_RATIO, RATIO_FROM = 200, 2**20

INDEX = "index.csv"
_ARCHIVES = {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"}
_CLUTTER = {"thumbs.db", "desktop.ini"}
# All that zipfile raises on damaged files.
BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, LookupError, struct.error)

REASONS = {
    "gone": "The upload is no longer kept; bring it again.",
    "upload": "With it the files have more than {limit} MB together.",
    "unpacked": "With it the pictures have more than {limit} MB together.",
    "large": "It has more than {limit} MB.",
    "ratio": "It unpacks to {ratio} times its packed size, which no photo does.",
    "most": "At most {most} pictures are taken; {count} more are left out.",
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
class Limits:
    """How much is taken.

    Attributes:
        most: pictures.
        upload: bytes of all files together, as they come.
        unpacked: bytes of all pictures together.
        lists: bytes of the lists (``index.csv``) that come together.
        directory: bytes of a ZIP's list of its members, 100 or 200 each; a member takes a kilobyte of memory.
    """

    most: int
    upload: int
    unpacked: int
    lists: int
    directory: int


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
class File:
    """A picture or a list that may be opened.

    Attributes:
        file: as its owner calls it, with the path inside the ZIP.
        inner: its path among the files that came with it.
        path: of the file, or of the ZIP that holds it.
        member: its place in that ZIP, None for a file by itself.
        size, crc: of its content.
    """

    file: str
    inner: str
    path: Path
    member: zipfile.ZipInfo | None
    size: int
    crc: int


def members(path: Path, name: str, limits: Limits, refused: list[Refused]) -> list[File]:
    """The pictures and lists of a ZIP that its owner calls ``name``; what else is in it is added to ``refused``."""
    try:
        with open(path, "rb") as file:
            # Not public, but the very function by which zipfile finds the list: another could be told another length.
            end = zipfile._EndRecData(file)
        if end is not None and end[zipfile._ECD_SIZE] > limits.directory:
            refused.append(Refused(name, "directory", {"most": limits.most}))
            return []
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except BROKEN:
        refused.append(Refused(name, "broken"))
        return []
    files, troubles = [], []
    for info in infos:
        inner = printable(_member_name(info).replace("\\", "/"))
        parts = inner.split("/")
        if info.is_dir() or parts[-1].lower() in _CLUTTER or "__MACOSX" in parts or _hidden(parts):
            continue
        inner = posixpath.normpath(inner)
        trouble = _trouble(info, inner, limits)
        if trouble is None:
            files.append(File(f"{name}/{inner}", inner, path, info, info.file_size, info.CRC))
        else:
            troubles.append(Refused(f"{name}/{inner}", *trouble))
    refused += troubles or ([] if files else [Refused(name, "empty")])
    return files


def _trouble(member: zipfile.ZipInfo, inner: str, limits: Limits) -> tuple[str, dict[str, Any]] | None:
    """Why a member cannot be used, as ``Refused`` has it."""
    suffix = posixpath.splitext(inner)[1].lower()
    index = is_list(inner)
    limit = limits.lists if index else MAX_BYTES
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


def is_list(inner: str) -> bool:
    """Whether a file of this path is an index of the others."""
    return posixpath.basename(inner).lower() == INDEX


def content(path: Path, member: zipfile.ZipInfo | None, archive: zipfile.ZipFile | None = None) -> bytes:
    """The bytes of a file, or of a member of a ZIP: never more than that declares, which is within the limits.

    ``archive``: the ZIP, where it is open already. Raises InputError where it is gone or damaged.
    """
    try:
        if member is None:
            return path.read_bytes()
        with nullcontext(archive) if archive else zipfile.ZipFile(path) as opened, opened.open(member) as file:
            # By the megabyte: read() would unpack to the end before it counts.
            return b"".join(iter(lambda: file.read(2**20), b""))
    except FileNotFoundError as error:
        raise InputError(REASONS["gone"]) from error
    except BROKEN as error:
        raise InputError("It is damaged inside its ZIP; make the ZIP again.") from error


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


def printable(name: str) -> str:
    """The end of a file's name, without what no font shows."""
    return "".join(character if character.isprintable() else "�" for character in name)[-200:]
