"""``study`` from the command line: what is done is done once, whatever ends the process."""

import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest

from lpsr import readers, results
from lpsr.cli import main
from lpsr.cli.study import command_of
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.results import read_results
from lpsr.training import trainer
from lpsr.training.loop import RUN
from lpsr.training.study import Trial

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def study(tmp_path, tiny_network):
    settings = {"network": tiny_network, "patch": [32, 32], "batch": 2, "iterations": 4, "precision": "32-true"}
    settings |= {"log_every": 1, "validate_every": 2}
    runs = [{"name": "late", "init": "early"}, {"name": "early", "settings": {"iterations": 3}}]
    values = {"name": "mine", "about": "Which?", "settings": settings, "runs": runs}
    write_json(tmp_path / "study.json", values)
    return tmp_path / "study.json"


@pytest.fixture
def call(study, tmp_path, plate_folder, reader, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(readers, "get_reader", lambda name: reader)

    def call(*arguments) -> int:
        options = [study, "--runs", tmp_path / "runs", "--data", plate_folder, "--accelerator", "cpu", "--threads", 1]
        return main(["study", *(str(one) for one in (*options, *arguments))])

    return call


@pytest.fixture
def records(tmp_path):
    def records():
        found = read_results(tmp_path / "results")
        assert found.problems == []
        return {record.name: record for record in found.runs}

    return records


def rows(capsys) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}


def test_a_study_is_trained_measured_and_recorded_once(call, records, tmp_path, plate_folder, capsys, monkeypatch):
    assert call("--measure", plate_folder) == 0
    assert "Finished: study mine, 2 runs" in capsys.readouterr().err
    found = records()
    assert list(found) == ["early", "late"]
    measurement = found["late"].measurement
    assert measurement.passport["split"] == "test" and measurement.passport["data"] == "plates"
    assert len(measurement.models["late"].psnr) == 3 and measurement.models["late"].confidence == [0.25] * 3
    command = "python -m lpsr study study.json --only late --data plates --measure plates"
    assert found["late"].command == measurement.command == command
    assert found["late"].stages and str(tmp_path) not in json.dumps(
        [one.model_dump(mode="json") for one in found.values()]
    )

    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(trainer, "NetworkTraining", None)
    assert call("--measure", plate_folder) == call() == 0
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert call("--list") == 0
    table = rows(capsys)
    assert table["early"][:2] == ["3", "3"] and table["early"][3:] == ["measured", "–"]


def test_a_record_that_is_missing_needs_no_training(call, records, tmp_path, plate_folder, monkeypatch):
    assert call() == 0
    assert [record.measurement for record in records().values()] == [None, None]
    monkeypatch.setattr(trainer, "NetworkTraining", None)
    (tmp_path / "results" / "runs" / "mine--early.json").unlink()
    (tmp_path / "results" / "runs" / "mine--late.json").write_text('{"kind": "run", "study"', encoding="utf-8")
    assert call("--measure", plate_folder, "--only", "late") == 0
    assert list(records()) == ["late"] and records()["late"].measurement
    assert call() == 0
    assert records()["early"].measurement is None and records()["late"].measurement


def test_a_record_of_another_recipe_is_not_written_over(call, records, tmp_path, plate_folder, capsys):
    assert call("--measure", plate_folder, "--only", "early") == 0
    assert call("--runs", tmp_path / "others", "--only", "early", "--set", "seed=9") == 1
    assert "holds a record of another recipe" in capsys.readouterr().err
    assert records()["early"].measurement and records()["early"].recipe["seed"] != 9


def test_without_a_reader_it_is_measured_and_read_later(call, records, plate_folder, capsys, monkeypatch):
    def missing(name):
        raise InputError("No reader here.")

    with monkeypatch.context() as patched:
        patched.setattr(readers, "get_reader", missing)
        assert call("--measure", plate_folder, "--only", "early") == 0
    assert "Nothing is read: No reader here." in capsys.readouterr().err
    scores = records()["early"].measurement.models["early"]
    assert scores.confidence is None and len(scores.psnr) == 3
    assert call("--measure", plate_folder, "--only", "early") == 0
    assert records()["early"].measurement.models["early"].confidence


def test_minutes_pause_and_the_same_command_goes_on(call, records, tmp_path, capsys, monkeypatch, after_steps):
    # Over at the first look.
    assert call("--minutes", "1e-9") == 0
    assert "Paused with 2 of 2 runs left (early, late); the same command goes on." in capsys.readouterr().err
    assert records() == {}

    now = time.monotonic
    after_steps(1, lambda: monkeypatch.setattr(time, "monotonic", lambda: now() + 3600))
    assert call("--minutes", "30") == 0
    monkeypatch.undo()
    assert read_json(tmp_path / "runs" / "mine" / "early" / RUN)["iteration"] == 1
    assert "2 of 2 runs left" in capsys.readouterr().err


def test_ctrl_c_pauses(call, records, tmp_path, capsys, interrupt_after):
    steps = interrupt_after(2)
    assert call() == 1
    assert read_json(tmp_path / "runs" / "mine" / "early" / RUN)["iteration"] == 2
    assert records() == {}
    assert call("--list") == 0
    table = rows(capsys)
    assert table["early"][:2] == ["2", "3"] and table["early"][3] == "begun" and table["early"][4:] == ["0", "s"]
    assert table["late"] == ["0", "4", "–", "–", "–"]
    assert call() == 0
    assert list(records()) == ["early", "late"]
    assert len(steps) == 3 + 4


def test_what_is_begun_is_listed_as_it_was_begun(call, capsys):
    assert call("--only", "early", "--set", "iterations=5") == 0
    assert call("--list") == call("--list", "--set", "iterations=9") == 0
    first, second = capsys.readouterr().out.split("run ")[1:]
    assert [line.split()[1:3] for line in first.splitlines()[1:]] == [["5", "5"], ["0", "4"]]
    assert [line.split()[1:3] for line in second.splitlines()[1:]] == [["5", "5"], ["0", "9"]]


def test_ctrl_c_while_it_measures_leaves_no_record(call, records, plate_folder, reader, monkeypatch):
    read = reader.read

    def interrupted(picture):
        os.kill(os.getpid(), signal.SIGTERM)
        return read(picture)

    with monkeypatch.context() as patched:
        patched.setattr(reader, "read", interrupted)
        assert call("--measure", plate_folder) == 130
    assert records() == {}
    assert call("--measure", plate_folder) == 0
    assert records()["early"].measurement


def test_a_run_that_fails_does_not_stop_the_others(call, study, records, capsys):
    values = read_json(study)
    values["runs"] += [{"name": "alone"}]
    values["runs"][1]["settings"] = {"loss": {"kind": "pecl"}, "embedder": "/nowhere/embedder.safetensors"}
    write_json(study, values)
    assert call() == 1
    told = capsys.readouterr().err
    assert "run early failed: " in told and "run late failed: It starts from early, which failed." in told
    assert "Failed: early, late." in told and "Traceback" not in told
    assert list(records()) == ["alone"]


def test_a_killed_study_goes_on(study, tmp_path, plate_folder, call, records):
    values = read_json(study)
    values["runs"] = [{"name": name, "settings": {"iterations": 60}} for name in ("first", "second")]
    write_json(study, values)
    command = [sys.executable, "-m", "lpsr", "study", str(study), "--runs", str(tmp_path / "runs")]
    command += ["--data", str(plate_folder), "--accelerator", "cpu", "--threads", "1"]
    environment = os.environ | {"LPSR_RESULTS": str(tmp_path / "results")}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.split()[:3] == ["10", "/", "60"] and "val_psnr" in line:
            break
    process.kill()
    process.wait()
    process.stdout.close()
    assert records().keys() <= {"first"}
    assert call() == 0
    assert list(records()) == ["first", "second"]
    assert {record.iterations_done for record in records().values()} == {60}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "other"], "has no run 'other'"),
        (["--only", "late"], "starts from 'early', which is not done"),
        (["--set", "iterations=0"], "Run 'early' of study 'mine': iterations"),
        (["--set", "loss"], "write KEY=VALUE"),
        (["--measure", "/nowhere"], "There is no folder /nowhere"),
        (["--init-from", "/nowhere.safetensors"], "run early failed"),
        (["--accelerator", "cuda"], "There is no CUDA device"),
        (["--minutes", "-1"], "not a number of minutes"),
    ],
)
def test_what_is_impossible_is_said_in_a_sentence(call, records, capsys, monkeypatch, arguments, sentence):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    try:
        status = call(*arguments)
    except SystemExit as error:
        status = error.code
    told = capsys.readouterr().err
    assert status and sentence in told and "Traceback" not in told
    assert records() == {}


def test_data_and_a_study_are_needed(study, tmp_path, capsys):
    assert main(["study", str(study), "--runs", str(tmp_path)]) == 2
    assert "name a folder with --data" in capsys.readouterr().err
    assert main(["study", "none", "--list"]) == 2
    assert "There is no study 'none'; there are: ablation, " in capsys.readouterr().err


def test_the_command_names_folders_and_no_paths(call, records, plate_folder, tmp_path):
    values = ["ema=0.5", 'patch="whole"', f"embedder={tmp_path}/run/embedder.safetensors"]
    settings = [part for value in values for part in ("--set", value)]
    assert call("--validation", "none", "--data", f"{plate_folder}:0.5", *settings) == 0
    assert records()["early"].command == (
        "python -m lpsr study study.json --only early --data plates --data plates:0.5 --validation none --set ema=0.5 "
        "--set 'patch=\"whole\"' --set embedder=run/embedder.safetensors"
    )
    assert records()["early"].recipe["patch"] == "whole"
    assert records()["early"].recipe["embedder"] == "run/embedder.safetensors"


def test_a_colon_in_a_path_is_no_share():
    values = {"data": ["/home/a:b/plates", "/home/plates:0.5"], "validation": None, "measure": None}
    args = Namespace(study="s.json", init_from=None, set=[], **values)
    assert command_of(args, "one") == "python -m lpsr study s.json --only one --data plates --data plates:0.5"


def test_a_run_that_another_process_did_meanwhile_is_left_alone(call, records, capsys, monkeypatch):
    assert call("--only", "early") == 0
    work, looked = trainer.train, []

    def first_not(trial):
        looked.append(trial.name)
        return looked.count(trial.name) > 1 and original(trial)

    original = Trial.done
    monkeypatch.setattr(Trial, "done", first_not)
    monkeypatch.setattr(
        trainer, "train", lambda recipe, *rest, **more: looked.append(recipe.seed) or work(recipe, *rest, **more)
    )
    assert call("--only", "early", "late") == 0
    assert looked == ["early", "late", "early", "late", 0]
    assert list(records()) == ["early", "late"]
