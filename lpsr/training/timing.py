"""Times the work of a pipeline run in a process of its own: ``python -m lpsr.training.timing``, for ``estimate``.

Its stdin is JSON ``{"plan", "parts", "folder", "began"}``, the last line of its stdout ``{"rates": {...}}`` or
``{"error": sentence}``. It works on a few generated plates with the very functions of a run.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from lpsr.checkpoints import CHECKPOINTS, ORDER
from lpsr.data.generator import Style, synthesize
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.evaluation import evaluate
from lpsr.images import save_png
from lpsr.readers import get_reader
from lpsr.training.embedder import pretrain_embedder
from lpsr.training.estimate import NO_MEMORY
from lpsr.training.loop import load_group, make_fabric
from lpsr.training.pipeline import peak_memory
from lpsr.training.plan import Plan
from lpsr.training.recipe import DataSource, EmbedderRecipe, Recipe, Settings
from lpsr.training.trainer import is_validation, load_pairs, make_network, restore_pairs, train, validation_scores

# Plates, and those of them that are validated and evaluated on.
_PLATES, _HELD_OUT = 16, 3
# Seconds of steps after the first, and the most of them.
_SECONDS, _MOST = 1.5, 100
# A step of more 64 × 64 patches is first tried with so few, and one of more seconds is told from those.
_PROBE, _LONG = 16, 8.0
# Height and width of a whole plate, about.
_WHOLE = (64, 160)
# Never reached, so that nothing but steps is timed.
_NEVER = 10**9


class Timing:
    """The parts of ``estimate.PARTS``, each a method that gives its rates.

    Attributes:
        folder: for its plates and trainings.
        began: Unix time at which the process was started.
    """

    def __init__(self, plan: Plan, folder: Path, began: float) -> None:
        self.plan = plan
        self.folder = folder
        self.begin = time.time() - began
        self.fabric = make_fabric(plan.settings.precision, plan.device, 1)
        stamps: list[float] = []
        synthesize(
            folder / "plates",
            _PLATES,
            split={"train": _PLATES - _HELD_OUT, "val": _HELD_OUT},
            style=Style(kind="mixed"),
            progress=lambda *_: stamps.append(_now()),
        )
        # The first ones draw the characters that the others use again.
        self.generate = _mean(stamps[_PLATES // 2 :])
        self.trained = DataSource(folder=str(folder / "plates"), split="train")
        self.held_out = self.trained.model_copy(update={"split": "val"})

    def machine(self) -> dict[str, float]:
        began = _now()
        sources = load_group(self.trained)
        decoded = _now()
        for k in range(3):
            save_png(self.folder / f"{k}.png", sources[k].picture)
        picture = (_now() - decoded) / 3
        decode = (decoded - began) / len(sources)
        return {"begin": self.begin, "generate": self.generate, "decode": decode, "picture": picture}

    def judges(self) -> dict[str, float]:
        began = _now()
        try:
            reader = get_reader()
        except InputError:
            reader = None
        shipped = [name for name in ORDER if (CHECKPOINTS / f"{name}.json").is_file()]
        plates = open_plates(self.held_out.folder, self.held_out.split)

        def seconds(names: Sequence[str]) -> float:
            stamps: list[float] = []
            evaluate(plates, names, data="", split="", reader=reader, progress=lambda *_: stamps.append(_now()))
            return _mean(stamps)

        evaluate(plates[:1], ["bicubic", *shipped], data="", split="", reader=reader)
        load = _now() - began
        return {"load": load, "all": seconds(["bicubic", *shipped]), "bicubic": seconds(["bicubic"])}

    def network(self) -> dict[str, float]:
        recipe = self._recipe(self.plan.settings)
        weights, pairs = make_network(recipe).state_dict(), load_pairs(self.held_out)

        def seconds(device: torch.device) -> float:
            restore_pairs(recipe, weights, pairs[:1], device)
            began = _now()
            validation_scores(pairs, restore_pairs(recipe, weights, pairs, device))
            return (_now() - began) / len(pairs)

        cpu, device = torch.device("cpu"), self.fabric.device
        on_cpu = seconds(cpu)
        return {"restore": on_cpu if device == cpu else seconds(device), "restore_cpu": on_cpu}

    def training(self) -> dict[str, float]:
        settings = self.plan.settings
        height, width = _WHOLE if settings.patch == "whole" else settings.patch
        # The paired form needs two.
        probe = max(_PROBE * 64 * 64 // (height * width), 2)
        if settings.batch <= probe or self.fabric.device.type != "cpu":
            return self._steps(train, self._recipe(settings), "train")
        before, free = peak_memory(), _free_memory()
        rates = self._steps(train, self._recipe(settings.model_copy(update={"batch": probe})), "probe")
        times = settings.batch / probe
        need = (peak_memory() - before) * times
        # At most: what a training holds whatever its batch is counted as often.
        if free and need > 2 * free:
            raise InputError(NO_MEMORY)
        if (free and need > free / 2) or rates["step"] * times > _LONG:
            return rates | {"step": rates["step"] * times}
        return self._steps(train, self._recipe(settings), "train")

    def embedder(self) -> dict[str, float]:
        settings = self.plan.settings
        values = {"patch": settings.embedder_patch, "precision": settings.precision, "iterations": _NEVER}
        recipe = EmbedderRecipe(data=(self.trained,), log_every=_NEVER, validate_every=_NEVER, **values)
        return self._steps(pretrain_embedder, recipe, "embedder")

    def _recipe(self, settings: Settings) -> Recipe:
        own = {"iterations": _NEVER, "log_every": _NEVER, "validate_every": _NEVER, "init_from": None, "embedder": None}
        return Recipe(**(dict(settings) | own), data=(self.trained,))

    def _steps(
        self, work: Callable[..., dict[str, Any]], recipe: Recipe | EmbedderRecipe, name: str
    ) -> dict[str, float]:
        """Seconds until the first step is done, of a later step, and to save the state."""
        stamps: list[float] = []

        def should_stop() -> str | None:
            enough = bool(stamps) and (len(stamps) > _MOST or _now() - stamps[0] > _SECONDS)
            if torch.cuda.is_available() and (enough or not stamps):
                torch.cuda.synchronize()
            stamps.append(_now())
            return "pause" if enough and len(stamps) > 1 else None

        began = _now()
        work(recipe, self.folder / name, fabric=self.fabric, should_stop=should_stop)
        ended = _now()
        # What follows a step that is validated is no step.
        steps = [b - a for i, (a, b) in enumerate(pairwise(stamps), 1) if not is_validation(i, recipe.validate_every)]
        # The second one still asks the system for memory.
        return {"start": stamps[0] - began, "step": fmean(steps[1:] or steps), "save": ended - stamps[-1]}


def _now() -> float:
    return time.monotonic()


def _mean(stamps: Sequence[float]) -> float:
    """Seconds between two of them."""
    return (stamps[-1] - stamps[0]) / (len(stamps) - 1)


def _free_memory() -> int:
    """Bytes; 0 where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        return 1024 * int(Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0])
    return 0


def main() -> None:
    """Do what stdin asks for."""
    task = json.load(sys.stdin)
    # Where the memory is not enough, this process is the one to go.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    plan = Plan.model_validate(task["plan"])
    torch.set_num_threads(plan.cpu_threads)
    try:
        timing = Timing(plan, Path(task["folder"]), task["began"])
        answer = {"rates": {part: getattr(timing, part)() for part in task["parts"]}}
    except InputError as error:
        answer = {"error": str(error)}
    except (MemoryError, RuntimeError) as error:
        if "memory" not in f"{type(error).__name__} {error}".lower():
            raise
        answer = {"error": NO_MEMORY}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
