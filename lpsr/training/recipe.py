"""What a training run is: everything that decides its result, frozen, unknown keys forbidden."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lpsr.data.reader_samples import Factors
from lpsr.degrade import SCALE
from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.losses.criterion import LossConfig
from lpsr.models.network import NetworkConfig
from lpsr.models.registry import AnyNetworkConfig

Precision = Literal["32-true", "bf16-mixed"]
# How pydantic calls what a patch may be, which tells a reader nothing.
_MEMBERS = ("function-after[", "literal[", "network[")


def _multiples_of_eight(patch: tuple[int, int]) -> tuple[int, int]:
    if any(side < 8 or side > 512 or side % 8 for side in patch):
        raise ValueError("patch sides must be multiples of 8 between 8 and 512")
    return patch


PatchSize = Annotated[tuple[int, int], AfterValidator(_multiples_of_eight)]


class DataSource(BaseModel):
    """A folder of plates in a recipe: a plate folder or a CCPD folder, and its share of every batch.

    ``name`` is what cards call the data; the path stays on the machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    split: str | None = "train"
    share: float = Field(1.0, gt=0, allow_inf_nan=False)
    name: str = ""
    limit: int | None = Field(None, ge=1)

    @property
    def label(self) -> str:
        return self.name or Path(self.folder).name


def _val_split(value: Any) -> Any:
    return {"split": "val", **value} if isinstance(value, dict) else value


# Where a recipe does not name the split, validation takes "val".
Validation = Annotated[DataSource | None, BeforeValidator(_val_split)]


def _refuse_training_plates(recipe: "AnyRecipe") -> None:
    held_out = recipe.validation
    if held_out and (held_out.folder, held_out.split) in {(source.folder, source.split) for source in recipe.data}:
        raise ValueError(f"validation on split {held_out.split!r} of the same folder that is trained on says nothing")


class Settings(BaseModel):
    """How to train, whatever on: a recipe without its data. The defaults are the paper's where the paper says.

    Attributes:
        network: the paper's, or one whose ``architecture`` is "compact" (see ``lpsr.models``).
        loss: see ``LossConfig``.
        patch: height and width of HR patches in pixels, multiples of 8, or "whole": whole plates.
        augment: light geometric and colour augmentation.
        iterations, batch: optimiser steps and patches a step (over all processes).
        learning_rate: Adam's, at the start of a cosine that ends at ``final_learning_rate``.
        warm_up: iterations over which the learning rate rises linearly from 0.
        ema: decay of the exponential moving average of the weights; the average is what is validated and kept.
        precision: "bf16-mixed" computes in bfloat16 where that is safe.
        init_from: a run's or a checkpoint's ``.safetensors`` with the same architecture to start from; what it lacks of
            shared attention begins as the identity.
        recogniser: for a loss that reads (see ``LossConfig``), a ``.safetensors`` from ``pretrain-recogniser``.
        embedder: for PECL, a ``.safetensors`` from ``pretrain-embedder``, or torchvision's ImageNet ResNet-18
            converted to safetensors; None is the one in ``checkpoints/``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: AnyNetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    patch: PatchSize | Literal["whole"] = (64, 64)
    augment: bool = True
    iterations: int = Field(1_000_000, ge=1)
    batch: int = Field(128, ge=1, le=4096)
    learning_rate: float = Field(1e-4, gt=0, le=1)
    final_learning_rate: float = Field(0.0, ge=0, le=1)
    warm_up: int = Field(0, ge=0)
    ema: float = Field(0.999, ge=0, lt=1)
    precision: Precision = "bf16-mixed"
    seed: int = Field(0, ge=0, lt=2**63)
    init_from: str | None = None
    embedder: str | None = None
    recogniser: str | None = None
    log_every: int = Field(50, ge=1)
    validate_every: int = Field(500, ge=1)

    @model_validator(mode="after")
    def _possible(self) -> "Settings":
        if self.network.scale != SCALE:
            raise ValueError(f"the network must restore ×{SCALE}, not ×{self.network.scale}")
        if self.loss.kind == "pecl" and self.loss.form == "paired" and self.batch < 2:
            raise ValueError("the paired form needs a batch of at least two")
        if self.loss.reads and (self.patch != "whole" or self.recogniser is None):
            raise ValueError(f"the loss {self.loss.kind} reads whole plates: it needs patch=whole and a recogniser")
        return self

    @property
    def embedder_patch(self) -> tuple[int, int]:
        """Of an embedder that is trained beside the network: its patches show a part of a plate."""
        return (64, 64) if self.patch == "whole" else self.patch


class Recipe(Settings):
    """A super-resolution training run: how to train, and on what.

    Attributes:
        data: what to train on.
        validation: what to choose the best weights on; None keeps the last weights.
    """

    data: tuple[DataSource, ...] = Field(min_length=1)
    validation: Validation = None

    @model_validator(mode="after")
    def _held_out(self) -> "Recipe":
        _refuse_training_plates(self)
        return self


class PretrainingRecipe(BaseModel):
    """What the trainings of embedder, recogniser and corner network have in common; the fields are as in ``Recipe``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: tuple[DataSource, ...] = Field(min_length=1)
    validation: Validation = None
    iterations: int = Field(4000, ge=1)
    batch: int = Field(32, ge=2, le=4096)
    learning_rate: float = Field(1e-3, gt=0, le=1)
    precision: Precision = "bf16-mixed"
    seed: int = Field(0, ge=0, lt=2**63)
    log_every: int = Field(50, ge=1)
    validate_every: int = Field(500, ge=1)

    @model_validator(mode="after")
    def _held_out(self) -> "PretrainingRecipe":
        _refuse_training_plates(self)
        return self


class EmbedderRecipe(PretrainingRecipe):
    """Pre-training of the embedder on which characters a patch shows."""

    patch: PatchSize = (64, 64)
    batch: int = Field(48, ge=2, le=4096)


class RecogniserRecipe(PretrainingRecipe):
    """Training of the recogniser on whole plates and their texts."""


class ReaderRecipe(PretrainingRecipe):
    """Training of the plate reader.

    Attributes:
        coarsest: the largest factor by which a plate is reduced before it is read; 1 leaves HR plates alone.
        factors: what is drawn evenly from 1 to ``coarsest``: the factor's logarithm, or the factor itself, which is
            large more often.
        init_from: another reader's ``.safetensors`` to start from.
    """

    batch: int = Field(64, ge=2, le=4096)
    coarsest: float = Field(1.0, ge=1, le=16)
    factors: Factors = "logarithmic"
    init_from: str | None = None


class CornersRecipe(PretrainingRecipe):
    """Training of the corner network on plates whose corners are known."""

    batch: int = Field(64, ge=2, le=4096)


AnyRecipe = Recipe | EmbedderRecipe | RecogniserRecipe | ReaderRecipe | CornersRecipe


def parse(model: type[BaseModel], values: Any, what: str = "recipe") -> Any:
    """Build a configuration from plain values; ``what`` is what error sentences call it.

    Raises InputError that names the first impossible setting.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if not str(part).startswith(_MEMBERS)) or f"the {what}"
        if first["type"] == "extra_forbidden":
            raise InputError(f"The {what} has no setting {where!r}.") from error
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {message} (it was {json.dumps(first['input'], default=str)[:80]}).") from error


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a JSON file. Raises InputError for a bad file or setting."""
    return parse(Recipe, read_json(path))
