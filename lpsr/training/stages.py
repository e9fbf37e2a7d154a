"""What each stage of a pipeline run does; ``lpsr.training.pipeline`` runs them in order.

Each takes the ``Sitting`` and returns the facts that the page shows, None where it is not needed. Each can be done
again over what a killed process left of it.
"""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lpsr.checkpoints import CHECKPOINTS, ORDER, load_restorer, shipped_auxiliary
from lpsr.data.patches import Source, load_sources
from lpsr.data.plates import Plate, open_plates
from lpsr.errors import InputError
from lpsr.evaluation import measure, summarise_measurement, update_cards
from lpsr.files import read_json, write_json
from lpsr.images import save_png
from lpsr.models.network import count_parameters
from lpsr.models.registry import build
from lpsr.models.restorer import Bicubic
from lpsr.readers import Reader, get_reader
from lpsr.training.embedder import WEIGHTS, pretrain_embedder
from lpsr.training.export import check_free, export_run, publish
from lpsr.training.loop import RUN, Fabric, device_name, make_fabric
from lpsr.training.material import Material, prepare
from lpsr.training.pipeline import Sitting, Stopped
from lpsr.training.plan import Archive, Plan
from lpsr.training.recipe import DataSource, EmbedderRecipe, Recipe
from lpsr.training.runs import SHARED
from lpsr.training.status import CHECKPOINT, DATA, EMBEDDER, EVALUATION, FILM, PATCHES, TRAIN, UPLOAD, Request
from lpsr.training.trainer import FILM as SHOWN
from lpsr.training.trainer import load_pairs, make_sampler, train, validation_scores

# Patches of the first batch that are shown, and refused files that are named.
_PATCHES, _NAMED = 8, 20


class _Decoded(Sequence[Source]):
    """Plates as the sources of a sampler, each decoded when it is drawn."""

    def __init__(self, plates: Sequence[Plate]) -> None:
        self.plates = plates

    def __len__(self) -> int:
        return len(self.plates)

    def __getitem__(self, index: int) -> Source:
        return load_sources([self.plates[index]])[0]


def material(sitting: Sitting) -> Material:
    """The plates of the run; made, where they are not there. Raises Stopped where it is asked to rest meanwhile."""
    if sitting.material is None:
        folder = sitting.folder
        sitting.material = prepare(
            sitting.plan.data,
            folder,
            folder.parent / SHARED,
            progress=sitting.progress,
            should_stop=sitting.resting,
        )
    if sitting.material is None:
        raise Stopped
    return sitting.material


def data(sitting: Sitting) -> dict[str, Any]:
    """The plates; first, what would else be found out after hours: a name that is taken, a device that is missing."""
    check_free(sitting.plan.name, sitting.folder / CHECKPOINT, CHECKPOINTS)
    _check_device(sitting.plan)
    made = material(sitting)
    named = [list(one) for one in made.refused[:_NAMED]]
    return {"plates": made.plates, "name": made.name, "refused": named, "refused_count": len(made.refused)}


def patches(sitting: Sitting) -> dict[str, Any]:
    """The first patches that are trained on."""
    recipe = recipe_of(sitting)
    plates = open_plates(recipe.data[0].folder, recipe.data[0].split)
    sampler = make_sampler(recipe, [(_Decoded(plates), 1.0)])
    count = min(_PATCHES, recipe.batch)
    drawn = sampler.batch(0, range(count))
    for kind, pictures in zip(("hr", "lr"), drawn, strict=True):
        for k, picture in enumerate(pictures):
            save_png(sitting.folder / PATCHES / f"{k}-{kind}.png", picture)
    return {"count": count, "size": list(drawn[0].shape[1:3])}


def embedder(sitting: Sitting) -> dict[str, Any] | None:
    """For PECL: the one that ships, or one that is trained on the plates of the run; its minutes end that early."""
    plan, settings = sitting.plan, sitting.plan.settings
    if settings.loss.kind == "mse":
        return None
    if not plan.embedder_iterations:
        if settings.embedder:
            return {"file": Path(settings.embedder).name}
        scores = read_json(shipped_auxiliary("embedder").with_suffix(".json"))["validation"]
        return {"source": "shipped"} | {key: scores.get(key) for key in ("val_precision", "val_recall")}
    recipe = EmbedderRecipe(
        **_sources(sitting),
        patch=settings.embedder_patch,
        iterations=plan.embedder_iterations,
        precision=settings.precision,
        seed=settings.seed,
        log_every=settings.log_every,
        validate_every=settings.validate_every,
    )

    asked: Request | None = None

    def should_stop() -> Request | None:
        nonlocal asked
        sitting.progress(sitting.stage.done + 1, recipe.iterations)
        asked = "pause" if sitting.resting() else "keep" if sitting.overdue else None
        return asked

    run = _trained(sitting, pretrain_embedder, recipe, EMBEDDER, _fabric(plan), should_stop, sitting.log)
    if not run["done"] and asked != "keep":
        raise Stopped
    return {"source": "own", **{key: run[key] for key in ("iteration", "val_precision", "val_recall")}}


def training(sitting: Sitting) -> dict[str, Any]:
    """The network; "keep", and the end of its minutes, end it early."""
    recipe = recipe_of(sitting)
    film = sitting.folder / FILM
    pairs = load_pairs(recipe.validation)
    for k, pair in enumerate(pairs[:SHOWN]):
        for kind, picture in zip(("hr", "lr"), pair, strict=True):
            save_png(film / f"{kind}-{k}.png", picture)

    def on_validation(iteration: int, restored: Sequence[np.ndarray]) -> None:
        for k, picture in enumerate(restored):
            save_png(film / f"{iteration:08d}-{k}.png", picture)

    asked: Request | None = None

    def should_stop() -> Request | None:
        nonlocal asked
        sitting.progress(sitting.stage.done + 1, recipe.iterations)
        asked = sitting.should_stop()
        if asked is None and sitting.overdue:
            asked = "keep"
        return asked

    fabric = _fabric(sitting.plan)
    # What validated best before a break stays.
    facts = sitting.stage.facts | {
        "device": device_name(fabric.device),
        "threads": torch.get_num_threads(),
        "parameters": count_parameters(build(recipe.network)),
        # The reference of the PSNR's chart.
        "bicubic": validation_scores(pairs, [Bicubic().restore(lr) for _, lr in pairs])["val_psnr"],
    }
    # To be seen while it runs.
    sitting.stage.facts = facts

    def report(entry: dict[str, Any]) -> None:
        if entry.get("val_psnr", 0.0) > facts.get("best", 0.0):
            facts.update(best=entry["val_psnr"], best_iteration=entry["iteration"])
        sitting.log(entry)

    run = _trained(sitting, partial(train, on_validation=on_validation), recipe, TRAIN, fabric, should_stop, report)
    if not run["done"]:
        if asked != "keep":
            raise Stopped
        sitting.status.early = True
    facts |= {"best": run["best"], "best_iteration": run["best_iteration"]}
    if peak := torch.cuda.max_memory_allocated():
        facts["gpu_memory"] = peak
    return facts


def _trained(
    sitting: Sitting,
    work: Callable[..., dict[str, Any]],
    recipe: Recipe | EmbedderRecipe,
    name: str,
    fabric: Fabric,
    should_stop: Callable[[], Request | None],
    report: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """What ``run.json`` says after a training in the folder ``name`` of the run."""
    folder = sitting.folder / name
    done = read_json(folder / RUN)["iteration"] if (folder / RUN).is_file() else 0
    sitting.progress(done, recipe.iterations)
    return work(recipe, folder, fabric=fabric, report=report, should_stop=should_stop)


def _fabric(plan: Plan) -> Fabric:
    """On one device: more would start this whole process again on each."""
    _check_device(plan)
    return make_fabric(plan.settings.precision, plan.device, 1)


def _check_device(plan: Plan) -> None:
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device here; start it anew on the CPU.")


def validate(sitting: Sitting) -> dict[str, Any]:
    """The best weights as a checkpoint, in half precision where that costs nothing."""
    plan = sitting.plan
    card = export_run(sitting.folder / TRAIN, plan.name, sitting.folder / CHECKPOINT, title=plan.name)
    facts = {key: card.validation[key] for key in ("val_psnr", "val_psnr_y", "n")}
    return {**facts, "iteration": card.kept_iteration, "dtype": card.weights_dtype}


def evaluation(sitting: Sitting) -> dict[str, Any]:
    """On the test plates: bicubic, the checkpoints that ship, and the run's own, whose card gets the result."""
    plan, folder = sitting.plan, sitting.folder / CHECKPOINT
    made = material(sitting)
    plates = open_plates(made.folder, "test")[: plan.most_test]

    def progress(done: int, of: int) -> None:
        sitting.progress(done, of)
        sitting.rest_if_asked()

    measurement = measure(
        plates,
        [
            "bicubic",
            *(one for one in ORDER if (CHECKPOINTS / f"{one}.json").is_file()),
            load_restorer(plan.name, folder),
        ],
        data=made.name,
        split="test",
        reader=_reader(),
        progress=progress,
        folder=CHECKPOINTS,
    )
    update_cards(measurement, folder, [plan.name])
    result = summarise_measurement(measurement)
    write_json(sitting.folder / EVALUATION, result)
    medians = {name: scores["psnr"]["median"] for name, scores in result["models"].items()}
    return {"n": len(plates), "psnr": medians[plan.name], "bicubic": medians["bicubic"]}


def _reader() -> Reader | None:
    try:
        return get_reader()
    except InputError as error:
        print(f"Nothing is read: {error}", flush=True)
        return None


def export(sitting: Sitting) -> dict[str, Any]:
    """The checkpoint to where every picker finds it."""
    publish(sitting.plan.name, sitting.folder / CHECKPOINT, CHECKPOINTS)
    return {"name": sitting.plan.name}


WORK: dict[str, Callable[[Sitting], dict[str, Any] | None]] = {
    "data": data,
    "patches": patches,
    "embedder": embedder,
    "train": training,
    "validate": validate,
    "evaluate": evaluation,
    "export": export,
}


def recipe_of(sitting: Sitting) -> Recipe:
    """How to train, and on what."""
    plan = sitting.plan
    settings = dict(plan.settings)
    if plan.settings.loss.kind == "pecl" and plan.embedder_iterations:
        settings["embedder"] = str(sitting.folder / EMBEDDER / WEIGHTS)
    return Recipe(**settings, **_sources(sitting))


def _sources(sitting: Sitting) -> dict[str, Any]:
    """``data`` and ``validation`` of a recipe."""
    made = material(sitting)
    folder = str(made.folder)
    return {
        "data": (DataSource(folder=folder, split="train", name=made.name),),
        "validation": DataSource(folder=folder, split="val", name=made.name, limit=sitting.plan.most_val),
    }


def forget_uploads(sitting: Sitting) -> None:
    """Delete the plates of a visitor, which are nobody else's business, when nothing needs them any more."""
    (sitting.folder / UPLOAD).unlink(missing_ok=True)
    if isinstance(sitting.plan.data, Archive):
        shutil.rmtree(sitting.folder / DATA, ignore_errors=True)
