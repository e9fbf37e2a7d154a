"""How long a pipeline run takes on this machine, from some seconds of the very same work.

What was measured is kept in a file, in parts that have their own keys, so that a plan with more iterations, another
seed or another data set needs no measurement, and one with another loss only that of its steps.
"""

import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from lpsr.checkpoints import CHECKPOINTS, ORDER
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.training.plan import SPLITS, Archive, Generated, Plan

# Seconds, by the part of ``timing.Timing`` that measures them:
# until a process has begun, of a plate to generate and to decode, of a small picture to write;
# until readers and models are loaded, of a plate in all of them and in bicubic alone;
# of a plate to validate, where it is trained and on the CPU;
# until the first step is done, of a step, of the state to save, twice.
PARTS = {
    "machine": ("begin", "generate", "decode", "picture"),
    "judges": ("load", "all", "bicubic"),
    "network": ("restore", "restore_cpu"),
    "training": ("start", "step", "save"),
    "embedder": ("start", "step", "save"),
}
Rates = dict[str, float]

NO_MEMORY = "The memory is not enough for this; choose a smaller batch, patch or network."

# Measurements that are kept, and seconds that one may take and that one waits for another.
_MOST, _PATIENCE = 400, 240.0
# A run's validation of the embedder: so many batches forward, each a third of a step.
_EMBEDDER_VALIDATION = 10 / 3
_HOME = Path(__file__).resolve().parents[2]


class Estimate(NamedTuple):
    """What a run will take.

    Attributes:
        stages: seconds of each stage.
        iterations_per_second: of the training.
        total: seconds from the start of its process to the end.
    """

    stages: dict[str, float]
    iterations_per_second: float
    total: float


def known(plan: Plan, cache: str | Path, plates: Mapping[str, int] | None = None) -> Estimate | None:
    """The estimate from what was measured before, at once; None where something is not measured yet.

    ``plates`` are those of a folder or ZIP by split; without them it counts with the most that the plan takes.
    """
    entries = _read(Path(cache))
    rates = {part: entries.get(key) for part, key in _keys(plan).items()}
    return None if None in rates.values() else _estimate(plan, rates, plates)


def measure(plan: Plan, cache: str | Path, plates: Mapping[str, int] | None = None) -> Estimate:
    """The estimate, after measuring for some seconds what ``cache`` lacks, one caller at a time.

    Raises InputError where the plan is impossible here: no such device, not enough memory, a damaged embedder.
    """
    cache = Path(cache)
    cache.parent.mkdir(parents=True, exist_ok=True)
    keys = _keys(plan)
    try:
        with FileLock(f"{cache}.lock").acquire(timeout=_PATIENCE):
            entries = _read(cache)
            missing = [part for part, key in keys.items() if key not in entries]
            if missing:
                measured = _measure(plan, missing, cache.parent)
                entries |= {keys[part]: rates for part, rates in measured.items()}
                # What this plan needs stays the longest: other plans need some of it, too.
                used = {key: entries.pop(key) for key in keys.values()}
                entries = dict(list(entries.items())[-_MOST:]) | used
                write_json(cache, entries)
    except Timeout as error:
        raise InputError("Another measurement takes too long; try again later.") from error
    return _estimate(plan, {part: entries[key] for part, key in keys.items()}, plates)


def validations(iterations: int, every: int) -> int:
    """How often a training validates, as ``trainer.is_validation`` and its end have it."""
    early = {digit * 10**power for power in range(1, 10) for digit in (1, 2, 5)}
    first = sum(iteration < every and iteration <= iterations for iteration in early)
    last = iterations % every > 0 and not (iterations < every and iterations in early)
    return first + iterations // every + last


def _estimate(plan: Plan, rates: Mapping[str, Rates], plates: Mapping[str, int] | None) -> Estimate:
    settings = plan.settings
    machine, judges, network, training = (rates[part] for part in ("machine", "judges", "network", "training"))
    stages = {"data": 0.0}
    if isinstance(plan.data, Generated):
        plates = {split: share * plan.data.count for split, share in SPLITS.items()}
        stages["data"] = plan.data.count * machine["generate"]
    plates = plates or {}
    if isinstance(plan.data, Archive):
        # Opened, and written as they were.
        stages["data"] = sum(plates.values()) * 2 * machine["decode"]
    val, test = (
        min(most, plates.get(split, most)) for split, most in (("val", plan.most_val), ("test", plan.most_test))
    )
    # To draw whole plates, it looks at the sizes of all.
    seen = 8 + (plates.get("train", 0) if settings.patch == "whole" else 0)
    stages["patches"] = seen * machine["decode"] + 16 * machine["picture"]
    if embedder := rates.get("embedder"):
        n, count = plan.embedder_iterations, math.ceil(plan.embedder_iterations / settings.validate_every)
        stages["embedder"] = (
            embedder["start"]
            + plates.get("train", 0) * machine["decode"]
            + n * embedder["step"]
            + count * (embedder["save"] + _EMBEDDER_VALIDATION * embedder["step"])
        )
    else:
        stages["embedder"] = 0.0
    stages["train"] = (
        training["start"]
        + (plates.get("train", 0) + val) * machine["decode"]
        + settings.iterations * training["step"]
        + settings.iterations // settings.log_every * machine["picture"]
        + validations(settings.iterations, settings.validate_every)
        * (val * network["restore"] + training["save"] + 4 * machine["picture"])
    )
    # In float32 and as float16.
    stages["validate"] = val * (machine["decode"] + 2 * network["restore_cpu"]) + training["save"]
    stages["evaluate"] = judges["load"] + test * (judges["all"] + judges["bicubic"] + network["restore_cpu"])
    stages["export"] = 2 * machine["picture"]
    return Estimate(stages, 1 / training["step"], machine["begin"] + sum(stages.values()))


def _keys(plan: Plan) -> dict[str, str]:
    """Where the cache has each part that the plan needs: by all that decides its speed."""
    import torch

    settings = plan.settings
    machine = [platform.node(), platform.machine(), os.cpu_count(), version("torch")]
    cpu = [*machine, plan.cpu_threads]
    device = [*cpu, plan.device, torch.cuda.is_available()]
    network = settings.network.model_dump(mode="json")
    step = [settings.loss.kind, settings.patch, settings.augment, settings.batch, settings.precision]
    needed = {
        "machine": machine,
        "judges": [*cpu, [name for name in ORDER if (CHECKPOINTS / f"{name}.json").is_file()]],
        "network": [*device, network],
        "training": [*device, network, *step],
    }
    if plan.embedder_iterations and settings.loss.kind == "pecl":
        needed["embedder"] = [*device, settings.embedder_patch, settings.precision]
    return {part: f"{part} {sha256(json.dumps(what).encode()).hexdigest()[:24]}" for part, what in needed.items()}


def _read(cache: Path) -> dict[str, Rates]:
    """The measurements of the cache that are whole; what is damaged is measured anew."""
    try:
        entries = read_json(cache)
    except InputError:
        return {}
    return {key: rates for key, rates in entries.items() if _sound(key, rates)} if isinstance(entries, dict) else {}


def _sound(key: str, rates: Any) -> bool:
    names = PARTS.get(key.partition(" ")[0], ())
    if not isinstance(rates, dict) or rates.keys() != set(names):
        return False
    return all(isinstance(value, float) and 0 < value < math.inf for value in rates.values())


def _measure(plan: Plan, parts: list[str], folder: Path) -> dict[str, Rates]:
    """``timing`` in a process of its own: threads are set for a whole process, and memory may run out."""
    import torch

    if plan.device == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device here; choose the CPU.")
    command = [sys.executable, "-m", "lpsr.training.timing"]
    environment = os.environ | {
        "OMP_NUM_THREADS": str(plan.cpu_threads),
        "LPSR_CHECKPOINTS": str(CHECKPOINTS.absolute()),
    }
    # Of a caller that was killed; this one is alone.
    for path in folder.glob(".estimate-*/"):
        shutil.rmtree(path, ignore_errors=True)
    # On the disk of the runs, whose speed counts too.
    with tempfile.TemporaryDirectory(prefix=".estimate-", dir=folder) as place:
        task = {"plan": plan.model_dump(mode="json"), "parts": parts, "folder": place, "began": time.time()}
        try:
            child = subprocess.run(
                command,
                cwd=_HOME,
                # A page that ends meanwhile leaves nothing elsewhere.
                env=environment | {"TMPDIR": place},
                input=json.dumps(task),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired as error:
            raise InputError("A few steps of this take minutes here; choose a smaller batch or network.") from error
    if child.returncode == -9:
        raise InputError(NO_MEMORY)
    if child.returncode:
        raise RuntimeError(f"The measurement failed with status {child.returncode}: {child.stderr[-2000:]}")
    answer = json.loads(child.stdout.splitlines()[-1])
    if "error" in answer:
        raise InputError(answer["error"])
    return answer["rates"]
