"""``pipeline``: its command line says a plan, and it is steered by signals and by a file."""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lpsr.checkpoints import read_card
from lpsr.cli import main, pipeline
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.training import stages
from lpsr.training.plan import LOSSES, PRESETS, Plan, command_line, preset
from lpsr.training.recipe import parse
from lpsr.training.status import CONTROL, LOCK, PLAN, PROCESS, STATUS, Status, read_status, write_status


@pytest.fixture
def nice(monkeypatch) -> list[int]:
    """What the process was lowered by."""
    asked: list[int] = []
    monkeypatch.setattr(os, "nice", asked.append)
    return asked


@pytest.fixture
def root(tmp_path, monkeypatch, nice) -> Path:
    def no_reader():
        raise InputError("There is none.")

    monkeypatch.setattr(stages, "get_reader", no_reader)
    monkeypatch.setattr(stages, "CHECKPOINTS", tmp_path / "published")
    threads = torch.get_num_threads()
    yield tmp_path / "runs"
    torch.set_num_threads(threads)


@pytest.fixture
def options(plate_folder, tiny_network, monkeypatch, tmp_path) -> list[str]:
    monkeypatch.setattr("lpsr.training.material.LEAST", 1)
    settings = {"network": tiny_network, "patch": [32, 32], "batch": 2, "iterations": 6, "log_every": 2}
    settings |= {"validate_every": 4, "precision": "32-true"}
    plan = parse(
        Plan,
        {
            "name": "x",
            "data": {"kind": "folder", "folder": str(plate_folder)},
            "settings": settings,
            "most_val": 2,
            "most_test": 2,
            "device": "cpu",
            "threads": 1,
        },
    )
    return shlex.split(command_line(plan))[5:]


def call(*arguments) -> int:
    return main(["pipeline", *map(str, arguments)])


def parsed(*arguments) -> Plan:
    parser = argparse.ArgumentParser()
    pipeline.add_arguments(parser)
    return pipeline.new_plan(parser.parse_args([str(one) for one in arguments]))


DATA = (
    {"kind": "generated", "count": 1500, "seed": 1},
    {"kind": "generated", "count": 77, "seed": 5},
    {"kind": "folder", "folder": "/data/车牌 1"},
    {"kind": "zip", "file": "/tmp/it's mine.zip"},
)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("data", DATA, ids=lambda data: str(data.get("count", data["kind"])))
def test_the_command_that_the_page_shows_says_the_plan(name, loss, data):
    plan = preset(name, "mine", LOSSES[loss])
    more = {"data": data, "embedder_iterations": 7, "most_test": 9, "device": "cuda", "threads": 3}
    for one in (plan, parse(Plan, {**plan.model_dump(), "data": data}), parse(Plan, {**plan.model_dump(), **more})):
        command = shlex.split(command_line(one, "runs"))
        assert command[:4] == ["python", "-m", "lpsr", "pipeline"]
        assert parsed(*command[4:]) == one


def test_every_setting_can_be_said():
    settings = {
        "network": {"channels": 16, "upsample_channels": [8, 8, 8], "bicubic_skip": False},
        "loss": {"kind": "pecl", "distance": "euclidean", "form": "paired", "weighting": "uncertainty", "d": 64},
        "patch": [48, 96],
        "augment": False,
        "seed": 3,
        "init_from": "/runs/first one/best.safetensors",
        "embedder": "/e.safetensors",
        "precision": "32-true",
    }
    plan = parse(Plan, {"name": "mine", "settings": settings})
    assert parsed(*shlex.split(command_line(plan))[4:]) == plan


def test_weights_mean_the_same_file_wherever_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = parsed("runs/mine", "--set", "init_from=best.safetensors", "--set", "embedder=e.safetensors").settings
    assert settings.init_from == str(tmp_path / "best.safetensors")
    assert settings.embedder == str(tmp_path / "e.safetensors")


def test_a_preset_is_a_start_and_the_folder_names_the_run():
    assert parsed("runs/a.b", "--preset", "demo") == preset("demo", "a.b")
    plan = parsed("runs/mine/", "--preset", "demo", "--data-seed", 4, "--set", "iterations=9")
    expected = preset("demo", "mine")
    assert (plan.data.count, plan.data.seed, plan.settings.iterations) == (expected.data.count, 4, 9)
    assert plan.settings.network == expected.settings.network
    assert parsed("x", "--preset", "demo", "--generate", 60).data.model_dump() == {
        "kind": "generated",
        "count": 60,
        "seed": expected.data.seed,
    }
    # PRESETS themselves stay as they are.
    assert preset("demo", "mine") == expected and expected.settings.iterations != 9


def test_a_plan_file_is_a_start(tmp_path):
    write_json(tmp_path / "plan.json", {"name": "old", "data": {"kind": "folder", "folder": "/x"}, "most_val": 3})
    plan = parsed("runs/new", "--plan", tmp_path / "plan.json")
    assert (plan.name, plan.data.folder, plan.most_val) == ("new", "/x", 3)
    assert parsed("runs/new", "--plan", tmp_path / "plan.json", "--generate", 50).data.kind == "generated"


def test_a_path_means_the_same_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parsed("x", "--data", "plates").data.folder == str(tmp_path / "plates")
    assert parsed("x", "--zip", "a/b.zip").data.file == str(tmp_path / "a" / "b.zip")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mine"], "no run in .*--preset demo"),
        (["mine", "--preset", "quick"], "no preset 'quick'; there are: demo"),
        (["bicubic", "--preset", "demo"], "name: use up to 60"),
        (["embedder-2", "--preset", "demo"], "name: use up to 60"),
        (["mine", "--generate", "3"], "greater than or equal to 50"),
        (["mine", "--set", "iterations"], "write KEY=VALUE"),
        (["mine", "--set", "colour=3"], "no setting 'settings.colour'"),
        (["mine", "--data", "x", "--data-seed", "3"], "no setting 'data.folder.seed'"),
        (["mine", "--plan", "nowhere.json"], "Cannot read nowhere.json"),
    ],
)
def test_what_is_no_plan_is_said_and_leaves_nothing(root, capsys, arguments, sentence):
    name, *rest = arguments
    assert call(root / name, *rest) == 2
    assert re.search(sentence, capsys.readouterr().err)
    assert not root.exists()


@pytest.mark.parametrize("text", ["0", "-1", "nan", "soon"])
def test_minutes_are_a_number(text, capsys):
    with pytest.raises(SystemExit):
        call("mine", "--minutes", text)
    assert "minutes" in capsys.readouterr().err


def test_from_nothing_to_a_checkpoint(root, options, nice, capsys):
    torch.set_num_threads(2)
    assert call(root / "mine", *options) == 0
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines() if ": done" in line or ": skipped" in line] == [
        "data",
        "patches",
        "embedder",
        "train",
        "validate",
        "evaluate",
        "export",
    ]
    assert "train 6, val 3, test 3" in out and "       6 / 6  val_psnr" in out
    assert "Finished: checkpoint mine" in err
    assert read_card("mine", stages.CHECKPOINTS).threads == 1 == torch.get_num_threads()
    # No terminal here.
    assert nice == [10]
    # The same command, or the folder alone, finds it done.
    assert call(root / "mine", *options) == 0 and call(root / "mine") == 0
    assert call(root / "mine", *options, "--set", "seed=8") == 2
    assert "another plan (settings); choose another name" in capsys.readouterr().err


def test_the_threads_leave_a_core_where_nothing_is_said(root, options, monkeypatch):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    place = options.index("--threads")
    assert call(root / "mine", *options[:place], *options[place + 2 :]) == 0
    assert torch.get_num_threads() == max(1, cores - 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_pauses_and_the_folder_alone_goes_on(root, options, interrupt_after, capsys, number):
    interrupt_after(3, number)
    assert call(root / "mine", *options) == 1
    assert f"pipeline {root / 'mine'} goes on" in capsys.readouterr().err
    status = read_status(root / "mine")
    assert (status.state, status.stages["train"].done) == ("paused", 3)
    assert call(root / "mine") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "train ..." and lines[1].split()[:3] == ["4", "/", "6"]


@pytest.mark.parametrize(
    ("request_", "code", "state", "early"), [("keep\n", 0, "done", True), ("pause", 1, "paused", False)]
)
def test_the_control_file_steers(root, options, monkeypatch, after_steps, request_, code, state, early):
    monkeypatch.setattr(pipeline, "_LOOK", 0.0)
    after_steps(3, lambda: (root / "mine" / CONTROL).write_text(request_))
    assert call(root / "mine", *options) == code
    status = read_status(root / "mine")
    assert (status.state, status.early, status.stages["train"].done) == (state, early, 3)
    assert not (root / "mine" / CONTROL).exists()


def test_the_control_file_is_looked_at_now_and_then(tmp_path, monkeypatch):
    now, control = [100.0], tmp_path / CONTROL
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stopped = []
    should_stop = pipeline._steering(control, lambda: "pause" if stopped else None)
    assert should_stop() is None
    control.write_text("keep")
    assert should_stop() is None
    now[0] += 2 * pipeline._LOOK
    assert should_stop() == "keep"
    control.write_text("dance")
    now[0] += 2 * pipeline._LOOK
    assert should_stop() is None
    control.write_bytes(b"\xff\xfe")
    now[0] += 2 * pipeline._LOOK
    assert should_stop() is None
    stopped.append(True)
    assert should_stop() == "pause"


def test_a_pause_for_a_process_that_is_gone_is_forgotten_a_keep_is_not(root, options, interrupt_after):
    interrupt_after(3)
    assert call(root / "mine", *options) == 1
    (root / "mine" / CONTROL).write_text("keep")
    assert call(root / "mine") == 0
    assert (read_status(root / "mine").early, read_status(root / "mine").stages["train"].done) == (True, 4)
    (root / "other").mkdir()
    (root / "other" / CONTROL).write_text("pause")
    write_json(root / "other" / PLAN, read_json(root / "mine" / PLAN) | {"name": "other"})
    assert call(root / "other") == 0
    assert read_status(root / "other").state == "done"


def test_a_limit_of_minutes(root, options):
    assert call(root / "mine", *options, "--minutes", "1e-9") == 0
    assert read_status(root / "mine").early


def test_what_the_page_queued_is_run(root, options):
    plan = parsed(root / "mine", *options)
    write_json(root / "mine" / PLAN, plan.model_dump(mode="json"))
    write_status(root / "mine", Status(created=5.0, place=6.0, owner="somebody"))
    assert call(root / "mine") == 0
    status = read_status(root / "mine")
    assert (status.created, status.place, status.owner, status.state) == (5.0, 6.0, "somebody", "done")


def test_a_failure_is_said_with_its_status(root, options, monkeypatch, capsys):
    monkeypatch.setattr(stages, "publish", lambda *_: (_ for _ in ()).throw(InputError("The shelf is full.")))
    assert call(root / "mine", *options) == 2
    assert "lpsr: The shelf is full." in capsys.readouterr().err
    assert read_status(root / "mine").message == "The shelf is full."


def test_a_folder_of_other_things_is_left_alone(root, options, capsys):
    (root / "mine").mkdir(parents=True)
    (root / "mine" / "thesis.txt").write_text("mine")
    assert call(root / "mine", *options) == 2
    assert "holds no run" in capsys.readouterr().err
    assert not (root / "mine" / PLAN).exists()
    # A process that was killed before it had written the plan is no reason.
    (root / "mine" / "thesis.txt").unlink()
    write_status(root / "mine", Status(created=1.0, place=1.0))
    assert call(root / "mine", *options) == 0


def test_the_lock_is_taken_before_anything_heavy_is_imported(root, options, tmp_path):
    plan = parsed(root / "mine", *options)
    write_json(root / "mine" / PLAN, plan.model_dump(mode="json"))
    script = """
import sys
import filelock
from lpsr.cli import main

def acquire(self, *arguments, **options):
    print(self.lock_file, [name for name in ("torch", "pydantic", "gradio", "paddleocr") if name in sys.modules])
    raise KeyboardInterrupt

filelock.FileLock.acquire = acquire
sys.exit(main(["pipeline", sys.argv[1]]))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", script, str(root / "mine")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert done.stdout.strip() == f"{root / 'mine' / LOCK} ['pydantic']"


def test_a_process_of_its_own_says_who_it_is(root, options, tmp_path):
    """As the page starts it: detached, its output in a file."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "LPSR_CHECKPOINTS": str(tmp_path / "none"),
        "OMP_NUM_THREADS": "1",
    }
    plan = parsed(root / "mine", *options, "--set", "iterations=100000", "--set", "validate_every=100000")
    folder = root / "mine"
    # Enough plates for the data stage, which is its own here.
    plan = plan.model_copy(update={"data": type(preset("demo", "x").data)(count=50)})
    write_json(folder / PLAN, plan.model_dump(mode="json"))
    command = [sys.executable, "-m", "lpsr", "pipeline", str(folder)]
    with open(tmp_path / "output.txt", "w") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    end = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < end:
        if (folder / STATUS).exists() and read_status(folder).stages["train"].done > 3:
            break
        time.sleep(0.1)
    assert int((folder / PROCESS).read_text()) == process.pid
    assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 10
    (folder / CONTROL).write_text("pause")
    assert process.wait(60) == 1, (tmp_path / "output.txt").read_text()
    assert read_status(folder).state == "paused" and not (folder / CONTROL).exists()
    assert json.loads((folder / "train" / "run.json").read_text())["iteration"] > 3
