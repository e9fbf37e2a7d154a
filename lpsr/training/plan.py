"""What the whole pipeline is asked to do, from data to checkpoint: everything that decides its result."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lpsr.checkpoints import auxiliary_of, is_usable_name
from lpsr.errors import InputError
from lpsr.passport import cores
from lpsr.training.recipe import Settings

_NAMES = "use up to 60 letters, digits, '-', '_' and '.', and no name that the program uses itself"
# Shares of generated or unlabelled plates; the rest of the plates is trained on.
SPLITS = {"train": 0.8, "val": 0.08, "test": 0.12}


class Generated(BaseModel):
    """Plates that the generator renders, blue and green."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["generated"] = "generated"
    count: int = Field(1500, ge=50, le=200_000)
    seed: int = Field(1, ge=0, lt=2**32)

    @property
    def folder_name(self) -> str:
        """Of the plates, which all runs that ask for the same share."""
        return f"generated-{self.count}-{self.seed}"


class Folder(BaseModel):
    """A plate folder or a CCPD folder with the splits train, val and test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["folder"] = "folder"
    folder: str = Field(min_length=1)


class Archive(BaseModel):
    """A ZIP of plates; those that name no split are shared out by ``SPLITS``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["zip"] = "zip"
    file: str = Field(min_length=1)


def check_new(plan: "Plan") -> None:
    """Raises InputError where a run that is yet to be made cannot be called so; older ones keep their names."""
    if auxiliary_of(plan.name):
        raise InputError(f"name: {_NAMES} (it was {plan.name!r}).")


class Plan(BaseModel):
    """A pipeline run.

    Attributes:
        name: of the run, its folder and its checkpoint.
        data: what to train, validate and test on.
        settings: how to train the network.
        embedder_iterations: for PECL, train an embedder of this run's own for so long; 0 takes ``settings.embedder``.
        most_val, most_test: plates to validate and to evaluate on at most.
        device: "auto" takes a GPU where there is one.
        threads: on the CPU; None is one less than the cores, so that comparisons find one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    data: Annotated[Generated | Folder | Archive, Field(discriminator="kind")] = Generated()
    settings: Settings = Settings()
    embedder_iterations: int = Field(0, ge=0, le=1_000_000)
    most_val: int = Field(200, ge=1)
    most_test: int = Field(200, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = Field(None, ge=1, le=256)

    @field_validator("name")
    @classmethod
    def _usable(cls, name: str) -> str:
        if not is_usable_name(name) or len(name) > 60:
            raise ValueError(_NAMES)
        return name

    @field_validator("settings")
    @classmethod
    def _known_loss(cls, settings: Settings) -> Settings:
        if settings.loss.reads:
            raise ValueError("a loss that reads is trained by the verb train, not by the pipeline")
        return settings

    @property
    def cpu_threads(self) -> int:
        """``threads``, or what None means on this machine."""
        return self.threads or max(1, cores() - 1)


SMALL = {
    "channels": 32,
    "blocks": 3,
    "growth": 16,
    "dense_layers": 3,
    "reduction": 8,
    "upsample_channels": [32, 32, 16],
}
MEDIUM = {
    "channels": 48,
    "blocks": 4,
    "growth": 24,
    "dense_layers": 4,
    "reduction": 12,
    "upsample_channels": [48, 48, 24],
}
# Networks by the name that the page gives them: 0.17, 0.63 and 1.85 M parameters.
NETWORKS: dict[str, dict[str, Any]] = {"small": SMALL, "medium": MEDIUM, "paper": {}}

# All but name and loss. The short ones are for small networks, which bear large steps; the paper's says nothing of
# validation.
PRESETS: dict[str, dict[str, Any]] = {
    "demo": {
        "data": {"kind": "generated", "count": 600, "seed": 1},
        "settings": {
            "network": SMALL,
            "iterations": 600,
            "batch": 16,
            "learning_rate": 3e-3,
            "warm_up": 60,
            "ema": 0.98,
            "log_every": 10,
            "validate_every": 100,
        },
        "most_val": 24,
        "most_test": 40,
    },
    "lesson": {
        "data": {"kind": "generated", "count": 2000, "seed": 1},
        "settings": {
            "network": MEDIUM,
            "iterations": 2400,
            "batch": 16,
            "learning_rate": 2e-3,
            "warm_up": 100,
            "ema": 0.99,
            "log_every": 20,
            "validate_every": 200,
        },
        "most_val": 40,
        "most_test": 80,
    },
    "paper": {
        "data": {"kind": "generated", "count": 100_000, "seed": 1},
        "settings": {"log_every": 100, "validate_every": 2000},
        "most_test": 1000,
    },
}

# The three losses that the paper compares, by the name of their checkpoints.
LOSSES: dict[str, dict[str, Any]] = {
    "mse": {"kind": "mse"},
    "pecl-euclidean": {"kind": "pecl", "distance": "euclidean"},
    "pecl-manhattan": {"kind": "pecl", "distance": "manhattan"},
}


def preset(name: str, run: str, loss: dict[str, Any] | None = None) -> Plan:
    """The plan of a preset for a run called ``run``. Raises pydantic's ValidationError for an impossible loss."""
    values = PRESETS[name]
    return Plan.model_validate({**values, "name": run, "settings": {**values["settings"], "loss": loss or {}}})


def command_line(plan: Plan, root: str | Path = "runs") -> str:
    """The command that runs the same pipeline in a terminal; only what differs from the defaults is in it."""
    parts = ["python", "-m", "lpsr", "pipeline", str(Path(root) / plan.name)]
    match plan.data:
        case Generated(count=count, seed=seed):
            parts += ["--generate", str(count), "--data-seed", str(seed)]
        case Folder(folder=folder):
            parts += ["--data", folder]
        case Archive(file=file):
            parts += ["--zip", file]
    for name, value in plan.model_dump(exclude_defaults=True, exclude={"name", "data", "settings"}).items():
        parts += [f"--{name.replace('_', '-')}", str(value)]
    for key, value in _differences(plan.settings.model_dump(mode="json"), Settings().model_dump(mode="json")):
        parts += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(parts)


def _differences(values: dict[str, Any], defaults: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in values.items():
        if isinstance(value, dict):
            found += _differences(value, defaults[key], f"{prefix}{key}.")
        elif value != defaults.get(key):
            found.append((prefix + key, value))
    return found
