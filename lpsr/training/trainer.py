"""Training of the super-resolution network, resumable to the same result.

A run is a folder: ``recipe.json``, ``log.jsonl``, ``state.safetensors`` (to resume), ``best.safetensors`` (the moving
average with the best validation PSNR; of a loss that reads SR, whose aim PSNR does not judge, the last) and
``run.json`` (where it stands and what it ran on).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lpsr.checkpoints import EMBEDDER, shipped_auxiliary
from lpsr.data.patches import NO_AUGMENTATION, Augmentation, PatchSampler, Source, WholePlateSampler
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.files import sha256
from lpsr.losses.criterion import Criterion, LossConfig, Losses, MseCriterion, PeclCriterion
from lpsr.losses.guided import (
    ConfidenceCriterion,
    ConfidenceLosses,
    GuidedCriterion,
    GuidedLosses,
    PeclReadingCriterion,
    PeclReadingLosses,
)
from lpsr.losses.lcofl import LcoflCriterion, LcoflLosses
from lpsr.metrics.fidelity import psnr, psnr_y
from lpsr.models.embedder import load_embedder
from lpsr.models.recogniser import encode, load_recogniser
from lpsr.models.registry import build
from lpsr.models.restorer import NetworkRestorer, from_bytes
from lpsr.models.weights import load_tensors, save_tensors, with_prefix, without_prefix
from lpsr.plates import is_plate
from lpsr.training.base import ShouldStop, Training
from lpsr.training.loop import STATE, Fabric, Report, cosine, load_groups
from lpsr.training.origin import origin
from lpsr.training.recipe import DataSource, Recipe

BEST = "best.safetensors"
# Plates of a validation whose SR pictures are shown.
FILM = 4
OnValidation = Callable[[int, Sequence[np.ndarray]], None]


class TrainingStep(nn.Module):
    """Network and criterion as one module, so that one Fabric set-up covers all that is learned."""

    def __init__(self, network: nn.Module, criterion: Criterion) -> None:
        super().__init__()
        self.network = network
        self.criterion = criterion

    def forward(self, lr: Tensor, hr: Tensor, *labels: Tensor) -> Sequence[Tensor]:
        """LR ``(N, h, w, 3)`` and HR ``(N, 8h, 8w, 3)``, uint8: Fabric would round float inputs to bfloat16. Criteria
        that know the texts take ``labels``, ``(N, 8)`` int64, too."""
        return self.criterion(self.network(from_bytes(lr)), from_bytes(hr), *labels)

    def learned(self) -> dict[str, Tensor]:
        """State worth saving: all but the frozen judges."""
        return {name: tensor for name, tensor in self.state_dict().items() if not self.frozen(name)}

    def frozen(self, name: str) -> bool:
        """Whether a tensor of the state is a frozen judge's."""
        return name.startswith(tuple(f"criterion.{judge}." for judge in self.criterion.frozen))


class NetworkTraining(Training):
    """A sitting of ``train``: network and criterion, and the moving average that is validated and kept."""

    def __init__(
        self, recipe: Recipe, folder: str | Path, fabric: Fabric | None, on_validation: OnValidation | None
    ) -> None:
        super().__init__(recipe, folder, fabric, losses_of(recipe.loss)._fields)
        if self.fabric.world_size > 1 and recipe.loss.kind == "pecl" and recipe.loss.form == "paired":
            raise InputError("The paired form compares the patches of a whole batch and trains in one process only.")
        resumes = (self.folder / STATE).is_file()
        self.facts |= {"best": None, "best_iteration": None}
        if not resumes:
            self.facts |= origin(recipe.init_from) | judge_digests(recipe)
        self.model = TrainingStep(make_network(recipe, fresh=not resumes), make_criterion(recipe))
        groups, self.counts = load_groups(recipe.data)
        self.sampler = make_sampler(recipe, groups)
        self.pairs = load_pairs(recipe.validation) if recipe.validation else []
        self.texts = load_texts(recipe.validation) if recipe.validation else []
        self.on_validation = on_validation
        # On the device before the state is loaded: Fabric moves parameters, but not the optimiser's state.
        self.model.to(self.fabric.device, memory_format=torch.channels_last)
        learned = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(learned, lr=recipe.learning_rate, fused=True)
        self.ema = {name: tensor.clone() for name, tensor in self.model.network.state_dict().items()}

    def batch(self, i: int) -> tuple[np.ndarray, ...]:
        if not self.recipe.loss.knows_texts:
            return self.sampler.batch(i, self.places)
        hr, texts = self.sampler.read_batch(i, self.places)
        return hr, np.stack([degrade(plate) for plate in hr]), encode(texts)

    def rate(self, i: int) -> float:
        recipe = self.recipe
        return cosine(i, recipe.iterations, recipe.learning_rate, recipe.final_learning_rate, recipe.warm_up)

    def step(self, module: nn.Module, batch: tuple[np.ndarray, ...]) -> Sequence[Tensor]:
        hr, lr, *labels = (torch.from_numpy(part).to(self.fabric.device) for part in batch)
        return module(lr, hr, *labels)

    def after_step(self, i: int) -> None:
        self.model.criterion.project()
        update_average(self.ema, self.model.network, self.recipe.ema, i)

    def validates(self, iteration: int) -> bool:
        return is_validation(iteration, self.recipe.validate_every)

    def validate(self, iteration: int) -> dict[str, float]:
        restored = restore_pairs(self.recipe, self.ema, self.pairs, self.fabric.device)
        scores = validation_scores(self.pairs, restored) if restored else {}
        best, kept = self.facts["best"], self.facts["best_iteration"]
        # Validations before the first regular one draw the curve. What they keep gives way: a run that starts from
        # trained weights would else end with these, before its loss has said anything.
        first = min(self.recipe.validate_every, self.recipe.iterations)
        keeps_last = not scores or self.recipe.loss.reads
        if keeps_last or best is None or scores["val_psnr"] > best or kept < first <= iteration:
            self.facts |= {"best": scores.get("val_psnr"), "best_iteration": iteration}
            save_tensors(self.folder / BEST, self.ema, iteration=iteration)
        if restored and self.on_validation:
            self.on_validation(iteration, restored[:FILM])
        if restored and isinstance(self.model.criterion, LcoflCriterion):
            return scores | {"weights": self.model.criterion.learn(restored, self.texts)}
        return scores

    def tensors(self) -> dict[str, Tensor]:
        return with_prefix("step", self.model.learned()) | with_prefix("ema", self.ema)

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        for key, digest in judge_digests(self.recipe).items():
            if facts.get(key) != digest:
                judge = self.model.criterion.judges[0] if key == "embedder_sha256" else "recogniser"
                raise InputError(
                    f"The {judge} is not the one that the run in {self.folder} began with; put that one back."
                )
        missing, foreign = self.model.load_state_dict(without_prefix("step", tensors), strict=False)
        if foreign or not all(map(self.model.frozen, missing)):
            raise KeyError(*foreign, *missing)
        for name, tensor in self.ema.items():
            tensor.copy_(tensors[f"ema.{name}"])

    def describe(self) -> dict[str, Any]:
        keys = ("best", "best_iteration", "stages", "init_sha256", "embedder_sha256", "recogniser_sha256")
        return {key: self.facts.get(key) for key in keys}


def train(
    recipe: Recipe,
    folder: str | Path,
    *,
    fabric: Fabric | None = None,
    report: Report | None = None,
    should_stop: ShouldStop = lambda: None,
    on_validation: OnValidation | None = None,
) -> dict[str, Any]:
    """Run ``recipe`` in ``folder``, or go on where the run in it stopped, and return what ``run.json`` says.

    ``report`` gets each log entry. ``should_stop`` is asked after every iteration: "pause" saves the state and returns;
    "keep" validates first, so that there are weights to export. ``on_validation`` gets the iteration and the SR
    pictures of the first ``FILM`` plates of each validation. Raises InputError where the folder holds a run of another
    recipe, or data or weights cannot be used.
    """
    return NetworkTraining(recipe, folder, fabric, on_validation).run(report, should_stop)


def is_validation(iteration: int, every: int) -> bool:
    """Whether training validates after this iteration: every so many, and before the first of these at 10, 20, 50, 100,
    200, … so that an early course can be drawn on a logarithmic axis."""
    return iteration % every == 0 or (10 <= iteration < every and str(iteration).rstrip("0") in ("1", "2", "5"))


def make_network(recipe: Recipe, fresh: bool = True) -> nn.Module:
    """The recipe's network: random by its seed, or (``fresh``) from ``init_from``, which may lack shared attention."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = build(recipe.network)
    if recipe.init_from and fresh:
        tensors, _ = load_tensors(recipe.init_from)
        try:
            missing, foreign = network.load_state_dict(
                {name: tensor.float() for name, tensor in tensors.items()}, strict=False
            )
            added = [name for name in network.state_dict() if name.startswith("shared.")]
            if foreign or (missing and missing != added):
                raise RuntimeError(*foreign, *missing)
        except RuntimeError as error:
            raise InputError(f"{recipe.init_from} does not fit the network of this recipe.") from error
    return network


_READING: dict[str, tuple[type[Criterion], type[Sequence[Tensor]]]] = {
    "guided": (GuidedCriterion, GuidedLosses),
    "lcofl": (LcoflCriterion, LcoflLosses),
    "confidence": (ConfidenceCriterion, ConfidenceLosses),
}


def make_criterion(recipe: Recipe) -> Criterion:
    """The recipe's criterion, with the networks that judge SR where it has any."""
    loss = recipe.loss
    if loss.kind == "mse":
        return MseCriterion()
    recogniser = (load_recogniser(recipe.recogniser),) if loss.reads else ()
    if loss.kind in _READING:
        return _READING[loss.kind][0](loss, *recogniser)
    embedder = load_embedder(recipe.embedder or shipped_auxiliary(EMBEDDER), loss.d, recipe.seed)
    return (PeclReadingCriterion if loss.reads else PeclCriterion)(loss, embedder, *recogniser)


def losses_of(loss: LossConfig) -> type[Sequence[Tensor]]:
    """What a criterion gives of a batch, a NamedTuple."""
    if loss.kind in _READING:
        return _READING[loss.kind][1]
    return PeclReadingLosses if loss.reads else Losses


def load_pairs(source: DataSource) -> list[tuple[np.ndarray, np.ndarray]]:
    """HR and LR of whole plates by the protocol."""
    hrs = [plate.hr() for plate in open_plates(source.folder, source.split)[: source.limit]]
    return [(hr, degrade(hr)) for hr in hrs]


def load_texts(source: DataSource) -> list[str | None]:
    """The true texts of the plates of ``load_pairs``, as far as they are plates'."""
    plates = open_plates(source.folder, source.split)[: source.limit]
    return [plate.text if plate.text and is_plate(plate.text) else None for plate in plates]


def make_sampler(recipe: Recipe, groups: Sequence[tuple[Sequence[Source], float]]) -> PatchSampler:
    """The recipe's patches, from the sources and shares of its data."""
    augmentation = Augmentation() if recipe.augment else NO_AUGMENTATION
    if recipe.patch == "whole":
        return WholePlateSampler(groups, recipe.seed, augmentation)
    return PatchSampler(groups, recipe.patch, recipe.seed, augmentation)


def restore_pairs(
    recipe: Recipe, weights: dict[str, Tensor], pairs: Sequence[tuple[np.ndarray, np.ndarray]], device: torch.device
) -> list[np.ndarray]:
    """SR of whole plates by these weights."""
    network = build(recipe.network)
    network.load_state_dict(weights)
    restorer = NetworkRestorer(network, "validation", device=device)
    return [restorer.restore(lr) for _, lr in pairs]


def validation_scores(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], restored: Sequence[np.ndarray]
) -> dict[str, float]:
    """Median PSNR and PSNR_Y in dB of SR pictures to the HR of their pairs."""
    pictures = [(hr, sr) for (hr, _), sr in zip(pairs, restored, strict=True)]
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


def judge_digests(recipe: Recipe) -> dict[str, str | None]:
    """SHA-256 of the files of the networks that judge SR: of the embedder, or of the recogniser where that is the only
    one, and of a recogniser beside an embedder."""
    embedder = sha256(recipe.embedder or shipped_auxiliary(EMBEDDER)) if recipe.loss.kind == "pecl" else None
    recogniser = sha256(recipe.recogniser) if recipe.loss.reads else None
    return {"embedder_sha256": embedder or recogniser, "recogniser_sha256": embedder and recogniser}
