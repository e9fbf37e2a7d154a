"""A pipeline run from plates to a checkpoint, and what it keeps of the plates."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import torch
from pipeline_runs import Asks, assert_same_weights

from lpsr import evaluation
from lpsr.checkpoints import load_restorer, read_card
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.files import read_json, write_json
from lpsr.images import open_picture
from lpsr.models.weights import save_tensors
from lpsr.training import embedder, pipeline, stages, trainer
from lpsr.training.loop import LOG, read_log
from lpsr.training.pipeline import run_pipeline
from lpsr.training.recipe import load_recipe
from lpsr.training.runs import SHARED
from lpsr.training.status import STAGES, read_status
from lpsr.training.trainer import make_sampler


def test_from_plates_to_a_checkpoint(new, published, monkeypatch):
    monkeypatch.setattr(evaluation, "ENOUGH", 1)
    folder, heard = new("mine"), []
    status = run_pipeline(folder, report=lambda name, stage, entry: heard.append((name, stage.state, entry)))
    assert status == read_status(folder)
    assert (status.state, status.message, status.early) == ("done", "", False)
    assert [stage.state for stage in status.stages.values()] == ["done"] * 2 + ["skipped"] + ["done"] * 4
    assert status.memory > 50 * 2**20
    changes = [(name, state) for name, state, entry in heard if entry is None]
    skipped = ("embedder", "skipped")
    expected = [pair for name in STAGES for pair in ((name, "running"), (name, "done"))]
    assert list(dict.fromkeys(changes)) == [skipped if pair == ("embedder", "done") else pair for pair in expected]
    lines = [(entry["iteration"], entry.get("total")) for *_, entry in heard if entry is not None]
    assert lines == [(entry["iteration"], entry.get("total")) for entry in read_log(folder / "train" / LOG)]
    facts = {name: stage.facts for name, stage in status.stages.items()}
    assert facts["data"]["plates"] == {"train": 40, "val": 4, "test": 6}
    assert facts["data"]["refused"] == [] and facts["data"]["refused_count"] == 0
    assert facts["patches"] == {"count": 2, "size": [32, 32]}
    assert facts["train"]["parameters"] > 1000 and facts["train"]["threads"] == 1
    assert (status.stages["train"].done, status.stages["train"].of) == (6, 6)
    assert (status.stages["evaluate"].done, status.stages["evaluate"].of) == (2, 2)
    assert facts["validate"]["n"] == 2 and facts["validate"]["iteration"] == facts["train"]["best_iteration"]
    assert facts["export"] == {"name": "mine"}

    card = read_card("mine", published)
    assert (card.title, card.threads, card.precision) == ("mine", 1, "32-true")
    assert (card.iterations, card.kept_iteration) == (facts["train"]["best_iteration"],) * 2
    assert card.stopped_iteration is None
    result = read_json(folder / "evaluation.json")
    assert list(result["models"]) == ["bicubic", "mse", "mine"]
    assert card.test["psnr"] == result["models"]["mine"]["psnr"] and "exact" in card.test
    assert card.test["passport"]["checkpoints"] == {"mine": card.sha256}
    assert [group["n"] for group in card.test["provinces"]] == [1, 1]
    assert "| province | plates |" in (published / "mine.md").read_text(encoding="utf-8")
    assert facts["evaluate"] == {
        "n": 2,
        "psnr": result["models"]["mine"]["psnr"]["median"],
        "bicubic": result["models"]["bicubic"]["psnr"]["median"],
    }
    assert read_card("mse", published).test is None
    assert str(folder.parent) not in (published / "mine.json").read_text(encoding="utf-8")
    assert load_restorer("mine", published).restore(np.zeros((4, 4, 3), np.uint8)).shape == (32, 32, 3)


def assert_patches_are_those_of_training(folder: Path) -> None:
    recipe = load_recipe(folder / "train" / "recipe.json")
    sources = stages.load_sources(open_plates(recipe.data[0].folder, "train"))
    hr, lr = make_sampler(recipe, [(sources, 1.0)]).batch(0, range(2))
    assert read_status(folder).stages["patches"].facts == {"count": 2, "size": list(hr.shape[1:3])}
    for k in range(2):
        assert np.array_equal(open_picture(folder / "patches" / f"{k}-hr.png"), hr[k])
        assert np.array_equal(open_picture(folder / "patches" / f"{k}-lr.png"), lr[k])


def test_whole_plates_are_shown_and_trained_on(new):
    folder = new("uncut", patch="whole", iterations=1)
    assert run_pipeline(folder).state == "done"
    assert_patches_are_those_of_training(folder)
    assert read_status(folder).stages["patches"].facts["size"] != [32, 32]


def test_what_is_shown_is_what_is_trained_on(whole):
    recipe = load_recipe(whole / "train" / "recipe.json")
    assert_patches_are_those_of_training(whole)
    plates = open_plates(recipe.validation.folder, "val")[:2]
    for k, plate in enumerate(plates):
        assert np.array_equal(open_picture(whole / "film" / f"hr-{k}.png"), plate.hr())
        assert np.array_equal(open_picture(whole / "film" / f"lr-{k}.png"), degrade(plate.hr()))
        assert open_picture(whole / "film" / f"00000006-{k}.png").shape == plate.hr().shape
    names = {path.name for path in (whole / "film").iterdir()}
    assert names == {f"{one}-{k}.png" for one in ("hr", "lr", "00000004", "00000006") for k in range(2)}


def test_pecl_with_an_embedder_of_its_own(new):
    more = {"embedder_iterations": 3}
    loss = {"kind": "pecl", "d": 64, "weighting": "uncertainty"}
    runs = [new("whole", more, loss=loss), new("parts", more, loss=loss)]
    assert run_pipeline(runs[0]).state == "done"
    # Asked before the stage, then after each iteration.
    status = Asks("pause", "embedder", 3).run(runs[1])
    assert (status.state, status.stages["embedder"].done, status.stages["embedder"].of) == ("paused", 2, 3)
    assert Asks("pause", "train", 5).run(runs[1]).stages["train"].done == 4
    status = run_pipeline(runs[1])
    assert status.state == "done" and status.stages["embedder"].facts["source"] == "own"
    assert status.stages["embedder"].facts["val_recall"] is not None
    assert_same_weights(*runs)
    card = read_card("parts", stages.CHECKPOINTS)
    assert card.embedder_sha256 and card.recipe["embedder"] == "embedder/embedder.safetensors"
    for folder in runs:
        # 130 MB each.
        shutil.rmtree(folder / "embedder")


def test_the_embedder_that_ships_is_named_with_its_scores(new, tmp_path, monkeypatch):
    torch.manual_seed(0)
    weights = tmp_path / "embedder.safetensors"
    save_tensors(weights, embedder.CharacterClassifier().export())
    write_json(weights.with_suffix(".json"), {"validation": {"val_precision": 0.9, "val_recall": 0.8}})
    for module in (stages, trainer):
        monkeypatch.setattr(module, "shipped_auxiliary", lambda name: weights)
    status = run_pipeline(new("mine", loss={"kind": "pecl"}, iterations=1))
    assert (status.state, status.message) == ("done", "")
    assert status.stages["embedder"].facts == {"source": "shipped", "val_precision": 0.9, "val_recall": 0.8}


def test_a_visitors_plates_are_deleted_at_the_end_and_not_before(new, plates, tmp_path):
    uploaded = tmp_path / "runs" / "mine" / "upload.zip"
    folder = new("mine", {"data": {"kind": "zip", "file": str(uploaded)}})
    own = tmp_path / "own.zip"
    with zipfile.ZipFile(own, "w") as archive:
        for path in sorted((plates / "generated-50-1").rglob("*.*")):
            archive.write(path, path.relative_to(plates / "generated-50-1"))
    shutil.copy(own, uploaded)
    assert Asks("pause", "evaluate").run(folder).state == "paused"
    assert uploaded.exists() and (folder / "data" / "index.csv").exists()
    status = run_pipeline(folder)
    assert (status.state, status.message) == ("done", "")
    assert status.stages["data"].facts["plates"] == {"train": 40, "val": 4, "test": 6}
    assert not uploaded.exists() and not (folder / "data").exists()
    # A file that is somebody's own stays.
    folder = new("other", {"data": {"kind": "zip", "file": str(own)}}, iterations=1)
    assert run_pipeline(folder).state == "done"
    assert own.exists() and not (folder / "data").exists()


def test_a_folder_of_plates_is_not_touched(new, plates):
    source = plates / "generated-50-1"
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    folder = new("mine", {"data": {"kind": "folder", "folder": str(source)}}, iterations=1)
    assert run_pipeline(folder).state == "done"
    assert before == {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    missing = new("other", {"data": {"kind": "folder", "folder": str(source / "gone")}})
    status = run_pipeline(missing)
    assert status.state == "failed" and "gone" in status.message


def test_generated_plates_that_are_gone_are_made_again(new, whole, tmp_path):
    folder = new("parts")
    assert Asks("pause", "train", 3).run(folder).state == "paused"
    shutil.rmtree(tmp_path / "runs" / SHARED)
    assert run_pipeline(folder).state == "done"
    assert_same_weights(whole, folder)


def test_the_status_is_written_when_a_stage_changes_and_not_with_every_step(new, monkeypatch):
    folder, written = new("mine"), []
    write = pipeline.write_status

    def record(*arguments) -> None:
        written.append(arguments[1].stages["train"].done)
        write(*arguments)

    monkeypatch.setattr(pipeline, "write_status", record)
    monkeypatch.setattr(pipeline, "_BEAT", 3600.0)
    run_pipeline(folder)
    assert len(written) == 2 + 2 * len(STAGES)
    written.clear()
    monkeypatch.setattr(pipeline, "_BEAT", 0.0)
    run_pipeline(new("other"))
    assert sorted(set(written)) == list(range(7))
