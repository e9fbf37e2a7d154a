"""What a run began with, and the runs that led there."""

from pathlib import Path
from typing import Any

from lpsr.checkpoints import AUXILIARIES, PLATE, read_auxiliary_card, read_card
from lpsr.files import read_json, sha256
from lpsr.models.weights import load_tensors
from lpsr.training.loop import RECIPE, RUN


def origin(init_from: str | None) -> dict[str, Any]:
    """``stages``, the runs that led to these weights, oldest first, and the ``init_sha256`` of their file.

    A stage is what ``run.json`` said, with its recipe. Weights with neither a run nor a card beside them are named.
    """
    if init_from is None:
        return {"stages": [], "init_sha256": None}
    weights = Path(init_from)
    stages = [{"weights": weights.name}]
    if (weights.parent / RUN).is_file():
        run = read_json(weights.parent / RUN)
        if "best_iteration" not in run:
            run["best_iteration"] = saved_at(run, load_tensors(weights)[1])
        stages = [*run.pop("stages", []), {"recipe": read_json(weights.parent / RECIPE), **run}]
    elif weights.with_suffix(".json").is_file():
        values = read_json(weights.with_suffix(".json"))
        is_reader = isinstance(values, dict) and values.get("architecture") == AUXILIARIES[PLATE]
        card = (read_auxiliary_card if is_reader else read_card)(weights.stem, weights.parent)
        last = {key: getattr(card, key) for key in ("recipe", "data", "device", "precision", "seconds", "torch")}
        stages = [*card.stages, {**last, "best_iteration": card.kept_iteration}]
    return {"stages": stages, "init_sha256": sha256(weights)}


def saved_at(run: dict[str, Any], facts: dict[str, Any]) -> int:
    """The iteration whose weights a file of a pre-training holds, from ``run.json`` and the file's facts.

    A run that was stopped between two validations went further than its weights.
    """
    return facts.get("iteration", run["iteration"])


def earlier_stages(run: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages that led to what a run began with, as cards and records have them, from what ``run.json`` says."""
    return [{**stage, "recipe": without_paths(stage["recipe"])} for stage in run.get("stages", ()) if "recipe" in stage]


def without_paths(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe with folders named as cards name them; where they lay on the training machine tells nobody anything."""
    recipe = {**recipe, "data": [_renamed(source) for source in recipe["data"]]}
    if recipe["validation"]:
        recipe["validation"] = _renamed(recipe["validation"])
    for key in ("init_from", "embedder", "recogniser"):
        if recipe.get(key):
            recipe[key] = "/".join(Path(recipe[key]).parts[-2:])
    return recipe


def _renamed(source: dict[str, Any]) -> dict[str, Any]:
    return {**source, "folder": source["name"] or Path(source["folder"]).name}
