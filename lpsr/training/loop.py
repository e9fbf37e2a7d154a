"""What every training run shares: its folder, the device, batches ahead of time, the log."""

import json
import math
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import cv2
import torch
from filelock import FileLock, Timeout
from torch.utils.data import DataLoader, Dataset

try:
    from lightning_fabric import Fabric
except ImportError:  # the package "lightning" has it under this name alone
    from lightning.fabric import Fabric

from lpsr.data.patches import Source, load_sources
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.files import read_json, remove_leftovers, write_bytes, write_json
from lpsr.passport import cores
from lpsr.training.recipe import AnyRecipe, DataSource, Precision, parse
from lpsr.training.status import Request

STATE, RUN, RECIPE, LOG, LOCK = "state.safetensors", "run.json", "recipe.json", "log.jsonl", ".lock"

Batch = TypeVar("Batch")
Report = Callable[[dict[str, Any]], None]
_MOST_WORKERS = 12
# From the weakest to the strongest.
_REQUESTS: tuple[Request | None, ...] = (None, "pause", "keep")


@contextmanager
def claimed(folder: Path, recipe: AnyRecipe, fabric: Fabric) -> Iterator[None]:
    """Make the folder this recipe's and keep other trainings out of it meanwhile.

    Raises InputError where it holds another run, or anything but a run, or where that run is being trained just now.
    """
    with fabric.rank_zero_first():
        _claim(folder, recipe)
    if not fabric.is_global_zero:
        yield
        return
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"The run in {folder} is being trained by another process.") from error
    try:
        remove_leftovers(folder)
        yield
    finally:
        lock.release()


def _claim(folder: Path, recipe: AnyRecipe) -> None:
    path = folder / RECIPE
    if path.is_file():
        try:
            old, new = parse(type(recipe), read_json(path)).model_dump(), recipe.model_dump()
            other = ", ".join(key for key in new if new[key] != old[key])
        except InputError:
            other = "another kind of training"
        if other:
            raise InputError(
                f"{folder} holds a run of another recipe ({other}); choose another folder or repeat that recipe."
            )
    elif folder.exists() and not (folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())):
        raise InputError(f"{folder} is not empty and holds no run; choose another folder.")
    else:
        write_json(path, recipe.model_dump(mode="json"))


def make_fabric(precision: Precision, accelerator: str = "auto", devices: int | str = "auto", nodes: int = 1) -> Fabric:
    """A launched Fabric. On the CPU one process; on CUDA one for each device, on ``nodes`` machines."""
    if accelerator == "cpu" and devices == "auto":
        devices = 1
    fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    fabric.launch()
    return fabric


def device_name(device: torch.device) -> str:
    """What a card calls the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


def own_places(fabric: Fabric, batch: int) -> range:
    """This process's places in a batch. Raises InputError where the processes cannot share it equally."""
    share, rest = divmod(batch, fabric.world_size)
    if rest:
        raise InputError(f"A batch of {batch} cannot be shared by {fabric.world_size} processes.")
    return range(fabric.global_rank * share, (fabric.global_rank + 1) * share)


def agreed(fabric: Fabric, request: Request | None) -> Request | None:
    """The strongest request of any process: all must leave the loop at the same iteration, or the rest would wait for
    ever."""
    if fabric.world_size == 1:
        return request
    strength = torch.tensor(_REQUESTS.index(request), device=fabric.device)
    return _REQUESTS[int(fabric.all_reduce(strength, reduce_op="max"))]


def load_group(source: DataSource) -> list[Source]:
    """The decoded plates of one data source of a recipe; the runs of a process decode them once."""
    return _decoded(source.folder, source.split, source.limit)


@lru_cache(maxsize=4)
def _decoded(folder: str, split: str | None, limit: int | None) -> list[Source]:
    return load_sources(open_plates(folder, split)[:limit])


def load_groups(data: Sequence[DataSource]) -> tuple[list[tuple[list[Source], float]], list[dict[str, Any]]]:
    """Decoded plates and share of each source, as ``PatchSampler`` takes them, and what ``run.json`` says of them."""
    groups = [(load_group(source), source.share) for source in data]
    counts = [
        {"name": source.label, "split": source.split, "share": source.share, "plates": len(sources)}
        for source, (sources, _) in zip(data, groups, strict=True)
    ]
    return groups, counts


class _Batches(Dataset):
    """Batch ``i`` as item ``i``."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __getitem__(self, i: int) -> tuple[int, Any]:
        return i, self.make(i)


def prefetch(make: Callable[[int], Batch], start: int, stop: int, workers: int = 0) -> Iterator[tuple[int, Batch]]:
    """``(i, make(i))`` for i from ``start`` to ``stop`` − 1, made ahead: the next one in a thread while one is used, or
    several by ``workers`` processes, forked from this one."""
    if workers:
        yield from DataLoader(
            _Batches(make),
            batch_size=None,
            sampler=range(start, stop),
            num_workers=workers,
            collate_fn=_as_it_is,
            worker_init_fn=_begin_worker,
            multiprocessing_context="fork",
            # Without one of its own it draws from the generator of the weights.
            generator=torch.Generator(),
        )
        return
    with ThreadPoolExecutor(1, "patches") as pool:
        ahead = pool.submit(make, start)
        for i in range(start, stop):
            batch = ahead.result()
            if i + 1 < stop:
                ahead = pool.submit(make, i + 1)
            yield i, batch


def workers_for(fabric: Fabric) -> int:
    """How many processes make batches for this one: none on the CPU, which the network needs itself."""
    if fabric.device.type == "cpu" or sys.platform != "linux":
        return 0
    return max(0, min(cores() // fabric.world_size - 1, _MOST_WORKERS))


def _as_it_is(batch: Batch) -> Batch:
    return batch


def _begin_worker(_: int) -> None:
    # The threads of OpenCV do not survive a fork; signals are the parent's to answer.
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def cosine(iteration: int, iterations: int, start: float, end: float, warm_up: int = 0) -> float:
    """The learning rate at ``iteration``: linear from 0 over ``warm_up``, then half a cosine from start to end."""
    if iteration < warm_up:
        return start * (iteration + 1) / warm_up
    done = (iteration - warm_up) / max(iterations - warm_up, 1)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(done, 1)))


class Log:
    """``log.jsonl`` of a run: one JSON object a line, each with its ``iteration``.

    Opening it for a run that continues at ``iteration`` drops the lines written after that, so that a resumed run's log
    reads like an uninterrupted one's.
    """

    def __init__(self, path: Path, iteration: int, report: Report | None) -> None:
        self.path = path
        self.report = report
        kept = [line for line in read_log(path) if line["iteration"] <= iteration] if iteration else []
        write_bytes(path, "".join(_line(entry) for entry in kept).encode())

    def write(self, entry: dict[str, Any]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(entry))
            file.flush()
            os.fsync(file.fileno())
        if self.report:
            self.report(entry)


def _line(entry: dict[str, Any]) -> str:
    # NaN is no JSON; a value that does not exist is null.
    plain = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in entry.items()
    }
    return json.dumps(plain) + "\n"


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The entries of a run's log; a last line cut off by a crash is left out."""
    entries = []
    if Path(path).is_file():
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                break
    return entries


class Clock:
    """Wall time of a run over all its sittings, and its pace since the last look."""

    def __init__(self, seconds: float, iteration: int) -> None:
        self.started = time.monotonic() - seconds
        self.last = time.monotonic(), iteration

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def pace(self, iteration: int) -> float:
        """Iterations a second since the last call."""
        now = time.monotonic()
        (then, before), self.last = self.last, (now, iteration)
        return (iteration - before) / max(now - then, 1e-9)
