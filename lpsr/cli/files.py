"""For verbs that take pictures: which ones, what the files made of them are called, and no stop at a bad one."""

import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from lpsr.errors import InputError
from lpsr.images import SUFFIXES, open_picture


def for_each_picture(paths: Iterable[str | Path], work: Callable[[np.ndarray, str], None]) -> int:
    """Call ``work(picture, name)`` for every picture that the paths name; returns 1 where one failed, else 0.

    ``name`` is what its outputs are called: the file's stem, or something longer where two files share it. What cannot
    be used is said in one sentence on stderr.
    """
    files, failed = find_pictures(paths)
    for file, name in zip(files, output_names(files), strict=True):
        try:
            work(open_picture(file), name)
        except InputError as error:
            complain(error, file)
            failed = True
    return 1 if failed else 0


def find_pictures(paths: Iterable[str | Path]) -> tuple[list[Path], bool]:
    """The pictures that the paths name, each once, and whether some path named none, which is said on stderr."""
    files: dict[Path, None] = {}
    failed = False
    for path in paths:
        try:
            files.update(dict.fromkeys(pictures([path])))
        except InputError as error:
            complain(error)
            failed = True
    return list(files), failed


def pictures(paths: Iterable[str | Path]) -> list[Path]:
    """The picture files that ``paths`` name, in the order given, each once.

    A folder stands for the pictures directly inside it and in its subfolders, sorted, hidden ones left out; a file is
    taken as it is, whatever its suffix, since only opening it tells.

    Raises InputError where a path does not exist, a folder holds no picture, or nothing is given.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if file.suffix.lower() in SUFFIXES
                and file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            if not inside:
                raise InputError(f"The folder {path} holds no pictures ({', '.join(sorted(SUFFIXES))}).")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise InputError(f"There is no file or folder {path}.")
    if not found:
        raise InputError("No pictures were given; name files or folders.")
    return list(found)


def output_names(files: Iterable[Path]) -> list[str]:
    """A name for the outputs of each file: its stem, with the suffix or a number added where two are alike."""
    names: dict[str, None] = {}
    for file in files:
        # A stem of dots alone would name a folder that is there already.
        stem = file.stem if file.stem.strip(".") else f"picture{file.stem}"
        numbered = (f"{file.name}.{number}" for number in itertools.count(2))
        names[next(name for name in itertools.chain((stem, file.name), numbered) if name not in names)] = None
    return list(names)


def complain(error: InputError, file: Path | None = None) -> None:
    """Say what was wrong on stderr, in one sentence that names ``file``."""
    sentence = str(error) if file is None or file.name in str(error) else f"{file}: {error}"
    print(f"lpsr: {sentence}", file=sys.stderr, flush=True)
