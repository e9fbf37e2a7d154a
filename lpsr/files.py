"""Writing files so that nobody ever sees half of one."""

import csv
import hashlib
import io
import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lpsr.errors import InputError

# The mask can only be read by setting it, which is safe while the program has one thread.
_UMASK = os.umask(0)
os.umask(_UMASK)

# What mkstemp makes of the prefix and suffix that ``replacing`` gives it.
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}(\.[^.]+)?")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it over ``path`` on success, remove it on failure.

    The content is on the disk before the name is, so that a power cut leaves the old file or the new one. Missing
    folders are made. Raises InputError where the folder cannot be written to or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _flush(temporary)
        # mkstemp and safetensors make private files; what is written here is meant to be read like any other output.
        temporary.chmod(0o666 & ~_UMASK)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what killed processes were writing with ``replacing``; nobody else may be writing in the folder now."""
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented UTF-8 JSON in one step; infinite numbers and NaN, which JSON lacks, become null."""
    text = json.dumps(_without_infinities(value), ensure_ascii=False, indent=2, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def _without_infinities(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _without_infinities(one) for key, one in value.items()}
    return [_without_infinities(one) for one in value] if isinstance(value, list | tuple) else value


def read_json(path: str | Path) -> Any:
    """Read JSON. Raises InputError where the file is missing or is not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}.") from error


def write_csv(path: str | Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV with a header line, UTF-8, in one step; keys that are not in ``columns`` are an error."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes. Raises InputError where it is missing or cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
