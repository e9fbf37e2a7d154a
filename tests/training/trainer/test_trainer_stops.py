"""Training runs resume to the same result, and never lose what they had."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from trainer_runs import assert_same_run, cpu, load_state, log_of, stop_after

from lpsr.errors import InputError
from lpsr.files import read_json, sha256
from lpsr.models.embedder import ResNet18
from lpsr.models.weights import load_tensors, save_tensors
from lpsr.training import base
from lpsr.training.loop import (
    LOCK,
    LOG,
    RECIPE,
    RUN,
    STATE,
    Log,
    claimed,
    read_log,
)
from lpsr.training.recipe import EmbedderRecipe, Recipe, parse
from lpsr.training.trainer import BEST, train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("stop", [2, 4, 7])
def test_a_resumed_run_equals_an_uninterrupted_one(make_recipe, tmp_path, precision, stop):
    recipe = make_recipe(precision=precision)
    train(recipe, tmp_path / "whole")
    stopped = train(recipe, tmp_path / "parts", should_stop=stop_after(stop))
    assert not stopped["done"] and stopped["iteration"] == stop == read_json(tmp_path / "parts" / RUN)["iteration"]
    assert train(recipe, tmp_path / "parts")["done"]
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_keep_validates_where_pause_does_not(make_recipe, tmp_path):
    recipe = make_recipe()
    paused = train(recipe, tmp_path / "paused", should_stop=stop_after(3))
    assert paused["best"] is None and not (tmp_path / "paused" / BEST).exists()
    kept = train(recipe, tmp_path / "kept", should_stop=stop_after(3, "keep"))
    assert kept == read_json(tmp_path / "kept" / RUN)
    assert (kept["iteration"], kept["done"], kept["best_iteration"]) == (3, False, 3)
    assert [entry["iteration"] for entry in log_of(tmp_path / "kept") if "val_psnr" in entry] == [3]
    ours, theirs = load_tensors(tmp_path / "kept" / BEST), load_tensors(tmp_path / "paused" / STATE)
    assert ours[1]["iteration"] == 3
    assert all(torch.equal(tensor, theirs[0][f"ema.{name}"]) for name, tensor in ours[0].items())
    # Training can go on from there.
    assert train(recipe, tmp_path / "kept")["done"]
    assert torch.equal(*(load_state(make_recipe(), tmp_path / name) for name in ("kept", "whole")))


def test_a_pecl_run_resumes_and_logs_the_path_of_its_weights(make_recipe, embedder, tmp_path):
    loss = {"kind": "pecl", "weighting": "uncertainty", "d": 64}
    recipe = make_recipe(loss=loss, embedder=embedder, iterations=6, log_every=2)
    train(recipe, tmp_path / "whole")
    train(recipe, tmp_path / "parts", should_stop=stop_after(3))
    train(recipe, tmp_path / "parts")
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    entries = [entry for entry in read_log(tmp_path / "whole" / LOG) if "total" in entry]
    weights = [(entry["w_pixel"], entry["w_contrastive"]) for entry in entries]
    assert len(set(weights)) == len(weights) == 3
    assert weights[0] == pytest.approx((0.5, 0.5), abs=0.01)
    assert all(entry["contrastive"] > 0 and entry["distance"] > 0 for entry in entries)
    # The embedder is frozen and has its own file.
    state, _ = load_tensors(tmp_path / "whole" / STATE)
    assert "step.criterion.weighting.log_variance" in state
    assert not [name for name in state if "embedder" in name]


def test_a_crash_while_saving_leaves_the_state_before(make_recipe, tmp_path, monkeypatch):
    recipe = make_recipe()
    train(recipe, tmp_path / "whole")

    def write_half(tensors, path, facts):
        if int(facts["iteration"]) >= 8:
            path.write_bytes(b"half of it")
            raise KeyboardInterrupt
        save_file(tensors, path, facts)

    from lpsr.models import weights

    save_file = weights.save_file
    monkeypatch.setattr(weights, "save_file", write_half)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "crashed")
    monkeypatch.undo()
    assert load_tensors(tmp_path / "crashed" / STATE)[1]["iteration"] == 4
    assert (
        len([path for path in (tmp_path / "crashed").iterdir() if path.name.startswith(".") and path.name != LOCK]) == 0
    )
    train(recipe, tmp_path / "crashed")
    assert_same_run(tmp_path / "whole", tmp_path / "crashed")


def test_a_finished_run_is_left_as_it_is(make_recipe, tmp_path):
    recipe = make_recipe()
    train(recipe, tmp_path / "run")
    before = (tmp_path / "run" / STATE).read_bytes(), log_of(tmp_path / "run")
    assert train(recipe, tmp_path / "run")["done"]
    assert before == ((tmp_path / "run" / STATE).read_bytes(), log_of(tmp_path / "run"))


def test_a_folder_of_another_recipe_or_of_other_things_is_refused(make_recipe, tmp_path):
    train(make_recipe(iterations=1), tmp_path / "run")
    for other in (make_recipe(iterations=2), parse(EmbedderRecipe, {"data": make_recipe().data})):
        with pytest.raises(InputError, match="another recipe"), claimed(tmp_path / "run", other, cpu()):
            pass
    with pytest.raises(InputError, match="another recipe"):
        train(make_recipe(iterations=2), tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    for taken in (tmp_path / "other", tmp_path / "other" / "thesis.txt"):
        with pytest.raises(InputError, match="holds no run"):
            train(make_recipe(), taken)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_what_a_killed_process_was_writing_is_removed_and_forgiven(make_recipe, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".recipe.a1b2c3d4.json").write_text("{")
    (tmp_path / "run" / ".mine").write_text("stays")
    assert train(make_recipe(iterations=1), tmp_path / "run")["done"]
    assert {path.name for path in (tmp_path / "run").glob(".*")} <= {LOCK, ".mine"}
    assert (tmp_path / "run" / ".mine").exists()


def test_a_run_that_stops_early_leaves_no_workers(monkeypatch, make_recipe, tmp_path):
    monkeypatch.setattr(base, "workers_for", lambda fabric: 2)
    assert train(make_recipe(), tmp_path / "one", fabric=cpu(), should_stop=stop_after(3))["iteration"] == 3
    assert multiprocessing.active_children() == []
    train(make_recipe(), tmp_path / "one", fabric=cpu())
    assert multiprocessing.active_children() == []
    monkeypatch.undo()
    train(make_recipe(), tmp_path / "two", fabric=cpu())
    one, two = (load_tensors(tmp_path / name / BEST)[0] for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_killed_before_it_could_say_that_it_is_done_says_so(make_recipe, tmp_path):
    recipe = make_recipe(iterations=4)
    train(recipe, tmp_path, fabric=cpu(), should_stop=stop_after(2))
    before = (tmp_path / RUN).read_bytes()
    done = train(recipe, tmp_path, fabric=cpu())
    (tmp_path / RUN).write_bytes(before)
    assert train(recipe, tmp_path, fabric=cpu())["done"]
    assert read_json(tmp_path / RUN) == done


def test_a_log_drops_what_came_after_the_state_and_a_torn_line(tmp_path):
    path = tmp_path / LOG
    path.write_text('{"iteration": 1}\n{"iteration": 5}\n{"iteration": 9}\n{"itera', encoding="utf-8")
    Log(path, 5, None).write({"iteration": 6, "loss": float("nan")})
    assert read_log(path) == [{"iteration": 1}, {"iteration": 5}, {"iteration": 6, "loss": None}]


def test_the_recipe_in_the_folder_is_the_runs(make_recipe, tmp_path):
    recipe = make_recipe(iterations=1)
    train(recipe, tmp_path / "run")
    assert parse(Recipe, read_json(tmp_path / "run" / RECIPE)) == recipe


def test_two_trainings_never_share_a_folder(make_recipe, tmp_path):
    recipe = make_recipe(iterations=1)
    with claimed(tmp_path / "run", recipe, cpu()), pytest.raises(InputError, match="by another process"):
        train(recipe, tmp_path / "run")
    assert train(recipe, tmp_path / "run")["done"]


def test_a_state_of_something_else_is_refused_not_forgotten(make_recipe, tmp_path):
    recipe = make_recipe(iterations=2)
    train(make_recipe(iterations=2), tmp_path / "run")
    tensors, facts = load_tensors(tmp_path / "run" / STATE)
    without_network = {name: tensor for name, tensor in tensors.items() if not name.startswith("step.")}
    for broken in (without_network, {name: tensor.flatten()[:0] for name, tensor in tensors.items()}):
        save_tensors(tmp_path / "run" / STATE, broken, **facts)
        with pytest.raises(InputError, match="does not fit this recipe"):
            train(recipe, tmp_path / "run")


def test_resuming_needs_its_own_embedder_but_not_its_first_weights(make_recipe, embedder, tmp_path):
    train(make_recipe(iterations=1), tmp_path / "first")
    own = tmp_path / "embedder.safetensors"
    own.write_bytes(Path(embedder).read_bytes())
    recipe = make_recipe(
        iterations=3, loss={"kind": "pecl"}, embedder=str(own), init_from=str(tmp_path / "first" / BEST)
    )
    train(recipe, tmp_path / "run", should_stop=stop_after(1))
    before = read_json(tmp_path / "run" / RUN)
    (tmp_path / "first" / BEST).unlink()
    assert before["embedder_sha256"] == sha256(own) and len(before["stages"]) == 1
    torch.manual_seed(1)
    save_tensors(own, ResNet18(1000).state_dict())
    with pytest.raises(InputError, match="embedder is not the one"):
        train(recipe, tmp_path / "run")
    own.write_bytes(Path(embedder).read_bytes())
    run = train(recipe, tmp_path / "run")
    assert run["done"] and run["stages"] == before["stages"] and run["init_sha256"] == before["init_sha256"]


def test_a_crash_costs_no_more_than_the_time_between_two_saves(make_recipe, tmp_path, monkeypatch):
    recipe = make_recipe(iterations=8, validate_every=1000, ema=0.5)
    train(recipe, tmp_path / "whole")
    monkeypatch.setattr("lpsr.training.base.SAVE", 0.0)
    asked = iter(range(100))

    def crash():
        if next(asked) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "parts", should_stop=crash)
    assert load_tensors(tmp_path / "parts" / STATE)[1]["iteration"] == 5
    train(recipe, tmp_path / "parts")
    whole, parts = (load_tensors(tmp_path / name / BEST)[0] for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
