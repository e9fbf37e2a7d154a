"""From a run to a checkpoint."""

import json

import numpy as np
import pytest
import torch

from lpsr.checkpoints import Card, load_restorer, read_card
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.model_card import model_card
from lpsr.models.weights import load_tensors
from lpsr.training import export
from lpsr.training.export import check_free, export_run, publish
from lpsr.training.recipe import Recipe, parse
from lpsr.training.trainer import BEST, train


@pytest.fixture(scope="module")
def runs(plate_folder, tiny_network, tmp_path_factory):
    """A warm-up and a run that starts from it."""
    folder = tmp_path_factory.mktemp("runs")
    values = {
        "data": [{"folder": str(plate_folder)}],
        "validation": {"folder": str(plate_folder), "split": "val", "name": "generated"},
        "network": tiny_network,
        "patch": [32, 32],
        "batch": 2,
        "precision": "32-true",
        "validate_every": 2,
    }
    train(parse(Recipe, {**values, "iterations": 3}), folder / "warm-up")
    second = {**values, "iterations": 4, "seed": 7, "init_from": str(folder / "warm-up" / BEST)}
    train(parse(Recipe, second), folder / "run")
    return folder


def test_the_card_is_complete(runs, tmp_path):
    card = export_run(runs / "run", "mine", tmp_path / "checkpoints")
    assert card == read_card("mine", tmp_path / "checkpoints")
    assert set(read_json(tmp_path / "checkpoints" / "mine.json")) == set(Card.model_fields)
    assert (card.name, card.title, card.architecture, card.loss.kind) == ("mine", "MSE", "pecl", "mse")
    assert (card.batch, card.seed, card.precision) == (2, 7, "32-true")
    assert card.kept_iteration in (2, 4)
    # Counted are the steps that led to these weights: a warm-up that went on past its best does not count for more.
    assert card.iterations == card.stages[0]["best_iteration"] + card.kept_iteration
    assert card.seconds > 0 and card.device.startswith("CPU") and card.torch == torch.__version__
    assert card.data == [{"name": "plates", "split": "train", "share": 1.0, "plates": 6}]
    assert (card.validation["data"], card.validation["split"], card.validation["n"]) == ("generated", "val", 3)
    assert [stage["recipe"]["iterations"] for stage in card.stages] == [3]
    assert card.recipe["init_from"] == f"warm-up/{BEST}"
    assert card.test is None


def test_no_card_tells_where_things_lay(runs, plate_folder, tmp_path):
    export_run(runs / "run", "mine", tmp_path)
    text = (tmp_path / "mine.json").read_text(encoding="utf-8")
    assert str(runs) not in text and str(plate_folder.parent) not in text
    # Nothing in it is an absolute path.
    assert '"/' not in text


def test_the_model_card_is_written_and_published_along(runs, tmp_path):
    card = export_run(runs / "run", "mine", tmp_path / "own")
    written = tmp_path / "own" / "mine.md"
    assert written.read_text(encoding="utf-8") == model_card(card)
    # A run of a version that wrote none gets one where it is published.
    written.unlink()
    publish("mine", tmp_path / "own", tmp_path / "all")
    assert (tmp_path / "all" / "mine.md").read_text(encoding="utf-8") == model_card(card)
    assert str(runs) not in model_card(card)


def test_weights_ship_in_half_precision_where_that_costs_nothing(runs, tmp_path):
    card = export_run(runs / "run", "mine", tmp_path)
    best, shipped = load_tensors(runs / "run" / BEST)[0], load_tensors(tmp_path / "mine.safetensors")[0]
    assert card.weights_dtype == "float16"
    assert best.keys() == shipped.keys()
    assert all(torch.equal(shipped[name], tensor.half()) for name, tensor in best.items())
    assert load_restorer("mine", tmp_path).restore(np.zeros((4, 4, 3), np.uint8)).shape == (32, 32, 3)


@pytest.mark.parametrize(("loss", "dtype"), [(0.009, "float16"), (0.011, "float32")])
def test_half_precision_may_cost_a_hundredth_of_a_decibel(runs, tmp_path, monkeypatch, loss, dtype):
    scores = iter([20.0, 20.0 - loss])
    monkeypatch.setattr(export, "validation_scores", lambda *_: {"val_psnr": next(scores), "val_psnr_y": 0.0})
    card = export_run(runs / "run", "mine", tmp_path)
    assert card.weights_dtype == dtype
    # The score on the card is that of the weights in the file.
    assert card.validation["val_psnr"] == (20.0 if dtype == "float32" else 20.0 - loss)
    shipped, _ = load_tensors(tmp_path / "mine.safetensors")
    assert {tensor.dtype for tensor in shipped.values()} == {getattr(torch, dtype)}


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no run with weights"):
        export_run(tmp_path, "mine", tmp_path)


@pytest.mark.parametrize("name", ["bicubic", "../mine"])
def test_a_name_that_cannot_be_is_refused(runs, tmp_path, name):
    with pytest.raises(InputError, match="name"):
        export_run(runs / "run", name, tmp_path / "checkpoints")
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_title_of_its_own(runs, tmp_path):
    assert export_run(runs / "run", "mine", tmp_path, title="My first").title == "My first"


def test_a_checkpoint_is_published_once_and_over_no_other(runs, tmp_path, make_checkpoint):
    card = export_run(runs / "run", "mine", tmp_path / "own")
    for _ in range(2):
        publish("mine", tmp_path / "own", tmp_path / "all")
        assert read_card("mine", tmp_path / "all") == card
    # Its weights are there, its card was not written any more.
    (tmp_path / "all" / "mine.json").unlink()
    publish("mine", tmp_path / "own", tmp_path / "all")
    assert load_restorer("mine", tmp_path / "all").sha256 == card.sha256
    make_checkpoint(tmp_path / "all", "mine")
    theirs = {path.name: path.read_bytes() for path in (tmp_path / "all").iterdir()}
    with pytest.raises(InputError, match="another checkpoint 'mine'"):
        publish("mine", tmp_path / "own", tmp_path / "all")
    with pytest.raises(InputError, match="another checkpoint"):
        check_free("mine", tmp_path / "nothing", tmp_path / "all")
    assert theirs == {path.name: path.read_bytes() for path in (tmp_path / "all").iterdir()}
    check_free("other", tmp_path / "nothing", tmp_path / "all")


def test_a_checkpoint_can_be_trained_on(runs, tmp_path):
    card = export_run(runs / "run", "mine", tmp_path)
    recipe = json.loads((runs / "run" / "recipe.json").read_text()) | {"init_from": str(tmp_path / "mine.safetensors")}
    run = train(parse(Recipe, recipe), tmp_path / "next")
    assert run["init_sha256"] == card.sha256
    # The checkpoint's own history, then the checkpoint.
    assert [stage["best_iteration"] for stage in run["stages"]] == [
        card.stages[0]["best_iteration"],
        card.kept_iteration,
    ]
    # Whatever it is called; what restores nothing is refused.
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"mine{suffix}").rename(tmp_path / f"plate-mine{suffix}")
    values = read_json(tmp_path / "plate-mine.json")
    write_json(tmp_path / "plate-mine.json", values | {"name": "plate-mine"})
    recipe |= {"init_from": str(tmp_path / "plate-mine.safetensors")}
    assert train(parse(Recipe, recipe), tmp_path / "renamed")["stages"] == run["stages"]
    write_json(tmp_path / "plate-mine.json", values | {"name": "plate-mine", "architecture": "resnet18-embedder"})
    with pytest.raises(InputError, match="restores nothing"):
        train(parse(Recipe, recipe), tmp_path / "refused")
