"""``evaluate``: the table, the file, the cards."""

import json
from functools import partial

import pytest

from lpsr import readers, results
from lpsr.checkpoints import read_card
from lpsr.cli.evaluate import table
from lpsr.cli.progress import Progress, duration


@pytest.fixture
def call(measure):
    return partial(measure, "evaluate")


def test_the_table_and_the_file_hold_the_same(call, tmp_path, capsys):
    assert call("--models", "hr", "bicubic", "mse", "--json", tmp_path / "out" / "result.json") == 0
    out, err = capsys.readouterr()
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert list(result["models"]) == ["hr", "bicubic", "mse"]
    fidelity, reading, passport = (block.splitlines() for block in out.strip().split("\n\n"))
    for block in (fidelity, reading):
        assert [line.split()[0] for line in block] == ["model", "hr", "bicubic", "mse"]
        assert len({len(line) for line in block}) == 1
    psnr = result["models"]["mse"]["psnr"]
    assert f"{psnr['median']:.2f} ± {psnr['std']:.2f} [{psnr['ci95'][0]:.2f}, {psnr['ci95'][1]:.2f}]" in fidelity[3]
    assert "0.250 ± 0.000 [0.250, 0.250]" in reading[1]
    assert "3 of plates, split test" in passport[0]
    assert any("test reader 1.0" in line for line in passport)
    assert any(result["passport"]["checkpoints"]["mse"][:12] in line for line in passport)
    assert err.splitlines()[-1] == "3 of 3 plates"


def test_every_model_is_the_default(call, capsys):
    assert call("--limit", 1) == 0
    models = [line.split()[0] for line in capsys.readouterr().out.split("\n\n")[0].splitlines()]
    assert models == ["model", "hr", "bicubic", "mse", "pecl-manhattan"]


def test_without_readings(call, monkeypatch, capsys):
    monkeypatch.setattr(readers, "get_reader", lambda name: pytest.fail("a reader was loaded"))
    assert call("--no-readings", "--limit", 2, "--split", "train") == 0
    out = capsys.readouterr().out
    assert "exact" not in out and "hr" not in out.split()
    assert "2 of plates, split train" in out


def test_cards_take_their_own_result(call, checkpoints, tmp_path):
    assert call("--update-cards", "--json", tmp_path / "r.json") == 0
    result = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    for name in ("mse", "pecl-manhattan"):
        card = read_card(name, checkpoints)
        passport = card.test.pop("passport")
        beside = {one: result["models"][one] for one in ("hr", "bicubic")}
        # Of three plates no province has enough.
        assert card.test == {**result["models"][name], "beside": beside, "provinces": []}
        assert "HR itself | bicubic" in (checkpoints / f"{name}.md").read_text(encoding="utf-8")
        assert passport["checkpoints"] == {name: card.sha256} and passport["n"] == 3


def test_results_are_kept_plate_by_plate(call, checkpoints, monkeypatch, tmp_path):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    assert call("--models", "hr", "mse", "--results", "small", "--json", tmp_path / "r.json") == 0
    found = results.read_results(tmp_path / "results")
    assert found.problems == [] and list(found.measurements) == ["small"]
    measurement = found.measurements["small"]
    options = f"--data plates --split test --models hr mse --checkpoints {checkpoints.name} --results small"
    assert measurement.command == f"python -m lpsr evaluate {options}"
    written = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert measurement.passport == written["passport"]
    assert measurement.models["mse"].right is not None and len(measurement.plates.width) == 3
    assert str(tmp_path) not in (tmp_path / "results" / "small.json").read_text(encoding="utf-8")


def test_plates_straightened(call, checkpoints, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    options = "--models", "bicubic", "--results"
    assert call(*options, "box") == 0
    assert call(*options, "straight", "--crop", "straight") == 0
    assert "straightened by the corners" in capsys.readouterr().out
    found = results.read_results(tmp_path / "results").measurements
    assert found["straight"].command.endswith(f"--crop straight --checkpoints {checkpoints.name} --results straight")
    assert "--crop" not in found["box"].command
    assert found["box"].passport["crop"].startswith("bounding box")
    assert found["straight"].plates.height != found["box"].plates.height
    assert found["straight"].models["bicubic"].psnr != found["box"].models["bicubic"].psnr
    assert call("--crop", "straight", "--update-cards") == 2
    assert "leave --crop out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("small", "--limit", 1), "leave --limit and --no-readings out"),
        (("small", "--no-readings"), "leave --limit and --no-readings out"),
        (("../small",), "cannot be a result's name"),
        (("",), "cannot be a result's name"),
    ],
)
def test_half_results_and_odd_names_are_refused_before_the_work(
    call, monkeypatch, tmp_path, capsys, arguments, sentence
):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    assert call("--models", "bicubic", "--results", *arguments) == 2
    out, err = capsys.readouterr()
    assert sentence in err and out == "" and not (tmp_path / "results").exists()


def test_markdown_is_one_table():
    summary = {"median": 22.875, "std": 2.1, "ci95": [22.71, 23.05]}
    fidelity = {"psnr": summary, "psnr_y": summary, "ssim": {"median": 0.7, "std": 0.1, "ci95": [0.68, 0.72]}}
    reading = {"ocr_confidence": {"median": 0.9, "std": 0.05, "ci95": [0.8, 1]}, "exact": 0.4, "ge6": 0.5, "ge5": 0.6}
    reading |= {"char_accuracy": 0.755, "exact_ci95": [0.34, 0.46]}
    nothing = dict.fromkeys(fidelity)
    lines = table({"hr": nothing | reading, "mse": fidelity | reading}, markdown=True).splitlines()
    assert lines[0].startswith("| model | PSNR_RGB [dB] | PSNR_Y [dB] | SSIM | confidence | exact [%] |")
    assert lines[1] == "|" + " --- |" * 9
    assert lines[2].startswith("| hr | – | – | – | 0.900 ± 0.050 [0.800, 1.000] | 40.0 [34.0, 46.0] | 50.0 | 60.0 |")
    assert "| 22.88 ± 2.10 [22.71, 23.05] |" in lines[3] and lines[3].endswith("| 75.5 |")
    assert "confidence" not in table({"mse": fidelity}, markdown=True)


def test_progress_off_a_terminal_is_rare(capsys):
    progress = Progress("plates")
    for done in range(1, 101):
        progress(done, 100)
    assert capsys.readouterr().err == "100 of 100 plates\n"
    progress.shown -= 31
    progress.started -= 60
    progress(50, 100)
    assert capsys.readouterr().err == "50 of 100 plates, 60 s left\n"


@pytest.mark.parametrize(("seconds", "text"), [(3.4, "3 s"), (600, "10 min"), (7260, "2 h 1 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text
