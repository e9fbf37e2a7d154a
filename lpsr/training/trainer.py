"""Training of the super-resolution network, resumable to the same result.

A run is a folder: ``recipe.json``, ``log.jsonl``, ``state.safetensors`` (to resume), ``best.safetensors`` (the moving
average with the best validation PSNR) and ``run.json`` (where it stands and what it ran on).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lpsr.checkpoints import read_card, shipped_embedder
from lpsr.data.patches import NO_AUGMENTATION, Augmentation, PatchSampler
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.files import read_json, sha256, write_json
from lpsr.losses.criterion import Losses, MseCriterion, PeclCriterion
from lpsr.metrics.fidelity import psnr, psnr_y
from lpsr.models.embedder import load_embedder
from lpsr.models.network import SuperResolutionNetwork
from lpsr.models.restorer import NetworkRestorer, from_bytes
from lpsr.models.weights import load_tensors, save_tensors, with_prefix, without_prefix
from lpsr.training.loop import (
    LOG,
    RECIPE,
    RUN,
    STATE,
    Clock,
    Fabric,
    Log,
    Report,
    any_process,
    claimed,
    cosine,
    device_name,
    load_groups,
    make_fabric,
    own_places,
    prefetch,
)
from lpsr.training.recipe import DataSource, Recipe
from lpsr.training.state import pack_optimizer, unpack_optimizer

BEST = "best.safetensors"


class TrainingStep(nn.Module):
    """Network and criterion as one module, so that one Fabric set-up covers all that is learned."""

    def __init__(self, network: SuperResolutionNetwork, criterion: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.criterion = criterion

    def forward(self, lr: Tensor, hr: Tensor) -> Losses:
        """LR ``(N, h, w, 3)`` and HR ``(N, 8h, 8w, 3)``, uint8: Fabric would round float inputs to bfloat16."""
        return self.criterion(self.network(from_bytes(lr)), from_bytes(hr))

    def learned(self) -> dict[str, Tensor]:
        """State worth saving: all but the frozen embedder."""
        return {name: tensor for name, tensor in self.state_dict().items() if ".embedder." not in name}


def train(
    recipe: Recipe,
    folder: str | Path,
    *,
    fabric: Fabric | None = None,
    report: Report | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run ``recipe`` in ``folder``, or go on where the run in it stopped, and return what ``run.json`` says.

    ``report`` gets each log entry; ``should_stop`` is asked after every iteration, and True saves the state and
    returns. Raises InputError where the folder holds a run of another recipe, or data or weights cannot be used.
    """
    folder = Path(folder)
    fabric = fabric or make_fabric(recipe.precision)
    places = own_places(fabric, recipe.batch)
    if fabric.world_size > 1 and recipe.loss.kind == "pecl" and recipe.loss.form == "paired":
        raise InputError("The paired form compares the patches of a whole batch and trains in one process only.")
    resumes = (folder / STATE).is_file()
    origin = {} if resumes else _origin(recipe)
    step = TrainingStep(make_network(recipe, fresh=not resumes), make_criterion(recipe))
    groups, counts = load_groups(recipe.data)
    sampler = PatchSampler(groups, recipe.patch, recipe.seed, Augmentation() if recipe.augment else NO_AUGMENTATION)
    validation = load_pairs(recipe.validation) if recipe.validation else []
    # Only now, so that a recipe that cannot be run leaves nothing behind.
    with claimed(folder, recipe, fabric):
        # On the device before the state is loaded: Fabric moves parameters, but not the optimiser's state.
        step.to(fabric.device, memory_format=torch.channels_last)
        learned = [p for p in step.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(learned, lr=recipe.learning_rate, fused=True)
        ema = {name: tensor.clone() for name, tensor in step.network.state_dict().items()}
        # sums and summed: of the losses since the last line of the log.
        facts = {"best": None, "best_iteration": None, "seconds": 0.0, "sums": [0.0] * 6, "summed": 0, **origin}
        start = 0
        if resumes:
            tensors, saved = load_tensors(folder / STATE)
            if saved.get("embedder_sha256") != embedder_digest(recipe):
                raise InputError(f"The embedder is not the one that the run in {folder} began with; put that one back.")
            try:
                start = saved.pop("iteration")
                missing, foreign = step.load_state_dict(without_prefix("step", tensors), strict=False)
                if foreign or any(".embedder." not in name for name in missing):
                    raise KeyError(*foreign, *missing)
                for name, tensor in ema.items():
                    tensor.copy_(tensors[f"ema.{name}"])
                unpack_optimizer(optimizer, tensors)
            except (KeyError, RuntimeError, ValueError) as error:
                raise InputError(f"{folder / STATE} does not fit this recipe; choose another folder.") from error
            facts |= saved
        module, optimizer = fabric.setup(step, optimizer)
        module.train()
        sums, summed = torch.tensor(facts["sums"], device=fabric.device), facts["summed"]

        leads = fabric.is_global_zero
        log = Log(folder / LOG, start, report) if leads else None
        clock = Clock(facts["seconds"], start)

        def status(iteration: int) -> dict[str, Any]:
            return {
                "iteration": iteration,
                "iterations": recipe.iterations,
                "done": iteration == recipe.iterations,
                "best": facts["best"],
                "best_iteration": facts["best_iteration"],
                "seconds": round(clock.seconds(), 3),
                "data": counts,
                "device": device_name(fabric.device),
                "processes": fabric.world_size,
                "threads": torch.get_num_threads(),
                "precision": recipe.precision,
                "torch": torch.__version__,
                **{key: facts[key] for key in ("stages", "init_sha256", "embedder_sha256")},
            }

        def save(iteration: int) -> dict[str, Any]:
            facts.update(seconds=clock.seconds(), sums=sums.tolist(), summed=summed)
            tensors = with_prefix("step", step.learned()) | with_prefix("ema", ema) | pack_optimizer(optimizer)
            save_tensors(folder / STATE, tensors, iteration=iteration, **facts)
            run = status(iteration)
            write_json(folder / RUN, run)
            return run

        def validate(iteration: int) -> None:
            scores = validation_scores(recipe, ema, validation, fabric.device) if validation else {}
            if not validation or facts["best"] is None or scores["val_psnr"] > facts["best"]:
                facts.update(best=scores.get("val_psnr"), best_iteration=iteration)
                save_tensors(folder / BEST, ema, iteration=iteration)
            if scores:
                log.write({"iteration": iteration, **scores})

        iteration, run = start, None
        for i, (hr, lr) in prefetch(lambda i: sampler.batch(i, places), start, recipe.iterations):
            rate = cosine(i, recipe.iterations, recipe.learning_rate, recipe.final_learning_rate, recipe.warm_up)
            for group in optimizer.param_groups:
                group["lr"] = rate
            losses = module(torch.from_numpy(lr).to(fabric.device), torch.from_numpy(hr).to(fabric.device))
            fabric.backward(losses.total)
            optimizer.step()
            optimizer.zero_grad()
            step.criterion.project()
            update_average(ema, step.network, recipe.ema, i)
            sums += torch.stack([value.detach().float() for value in losses])
            iteration, summed = i + 1, summed + 1

            last = iteration == recipe.iterations
            stopping = any_process(fabric, should_stop())
            if leads and (iteration % recipe.log_every == 0 or last):
                means = dict(zip(Losses._fields, (sums / summed).tolist(), strict=True))
                log.write({"iteration": iteration, **means, "lr": rate, "iterations_per_second": clock.pace(iteration)})
                sums.zero_()
                summed = 0
                if not np.isfinite(means["total"]):
                    raise InputError(
                        f"The loss is no longer a number at iteration {iteration}; lower the learning rate."
                    )
            if iteration % recipe.validate_every == 0 or last:
                if leads:
                    validate(iteration)
                    run = save(iteration)
                fabric.barrier()
            elif stopping and leads:
                run = save(iteration)
            if stopping:
                break
        return run or status(iteration)


def make_network(recipe: Recipe, fresh: bool = True) -> SuperResolutionNetwork:
    """The recipe's network: random by its seed, or (``fresh``) from ``init_from``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = SuperResolutionNetwork(recipe.network)
    if recipe.init_from and fresh:
        tensors, _ = load_tensors(recipe.init_from)
        try:
            network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        except RuntimeError as error:
            raise InputError(f"{recipe.init_from} does not fit the network of this recipe.") from error
    return network


def make_criterion(recipe: Recipe) -> nn.Module:
    """The recipe's criterion, with its embedder where it needs one."""
    if recipe.loss.kind == "mse":
        return MseCriterion()
    embedder = load_embedder(recipe.embedder or shipped_embedder(), recipe.loss.d, recipe.seed)
    return PeclCriterion(recipe.loss, embedder)


def load_pairs(source: DataSource) -> list[tuple[np.ndarray, np.ndarray]]:
    """HR and LR of whole plates by the protocol."""
    hrs = [plate.hr() for plate in open_plates(source.folder, source.split)[: source.limit]]
    return [(hr, degrade(hr)) for hr in hrs]


def validation_scores(
    recipe: Recipe, weights: dict[str, Tensor], pairs: Sequence[tuple[np.ndarray, np.ndarray]], device: torch.device
) -> dict[str, float]:
    """Median PSNR and PSNR_Y in dB over whole plates."""
    network = SuperResolutionNetwork(recipe.network)
    network.load_state_dict(weights)
    restorer = NetworkRestorer(network, "validation", device=device)
    pictures = [(hr, restorer.restore(lr)) for hr, lr in pairs]
    return {
        "val_psnr": float(np.median([psnr(hr, sr) for hr, sr in pictures])),
        "val_psnr_y": float(np.median([psnr_y(hr, sr) for hr, sr in pictures])),
    }


@torch.no_grad()
def update_average(ema: dict[str, Tensor], network: nn.Module, decay: float, iteration: int) -> None:
    """Exponential moving average, its decay rising from 0 so that the random start is soon forgotten."""
    decay = min(decay, iteration / (iteration + 10))
    state = network.state_dict()
    torch._foreach_lerp_(list(ema.values()), [state[name] for name in ema], 1 - decay)


def embedder_digest(recipe: Recipe) -> str | None:
    """SHA-256 of the recipe's embedder file; None for a recipe without one."""
    return sha256(recipe.embedder or shipped_embedder()) if recipe.loss.kind == "pecl" else None


def _origin(recipe: Recipe) -> dict[str, Any]:
    """Where a run starts from: the hashes of its files, and the runs that led to ``init_from``, oldest first."""
    if recipe.init_from is None:
        return {"stages": [], "init_sha256": None, "embedder_sha256": embedder_digest(recipe)}
    weights = Path(recipe.init_from)
    stages = [{"weights": weights.name}]
    if (weights.parent / RUN).is_file():
        run = read_json(weights.parent / RUN)
        stages = [*run.pop("stages", []), {"recipe": read_json(weights.parent / RECIPE), **run}]
    elif weights.with_suffix(".json").is_file():
        card = read_card(weights.stem, weights.parent)
        last = {key: getattr(card, key) for key in ("recipe", "data", "device", "precision", "seconds", "torch")}
        stages = [*card.stages, {**last, "best_iteration": card.kept_iteration}]
    return {"stages": stages, "init_sha256": sha256(weights), "embedder_sha256": embedder_digest(recipe)}
