"""Measure where time goes, warm, on plates 152 pixels wide (LR 19).

  python -m lpsr bench compare
  python -m lpsr bench read
  python -m lpsr bench compare --plates 20 --json bench.json

`compare` times the stages of one comparison, with bicubic, the checkpoints of the paper and one more if there is one;
what the page adds beyond this (HTML, network, browser) is not in it. `read` times one reading by every reader that is
installed, in turns, so that other work on the machine slows all alike. Everything is done four times; the first round,
which loads everything, does not count.
"""

import argparse
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpsr.cli.arguments import add_checkpoints, whole_number
from lpsr.cli.text import aligned
from lpsr.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from lpsr.data.plates import Plate
    from lpsr.readers import Reader, Reading

NAME = "bench"
HELP = "measure where the time of a comparison goes, or how long each reader takes"

GALLERY = Path(__file__).resolve().parents[2] / "assets" / "gallery"
WIDTH = 152
ROUNDS = 3
MODELS = 5
NUMBERS, READINGS = "pictures and numbers", "with readings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("compare", "read"), help="what to measure")
    parser.add_argument("--data", default=GALLERY, metavar="DIR", help="plate folder (default: the gallery)")
    parser.add_argument("--plates", type=whole_number(1), default=8, metavar="N", help="how many (default: 8)")
    parser.add_argument("--json", metavar="FILE", help="write the result to this file as well")
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    import torch

    from lpsr.checkpoints import CHECKPOINTS, known_models
    from lpsr.data.plates import open_plates
    from lpsr.files import write_json
    from lpsr.passport import cores, packages
    from lpsr.readers import get_reader

    folder = args.checkpoints or CHECKPOINTS
    plates = [_narrow(plate) for plate in open_plates(args.data)[: args.plates]]
    if args.what == "read":
        models, readers = [], _installed(folder)
        times = measure_readers(plates, readers)
    else:
        models, readers = known_models(folder)[:MODELS], [get_reader()]
        times = measure(plates, models, readers[0], folder)
    result = {
        "processor": _processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "plates": len(plates),
        "plate_width_px": WIDTH,
        "repeats": ROUNDS,
        "models": models,
        "readers": [reader.engine for reader in readers],
        "packages": packages(),
        "milliseconds": {stage: _summary(values) for stage, values in times.items()},
    }
    print(table(result))
    if args.json:
        write_json(args.json, result)


def measure(
    plates: Sequence["np.ndarray"], models: Sequence[str], reader: "Reader", folder: str | Path
) -> dict[str, list[float]]:
    """Milliseconds of each stage, by its name, one value a plate and round.

    The stages are measured one by one; the last two are whole comparisons, as the page and the API make them.
    """
    from lpsr.checkpoints import load_restorer
    from lpsr.compare import compare, read
    from lpsr.degrade import PAPER, degrade
    from lpsr.images import encode_png
    from lpsr.metrics.consistency import consistency
    from lpsr.metrics.fidelity import fidelity

    watch, timed = _Watch(), _TimedReader(reader)
    restorers = [load_restorer(name, folder) for name in models]
    for round_ in range(1 + ROUNDS):
        if round_ == 1:
            watch.times.clear()
        for hr in plates:
            with watch("degrade"):
                lr = degrade(hr)
            for restorer in restorers:
                with watch(f"restore, {restorer.name}"):
                    restorer.restore(lr)
            with watch(NUMBERS):
                comparison = compare(hr, models, folder=folder)
                with watch("PNG of every picture"):
                    for picture in (lr, *(result.picture for result in comparison.results)):
                        encode_png(picture)
            with watch("fidelity"):
                for result in comparison.results[1:]:
                    fidelity(hr, result.picture)
            with watch("consistency"):
                for result in comparison.results:
                    if result.consistency is not None:
                        consistency(result.picture, lr, PAPER)
            timed.seconds = 0.0
            start = time.perf_counter()
            read(comparison, timed, folder)
            whole = time.perf_counter() - start
            watch.add("reading of every picture", timed.seconds)
            watch.add("evidence", whole - timed.seconds)
            watch.add(READINGS, whole + watch.times[NUMBERS][-1] / 1000)
    totals = {stage: watch.times.pop(stage) for stage in (NUMBERS, READINGS)}
    return watch.times | totals


def measure_readers(plates: Sequence["np.ndarray"], readers: Sequence["Reader"]) -> dict[str, list[float]]:
    """Milliseconds of one reading by the reader's name, one value a plate and round."""
    watch = _Watch()
    for round_ in range(1 + ROUNDS):
        if round_ == 1:
            watch.times.clear()
        for hr in plates:
            for reader in readers:
                with watch(reader.name):
                    reader.read(hr)
    return watch.times


def _installed(folder: str | Path) -> list["Reader"]:
    """The readers that can be loaded, the project's own from ``folder``; why another cannot is printed."""
    from lpsr.checkpoints import PLATE, auxiliary_of
    from lpsr.readers import READERS, get_reader, own

    readers = {}
    for name in READERS:
        try:
            reader = own.load(name, folder) if auxiliary_of(name) == PLATE else get_reader(name)
        except InputError as error:
            print(f"Without {name}: {error}", file=sys.stderr)
        else:
            # The default gives way to another where it cannot be loaded.
            readers[reader.name] = reader
    return list(readers.values())


class _Watch:
    """Collects milliseconds by stage."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - start)

    def add(self, stage: str, seconds: float) -> None:
        self.times[stage].append(seconds * 1000)


class _TimedReader:
    """A reader that adds up its time."""

    def __init__(self, reader: "Reader") -> None:
        self.reader, self.seconds = reader, 0.0
        self.name, self.engine, self.threshold = reader.name, reader.engine, reader.threshold

    def read(self, picture: "np.ndarray") -> "Reading":
        start = time.perf_counter()
        reading = self.reader.read(picture)
        self.seconds += time.perf_counter() - start
        return reading


def table(result: dict[str, Any]) -> str:
    """The machine, then a line a stage."""
    rows = [["stage", "median [ms]", "90 % within [ms]"]]
    for stage, summary in result["milliseconds"].items():
        rows.append([stage, f"{summary['median']:.1f}", f"{summary['p90']:.1f}"])
    lines = aligned(rows).splitlines()
    if READINGS in result["milliseconds"]:
        lines[-2:-2] = ["-" * len(lines[0])]
    return (
        f"{result['processor']}, {result['cores']} cores, {result['threads']} threads\n"
        f"{result['plates']} plates, {result['plate_width_px']} px wide, {result['repeats']} times each; "
        f"{'; '.join([*result['models'], *result['readers']])}\n\n" + "\n".join(lines)
    )


def _narrow(plate: "Plate") -> "np.ndarray":
    """HR, resized to ``WIDTH`` pixels: time grows with the pixels, and plates differ."""
    import cv2

    from lpsr.images import crop_to_multiple

    hr = plate.hr()
    height = max(round(hr.shape[0] * WIDTH / hr.shape[1]), 8)
    return crop_to_multiple(cv2.resize(hr, (WIDTH, height), interpolation=cv2.INTER_AREA))


def _summary(values: Sequence[float]) -> dict[str, float]:
    import numpy as np

    return {"median": float(np.median(values)), "p90": float(np.percentile(values, 90))}


def _processor() -> str:
    """Its name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
