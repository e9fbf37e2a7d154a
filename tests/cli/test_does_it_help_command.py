"""``does-it-help``: what is printed, the files, parts by several processes."""

import json
from functools import partial

import pytest

from lpsr import readers, results
from lpsr.cli import main
from lpsr.errors import InputError
from lpsr.results import BENEFIT, read_benefit, read_results
from lpsr.voting import VOTES


@pytest.fixture
def call(measure, reader, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    reader.name, reader.threshold = "paddle-onnx", None
    return partial(measure, "does-it-help", "--models", "bicubic", "mse", "--readers", "paddle-onnx")


def test_the_verdict_the_tables_and_the_file(call, tmp_path, capsys):
    assert call("--classes", "x8", "20-40", "--most", "20-40=2", "--results", "--json", tmp_path / "a.json") == 0
    out, err = capsys.readouterr()
    found = read_results(tmp_path / "results").benefit
    assert found == read_benefit(tmp_path / "a.json")
    assert out.startswith("No help is shown. With MSE, against none: for the general reader no")
    assert "What restoration adds" in out and "Every measure at ×8" in out and "MSE → General reader" in out
    assert [(one.name, one.n) for one in found.classes] == [("x8", 3), ("20-40", 2)]
    assert found.command == (
        "python -m lpsr does-it-help --data plates --split test --models bicubic mse --readers paddle-onnx "
        "--classes x8 20-40 --most 20-40=2 --crop straight --checkpoints checkpoints --results"
    )
    assert err.splitlines()[-1] == "5 of 5 small plates" and str(tmp_path) not in found.model_dump_json()


def test_parts_are_put_together(call, tmp_path, capsys):
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert call("--classes", "x8", "--json", one) == 0
    assert call("--classes", "x4", "--json", two) == 0
    capsys.readouterr()
    assert call("--classes", "x8", "x4", "--take", one, two, "--results") == 0
    found = read_results(tmp_path / "results").benefit
    assert [each.name for each in found.classes] == ["x8", "x4"] and len(found.command.splitlines()) == 2
    # Nothing was measured again.
    assert capsys.readouterr().err == ""
    assert call("--classes", "x8", "x4", "--take", one, one) == 2
    assert "Two results have the class x8" in capsys.readouterr().err
    assert call("--classes", "x4", "--crop", "box", "--take", one) == 2
    assert "measured otherwise" in capsys.readouterr().err


def test_votes_are_added_and_what_was_measured_stays_where_they_fail(call, tmp_path, monkeypatch, capsys):
    options = ("--classes", "x8", "--most", "1", "--frames", "2", "--vote-models", "--json", tmp_path / "a.json")
    assert call(*options) == 0
    found = read_benefit(tmp_path / "a.json")
    assert [(one.restorer, one.vote) for one in found.votes] == [("none", kind) for kind in VOTES]
    assert found.votes[0].n == 3 and found.passport["votes"]["views"] == 2

    def fail(*_, **__):
        raise InputError("No plate is 30 px wide.")

    monkeypatch.setattr("lpsr.benefit.frames.run_votes", fail)
    assert call(*options) == 2 and "30 px wide" in capsys.readouterr().err
    assert read_benefit(tmp_path / "a.json").votes is None


def test_without_a_file_asked_for_nothing_is_written(call, tmp_path):
    assert call("--classes", "x8") == 0
    assert not (tmp_path / "results").exists()


def test_a_stop_leaves_nothing(call, tmp_path, reader, monkeypatch, capsys):
    def stop(picture):
        raise KeyboardInterrupt

    monkeypatch.setattr(reader, "read", stop)
    assert call("--results", "--json", tmp_path / "a.json") == 130
    assert not (tmp_path / "results").exists() and not (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--most", "x9=3"], "there is no class 'x9'"),
        (["--most", "x8=none"], "is not a whole number"),
        (["--most", "0"], "at least 1"),
        (["--classes", "x9"], "invalid choice"),
        (["--frames", "21"], "between 2 and 20"),
        (["--models", "nothing"], "There is no checkpoint 'nothing'"),
        (["--take", "none.json"], "none.json is not a file"),
    ],
)
def test_what_cannot_be_used_is_said(call, options, sentence, capsys):
    try:
        status = call(*options)
    except SystemExit as stop:
        status = stop.code
    err = capsys.readouterr().err
    assert status == 2 and sentence in err and err.startswith("lpsr: ") and len(err.splitlines()) == 1


def test_a_limit_of_all_classes_gives_way_to_that_of_one(call, tmp_path):
    assert call("--classes", "x8", "x4", "--most", "1", "x4=2", "--json", tmp_path / "a.json") == 0
    assert [one.n for one in read_benefit(tmp_path / "a.json").classes] == [1, 2]


def test_without_data_the_gallery_is_measured(reader, checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "get_reader", lambda name: reader)
    reader.name, reader.threshold = "own", 0.6
    options = [
        "--checkpoints",
        checkpoints,
        "--classes",
        "x8",
        "--models",
        "--readers",
        "own",
        "--most",
        "2",
        "--json",
        tmp_path / BENEFIT,
    ]
    assert main(["does-it-help", *map(str, options)]) == 0
    found = json.loads((tmp_path / BENEFIT).read_text(encoding="utf-8"))
    assert found["passport"]["data"] == "generated plates of the gallery" and found["models"] == []
    assert "--data" not in found["command"] and found["readers"][0]["calibrated"] is True
