"""Training of the corner network: it learns, resumes to the same result, and becomes what ``locate`` loads."""

import pytest
import torch

from lpsr.checkpoints import AUXILIARIES, CORNERS, list_checkpoints, read_card, shipped_auxiliary
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.models.corner_network import load_corner_network
from lpsr.models.weights import load_tensors
from lpsr.training import corners
from lpsr.training.corners import WEIGHTS, pretrain_corners
from lpsr.training.export import auxiliary_of_run, export_auxiliary
from lpsr.training.loop import LOG, make_fabric, read_log
from lpsr.training.recipe import CornersRecipe


@pytest.fixture(autouse=True)
def small(monkeypatch, one_thread):
    monkeypatch.setattr(corners, "_VALIDATION", 4)
    monkeypatch.setattr(corners, "_BATCH", 4)


@pytest.fixture
def recipe(plate_folder):
    return CornersRecipe(
        data=[{"folder": str(plate_folder)}],
        validation={"folder": str(plate_folder), "limit": 2},
        iterations=10,
        batch=4,
        precision="32-true",
        log_every=2,
        validate_every=5,
    )


def test_it_learns_and_a_stopped_run_goes_on_to_the_same_weights(recipe, tmp_path):
    done = pretrain_corners(recipe, tmp_path / "whole", fabric=make_fabric("32-true", "cpu"))
    losses = [entry["loss"] for entry in read_log(tmp_path / "whole" / LOG) if "loss" in entry]
    assert losses[-1] < losses[0]
    assert done["val_corner_error"] > 0 and 0 <= done["val_plate"] <= 1

    left = iter([None] * 3 + ["pause"])
    stopped = pretrain_corners(recipe, tmp_path / "parts", should_stop=lambda: next(left, None))
    assert not stopped["done"] and stopped["iteration"] == 4
    pretrain_corners(recipe, tmp_path / "parts")
    one, two = (load_tensors(tmp_path / name / WEIGHTS)[0] for name in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_is_exported_is_what_locating_loads_and_no_checkpoint(recipe, tmp_path):
    run = tmp_path / "run"
    pretrain_corners(recipe.model_copy(update={"iterations": 2}), run)
    assert auxiliary_of_run(run) == CORNERS
    card = export_auxiliary(run, "corners", tmp_path / "out")
    assert card.architecture == AUXILIARIES[CORNERS] and card.iterations == 2
    load_corner_network(shipped_auxiliary(CORNERS, tmp_path / "out"))
    assert list_checkpoints(tmp_path / "out") == []
    with pytest.raises(InputError, match="restores nothing"):
        read_card("corners", tmp_path / "out")
    words = (tmp_path / "out" / "corners.md").read_text(encoding="utf-8")
    assert "lpsr.locate" in words and str(tmp_path) not in words
    # Its name says what it is.
    with pytest.raises(InputError, match="names that begin with"):
        export_auxiliary(run, "embedder-2", tmp_path / "out")
    # Other weights under its card are refused.
    values = read_json(tmp_path / "out" / "corners.json")
    for card in ({**values, "sha256": "0"}, {}, []):
        write_json(tmp_path / "out" / "corners.json", card)
        with pytest.raises(InputError, match="SHA-256"):
            shipped_auxiliary(CORNERS, tmp_path / "out")


def test_a_folder_without_a_pretraining_is_refused(tmp_path):
    assert auxiliary_of_run(tmp_path) is None
    with pytest.raises(InputError, match="no pre-training"):
        export_auxiliary(tmp_path, "corners", tmp_path / "out")
