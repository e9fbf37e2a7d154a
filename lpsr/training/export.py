"""From a run to a checkpoint with its card."""

import shutil
from pathlib import Path
from typing import Any

import torch

from lpsr.checkpoints import (
    AUXILIARIES,
    CHECKPOINTS,
    CORNERS,
    EMBEDDER,
    PLATE,
    Card,
    ReaderCard,
    WeightsCard,
    save_checkpoint,
)
from lpsr.errors import InputError
from lpsr.files import read_json, replacing, sha256
from lpsr.model_card import write_model_card
from lpsr.models.registry import architecture_of
from lpsr.models.weights import half, load_tensors
from lpsr.training.loop import RECIPE, RUN
from lpsr.training.origin import earlier_stages, saved_at, without_paths
from lpsr.training.recipe import (
    CornersRecipe,
    EmbedderRecipe,
    PretrainingRecipe,
    ReaderRecipe,
    Recipe,
    load_recipe,
    parse,
)
from lpsr.training.trainer import BEST, load_pairs, restore_pairs, validation_scores

# The largest change of validation PSNR, in dB, for which weights ship in half precision.
TOLERANCE = 0.01
_PRETRAININGS: dict[str, tuple[type[PretrainingRecipe], type[WeightsCard], str]] = {
    EMBEDDER: (EmbedderRecipe, WeightsCard, "Embedder: ResNet-18 on plate characters"),
    CORNERS: (CornersRecipe, WeightsCard, "Corners: heat maps of a plate's four corners"),
    PLATE: (ReaderRecipe, ReaderCard, "{} reader"),
}
# Weights and card, in the order of writing.
_SUFFIXES = (".safetensors", ".json")
_FROM_RUN = ("device", "threads", "precision", "seconds", "torch", "init_sha256", "embedder_sha256")


def export_run(
    run_folder: str | Path, name: str, folder: str | Path = CHECKPOINTS, *, title: str | None = None
) -> Card:
    """Write the best weights of a run as ``NAME.safetensors`` with its cards, in float16 where that costs no quality.

    ``title`` is what captions call it; without one, its loss. Raises InputError where the folder holds no run with
    weights.
    """
    run_folder = Path(run_folder)
    if not (run_folder / BEST).is_file():
        raise InputError(f"{run_folder} holds no run with weights yet; a run saves its first at its first validation.")
    recipe, run = load_recipe(run_folder / RECIPE), read_json(run_folder / RUN)
    weights, kept = load_tensors(run_folder / BEST)
    pairs = load_pairs(recipe.validation) if recipe.validation else []
    validation: dict[str, Any] = {}
    shipped, dtype = weights, "float32"
    if pairs:
        cpu, halved = torch.device("cpu"), half(weights)
        validation = validation_scores(pairs, restore_pairs(recipe, weights, pairs, cpu))
        widened = {key: value.float() for key, value in halved.items()}
        scores = validation_scores(pairs, restore_pairs(recipe, widened, pairs, cpu))
        if abs(scores["val_psnr"] - validation["val_psnr"]) <= TOLERANCE:
            shipped, dtype, validation = halved, "float16", scores
        validation |= {"data": recipe.validation.label, "split": recipe.validation.split, "n": len(pairs)}
    stages = earlier_stages(run)
    card = save_checkpoint(
        folder,
        shipped,
        {
            "name": name,
            "title": title or title_of(recipe),
            "architecture": architecture_of(recipe.network),
            "arguments": recipe.network.model_dump(mode="json"),
            "loss": recipe.loss,
            "recipe": without_paths(recipe.model_dump(mode="json")),
            "stages": stages,
            "data": run["data"],
            # A stage hands on its best weights, so what came after them does not count.
            "iterations": kept["iteration"] + sum(stage["best_iteration"] for stage in stages),
            "batch": recipe.batch,
            "seed": recipe.seed,
            "kept_iteration": kept["iteration"],
            "stopped_iteration": run["iteration"] if run["iteration"] < recipe.iterations else None,
            "weights_dtype": dtype,
            "validation": validation,
            "recogniser_sha256": run.get("recogniser_sha256"),
            **{key: run[key] for key in _FROM_RUN},
        },
    )
    write_model_card(name, folder)
    return card


def auxiliary_of_run(run_folder: str | Path) -> str | None:
    """The key of ``AUXILIARIES`` that a run folder holds weights of, None where it is no such run."""
    return next((key for key in _PRETRAININGS if (Path(run_folder) / f"{key}.safetensors").is_file()), None)


def export_auxiliary(run_folder: str | Path, name: str, folder: str | Path = CHECKPOINTS) -> WeightsCard:
    """Write the weights of a pre-training as ``NAME.safetensors`` with their card. Raises InputError where there are
    none."""
    run_folder = Path(run_folder)
    kind = auxiliary_of_run(run_folder)
    if kind is None:
        raise InputError(f"{run_folder} holds no pre-training with weights yet.")
    model, card_kind, title = _PRETRAININGS[kind]
    recipe, run = parse(model, read_json(run_folder / RECIPE)), read_json(run_folder / RUN)
    weights, facts = load_tensors(run_folder / f"{kind}.safetensors")
    stages = earlier_stages(run)
    if isinstance(recipe, ReaderRecipe):
        coarsest = max([recipe.coarsest, *(stage["recipe"]["coarsest"] for stage in stages)])
        title = title.format("Multi-scale" if coarsest > 1 else "HR-trained")
    scores = {key: value for key, value in run.items() if key.startswith("val_")}
    if recipe.validation:
        scores |= {"data": recipe.validation.label, "split": recipe.validation.split}
    origin = {"stages": stages, "init_sha256": run.get("init_sha256")} if card_kind is ReaderCard else {}
    card = save_checkpoint(
        folder,
        weights,
        {
            "name": name,
            "title": title,
            "architecture": AUXILIARIES[kind],
            "recipe": without_paths(recipe.model_dump(mode="json")),
            "data": run["data"],
            "iterations": saved_at(run, facts) + sum(stage["best_iteration"] for stage in stages),
            "batch": recipe.batch,
            "seed": recipe.seed,
            "weights_dtype": "float16",
            "validation": scores,
            **{key: run[key] for key in ("device", "precision", "seconds", "torch")},
            **origin,
        },
        card_kind,
    )
    write_model_card(name, folder)
    return card


def publish(name: str, source: str | Path, folder: str | Path = CHECKPOINTS) -> None:
    """Copy a checkpoint from folder to folder, weights first, each file in one step, and write its model card there.
    Errors as ``check_free``, or where it cannot be written."""
    check_free(name, source, folder)
    for suffix in _SUFFIXES:
        with replacing(Path(folder) / f"{name}{suffix}") as temporary:
            shutil.copyfile(Path(source) / f"{name}{suffix}", temporary)
    write_model_card(name, folder)


def check_free(name: str, source: str | Path, folder: str | Path = CHECKPOINTS) -> None:
    """Raises InputError where ``folder`` has a checkpoint ``name`` with other weights than that in ``source``."""
    weights, card = (Path(folder) / f"{name}{suffix}" for suffix in _SUFFIXES)
    own = Path(source) / weights.name
    if weights.is_file() and own.is_file() and sha256(weights) == sha256(own):
        return
    if weights.exists() or card.exists():
        raise InputError(f"{folder} has another checkpoint {name!r} already; move it away or choose another name.")


def title_of(recipe: Recipe) -> str:
    """What captions call a model of this recipe."""
    if architecture_of(recipe.network) == "compact":
        return "Compact"
    loss = recipe.loss
    if loss.kind == "pecl":
        return f"PECL-{loss.distance.capitalize()}{' + reading' if loss.reads else ''}"
    if loss.kind == "lcofl":
        return "LCOFL-adversary" if loss.adversary else "LCOFL"
    return "MSE" if loss.kind == "mse" else loss.kind.capitalize()
