"""Training of the corner network that locates plates: plates with known corners, seen anew again and again."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lpsr.data.corner_samples import CornerSampler
from lpsr.data.patches import load_sources
from lpsr.data.plates import open_plates
from lpsr.models.corner_network import SIZE, CornerNetwork, corner_loss
from lpsr.models.restorer import to_tensor
from lpsr.models.weights import half, save_tensors
from lpsr.training.base import Pretraining, ShouldStop
from lpsr.training.loop import Fabric, Report, load_groups
from lpsr.training.recipe import CornersRecipe

WEIGHTS = "corners.safetensors"
# Pictures that validation is made on, in batches of so many.
_VALIDATION, _BATCH = 512, 64


class CornersTraining(Pretraining):
    """A sitting of ``pretrain_corners``."""

    def __init__(self, recipe: CornersRecipe, folder: str | Path, fabric: Fabric | None) -> None:
        super().__init__(recipe, folder, fabric)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.model = CornerNetwork()
        groups, self.counts = load_groups(recipe.data)
        self.sampler = CornerSampler(groups, SIZE, recipe.seed)
        self.counts = [
            {**count, "share": round(share, 4)} for count, share in zip(self.counts, self.sampler.shares, strict=True)
        ]
        self.held_out = []
        if recipe.validation:
            plates = open_plates(recipe.validation.folder, recipe.validation.split)[: recipe.validation.limit]
            sampler = CornerSampler([(load_sources(plates), 1)], SIZE)
            self.held_out = [sampler.batch(i, range(_BATCH)) for i in range(_VALIDATION // _BATCH)]
        # On the device before the state is loaded: Fabric moves parameters, but not the optimiser's state.
        self.model.to(self.fabric.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=recipe.learning_rate, weight_decay=1e-3)

    def batch(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.sampler.batch(i, self.places)

    def step(self, module: nn.Module, batch: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[Tensor]:
        pictures, points, plate = self._on_device(batch)
        return (corner_loss(module(pictures), points, plate)[0],)

    @torch.no_grad()
    def validate(self, iteration: int) -> dict[str, float]:
        """Error of the corners in per cent of the plate's width (median, 95th percentile), and how often a whole
        plate is told from anything else; on the validation plates, seen in ways that stay the same."""
        self.model.eval()
        errors, right = [], []
        for batch in self.held_out:
            pictures, points, plate = self._on_device(batch)
            with self.fabric.autocast():
                found = self.model(pictures)
            shown = plate > 0.5
            right.append((found.plate > 0) == shown)
            distance = (found.points - points).norm(dim=2).mean(1) / (points[:, 1] - points[:, 0]).norm(dim=1)
            errors.append(100 * distance[shown])
        if errors:
            error = torch.cat(errors).float()
            self.facts["scores"] = {
                "val_corner_error": error.median().item(),
                "val_corner_error_95": error.quantile(0.95).item(),
                "val_plate": torch.cat(right).float().mean().item(),
            }
        tensors = {name: tensor for name, tensor in self.model.state_dict().items() if tensor.is_floating_point()}
        save_tensors(self.folder / WEIGHTS, half(tensors), iteration=iteration)
        return self.facts["scores"]

    def _on_device(self, batch: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[Tensor, Tensor, Tensor]:
        pictures, points, plate = batch
        device = self.fabric.device
        return to_tensor(pictures).to(device), torch.from_numpy(points).to(device), torch.from_numpy(plate).to(device)


def pretrain_corners(
    recipe: CornersRecipe,
    folder: str | Path,
    *,
    fabric: Fabric | None = None,
    report: Report | None = None,
    should_stop: ShouldStop = lambda: None,
) -> dict[str, Any]:
    """Run ``recipe`` in ``folder``, or go on where the run in it stopped; ``corners.safetensors`` is what ``locate``
    takes.

    ``report`` and ``should_stop`` are as for ``train``. Returns what ``run.json`` says, with the scores of validation.
    Raises InputError where the folder holds a run of another recipe or the data cannot be used.
    """
    return CornersTraining(recipe, folder, fabric).run(report, should_stop)
