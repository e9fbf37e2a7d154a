"""Training of the recogniser: it learns, resumes to the same result, and guides a restoration."""

import json

import numpy as np
import pytest
import torch

from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.models.recogniser import Recogniser
from lpsr.models.weights import load_tensors, save_tensors
from lpsr.training.loop import LOG, make_fabric, read_log
from lpsr.training.recipe import Recipe, RecogniserRecipe, Settings, parse
from lpsr.training.recogniser import WEIGHTS, pretrain_recogniser, soften
from lpsr.training.trainer import BEST, train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def recipe(plate_folder):
    return RecogniserRecipe(
        data=[{"folder": str(plate_folder)}],
        validation={"folder": str(plate_folder), "limit": 2},
        iterations=12,
        batch=4,
        precision="32-true",
        log_every=4,
        validate_every=6,
    )


def guided(plate_folder, tiny_network, recogniser, **values) -> dict:
    return {
        "data": [{"folder": str(plate_folder)}],
        "validation": {"folder": str(plate_folder), "limit": 2},
        "network": tiny_network,
        "patch": "whole",
        "batch": 2,
        "iterations": 4,
        "precision": "32-true",
        "log_every": 2,
        "validate_every": 4,
        "loss": {"kind": "guided", "w_recognition": 0.01},
        "recogniser": str(recogniser),
        **values,
    }


def stop_after(count):
    left = iter([None] * (count - 1) + ["pause"])
    return lambda: next(left, None)


def test_it_learns_and_a_stopped_run_goes_on_to_the_same_weights(recipe, tmp_path):
    done = pretrain_recogniser(recipe, tmp_path / "whole", fabric=make_fabric("32-true", "cpu"))
    losses = [entry["loss"] for entry in read_log(tmp_path / "whole" / LOG) if "loss" in entry]
    assert losses[-1] < losses[0]
    assert 0 <= done["val_exact"] <= done["val_characters"] <= 1

    stopped = pretrain_recogniser(recipe, tmp_path / "parts", should_stop=stop_after(5))
    assert not stopped["done"] and stopped["iteration"] == 5
    pretrain_recogniser(recipe, tmp_path / "parts")
    one, two = (load_tensors(tmp_path / name / WEIGHTS)[0] for name in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_softening_leaves_some_plates_as_they_are_and_blurs_others():
    pictures = np.random.default_rng(0).integers(0, 256, (60, 16, 48, 3), dtype=np.uint8)
    softened = soften(pictures, np.random.default_rng(1))
    same = (softened == pictures).all((1, 2, 3))
    assert 5 < same.sum() < 40
    assert softened[~same].astype(float).std((1, 2)).mean() < 0.8 * pictures.astype(float).std((1, 2)).mean()


def test_a_recogniser_guides_a_restoration(plate_folder, tiny_network, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "recogniser.safetensors"
    save_tensors(path, {name: one for name, one in Recogniser().state_dict().items() if one.is_floating_point()})
    values = guided(plate_folder, tiny_network, path)
    run = train(parse(Recipe, values), tmp_path / "run", fabric=make_fabric("32-true", "cpu"))
    entry = read_log(tmp_path / "run" / LOG)[-2]
    assert entry["total"] == pytest.approx(entry["pixel"] + 0.01 * entry["recognition"], rel=1e-4)
    assert run["embedder_sha256"] and json.dumps(read_json(tmp_path / "run" / "run.json"))
    # The guide is frozen and no part of what is kept; it changes what is learned.
    assert not any("recogniser" in name for name in load_tensors(tmp_path / "run" / BEST)[0])
    plain = parse(Recipe, {**values, "loss": {"kind": "mse"}})
    train(plain, tmp_path / "plain", fabric=make_fabric("32-true", "cpu"))
    kept, without = (load_tensors(tmp_path / name / BEST)[0] for name in ("run", "plain"))
    assert any(not torch.equal(kept[name], without[name]) for name in kept)


def test_a_run_does_not_go_on_with_another_recogniser(plate_folder, tiny_network, tmp_path):
    path = tmp_path / "recogniser.safetensors"
    for seed, should_stop in ((0, stop_after(2)), (1, lambda: None)):
        torch.manual_seed(seed)
        save_tensors(path, {name: one for name, one in Recogniser().state_dict().items() if one.is_floating_point()})
        recipe = parse(Recipe, guided(plate_folder, tiny_network, path))
        if seed:
            with pytest.raises(InputError, match="recogniser is not the one"):
                train(recipe, tmp_path / "run", fabric=make_fabric("32-true", "cpu"), should_stop=should_stop)
        else:
            train(recipe, tmp_path / "run", fabric=make_fabric("32-true", "cpu"), should_stop=should_stop)


@pytest.mark.parametrize("values", [{"patch": "whole"}, {"recogniser": "r.safetensors"}])
def test_the_guided_loss_needs_whole_plates_and_a_recogniser(values):
    with pytest.raises(InputError, match="needs patch=whole and a recogniser"):
        parse(Settings, {"loss": {"kind": "guided"}, **values})
