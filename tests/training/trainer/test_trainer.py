"""Training runs: they learn by the recipe, and keep their best weights."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from trainer_runs import stop_after

from lpsr.checkpoints import shipped_auxiliary
from lpsr.data.patches import NO_AUGMENTATION, PatchSampler, load_sources
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.metrics.fidelity import psnr
from lpsr.models.network import SuperResolutionNetwork
from lpsr.models.restorer import NetworkRestorer, to_tensor
from lpsr.models.weights import load_tensors, save_tensors
from lpsr.training import loop, trainer
from lpsr.training.loop import (
    LOG,
    RUN,
    STATE,
    agreed,
    cosine,
    load_group,
    load_groups,
    make_fabric,
    own_places,
    prefetch,
    read_log,
    workers_for,
)
from lpsr.training.recipe import DataSource, parse
from lpsr.training.trainer import BEST, FILM, is_validation, make_sampler, train, update_average

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_loss_falls_and_the_log_tells(make_recipe, tmp_path, precision):
    recipe = make_recipe(precision=precision, iterations=120, log_every=20, validate_every=60, batch=4)
    heard = []
    run = train(recipe, tmp_path / "run", report=heard.append)
    entries = read_log(tmp_path / "run" / LOG)
    assert [(entry["iteration"], *entry) for entry in heard] == [(entry["iteration"], *entry) for entry in entries]
    losses = [entry["pixel"] for entry in entries if "pixel" in entry]
    scores = [entry["val_psnr"] for entry in entries if "val_psnr" in entry]
    assert len(losses) == 6
    assert [entry["iteration"] for entry in entries if "val_psnr" in entry] == [10, 20, 50, 60, 120]
    assert losses[-1] < losses[0]
    untrained = NetworkRestorer(trainer.make_network(recipe), "x")
    start = np.median([psnr(hr, untrained.restore(lr)) for hr, lr in trainer.load_pairs(recipe.validation)])
    assert scores[-1] > start + 0.1
    assert run == read_json(tmp_path / "run" / RUN)
    assert run["done"] and run["iteration"] == 120 and run["best"] == max(scores)
    assert run["data"] == [{"name": "plates", "split": "train", "share": 1.0, "plates": 6}]


def test_training_is_adam_on_the_samplers_batches(make_recipe, plate_folder, tmp_path):
    recipe = make_recipe(iterations=5, augment=False, warm_up=2, validation=None, final_learning_rate=1e-4)
    train(recipe, tmp_path / "run")
    torch.manual_seed(recipe.seed)
    network = SuperResolutionNetwork(recipe.network)
    optimizer = torch.optim.Adam(network.parameters())
    sampler = PatchSampler([(load_sources(open_plates(plate_folder, "train")), 1)], (32, 32), 0, NO_AUGMENTATION)
    average = {}
    for i in range(5):
        hr, lr = sampler.batch(i, range(2))
        done = max(i - 2, 0) / 3
        rate = 2e-3 * (i + 1) / 2 if i < 2 else 1e-4 + (2e-3 - 1e-4) * (1 + math.cos(math.pi * done)) / 2
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        F.mse_loss(network(to_tensor(lr)), to_tensor(hr)).backward()
        optimizer.step()
        keep = min(0.9, i / (i + 10))
        for name, value in network.state_dict().items():
            average[name] = value.clone() if i == 0 else keep * average[name] + (1 - keep) * value
    state, _ = load_tensors(tmp_path / "run" / STATE)
    best, facts = load_tensors(tmp_path / "run" / BEST)
    for name, value in network.state_dict().items():
        assert torch.allclose(state[f"step.network.{name}"], value, atol=1e-5), name
        assert torch.allclose(best[name], average[name], atol=1e-5), name
    # Without validation the last weights are kept.
    assert facts["iteration"] == 5


def test_each_validation_shows_its_first_pictures(make_recipe, plate_folder, tmp_path):
    seen = []
    validation = {"folder": str(plate_folder), "split": "train"}
    recipe = make_recipe(data=[{"folder": str(plate_folder), "split": "test"}], validation=validation, iterations=5)
    train(recipe, tmp_path / "run", on_validation=lambda *shown: seen.append(shown))
    assert [iteration for iteration, _ in seen] == [4, 5]
    pairs = trainer.load_pairs(recipe.validation)
    assert len(pairs) > FILM == len(seen[0][1])
    restorer = NetworkRestorer(trainer.make_network(recipe), "x")
    tensors, _ = load_tensors(tmp_path / "run" / STATE)
    restorer.network.load_state_dict({name[4:]: value for name, value in tensors.items() if name.startswith("ema.")})
    for (hr, lr), sr in zip(pairs, seen[-1][1], strict=False):
        assert sr.shape == hr.shape and np.array_equal(sr, restorer.restore(lr))


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (1, [1, 2, 3]),
        (10, [10, 20, 30]),
        (15, [10, 15, 30]),
        (100, [10, 20, 50, 100, 200, 300]),
        (2000, [10, 20, 50, 100, 200, 500, 1000, 2000, 4000, 6000]),
    ],
)
def test_early_validations_are_spaced_for_a_logarithmic_axis(every, expected):
    assert [i for i in range(1, 6001) if is_validation(i, every)][: len(expected)] == expected


def test_learnable_weights_are_projected_after_every_step(make_recipe, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(trainer.MseCriterion, "project", lambda self: calls.append(self))
    train(make_recipe(iterations=3), tmp_path / "run")
    assert len(calls) == 3


def test_the_best_weights_are_kept(make_recipe, tmp_path, monkeypatch):
    scores = iter([20.0, 25.0, 22.0])
    monkeypatch.setattr(trainer, "validation_scores", lambda *_: {"val_psnr": next(scores), "val_psnr_y": 0.0})
    run = train(make_recipe(), tmp_path / "run")
    assert (run["best"], run["best_iteration"]) == (25.0, 8)
    best, facts = load_tensors(tmp_path / "run" / BEST)
    assert facts["iteration"] == 8
    state, _ = load_tensors(tmp_path / "run" / STATE)
    assert not torch.equal(best["output.bias"], state["ema.output.bias"])


def test_an_early_validation_keeps_weights_only_until_a_regular_one(make_recipe, tmp_path, monkeypatch):
    scores = iter([25.0, 20.0, 21.0])
    monkeypatch.setattr(trainer, "validation_scores", lambda *_: {"val_psnr": next(scores), "val_psnr_y": 0.0})
    recipe = make_recipe(validate_every=15, iterations=20)
    early = train(recipe, tmp_path / "run", should_stop=stop_after(12))
    assert (early["best"], early["best_iteration"]) == (25.0, 10)
    run = train(recipe, tmp_path / "run")
    assert (run["best"], run["best_iteration"]) == (21.0, 20)


def test_a_loss_that_is_no_number_stops_the_run(make_recipe, tmp_path, tiny_network):
    network = SuperResolutionNetwork(make_recipe().network)
    torch.nn.init.constant_(network.output.bias, float("nan"))
    save_tensors(tmp_path / "nan.safetensors", network.state_dict())
    with pytest.raises(InputError, match="no longer a number at iteration 3"):
        train(make_recipe(init_from=str(tmp_path / "nan.safetensors")), tmp_path / "run")
    # null, since JSON has no NaN.
    last = (tmp_path / "run" / LOG).read_text().splitlines()[-1]
    assert json.loads(last, parse_constant=lambda _: pytest.fail("NaN in JSON"))["total"] is None


def test_a_run_starts_from_another_runs_weights_and_says_so(make_recipe, tmp_path):
    train(make_recipe(iterations=2), tmp_path / "first")
    second = make_recipe(iterations=2, seed=1, init_from=str(tmp_path / "first" / BEST))
    ours, theirs = trainer.make_network(second).state_dict(), load_tensors(tmp_path / "first" / BEST)[0]
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    train(second, tmp_path / "second")
    run = train(make_recipe(iterations=2, init_from=str(tmp_path / "second" / BEST)), tmp_path / "third")
    assert [stage["recipe"]["seed"] for stage in run["stages"]] == [0, 1]
    assert [stage["iteration"] for stage in run["stages"]] == [2, 2]
    with pytest.raises(InputError, match="does not fit"):
        trainer.make_network(second.model_copy(update={"network": parse(type(second.network), {"blocks": 2})}))


def test_pecl_without_an_embedder_is_refused(make_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "shipped_auxiliary", lambda name: shipped_auxiliary(name, tmp_path))
    with pytest.raises(InputError, match="pretrain-embedder"):
        train(make_recipe(loss={"kind": "pecl"}), tmp_path / "run")


def test_the_moving_average_is_the_formulas():
    network = torch.nn.Linear(2, 1)
    average = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    expected = 0.0
    for i, value in enumerate((1.0, 3.0, -2.0, 8.0)):
        torch.nn.init.constant_(network.weight, value)
        update_average(average, network, 0.15, i)
        keep = [0, 1 / 11, 0.15, 0.15][i]
        expected = keep * expected + (1 - keep) * value
        assert average["weight"].flatten().tolist() == pytest.approx([expected] * 2)


def test_the_schedule_rises_to_the_start_and_falls_to_the_end():
    rates = [cosine(i, 10, 1.0, 0.1, warm_up=2) for i in range(11)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[6] == pytest.approx(0.55)
    assert rates[10] == pytest.approx(0.1)
    assert rates[2:] == sorted(rates[2:], reverse=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_order_and_their_errors_too(workers):
    assert list(prefetch(lambda i: i * i, 3, 6, workers)) == [(3, 9), (4, 16), (5, 25)]
    assert list(prefetch(lambda i: i, 6, 6, workers)) == []

    def broken(i):
        raise InputError("bad plate")

    with pytest.raises(InputError, match="bad plate"):
        list(prefetch(broken, 0, 2, workers))


@pytest.mark.parametrize("patch", [(32, 48), "whole"])
def test_workers_draw_the_same_patches(make_recipe, patch):
    recipe = make_recipe(patch=patch)
    sampler = make_sampler(recipe, load_groups(recipe.data)[0])

    def batch(i):
        return sampler.batch(i, range(3))

    # The generator that weights are drawn from stays as it was.
    state = torch.get_rng_state()
    for (i, one), (j, other) in zip(prefetch(batch, 4, 9), prefetch(batch, 4, 9, 2), strict=True):
        assert i == j and all(map(np.array_equal, one, other))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("device", "system", "world", "workers"),
    [
        ("cpu", "linux", 1, 0),
        ("cuda", "linux", 1, 7),
        ("cuda", "linux", 4, 1),
        ("cuda", "linux", 16, 0),
        ("cuda", "win32", 1, 0),
    ],
)
def test_a_gpu_gets_its_batches_from_the_other_cores(monkeypatch, device, system, world, workers):
    monkeypatch.setattr(loop, "cores", lambda: 8)
    monkeypatch.setattr(loop.sys, "platform", system)
    assert workers_for(SimpleNamespace(device=torch.device(device), world_size=world)) == workers


def test_runs_of_one_process_decode_their_plates_once(plate_folder):
    first, other = (DataSource(folder=str(plate_folder), share=share) for share in (1.0, 0.5))
    assert load_group(first) is load_group(other)
    assert len(load_group(first.model_copy(update={"limit": 2}))) == 2


class Processes:
    """As much of a Fabric as the shares of a batch need."""

    world_size, global_rank = 3, 1


def test_processes_share_a_batch():
    assert own_places(Processes, 6) == range(2, 4)
    with pytest.raises(InputError, match="3 processes"):
        own_places(Processes, 7)
    fabric = make_fabric("32-true", "cpu")
    assert own_places(fabric, 5) == range(5)
    assert [agreed(fabric, request) for request in (None, "pause", "keep")] == [None, "pause", "keep"]
