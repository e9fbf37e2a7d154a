"""For verbs that take pictures: which ones, what the files made of them are called, and no stop at a bad one."""

import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from lpsr.cli.inputs import pictures
from lpsr.errors import InputError
from lpsr.images import open_picture


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


def output_names(files: Iterable[Path]) -> list[str]:
    """A name for the outputs of each file: its stem, with the suffix or a number added where two are alike."""
    names: dict[str, None] = {}
    for file in files:
        numbered = (f"{file.name}.{number}" for number in itertools.count(2))
        names[next(name for name in itertools.chain((file.stem, file.name), numbered) if name not in names)] = None
    return list(names)


def complain(error: InputError, file: Path | None = None) -> None:
    """Say what was wrong on stderr, in one sentence that names ``file``."""
    sentence = str(error) if file is None or file.name in str(error) else f"{file}: {error}"
    print(f"lpsr: {sentence}", file=sys.stderr, flush=True)
