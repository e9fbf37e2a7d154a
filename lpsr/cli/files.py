"""For verbs that make files of pictures: which pictures, what the files are called, and no stop at a bad one."""

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
    files: dict[Path, None] = {}
    status = 0
    for path in paths:
        try:
            files.update(dict.fromkeys(pictures([path])))
        except InputError as error:
            print(f"lpsr: {error}", file=sys.stderr, flush=True)
            status = 1
    for file, name in zip(files, _names(list(files)), strict=True):
        try:
            work(open_picture(file), name)
        except InputError as error:
            sentence = str(error) if file.name in str(error) else f"{file}: {error}"
            print(f"lpsr: {sentence}", file=sys.stderr, flush=True)
            status = 1
    return status


def _names(files: list[Path]) -> list[str]:
    names: list[str] = []
    for file in files:
        candidates = [file.stem, file.name, *(f"{file.name}.{number}" for number in range(2, len(files) + 2))]
        names.append(next(name for name in candidates if name not in names))
    return names
