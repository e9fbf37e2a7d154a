"""Training of the plate reader: whole plates, cut and photographed anew again and again, and their texts."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lpsr.data.plates import open_plates
from lpsr.data.reader_samples import ReaderSampler
from lpsr.degrade import Degradation, degrade
from lpsr.errors import InputError
from lpsr.metrics.reading import judge, rates
from lpsr.models.plate_reader import SIZE, PlateReaderNetwork, ctc_loss, encode, load_plate_reader
from lpsr.models.restorer import to_tensor
from lpsr.models.weights import half, save_tensors
from lpsr.readers.decode import PlateDecoder
from lpsr.readers.own import CHARACTERS
from lpsr.training.base import Pretraining, ShouldStop
from lpsr.training.loop import STATE, Fabric, Report, load_groups
from lpsr.training.origin import origin
from lpsr.training.recipe import ReaderRecipe

WEIGHTS = "plate.safetensors"
# What a multi-scale reader is validated at beside HR.
_SCALES = (2, 4, 8)
# Of the norm of the gradient, without which an LSTM may leap.
_CLIP = 5.0


class ReaderTraining(Pretraining):
    """A sitting of ``pretrain_reader``."""

    def __init__(self, recipe: ReaderRecipe, folder: str | Path, fabric: Fabric | None) -> None:
        super().__init__(recipe, folder, fabric)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            # A run that goes on needs the file no more.
            fresh = recipe.init_from and not (self.folder / STATE).is_file()
            self.model = load_plate_reader(recipe.init_from) if fresh else PlateReaderNetwork()
        self.facts |= origin(recipe.init_from if fresh else None)
        groups, self.counts = load_groups(recipe.data)
        self.sampler = ReaderSampler(groups, SIZE, recipe.coarsest, recipe.factors, recipe.seed)
        self.decoder = PlateDecoder(CHARACTERS)
        self.held_out: dict[str, list[tuple[np.ndarray, str]]] = {}
        if recipe.validation:
            plates = open_plates(recipe.validation.folder, recipe.validation.split)[: recipe.validation.limit]
            known = [(plate.hr(), plate.text) for plate in plates if plate.text]
            if not known:
                raise InputError(f"No plate in {recipe.validation.folder} to validate on has a text.")
            self.held_out = {"": known}
            for scale in _SCALES:
                if scale <= recipe.coarsest:
                    lower = Degradation(scale=scale)
                    self.held_out[f"_x{scale}"] = [(degrade(hr, lower), text) for hr, text in known]
        # On the device before the state is loaded: Fabric moves parameters, but not the optimiser's state.
        self.model.to(self.fabric.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=recipe.learning_rate, weight_decay=1e-2)

    def batch(self, i: int) -> tuple[np.ndarray, list[str], int]:
        # A seed of its own for the dropout of each step, so that a resumed run goes on as an uninterrupted one.
        seed = np.random.default_rng((self.recipe.seed, i, self.places[0])).integers(2**63)
        return *self.sampler.batch(i, self.places), int(seed)

    def step(self, module: nn.Module, batch: tuple[np.ndarray, list[str], int]) -> tuple[Tensor]:
        pictures, texts, seed = batch
        device = self.fabric.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            logits = module(to_tensor(pictures).to(device))
        return (ctc_loss(logits, *encode(texts)),)

    def before_step(self) -> None:
        nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP)

    @torch.no_grad()
    def validate(self, iteration: int) -> dict[str, float]:
        self.model.eval()
        scores = {}
        for name, plates in self.held_out.items():
            share = rates(judge(text, self._read(picture)) for picture, text in plates)
            scores |= {f"val_exact{name}": share.exact, f"val_characters{name}": share.char_accuracy}
        self.facts["scores"] = scores
        tensors = {name: tensor for name, tensor in self.model.state_dict().items() if tensor.is_floating_point()}
        save_tensors(self.folder / WEIGHTS, half(tensors), iteration=iteration)
        return scores

    def describe(self) -> dict[str, Any]:
        return super().describe() | {key: self.facts[key] for key in ("stages", "init_sha256")}

    def _read(self, picture: np.ndarray) -> str:
        with self.fabric.autocast():
            logits = self.model(to_tensor(picture).to(self.fabric.device))
        return self.decoder.decode(logits[0].float().softmax(1).cpu().numpy()).text


def pretrain_reader(
    recipe: ReaderRecipe,
    folder: str | Path,
    *,
    fabric: Fabric | None = None,
    report: Report | None = None,
    should_stop: ShouldStop = lambda: None,
) -> dict[str, Any]:
    """Run ``recipe`` in ``folder``, or go on where the run in it stopped; ``plate.safetensors`` is what the readers
    ``plate-hr`` and ``plate-multiscale`` take.

    ``report`` and ``should_stop`` are as for ``train``. Returns what ``run.json`` says, with the shares of validation
    plates and of their characters read right, from HR and, where ``recipe.coarsest`` reaches so far, from LR. Raises
    InputError where the folder holds a run of another recipe or the data cannot be used.
    """
    return ReaderTraining(recipe, folder, fabric).run(report, should_stop)
