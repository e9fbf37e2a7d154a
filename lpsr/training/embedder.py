"""Pre-training of the embedder on which characters a patch shows.

One ResNet-18 carries a linear layer to d values for each d the paper compares; on top of each sits a linear classifier
of the 65 plate characters (several at once, binary cross-entropy). The classifiers are dropped afterwards.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.data.patches import Augmentation, PatchSampler
from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.models.embedder import ResNet18, projection_keys
from lpsr.models.restorer import to_tensor
from lpsr.models.weights import half, load_tensors, save_tensors, with_prefix, without_prefix
from lpsr.plates import ALPHABET
from lpsr.training.loop import (
    LOG,
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
    load_group,
    load_groups,
    make_fabric,
    own_places,
    prefetch,
)
from lpsr.training.recipe import EmbedderRecipe
from lpsr.training.state import pack_optimizer, unpack_optimizer

DIMENSIONS = (64, 128, 256, 512)
WEIGHTS = "embedder.safetensors"
# Fixed validation patches: batches of an iteration number that training never reaches.
_VALIDATION_ITERATION, _VALIDATION_BATCHES = 2**31, 10


class CharacterClassifier(nn.Module):
    """``(N, 3, H, W)`` in [0, 1] to logits ``(4, N, 65)``, one set for each d, read off the unit-length embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet18(1)
        self.backbone.fc = nn.Identity()
        self.projections = nn.ModuleList(nn.Linear(512, d) for d in DIMENSIONS)
        self.heads = nn.ModuleList(nn.Linear(d, len(ALPHABET)) for d in DIMENSIONS)
        # Unit-length embeddings have values of about 1/√d; a learnable gain gives the classifier its range back.
        self.gains = nn.Parameter(torch.full((len(DIMENSIONS),), 20.0))

    def forward(self, x: Tensor) -> Tensor:
        features = self.backbone.features(x)  # (N, 512)
        layers = zip(self.projections, self.heads, self.gains, strict=True)
        return torch.stack([head(gain * F.normalize(project(features), dim=1)) for project, head, gain in layers])

    def export(self) -> dict[str, Tensor]:
        """torchvision's names for the backbone, and the linear layer of each d."""
        tensors = {name: tensor for name, tensor in self.backbone.state_dict().items() if tensor.is_floating_point()}
        for d, layer in zip(DIMENSIONS, self.projections, strict=True):
            tensors |= dict(zip(projection_keys(d), (layer.weight, layer.bias), strict=True))
        return tensors


def presence_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of ``(4, N, 65)`` logits against ``(N, 65)`` labels; NaN labels do not count."""
    known = ~labels.isnan()
    losses = F.binary_cross_entropy_with_logits(logits.float(), labels.nan_to_num().expand_as(logits), reduction="none")
    return (losses * known).sum() / (known.sum() * len(logits)).clamp(min=1)


def pretrain_embedder(
    recipe: EmbedderRecipe,
    folder: str | Path,
    *,
    fabric: Fabric | None = None,
    report: Report | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run ``recipe`` in ``folder``, or go on where the run in it stopped; ``embedder.safetensors`` is what PECL takes.

    Returns what ``run.json`` says, with precision and recall of the characters on validation patches. Raises InputError
    where the folder holds a run of another recipe or the data cannot be used.
    """
    folder = Path(folder)
    fabric = fabric or make_fabric(recipe.precision)
    places = own_places(fabric, recipe.batch)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = CharacterClassifier()
    groups, counts = load_groups(recipe.data)
    sampler = PatchSampler(groups, recipe.patch, recipe.seed, Augmentation())
    held_out = None
    if recipe.validation:
        held_out = PatchSampler([(load_group(recipe.validation), 1.0)], recipe.patch, recipe.seed, Augmentation())
    # Only now, so that a recipe that cannot be run leaves nothing behind.
    with claimed(folder, recipe, fabric):
        # On the device before the state is loaded: Fabric moves parameters, but not the optimiser's state.
        model.to(fabric.device, memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
        # total and summed: of the losses since the last line of the log.
        start, facts = 0, {"seconds": 0.0, "total": 0.0, "summed": 0, "scores": {}}
        if (folder / STATE).is_file():
            tensors, saved = load_tensors(folder / STATE)
            try:
                start = saved.pop("iteration")
                model.load_state_dict(without_prefix("model", tensors))
                unpack_optimizer(optimizer, tensors)
            except (KeyError, RuntimeError, ValueError) as error:
                raise InputError(f"{folder / STATE} does not fit this recipe; choose another folder.") from error
            facts |= saved
        module, optimizer = fabric.setup(model, optimizer)
        total, summed, scores = facts["total"], facts["summed"], facts["scores"]

        leads = fabric.is_global_zero
        log = Log(folder / LOG, start, report) if leads else None
        clock = Clock(facts["seconds"], start)

        def status(iteration: int) -> dict[str, Any]:
            return {
                "iteration": iteration,
                "iterations": recipe.iterations,
                "done": iteration == recipe.iterations,
                "seconds": round(clock.seconds(), 3),
                "device": device_name(fabric.device),
                "precision": recipe.precision,
                "torch": torch.__version__,
                "data": counts,
                **scores,
            }

        def save(iteration: int) -> dict[str, Any]:
            tensors = with_prefix("model", model.state_dict()) | pack_optimizer(optimizer)
            facts.update(seconds=clock.seconds(), total=total, summed=summed, scores=scores)
            save_tensors(folder / WEIGHTS, half(model.export()))
            save_tensors(folder / STATE, tensors, iteration=iteration, **facts)
            run = status(iteration)
            write_json(folder / RUN, run)
            return run

        iteration, run = start, None
        for i, (pictures, labels) in prefetch(lambda i: sampler.labelled_batch(i, places), start, recipe.iterations):
            rate = cosine(i, recipe.iterations, recipe.learning_rate, 0.0, warm_up=min(200, recipe.iterations // 10))
            for group in optimizer.param_groups:
                group["lr"] = rate
            module.train()
            logits = module(to_tensor(pictures).to(fabric.device))
            loss = presence_loss(logits, torch.from_numpy(labels).to(fabric.device))
            fabric.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            total, summed, iteration = total + loss.item(), summed + 1, i + 1
            stopping, last = any_process(fabric, should_stop()), iteration == recipe.iterations
            if leads and (iteration % recipe.log_every == 0 or last):
                pace = clock.pace(iteration)
                log.write({"iteration": iteration, "loss": total / summed, "lr": rate, "iterations_per_second": pace})
                total, summed = 0.0, 0
            if iteration % recipe.validate_every == 0 or last:
                if leads:
                    if held_out:
                        with fabric.autocast():
                            scores = presence_scores(model, held_out, recipe.batch, fabric.device)
                        log.write({"iteration": iteration, **scores})
                    run = save(iteration)
                fabric.barrier()
            elif stopping and leads:
                run = save(iteration)
            if stopping:
                break
        return run or status(iteration)


@torch.no_grad()
def presence_scores(model: nn.Module, sampler: PatchSampler, batch: int, device: torch.device) -> dict[str, float]:
    """Precision and recall over characters on fixed patches, at probability ½, the four d counted together."""
    model.eval()
    right = claimed = shown = 0
    for number in range(_VALIDATION_BATCHES):
        pictures, labels = sampler.labelled_batch(_VALIDATION_ITERATION + number, range(batch))
        says = (model(to_tensor(pictures).to(device)) > 0).cpu().numpy()
        known = np.broadcast_to(~np.isnan(labels), says.shape)
        truth = np.broadcast_to(labels == 1, says.shape)
        right += (says & truth & known).sum()
        claimed += (says & known).sum()
        shown += (truth & known).sum()
    return {"val_precision": float(right / max(claimed, 1)), "val_recall": float(right / max(shown, 1))}
