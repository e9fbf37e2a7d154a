"""Training of the plate reader: it learns, resumes to the same result, and becomes a reader."""

import pytest
import torch

from lpsr.checkpoints import AUXILIARIES, PLATE, ReaderCard, list_checkpoints, read_auxiliary_card
from lpsr.cli import main
from lpsr.data.plates import open_plates, write_index
from lpsr.errors import InputError
from lpsr.files import read_json, sha256
from lpsr.models.weights import load_tensors
from lpsr.plates import is_plate
from lpsr.readers.own import load
from lpsr.training.export import auxiliary_of_run, export_auxiliary
from lpsr.training.loop import LOG, make_fabric, read_log
from lpsr.training.reader import WEIGHTS, pretrain_reader
from lpsr.training.recipe import ReaderRecipe, parse

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def recipe(plate_folder):
    return ReaderRecipe(
        data=[{"folder": str(plate_folder)}],
        validation={"folder": str(plate_folder), "limit": 1},
        iterations=6,
        batch=3,
        coarsest=2,
        precision="32-true",
        log_every=2,
        validate_every=3,
    )


def test_it_learns_and_a_stopped_run_goes_on_to_the_same_weights(recipe, tmp_path):
    done = pretrain_reader(recipe, tmp_path / "whole", fabric=make_fabric("32-true", "cpu"))
    losses = [entry["loss"] for entry in read_log(tmp_path / "whole" / LOG) if "loss" in entry]
    assert losses[-1] < losses[0]
    assert set(done) >= {"val_exact", "val_characters", "val_exact_x2", "val_characters_x2"}
    assert "val_exact_x4" not in done

    # Other random numbers were drawn before the second sitting.
    left = iter([None] * 3 + ["pause"])
    stopped = pretrain_reader(recipe, tmp_path / "parts", should_stop=lambda: next(left, None))
    assert not stopped["done"] and stopped["iteration"] == 4
    torch.rand(5)
    pretrain_reader(recipe, tmp_path / "parts")
    one, two = (load_tensors(tmp_path / name / WEIGHTS)[0] for name in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)

    # It goes on from other weights where it is told to, and needs them no more once it has begun.
    start = (tmp_path / "whole" / WEIGHTS).rename(tmp_path / "start.safetensors")
    begun = recipe.model_copy(update={"init_from": str(start), "iterations": 2})
    pretrain_reader(begun, tmp_path / "next", should_stop=lambda: "pause")
    start.unlink()
    assert pretrain_reader(begun, tmp_path / "next")["done"]
    next_losses = [entry["loss"] for entry in read_log(tmp_path / "next" / LOG) if "loss" in entry]
    assert next_losses[0] < losses[0]


def test_a_card_tells_what_the_weights_had_learned_before(recipe, tmp_path):
    pretrain_reader(recipe.model_copy(update={"iterations": 2}), tmp_path / "first")
    export_auxiliary(tmp_path / "first", "plate-first", tmp_path / "out")
    weights = tmp_path / "first" / WEIGHTS, tmp_path / "out" / "plate-first.safetensors"
    for number, start in enumerate(weights):
        begun = recipe.model_copy(update={"init_from": str(start), "iterations": 3, "factors": "linear"})
        pretrain_reader(begun, tmp_path / f"next-{number}", should_stop=lambda: "pause")
        pretrain_reader(begun, tmp_path / f"next-{number}")
        card = export_auxiliary(tmp_path / f"next-{number}", f"plate-next-{number}", tmp_path / "out")
        assert (card.iterations, card.kept_iteration, card.init_sha256) == (5, 3, sha256(start))
        assert [(one["best_iteration"], one["recipe"]["factors"]) for one in card.stages] == [(2, "logarithmic")]
        words = (tmp_path / "out" / f"plate-next-{number}.md").read_text(encoding="utf-8")
        assert "| | stage 1 | stage 2 |" in words and str(tmp_path) not in words


def test_a_stopped_run_counts_the_steps_that_its_weights_have(recipe, tmp_path):
    # Validated, and so saved, after 3 of them.
    left = iter([None] * 3 + ["pause"])
    assert pretrain_reader(recipe, tmp_path / "run", should_stop=lambda: next(left, None))["iteration"] == 4
    assert export_auxiliary(tmp_path / "run", "plate-mine", tmp_path / "out").iterations == 3
    begun = recipe.model_copy(update={"init_from": str(tmp_path / "run" / WEIGHTS), "iterations": 1})
    assert [one["best_iteration"] for one in pretrain_reader(begun, tmp_path / "next")["stages"]] == [3]


def test_what_is_exported_is_a_reader_and_no_checkpoint(recipe, tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "out"
    pretrain_reader(recipe.model_copy(update={"iterations": 1, "coarsest": 1.0}), run)
    assert auxiliary_of_run(run) == PLATE
    assert main(["export", str(run), "plate-hr", "--checkpoints", str(out)]) == 0
    said = capsys.readouterr().out
    assert "HR-trained reader" in said and "Next: python -m lpsr calibrate-reader plate-hr --data DIR" in said
    card = read_auxiliary_card("plate-hr", out)
    assert isinstance(card, ReaderCard) and card.architecture == AUXILIARIES[PLATE]
    assert (card.temperature, card.threshold, card.calibration, card.test) == (1.0, None, None, None)
    assert list_checkpoints(out) == []
    plate = open_plates(recipe.data[0].folder, "val")[0]
    assert is_plate(load("plate-hr", out).read(plate.hr()).plate_text)
    words = (out / "plate-hr.md").read_text(encoding="utf-8")
    assert "HR plates alone" in words and "Not measured on a test split yet" in words and str(tmp_path) not in words
    assert main(["export", str(run), "plate-hr", "--checkpoints", str(out)]) == 2
    assert "--replace" in capsys.readouterr().err
    for name in ("corners-2", "mine"):
        with pytest.raises(InputError, match="names that begin with"):
            export_auxiliary(run, name, out)


def test_the_title_is_that_of_the_recipe(recipe, tmp_path):
    pretrain_reader(recipe.model_copy(update={"iterations": 1, "validation": None}), tmp_path / "run")
    assert export_auxiliary(tmp_path / "run", "plate-mine", tmp_path / "out").title == "Multi-scale reader"


def test_the_verb_takes_splits_and_shares(plate_folder, tmp_path, capsys):
    data = [f"{plate_folder}@train:0.75", f"{plate_folder}@test:0.25"]
    options = ["--iterations", "1", "--batch", "2", "--coarsest", "2", "--accelerator", "cpu"]
    assert main(["pretrain-reader", str(tmp_path / "run"), "--data", data[0], "--data", data[1], *options]) == 0
    assert f"Next: python -m lpsr export {tmp_path / 'run'} plate-multiscale" in capsys.readouterr().err
    run = read_json(tmp_path / "run" / "run.json")
    assert [(one["split"], one["share"], one["plates"]) for one in run["data"]] == [
        ("train", 0.75, 6),
        ("test", 0.25, 3),
    ]
    assert main(["pretrain-reader", str(tmp_path / "no"), "--data", str(plate_folder), "--coarsest", "0.5"]) == 2
    assert "coarsest" in capsys.readouterr().err
    assert main(["pretrain-reader", str(tmp_path / "no"), "--data", data[0], "--init-from", data[0]]) == 2
    assert capsys.readouterr().err.startswith("lpsr: ")


def test_validation_needs_texts(recipe, plate_folder, tmp_path):
    plate = open_plates(plate_folder, "val")[0]
    (tmp_path / "plates").mkdir()
    (tmp_path / "plates" / "a.png").write_bytes(plate.path.read_bytes())
    write_index(tmp_path / "plates", [{"file": "a.png", "text": "", "split": "val"}])
    values = recipe.model_dump() | {"validation": {"folder": str(tmp_path / "plates")}}
    with pytest.raises(InputError, match="to validate on has a text"):
        pretrain_reader(parse(ReaderRecipe, values), tmp_path / "run")
