"""The loop that every training runs: steps, log, validations, state, and how it is asked to stop."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.models.weights import load_tensors, save_tensors, with_prefix, without_prefix
from lpsr.training.loop import (
    LOG,
    RUN,
    STATE,
    Clock,
    Fabric,
    Log,
    Report,
    agreed,
    claimed,
    cosine,
    device_name,
    make_fabric,
    own_places,
    prefetch,
    workers_for,
)
from lpsr.training.recipe import AnyRecipe, PretrainingRecipe
from lpsr.training.state import pack_optimizer, unpack_optimizer
from lpsr.training.status import Request

# Seconds of work that a crash may cost, where validations, which save too, are further apart.
SAVE = 300.0

ShouldStop = Callable[[], Request | None]


class Training(ABC):
    """One sitting of a run: its steps, log, validations and state. What is trained, a subclass says.

    Args:
        losses: names of the values that ``step`` returns.

    Attributes:
        model, optimizer: what is trained and by what, on Fabric's device.
        counts: what ``run.json`` says of the data.
        facts: what the state file keeps beside the tensors.
        places: this process's in a batch.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    counts: list[dict[str, Any]]

    def __init__(self, recipe: AnyRecipe, folder: str | Path, fabric: Fabric | None, losses: Sequence[str]) -> None:
        self.recipe = recipe
        self.folder = Path(folder)
        self.fabric = fabric or make_fabric(recipe.precision)
        self.places = own_places(self.fabric, recipe.batch)
        self.losses = losses
        # sums and summed: of the losses since the last line of the log.
        self.facts: dict[str, Any] = {"seconds": 0.0, "sums": [0.0] * len(losses), "summed": 0}

    @abstractmethod
    def batch(self, i: int) -> Any:
        """This process's part of batch ``i``, from a function of ``i`` alone; called ahead, in a thread or process."""

    @abstractmethod
    def rate(self, i: int) -> float:
        """The learning rate of step ``i``."""

    @abstractmethod
    def step(self, module: nn.Module, batch: Any) -> Sequence[Tensor]:
        """Scalars of one batch, first the one to minimise; ``module`` is the model as Fabric wraps it."""

    @abstractmethod
    def validate(self, iteration: int) -> dict[str, float]:
        """Save what the run is for; scores for the log, none without validation. One process alone is asked."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The state, without the optimiser's."""

    @abstractmethod
    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take ``tensors`` back. Raises KeyError, RuntimeError or ValueError where they do not fit."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What ``run.json`` says beside what every run does."""

    def before_step(self) -> None:  # noqa: B027 (most have nothing to do)
        """What follows the gradients and comes before the optimiser's step."""

    def after_step(self, i: int) -> None:  # noqa: B027 (most have nothing to do)
        """What follows the optimiser's step ``i``."""

    def validates(self, iteration: int) -> bool:
        """Whether to validate after this iteration; after the last it is done in any case."""
        return iteration % self.recipe.validate_every == 0

    def run(self, report: Report | None, should_stop: ShouldStop) -> dict[str, Any]:
        """Train from where the run stands until its end or a request, and return what ``run.json`` says.

        ``should_stop`` is asked after every iteration: "pause" saves the state, "keep" validates first.
        """
        recipe, fabric = self.recipe, self.fabric
        with claimed(self.folder, recipe, fabric):
            iteration = start = self._resume()
            module, optimizer = fabric.setup(self.model, self.optimizer)
            module.train()
            sums, summed = torch.tensor(self.facts["sums"], device=fabric.device), self.facts["summed"]
            log = Log(self.folder / LOG, start, report) if fabric.is_global_zero else None
            clock = Clock(self.facts["seconds"], start)
            run, saved = None, time.monotonic()
            for i, batch in prefetch(self.batch, start, recipe.iterations, workers_for(fabric)):
                rate = self.rate(i)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                losses = self.step(module, batch)
                fabric.backward(losses[0])
                self.before_step()
                optimizer.step()
                optimizer.zero_grad()
                self.after_step(i)
                sums += torch.stack([value.detach().float() for value in losses])
                iteration, summed = i + 1, summed + 1

                last = iteration == recipe.iterations
                request = agreed(fabric, should_stop())
                due = last or request == "keep" or self.validates(iteration)
                if log and (iteration % recipe.log_every == 0 or last):
                    means = dict(zip(self.losses, (sums / summed).tolist(), strict=True))
                    pace = clock.pace(iteration)
                    log.write({"iteration": iteration, **means, "lr": rate, "iterations_per_second": pace})
                    sums.zero_()
                    summed = 0
                    if not math.isfinite(means[self.losses[0]]):
                        raise InputError(
                            f"The loss is no longer a number at iteration {iteration}; lower the learning rate."
                        )
                if log and due:
                    scores = self.validate(iteration)
                    if scores:
                        log.write({"iteration": iteration, **scores})
                if log and (due or request or time.monotonic() - saved > SAVE):
                    self.facts |= {"seconds": clock.seconds(), "sums": sums.tolist(), "summed": summed}
                    run, saved = self._save(iteration), time.monotonic()
                if due:
                    module.train()
                    fabric.barrier()
                if request:
                    break
            if run is None:
                run = self._status(iteration)
                # A process killed after its last state did not come to say so.
                if log and not self._told(iteration):
                    write_json(self.folder / RUN, run)
            return run

    def _resume(self) -> int:
        """Take back the state that the sitting before saved, if there was one; the iterations that are done."""
        path = self.folder / STATE
        if not path.is_file():
            return 0
        tensors, facts = load_tensors(path)
        try:
            iteration = facts.pop("iteration")
            self.restore(tensors, facts)
            unpack_optimizer(self.optimizer, tensors)
        except InputError:
            raise
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(f"{path} does not fit this recipe; choose another folder.") from error
        self.facts |= facts
        return iteration

    def _save(self, iteration: int) -> dict[str, Any]:
        tensors = self.tensors() | pack_optimizer(self.optimizer)
        save_tensors(self.folder / STATE, tensors, iteration=iteration, **self.facts)
        run = self._status(iteration)
        write_json(self.folder / RUN, run)
        return run

    def _told(self, iteration: int) -> bool:
        path = self.folder / RUN
        return path.is_file() and read_json(path)["iteration"] == iteration

    def _status(self, iteration: int) -> dict[str, Any]:
        return {
            "iteration": iteration,
            "iterations": self.recipe.iterations,
            "done": iteration == self.recipe.iterations,
            "seconds": round(self.facts["seconds"], 3),
            "data": self.counts,
            "device": device_name(self.fabric.device),
            "processes": self.fabric.world_size,
            "threads": torch.get_num_threads(),
            "precision": self.recipe.precision,
            "torch": torch.__version__,
            **self.describe(),
        }


class Pretraining(Training):
    """A sitting of the training of a judge, all of whose model is kept; ``facts["scores"]`` are its last scores."""

    def __init__(self, recipe: PretrainingRecipe, folder: str | Path, fabric: Fabric | None) -> None:
        super().__init__(recipe, folder, fabric, ("loss",))
        self.facts["scores"] = {}

    def rate(self, i: int) -> float:
        iterations = self.recipe.iterations
        return cosine(i, iterations, self.recipe.learning_rate, 0.0, warm_up=min(200, iterations // 10))

    def tensors(self) -> dict[str, Tensor]:
        return with_prefix("model", self.model.state_dict())

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.model.load_state_dict(without_prefix("model", tensors))

    def describe(self) -> dict[str, Any]:
        return self.facts["scores"]
