"""``train``, ``pretrain-embedder`` and ``export`` from the command line, end to end."""

import json
import shutil

import numpy as np
import pytest

from lpsr import readers
from lpsr.checkpoints import AUXILIARIES, EMBEDDER, known_models, load_restorer, read_card
from lpsr.cli import main
from lpsr.cli.train import apply_setting
from lpsr.files import read_json
from lpsr.readers import Reading
from lpsr.training import embedder
from lpsr.training.loop import RECIPE, RUN


def call(*arguments) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def options(plate_folder, tiny_network):
    settings = {"network": tiny_network, "patch": [32, 32], "log_every": 1, "validate_every": 3}
    settings |= {"precision": "32-true"}
    pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    return ["--data", plate_folder, "--batch", 2, "--iterations", 4, "--accelerator", "cpu", "--threads", 1, *pairs]


def test_a_run_becomes_a_checkpoint_that_restores(options, plate_folder, tmp_path, capsys, monkeypatch):
    class Reader:
        engine = "test reader"

        def read(self, picture):
            return Reading("", "皖A12345", 0.5, (0.5,) * 7, self.engine, 0.5)

    monkeypatch.setattr(readers, "get_reader", lambda: Reader())
    assert call("train", tmp_path / "run", *options, "--seed", 3, "--learning-rate", 1e-3) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and lines[0].split()[:3] == ["1", "/", "4"] and "val_psnr" in lines[-1]
    recipe = read_json(tmp_path / "run" / RECIPE)
    assert (recipe["seed"], recipe["learning_rate"], recipe["patch"]) == (3, 1e-3, [32, 32])
    assert recipe["validation"]["folder"] == str(plate_folder) and recipe["validation"]["split"] == "val"

    folder = tmp_path / "checkpoints"
    assert call("export", tmp_path / "run", "mine", "--data", plate_folder, "--checkpoints", folder) == 0
    assert "mine.safetensors: MSE, 4 iterations" in capsys.readouterr().out
    assert known_models(folder) == ["bicubic", "mine"]
    test = read_card("mine", folder).test
    assert test["n"] == 3 and test["passport"]["split"] == "test" and "exact" in test
    assert load_restorer("mine", folder).restore(np.zeros((4, 9, 3), np.uint8)).shape == (32, 72, 3)


def test_ctrl_c_saves_and_the_same_command_continues(options, tmp_path, capsys, interrupt_after):
    interrupt_after(2)
    assert call("train", tmp_path / "run", *options) == 1
    assert "Stopped after 2 iterations; the same command continues." in capsys.readouterr().err
    assert read_json(tmp_path / "run" / RUN)["iteration"] == 2
    assert call("train", tmp_path / "run", *options) == 0
    assert read_json(tmp_path / "run" / RUN)["done"]
    assert call("train", tmp_path / "run", *options, "--seed", 8) == 2
    assert "another recipe" in capsys.readouterr().err


def test_a_recipe_file_can_be_repeated_and_changed(options, plate_folder, tmp_path):
    assert call("train", tmp_path / "one", *options) == 0
    recipe = ["--recipe", tmp_path / "one" / RECIPE, "--accelerator", "cpu"]
    assert call("train", tmp_path / "two", *recipe, "--set", "ema=0.5", "--validation", "none") == 0
    first, second = (read_json(tmp_path / name / RECIPE) for name in ("one", "two"))
    assert second == first | {"ema": 0.5, "validation": None}


def test_data_may_have_shares(options, plate_folder, tmp_path):
    assert call("train", tmp_path / "run", *options, "--data", f"{plate_folder}:0.25") == 0
    data = read_json(tmp_path / "run" / RECIPE)["data"]
    assert [(source["folder"], source["share"]) for source in data] == [
        (str(plate_folder), 1),
        (str(plate_folder), 0.25),
    ]


def test_an_embedder_is_trained_used_and_exported(options, plate_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(embedder, "_VALIDATION_BATCHES", 1)
    run = tmp_path / "embedder"
    machine = ["--data", plate_folder, "--batch", 2, "--accelerator", "cpu", "--threads", 1]
    assert call("pretrain-embedder", run, "--iterations", 1, *machine) == 0
    assert call("pretrain-embedder", run, "--iterations", 1, *machine) == 0
    (run / "state.safetensors").unlink()
    pecl = ["--set", "loss.kind=pecl", "--set", "loss.d=64", "--embedder", run / "embedder.safetensors"]
    assert call("train", tmp_path / "pecl", *options, *pecl, "--iterations", 1) == 0
    assert call("export", run, "embedder", "--checkpoints", tmp_path / "checkpoints") == 0
    card = read_json(tmp_path / "checkpoints" / "embedder.json")
    assert card["architecture"] == AUXILIARIES[EMBEDDER]
    assert str(tmp_path) not in json.dumps(card)
    assert known_models(tmp_path / "checkpoints") == ["bicubic"]
    shutil.rmtree(tmp_path)


def test_settings_are_nested_and_typed():
    values = {"loss": {"kind": "mse"}}
    for setting in ("loss.kind=pecl", "loss.d=64", "augment=false", "patch=[48,96]", "init_from=a=b"):
        apply_setting(values, setting)
    assert values == {"loss": {"kind": "pecl", "d": 64}, "augment": False, "patch": [48, 96], "init_from": "a=b"}


def test_a_checkpoint_is_replaced_only_when_asked(checkpoints, plate_folder, tmp_path, capsys):
    settings = ["--iterations", "1", "--batch", "2", "--set", "precision=32-true", "--accelerator", "cpu"]
    network = ["--set", "network.channels=8", "--set", "network.blocks=1", "--set", "network.growth=4"]
    run = str(tmp_path / "run")
    assert main(["train", run, "--data", str(plate_folder), *settings, *network]) == 0
    before = (checkpoints / "mse.safetensors").read_bytes()
    assert main(["export", run, "mse", "--checkpoints", str(checkpoints)]) == 2
    assert "add --replace" in capsys.readouterr().err
    assert (checkpoints / "mse.safetensors").read_bytes() == before
    assert main(["export", run, "mse", "--checkpoints", str(checkpoints), "--replace"]) == 0
    assert (checkpoints / "mse.safetensors").read_bytes() != before
