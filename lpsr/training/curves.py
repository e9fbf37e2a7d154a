"""The curves of a training run, from its growing log.

The log of a long run has megabytes and is asked for every few seconds, so only what was appended is read.
"""

import csv
import io
import json
import math
import os
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpsr.errors import InputError

_LOG, _RECIPE = "log.jsonl", "recipe.json"
TRAINING = ("total", "pixel", "contrastive", "distance", "w_pixel", "w_contrastive", "lr", "iterations_per_second")
VALIDATION = ("val_psnr", "val_psnr_y")
# Logs that are kept in memory, and points of each of their series; from twice as many on they are thinned.
_LOGS, _POINTS = 16, 10_000
# Bytes: read at once, and compared to know a log again.
_CHUNK, _TAIL = 1 << 20, 256


class Series(NamedTuple):
    """Values along a run.

    Attributes:
        iterations: (N,) int64, ascending.
        values: (N,) float64, NaN where the log has null.
    """

    iterations: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def known(self) -> bool:
        """Whether there is any number."""
        return bool(np.isfinite(self.values).any())


@dataclass(frozen=True, eq=False)
class Curves:
    """What the log of a run says.

    Attributes:
        total, pixel, contrastive: losses.
        distance: D between the embeddings of SR and HR.
        lr: learning rate.
        val_psnr, val_psnr_y: dB, medians over the validation plates; not thinned, for ``contrast``.
        iteration: the last, 0 before the first.
        speed: the last iterations per second.
        target: iterations that the run is to have; None where its recipe does not say.
        version: equal where the log has not changed.
    """

    total: Series
    pixel: Series
    contrastive: Series
    distance: Series
    w_pixel: Series
    w_contrastive: Series
    lr: Series
    iterations_per_second: Series
    val_psnr: Series
    val_psnr_y: Series
    iteration: int
    speed: float | None
    target: int | None
    version: tuple[int, ...]


def read_curves(train_folder: str | Path, most: int = 400) -> Curves:
    """The curves of the run in ``train_folder``, those of training ``thin``-ned to ``most`` points each.

    A log that does not exist yet has no points. Any thread may ask; who asks again gets the same object until the log
    changes. Raises InputError where the log cannot be read.
    """
    path = Path(train_folder).absolute()
    with _lock:
        log = _logs.setdefault(path, _Log(path))
        _logs.move_to_end(path)
        if len(_logs) > _LOGS:
            _logs.popitem(last=False)
    try:
        return log.curves(most)
    except OSError as error:
        raise InputError(f"The log {path / _LOG} cannot be read: {error.strerror or error}.") from error


def thin(series: Series, most: int) -> Series:
    """At most ``most`` points (4 and more): the first, the last, and the least and the greatest between them.

    Half of the buckets are of one width on a linear axis, half on a logarithmic one. A bucket without any number keeps
    one NaN, so that lines stay interrupted.
    """
    iterations, values = series
    if len(iterations) <= most:
        return series
    buckets = (most - 2) // 2
    first, last = max(int(iterations[0]), 1), int(iterations[-1])
    edges = [
        np.linspace(first, last, buckets // 2 + 1)[1:-1],
        np.geomspace(first, last, buckets - buckets // 2 + 1)[1:-1],
    ]
    inner = slice(1, len(iterations) - 1)
    bucket = np.searchsorted(np.sort(np.concatenate(edges)), iterations[inner])
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    # From the least to the greatest within each bucket, its NaN behind.
    order = np.lexsort((values[inner], bucket)) + 1
    numbers = np.add.reduceat(~np.isnan(values[inner]), starts, dtype=int)
    kept = np.unique([0, *order[starts], *order[starts + np.maximum(numbers - 1, 0)], len(iterations) - 1])
    return Series(iterations[kept], values[kept])


def contrast(curves: Curves, baseline: Curves) -> Series:
    """Equation 20, (PSNR − PSNR_baseline) / PSNR_baseline as a share, where both were validated."""
    iterations, own, other = np.intersect1d(
        curves.val_psnr.iterations, baseline.val_psnr.iterations, assume_unique=True, return_indices=True
    )
    reference = baseline.val_psnr.values[other]
    share = (curves.val_psnr.values[own] - reference) / np.where(reference > 0, reference, np.nan)
    return Series(iterations[np.isfinite(share)], share[np.isfinite(share)])


def to_csv(train_folders: Mapping[str, Path]) -> str:
    """Every value of the logs of runs, by the runs' names: a row an iteration. Raises InputError for a log unread."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["run", "iteration", *TRAINING, *VALIDATION], restval="", lineterminator="\n")
    writer.writeheader()
    for name, folder in train_folders.items():
        rows: dict[int, dict[str, Any]] = {}
        path = Path(folder) / _LOG
        try:
            with open(path, "rb") as file:
                for iteration, values in _entries(file):
                    rows.setdefault(iteration, {}).update(values)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"The log {path} cannot be read: {error.strerror or error}.") from error
        for iteration, values in sorted(rows.items()):
            plain = {key: "" if math.isnan(value) else f"{value:.6g}" for key, value in values.items()}
            writer.writerow({"run": name, "iteration": iteration, **plain})
    return text.getvalue()


def _entries(lines: BinaryIO | list[bytes]) -> Iterator[tuple[int, dict[str, float]]]:
    """Iteration and values of each line; a line that is damaged, or is no step or validation, is passed over."""
    for line in lines:
        try:
            entry = json.loads(line)
            iteration = entry["iteration"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        names = TRAINING if "total" in entry else VALIDATION if "val_psnr" in entry else ()
        if names and type(iteration) is int and 0 <= iteration < 2**53:
            yield iteration, {name: _number(entry.get(name)) for name in names}


def _number(value: Any) -> float:
    number = float(value) if isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**53) else math.nan
    return number if math.isfinite(number) else math.nan


class _Log:
    """One log, as far as it was read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self.version: tuple[int, ...] = ()
        self.offset, self.tail = 0, b""
        self.target: int | None = None
        self.series = {name: (array("q"), array("d")) for name in (*TRAINING, *VALIDATION)}
        self.made: dict[int, Curves] = {}

    def curves(self, most: int) -> Curves:
        with self.lock:
            self._catch_up()
            if most not in self.made:
                self.made[most] = self._make(most)
            return self.made[most]

    def _catch_up(self) -> None:
        try:
            with open(self.folder / _LOG, "rb") as file:
                self._read(file)
        except (FileNotFoundError, NotADirectoryError):
            if self.version:
                self._forget()

    def _read(self, file: BinaryIO) -> None:
        # Told before reading: what is appended meanwhile makes a new version.
        facts = os.fstat(file.fileno())
        version = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if version == self.version:
            return
        # A resumed run replaces its log by its beginning, which may have grown beyond the old end since.
        file.seek(self.offset - len(self.tail))
        if file.read(len(self.tail)) != self.tail:
            self._forget()
            file.seek(0)
        while chunk := file.read(_CHUNK):
            end = chunk.rfind(b"\n") + 1
            if not end:
                # A line that is still being written.
                break
            self._add(chunk[:end].splitlines())
            self.offset += end
            self.tail = (self.tail + chunk[:end])[-_TAIL:]
            file.seek(self.offset)
        if self.target is None:
            self.target = _target(self.folder)
        self.version = version
        self.made.clear()

    def _add(self, lines: list[bytes]) -> None:
        for iteration, values in _entries(lines):
            for name, value in values.items():
                iterations, known = self.series[name]
                # Never back, where two processes wrote.
                if not iterations or iteration > iterations[-1]:
                    iterations.append(iteration)
                    known.append(value)
                    if len(iterations) >= 2 * _POINTS:
                        less = thin(_view(iterations, known), _POINTS)
                        self.series[name] = array("q", less.iterations), array("d", less.values)

    def _make(self, most: int) -> Curves:
        series = {name: _view(*pair) for name, pair in self.series.items()}
        speed = series["iterations_per_second"].values
        return Curves(
            **{name: thin(series[name], most) for name in TRAINING},
            **{name: series[name] for name in VALIDATION},
            iteration=max((int(one.iterations[-1]) for one in series.values() if len(one.iterations)), default=0),
            speed=float(speed[-1]) if len(speed) and not math.isnan(speed[-1]) else None,
            target=self.target,
            version=self.version,
        )


def _view(iterations: array, values: array) -> Series:
    # Copies: an array that NumPy looks into cannot grow.
    return Series(np.array(iterations, np.int64), np.array(values, np.float64))


def _target(folder: Path) -> int | None:
    try:
        target = json.loads((folder / _RECIPE).read_bytes())["iterations"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return target if type(target) is int else None


_lock = threading.Lock()
_logs: OrderedDict[Path, _Log] = OrderedDict()
