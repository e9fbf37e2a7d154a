"""Checkpoints: ``NAME.safetensors`` and its card ``NAME.json``, side by side in a folder."""

import logging
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from lpsr.degrade import SCALE
from lpsr.errors import InputError
from lpsr.files import read_json, sha256, write_json
from lpsr.losses.criterion import LossConfig
from lpsr.models.registry import ARCHITECTURES
from lpsr.models.restorer import Bicubic, NetworkRestorer, Restorer
from lpsr.models.weights import load_tensors, save_tensors

AnyCard = TypeVar("AnyCard", bound="WeightsCard")

log = logging.getLogger(__name__)

CHECKPOINTS = Path(os.environ.get("LPSR_CHECKPOINTS", Path(__file__).resolve().parent.parent / "checkpoints"))
# The paper's question: trained alike, only the loss differs.
HEADLINE = ("mse", "pecl-euclidean", "pecl-manhattan")
# Free of the paper's recipe: the best there is, whatever the budget.
FLAGSHIP = "mse-long"
# One order everywhere; other checkpoints follow by name.
ORDER = (*HEADLINE, FLAGSHIP)
# What is no checkpoint but has a place in comparisons and tables, or a file of that name beside them.
RESERVED = ("hr", "lr", "lr-enlarged", "bicubic", "sheet", "evidence")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MISMATCH = "{} does not match the SHA-256 of its card; copy both files again from one source."
EMBEDDER, CORNERS, PLATE = "embedder", "corners", "plate"
# What lies beside checkpoints and restores nothing: what its names begin with, and its architecture.
AUXILIARIES = {EMBEDDER: "resnet18-embedder", CORNERS: "corner-heatmaps", PLATE: "crnn-ctc"}
# The verb that trains it.
_TRAINED_BY = {EMBEDDER: "pretrain-embedder", CORNERS: "pretrain-corners", PLATE: "pretrain-reader"}


class WeightsCard(BaseModel):
    """What every weights file says of itself: its name and how it came about.

    Attributes:
        name: of the files; what pickers and ``--models`` take.
        title: what captions call it.
        architecture: a key of ``ARCHITECTURES``, or one of ``AUXILIARIES``.
        recipe: of the last training stage.
        data: folders, splits, shares and plate counts of the last stage.
        iterations: optimiser steps that led to these weights, earlier stages included.
        batch, seed, device, precision, seconds, torch: of the last stage; ``seconds`` is wall time.
        weights_dtype: in which the file holds the weights.
        validation: scores on the validation split.
        sha256: of the weights file.
        licence: of the weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    architecture: str
    recipe: dict[str, Any]
    data: list[dict[str, Any]]
    iterations: int
    batch: int
    seed: int
    device: str
    precision: str
    seconds: float
    torch: str
    weights_dtype: str
    validation: dict[str, Any]
    sha256: str
    licence: str = "MIT"


class ReaderCard(WeightsCard):
    """The card of a plate reader.

    Attributes:
        temperature: what its logits are divided by, so that its confidences are honest; 1 is as it was trained.
        threshold: the confidence below which a character is not to be trusted, or None where none was chosen.
        calibration: how both were chosen and checked, with their passport (``lpsr.honest``), or None.
        test: how many plates of the test split it reads, with their passport, or None where not yet measured.
        stages, init_sha256: as on a restoration checkpoint's card.
    """

    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)
    threshold: float | None = Field(None, ge=0, le=1)
    calibration: dict[str, Any] | None = None
    test: dict[str, Any] | None = None
    stages: list[dict[str, Any]] = Field(default_factory=list)
    init_sha256: str | None = None

    @property
    def kept_iteration(self) -> int:
        """Of the last stage."""
        return self.iterations - sum(stage["best_iteration"] for stage in self.stages)


class Card(WeightsCard):
    """The card of a restoration checkpoint.

    Attributes:
        arguments: the architecture's configuration.
        loss: what it was trained with.
        stages: earlier stages, oldest first (a shared warm-up), each with its recipe, device and time.
        threads: CPU threads of the last stage.
        kept_iteration: of the last stage, whose moving average validated best, or of a loss that reads SR the last.
        stopped_iteration: at which the last stage stood, where it had not come to the end of its recipe.
        init_sha256, embedder_sha256: of the weights the last stage began with, and of the frozen network of its
            loss: the embedder, or the recogniser of a loss without one.
        recogniser_sha256: of a recogniser beside an embedder.
        test: result of ``evaluate`` on the test split with its passport, or None where not yet measured.
    """

    arguments: dict[str, Any]
    loss: LossConfig
    stages: list[dict[str, Any]]
    threads: int
    kept_iteration: int
    stopped_iteration: int | None = None
    init_sha256: str | None = None
    embedder_sha256: str | None = None
    recogniser_sha256: str | None = None
    test: dict[str, Any] | None = None


def list_checkpoints(folder: str | Path = CHECKPOINTS) -> list[Card]:
    """The cards of a folder, the shipped ones first, then by name.

    A card that cannot be read is logged and left out, so that one broken file does not close the page.
    """
    cards = []
    for path in Path(folder).glob("*.json"):
        if not path.with_suffix(".safetensors").is_file():
            continue
        try:
            values = read_json(path)
            if not isinstance(values, dict) or values.get("architecture") not in AUXILIARIES.values():
                cards.append(read_card(path.stem, folder))
        except InputError as error:
            log.warning("%s", error)
    return sorted(cards, key=lambda card: (ORDER.index(card.name) if card.name in ORDER else len(ORDER), card.name))


def read_card(name: str, folder: str | Path = CHECKPOINTS) -> Card:
    """The card of a checkpoint. Raises InputError where there is none or it is not a card of this version."""
    path = Path(folder) / f"{name}.json"
    if Path(name).name != name or not path.is_file():
        raise InputError(f"There is no checkpoint {name!r} in {folder}; there are: {', '.join(known_models(folder))}.")
    values = read_json(path)
    if isinstance(values, dict) and values.get("architecture") in AUXILIARIES.values():
        raise InputError(f"{name!r} restores nothing ({values['architecture']}); name a checkpoint.")
    try:
        card = Card.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path} is not a card this version understands ({where}: {first['msg']}).") from error
    if card.name != name:
        raise InputError(f"{path} is the card of {card.name!r}; rename the files or the card.")
    if card.architecture not in ARCHITECTURES:
        raise InputError(f"{path} names the architecture {card.architecture!r}, which this version does not know.")
    return card


def load_restorer(
    name: str, folder: str | Path = CHECKPOINTS, *, tile: int | None = None, overlap: int = 8, device: str = "cpu"
) -> Restorer:
    """The restorer called ``name``: "bicubic", or a checkpoint, verified against its card and kept in memory.

    Raises InputError where the file does not match the card's SHA-256 or the architecture's names and shapes.
    """
    if name == "bicubic":
        return Bicubic()
    card = read_card(name, folder)
    path = Path(folder) / f"{name}.safetensors"
    try:
        modified = path.stat().st_mtime_ns
    except OSError as error:
        raise InputError(f"The weights {path} are missing; put them beside their card.") from error
    return _load(path, modified, card.sha256, card.model_dump_json(), tile, overlap, device)


@lru_cache(maxsize=16)
def _load(
    path: Path, modified: int, digest: str, card_json: str, tile: int | None, overlap: int, device: str
) -> NetworkRestorer:
    card = Card.model_validate_json(card_json)
    if sha256(path) != digest:
        raise InputError(_MISMATCH.format(path))
    architecture = ARCHITECTURES[card.architecture]
    tensors, _ = load_tensors(path)
    try:
        network = architecture.network(architecture.config.model_validate(card.arguments))
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (ValidationError, RuntimeError) as error:
        raise InputError(f"{path} does not fit the architecture its card names ({card.architecture}).") from error
    if network.config.scale != SCALE:
        raise InputError(f"{path} restores ×{network.config.scale}; models here restore ×{SCALE}.")
    return NetworkRestorer(network, card.name, tile, overlap, device, card.title, digest)


def save_checkpoint(
    folder: str | Path, weights: dict[str, Tensor], facts: dict[str, Any], kind: type[AnyCard] = Card
) -> AnyCard:
    """Write weights and card; ``facts`` are the card's fields but for ``sha256``.

    The card goes last, so that a crash between the two leaves a mismatch that loading refuses, never a wrong model.
    Raises InputError for a name that is no plain file name, or that means something else to ``--models``.
    """
    name = facts["name"]
    if not is_usable_name(name):
        raise InputError(f"{name!r} cannot be a checkpoint's name; use letters, digits, '-', '_' and '.', as in mse-2.")
    if AUXILIARIES.get(auxiliary_of(name)) != (None if kind is Card else facts["architecture"]):
        names = " and ".join(f"{key!r} ({architecture})" for key, architecture in AUXILIARIES.items())
        raise InputError(
            f"Only weights that restore nothing have names that begin with {names}; {name!r} does not fit."
        )
    path = Path(folder) / f"{name}.safetensors"
    try:
        # Before anything is written, so that a card that cannot be made leaves the old checkpoint whole.
        card = kind.model_validate({**facts, "sha256": ""})
    except ValidationError as error:
        raise InputError(f"The run lacks what the card of {name!r} needs: {error.errors()[0]['loc'][0]}.") from error
    save_tensors(path, weights)
    card = card.model_copy(update={"sha256": sha256(path)})
    write_card(card, folder)
    return card


def is_usable_name(name: str) -> bool:
    """Whether a checkpoint may be called so: a plain file name that means nothing else to ``--models``."""
    return bool(_NAME.fullmatch(name)) and name not in RESERVED


def write_card(card: WeightsCard, folder: str | Path = CHECKPOINTS) -> None:
    """Write ``NAME.json``."""
    write_json(Path(folder) / f"{card.name}.json", card.model_dump(mode="json"))


def known_models(folder: str | Path = CHECKPOINTS) -> list[str]:
    """Every name that ``load_restorer`` takes, in the order of the page."""
    return ["bicubic", *(card.name for card in list_checkpoints(folder))]


def auxiliary_of(name: str) -> str | None:
    """The key of ``AUXILIARIES`` that a name begins with, None for a checkpoint's."""
    return next((key for key in AUXILIARIES if name.startswith(key)), None)


def shipped_auxiliary(name: str, folder: str | Path = CHECKPOINTS) -> Path:
    """The weights file of the auxiliary ("embedder", "corners", "plate-hr") that comes with the project. Raises
    InputError where it is missing or does not match its card."""
    path = Path(folder) / f"{name}.safetensors"
    if not path.is_file():
        verb = _TRAINED_BY[auxiliary_of(name)]
        raise InputError(f"There is no {path.name} in {folder}; train one with: python -m lpsr {verb}.")
    card = read_json(path.with_suffix(".json"))
    if not isinstance(card, dict) or card.get("sha256") != _digest(path, path.stat().st_mtime_ns):
        raise InputError(_MISMATCH.format(path))
    return path


def read_auxiliary_card(name: str, folder: str | Path = CHECKPOINTS) -> WeightsCard:
    """The card of an auxiliary, of a plate reader a ``ReaderCard``. Raises InputError where it cannot be used."""
    path = Path(folder) / f"{name}.json"
    kind = ReaderCard if auxiliary_of(name) == PLATE else WeightsCard
    try:
        card = kind.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path} is not the card of an auxiliary that this version understands.") from error
    if card.name != name:
        raise InputError(f"{path} is the card of {card.name!r}; rename the files or the card.")
    if card.architecture != AUXILIARIES[auxiliary_of(name)]:
        raise InputError(f"{path} names the architecture {card.architecture!r}, which does not fit its name.")
    return card


@lru_cache(maxsize=8)
def _digest(path: Path, modified: int) -> str:
    # Of every look for a plate's corners the weights are asked for.
    return sha256(path)
