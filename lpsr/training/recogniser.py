"""Training of the recogniser that guides a restoration: whole HR plates, sharp and softened, and their texts."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from lpsr.data.patches import Augmentation, WholePlateSampler
from lpsr.data.plates import open_plates
from lpsr.metrics.reading import judge, rates
from lpsr.models.recogniser import Recogniser, decode, encode, recognition_loss
from lpsr.models.restorer import to_tensor
from lpsr.models.weights import half, save_tensors
from lpsr.training.base import Pretraining, ShouldStop
from lpsr.training.loop import Fabric, Report, load_groups
from lpsr.training.recipe import RecogniserRecipe

WEIGHTS = "recogniser.safetensors"
# Up to which factor a plate is reduced and enlarged again, so that restorations, which are soft, are read as well.
_SOFTEST = 5.0


class RecogniserTraining(Pretraining):
    """A sitting of ``pretrain_recogniser``."""

    def __init__(self, recipe: RecogniserRecipe, folder: str | Path, fabric: Fabric | None) -> None:
        super().__init__(recipe, folder, fabric)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.model = Recogniser()
        groups, self.counts = load_groups(recipe.data)
        self.sampler = WholePlateSampler(groups, recipe.seed, Augmentation())
        self.held_out = []
        if recipe.validation:
            plates = open_plates(recipe.validation.folder, recipe.validation.split)[: recipe.validation.limit]
            self.held_out = [(plate.hr(), plate.text) for plate in plates if plate.text]
        # On the device before the state is loaded: Fabric moves parameters, but not the optimiser's state.
        self.model.to(self.fabric.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=recipe.learning_rate, weight_decay=1e-3)

    def batch(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        pictures, texts = self.sampler.read_batch(i, self.places)
        # No place in a batch: the patches have the numbers of those.
        rng = np.random.default_rng((self.recipe.seed, i, 2**32 - 1))
        return soften(pictures, rng), encode(texts)

    def step(self, module: nn.Module, batch: tuple[np.ndarray, np.ndarray]) -> tuple[Tensor]:
        pictures, labels = batch
        device = self.fabric.device
        return (recognition_loss(module(to_tensor(pictures).to(device)), torch.from_numpy(labels).to(device)),)

    @torch.no_grad()
    def validate(self, iteration: int) -> dict[str, float]:
        self.model.eval()
        if self.held_out:
            device = self.fabric.device
            with self.fabric.autocast():
                read = [decode(self.model(to_tensor(hr).to(device)))[0] for hr, _ in self.held_out]
            share = rates(judge(text, one) for (_, text), one in zip(self.held_out, read, strict=True))
            self.facts["scores"] = {"val_exact": share.exact, "val_characters": share.char_accuracy}
        tensors = {name: tensor for name, tensor in self.model.state_dict().items() if tensor.is_floating_point()}
        save_tensors(self.folder / WEIGHTS, half(tensors), iteration=iteration)
        return self.facts["scores"]


def pretrain_recogniser(
    recipe: RecogniserRecipe,
    folder: str | Path,
    *,
    fabric: Fabric | None = None,
    report: Report | None = None,
    should_stop: ShouldStop = lambda: None,
) -> dict[str, Any]:
    """Run ``recipe`` in ``folder``, or go on where the run in it stopped; ``recogniser.safetensors`` is what the loss
    ``guided`` takes.

    ``report`` and ``should_stop`` are as for ``train``. Returns what ``run.json`` says, with the shares of validation
    plates and of their characters read right. Raises InputError where the folder holds a run of another recipe or the
    data cannot be used.
    """
    return RecogniserTraining(recipe, folder, fabric).run(report, should_stop)


def soften(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """About three of five plates of ``(N, H, W, 3)`` uint8, sides of 8 and more, reduced and enlarged again."""
    height, width = pictures.shape[1:3]
    softened = pictures.copy()
    for picture in softened:
        factor = max(rng.uniform(1 - _SOFTEST / 2, _SOFTEST), 1)
        if factor > 1:
            size = round(width / factor), round(height / factor)
            small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            picture[:] = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return softened
