"""How long a run takes: what is measured, what is known already, and what that comes to."""

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
import torch

from lpsr.errors import InputError
from lpsr.training import estimate as module
from lpsr.training import timing
from lpsr.training.estimate import PARTS, known, measure, validations
from lpsr.training.plan import Plan, preset
from lpsr.training.trainer import is_validation

RATES = {
    "machine": {"begin": 4.0, "generate": 0.01, "decode": 0.001, "picture": 0.005},
    "judges": {"load": 2.0, "all": 0.2, "bicubic": 0.03},
    "network": {"restore": 0.02, "restore_cpu": 0.04},
    "training": {"start": 0.5, "step": 0.1, "save": 0.06},
    "embedder": {"start": 1.0, "step": 0.9, "save": 0.3},
}


def changed(plan=None, **values):
    """The demo, or ``plan``, with other values; those of ``settings`` are added to its own."""
    old = (plan or preset("demo", "run")).model_dump()
    return Plan.model_validate(old | values | {"settings": old["settings"] | values.get("settings", {})})


@pytest.fixture
def asked(monkeypatch):
    """The parts that were measured, each time; nothing is."""
    calls = []

    def fake(plan, parts, folder):
        calls.append(list(parts))
        return {part: RATES[part] for part in parts}

    monkeypatch.setattr(module, "_measure", fake)
    return calls


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "runs" / ".estimates"


class TestCache:
    def test_what_was_measured_is_known(self, cache, asked):
        plan = preset("demo", "run")
        assert known(plan, cache) is None
        found = measure(plan, cache)
        assert known(plan, cache) == found == measure(plan, cache)
        assert asked == [["machine", "judges", "network", "training"]]

    @pytest.mark.parametrize(
        "values",
        [
            {"name": "other"},
            {"data": {"kind": "generated", "count": 5000, "seed": 9}},
            {"data": {"kind": "folder", "folder": "/plates"}},
            {"most_val": 3, "most_test": 3},
            {"settings": {"iterations": 7, "seed": 5, "learning_rate": 1e-5, "ema": 0.5, "validate_every": 3}},
        ],
    )
    def test_what_does_not_change_the_speed_needs_no_measurement(self, cache, asked, values):
        measure(preset("demo", "run"), cache)
        assert known(changed(**values), cache) is not None

    @pytest.mark.parametrize(
        ("values", "parts"),
        [
            ({"settings": {"batch": 32}}, ["training"]),
            ({"settings": {"patch": (32, 64)}}, ["training"]),
            ({"settings": {"patch": "whole"}}, ["training"]),
            ({"settings": {"precision": "32-true"}}, ["training"]),
            ({"settings": {"augment": False}}, ["training"]),
            ({"settings": {"loss": {"kind": "pecl"}}}, ["training"]),
            ({"settings": {"network": {}}}, ["network", "training"]),
            ({"threads": 7}, ["judges", "network", "training"]),
            ({"device": "cpu"}, ["network", "training"]),
            ({"settings": {"loss": {"kind": "pecl"}}, "embedder_iterations": 9}, ["training", "embedder"]),
        ],
    )
    def test_only_what_is_new_is_measured(self, cache, asked, values, parts):
        measure(preset("demo", "run"), cache)
        plan = changed(**values)
        assert known(plan, cache) is None
        assert measure(plan, cache) == known(plan, cache)
        assert asked[1:] == [parts]

    def test_an_embedder_that_no_loss_needs_is_not_measured(self, cache, asked):
        assert measure(changed(embedder_iterations=100), cache).stages["embedder"] == 0
        assert asked == [["machine", "judges", "network", "training"]]

    def test_another_machine_or_torch_is_measured_anew(self, cache, asked, monkeypatch):
        plan = preset("demo", "run")
        measure(plan, cache)
        monkeypatch.setattr(module.platform, "node", lambda: "elsewhere")
        assert known(plan, cache) is None
        measure(plan, cache)
        monkeypatch.setattr(module, "version", lambda package: "99")
        assert known(plan, cache) is None

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '{"machine x": 3}', "[" * 100_000, "\0"])
    def test_a_damaged_cache_is_measured_anew(self, cache, asked, text):
        plan = preset("demo", "run")
        cache.parent.mkdir()
        cache.write_text(text)
        assert known(plan, cache) is None
        assert measure(plan, cache) == known(plan, cache)

    @pytest.mark.parametrize("value", [None, "x", 0.0, -1.0, float("nan"), float("inf"), [], {}])
    def test_a_damaged_measurement_is_measured_anew_alone(self, cache, asked, value):
        plan = preset("demo", "run")
        measure(plan, cache)
        entries = json.loads(cache.read_text())
        for key, rates in entries.items():
            if key.startswith("training"):
                rates["step"] = value
        cache.write_text(json.dumps(entries))
        assert known(plan, cache) is None
        measure(plan, cache)
        assert asked[1:] == [["training"]] and known(plan, cache).iterations_per_second == 10

    def test_it_does_not_grow_for_ever_and_keeps_what_is_used(self, cache, asked, monkeypatch):
        monkeypatch.setattr(module, "_MOST", 6)
        for batch in range(1, 16):
            measure(changed(settings={"batch": batch}), cache)
        assert len(json.loads(cache.read_text())) == 10 and asked[1:] == [["training"]] * 14
        assert known(changed(settings={"batch": 1}), cache) is None

    def test_two_that_ask_at_once_measure_once(self, cache, asked):
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda _: measure(preset("demo", "run"), cache), range(4)))
        assert len(asked) == 1 and found == [found[0]] * 4


class TestArithmetic:
    def test_every_stage_is_what_it_does(self, cache, asked):
        plan = changed(data={"kind": "generated", "count": 1000}, most_val=50, most_test=100)
        found = measure(plan, cache)
        # 600 iterations, 60 lines, validated at 10, 20, 50, 100, …, 600.
        train = 0.5 + 850 * 0.001 + 600 * 0.1 + 60 * 0.005 + 9 * (50 * 0.02 + 0.06 + 4 * 0.005)
        stages = {
            "data": 10.0,
            "patches": 0.088,
            "embedder": 0.0,
            "train": train,
            "validate": 50 * 0.081 + 0.06,
            "evaluate": 2 + 100 * 0.27,
            "export": 0.01,
        }
        assert found.stages == pytest.approx(stages) and list(found.stages) == list(stages)
        assert found.iterations_per_second == 10 and found.total == pytest.approx(4 + sum(stages.values()))

    def test_fewer_plates_than_the_plan_takes(self, cache, asked):
        plan = changed(data={"kind": "generated", "count": 100}, most_val=50, most_test=100)
        stages = measure(plan, cache).stages
        assert stages["evaluate"] == pytest.approx(2 + 12 * 0.27) and stages["validate"] == pytest.approx(
            8 * 0.081 + 0.06
        )

    def test_an_embedder_of_its_own(self, cache, asked):
        settings = {"loss": {"kind": "pecl"}, "validate_every": 100}
        plan = changed(settings=settings, embedder_iterations=250, data={"kind": "generated", "count": 1000})
        seconds = 1 + 800 * 0.001 + 250 * 0.9 + 3 * (0.3 + 10 / 3 * 0.9)
        assert measure(plan, cache).stages["embedder"] == pytest.approx(seconds)

    def test_plates_that_are_counted_and_those_that_are_not(self, cache, asked):
        folder = changed(data={"kind": "folder", "folder": "/plates"}, most_val=50, most_test=100)
        most = measure(folder, cache).stages
        some = known(folder, cache, {"train": 2000, "val": 5, "test": 7}).stages
        assert most["evaluate"] == pytest.approx(2 + 100 * 0.27) and some["evaluate"] == pytest.approx(2 + 7 * 0.27)
        assert some["train"] - most["train"] == pytest.approx(1955 * 0.001 - 9 * 45 * 0.02)
        assert most["data"] == some["data"] == 0
        archive = changed(data={"kind": "zip", "file": "/plates.zip"})
        assert known(archive, cache, {"train": 900, "val": 50, "test": 50}).stages["data"] == pytest.approx(2)

    @pytest.mark.parametrize("every", [1, 7, 10, 11, 50, 100, 130, 2000, 3000])
    @pytest.mark.parametrize("iterations", [1, 9, 10, 20, 99, 100, 101, 1000, 1999, 2000])
    def test_validations_are_counted_as_the_training_makes_them(self, iterations, every):
        made = [i for i in range(1, iterations + 1) if is_validation(i, every) or i == iterations]
        assert validations(iterations, every) == len(made)


@pytest.fixture
def tiny(tiny_network):
    return changed(
        data={"kind": "generated", "count": 60},
        settings={"network": tiny_network, "batch": 2, "patch": (32, 32), "precision": "32-true"},
        device="cpu",
        threads=1,
    )


class TestTiming:
    def test_a_real_measurement(self, tiny, cache):
        threads = torch.get_num_threads()
        found = measure(tiny, cache)
        assert torch.get_num_threads() == threads
        assert known(tiny, cache) == found and found.total > sum(found.stages.values()) > 0
        assert found.iterations_per_second * found.stages["train"] > tiny.settings.iterations
        assert {key.split()[0] for key in json.loads(cache.read_text())} == set(PARTS) - {"embedder"}
        assert sorted(path.name for path in cache.parent.iterdir()) == [".estimates", ".estimates.lock"]

    def test_every_part_gives_its_rates(self, tiny, tmp_path, monkeypatch):
        monkeypatch.setattr(timing, "_SECONDS", 0.05)
        plan = changed(tiny, settings={"patch": (8, 8), "loss": {"kind": "pecl"}}, embedder_iterations=3)
        timed = timing.Timing(plan, tmp_path, 0.0)
        for part, names in PARTS.items():
            if part != "judges":
                rates = getattr(timed, part)()
                assert tuple(rates) == names and all(value > 0 for value in rates.values())

    def test_what_is_wrong_comes_back_as_its_sentence(self, tiny, cache, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "CHECKPOINTS", tmp_path / "none")
        with pytest.raises(InputError, match="There is no embedder"):
            measure(changed(tiny, settings={"loss": {"kind": "pecl"}}), cache)
        assert not cache.exists()

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
    def test_a_device_that_is_not_there(self, tiny, cache):
        with pytest.raises(InputError, match="no CUDA device"):
            measure(changed(tiny, device="cuda"), cache)

    @pytest.mark.parametrize(("code", "error"), [(-9, InputError), (1, RuntimeError)])
    def test_a_process_that_dies(self, tiny, cache, monkeypatch, code, error):
        died = subprocess.CompletedProcess([], code, "", "Traceback")
        monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: died)
        with pytest.raises(error, match="memory" if code == -9 else "status 1: Traceback"):
            measure(tiny, cache)

    def test_a_process_that_takes_too_long_is_ended(self, tiny, cache, monkeypatch):
        monkeypatch.setattr(module, "_PATIENCE", 0.2)
        with pytest.raises(InputError, match="take minutes here"):
            measure(tiny, cache)
        assert sorted(path.name for path in cache.parent.iterdir()) == [".estimates.lock"]

    @pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
    def test_memory_that_runs_out_is_a_sentence(self, tiny, tmp_path, monkeypatch, capsys, error):
        def fail(*_, **__):
            raise error

        task = {"plan": tiny.model_dump(mode="json"), "parts": ["training"], "folder": str(tmp_path), "began": 0.0}
        monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(task)))
        monkeypatch.setattr(timing, "train", fail)
        monkeypatch.setattr(timing.torch, "set_num_threads", lambda count: None)
        monkeypatch.setattr(timing.Path, "write_text", lambda *_: None)
        timing.main()
        assert "memory is not enough" in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]

    def test_neither_the_first_steps_nor_validated_ones_count(self, tiny, tmp_path, monkeypatch):
        now = [0.0]
        monkeypatch.setattr(timing, "_now", lambda: now[0])
        timed = timing.Timing.__new__(timing.Timing)
        timed.folder, timed.fabric = tmp_path, None

        def work(recipe, folder, fabric, should_stop):
            for i in range(1, 10**6):
                # Slow at first, and after it has validated.
                now[0] += 3 if i == 1 else 1 if i == 2 else 5 if is_validation(i - 1, 10**9) else 0.125
                if should_stop() == "pause":
                    now[0] += 0.5
                    return

        monkeypatch.setattr(timing, "_SECONDS", 20.0)
        timed.trained = timing.DataSource(folder="/plates")
        recipe = timing.Timing._recipe(timed, tiny.settings)
        assert timed._steps(work, recipe, "x") == pytest.approx({"start": 3, "step": 0.125, "save": 0.5})
        monkeypatch.setattr(timing, "_SECONDS", 0.01)
        assert timed._steps(work, recipe, "x")["step"] == 1


class TestLargeBatches:
    @pytest.fixture
    def timed(self, monkeypatch):
        """Steps of 10 ms a patch of 64 × 64; the batches that were tried."""
        monkeypatch.setattr(timing, "_free_memory", lambda: 10**12)

        def make(plan):
            made, tried = timing.Timing.__new__(timing.Timing), []
            made.plan, made.trained = plan, timing.DataSource(folder="/plates")
            made.fabric = type("Fabric", (), {"device": torch.device("cpu")})

            def steps(work, recipe, name):
                tried.append(recipe.batch)
                height, width = recipe.patch
                return {"start": 1.0, "step": 0.01 * recipe.batch * height * width / 4096, "save": 1.0}

            made._steps = steps
            return made, tried

        return make

    @pytest.mark.parametrize(
        ("batch", "patch", "tried"),
        [(16, (64, 64), [16]), (128, (64, 64), [16, 128]), (4000, (64, 64), [16]), (64, (512, 512), [2])],
    )
    def test_a_step_that_would_take_long_is_told_from_a_part_of_it(self, timed, batch, patch, tried):
        made, seen = timed(changed(settings={"batch": batch, "patch": patch}))
        assert made.training()["step"] == pytest.approx(0.01 * batch * patch[0] * patch[1] / 4096)
        assert seen == tried

    def test_whole_plates_are_first_tried_in_a_small_batch(self, timed):
        made, tried = timed(changed(settings={"batch": 64, "patch": "whole"}))
        made._steps = lambda work, recipe, name: tried.append(recipe.batch) or {"start": 1.0, "step": 1.0, "save": 1.0}
        made.training()
        assert tried[0] < 16

    @pytest.mark.parametrize(("free", "error"), [(100, True), (200, False), (400, False)])
    def test_one_that_may_not_fit_is_not_tried_and_one_that_cannot_is_refused(self, timed, monkeypatch, free, error):
        made, seen = timed(changed(settings={"batch": 512}))
        held = iter([10**9, 11 * 10**9])
        monkeypatch.setattr(timing, "peak_memory", lambda: next(held))
        monkeypatch.setattr(timing, "_free_memory", lambda: free * 10**9)
        with pytest.raises(InputError, match="memory is not enough") if error else nullcontext():
            assert made.training()["step"] == pytest.approx(5.12)
        assert seen == [16]
