"""Pre-training of the embedder on which characters a patch shows.

One ResNet-18 carries a linear layer to d values for each d the paper compares; on top of each sits a linear classifier
of the 65 plate characters (several at once, binary cross-entropy). The classifiers are dropped afterwards.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.data.patches import Augmentation, PatchSampler
from lpsr.models.embedder import ResNet18, projection_keys
from lpsr.models.restorer import to_tensor
from lpsr.models.weights import half, save_tensors
from lpsr.plates import ALPHABET
from lpsr.training.base import Pretraining, ShouldStop
from lpsr.training.loop import Fabric, Report, load_group, load_groups
from lpsr.training.recipe import EmbedderRecipe

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


class EmbedderTraining(Pretraining):
    """A sitting of ``pretrain_embedder``."""

    def __init__(self, recipe: EmbedderRecipe, folder: str | Path, fabric: Fabric | None) -> None:
        super().__init__(recipe, folder, fabric)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.model = CharacterClassifier()
        groups, self.counts = load_groups(recipe.data)
        self.sampler = PatchSampler(groups, recipe.patch, recipe.seed, Augmentation())
        self.held_out = None
        if recipe.validation:
            group = [(load_group(recipe.validation), 1.0)]
            self.held_out = PatchSampler(group, recipe.patch, recipe.seed, Augmentation())
        # On the device before the state is loaded: Fabric moves parameters, but not the optimiser's state.
        self.model.to(self.fabric.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)

    def batch(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        return self.sampler.labelled_batch(i, self.places)

    def step(self, module: nn.Module, batch: tuple[np.ndarray, np.ndarray]) -> tuple[Tensor]:
        pictures, labels = batch
        device = self.fabric.device
        return (presence_loss(module(to_tensor(pictures).to(device)), torch.from_numpy(labels).to(device)),)

    def validate(self, iteration: int) -> dict[str, float]:
        if self.held_out:
            with self.fabric.autocast():
                scores = presence_scores(self.model, self.held_out, self.recipe.batch, self.fabric.device)
            self.facts["scores"] = scores
        save_tensors(self.folder / WEIGHTS, half(self.model.export()), iteration=iteration)
        return self.facts["scores"]


def pretrain_embedder(
    recipe: EmbedderRecipe,
    folder: str | Path,
    *,
    fabric: Fabric | None = None,
    report: Report | None = None,
    should_stop: ShouldStop = lambda: None,
) -> dict[str, Any]:
    """Run ``recipe`` in ``folder``, or go on where the run in it stopped; ``embedder.safetensors`` is what PECL takes.

    ``report`` and ``should_stop`` are as for ``train``. Returns what ``run.json`` says, with precision and recall of
    the characters on validation patches. Raises InputError where the folder holds a run of another recipe or the data
    cannot be used.
    """
    return EmbedderTraining(recipe, folder, fabric).run(report, should_stop)


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
