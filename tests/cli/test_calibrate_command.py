"""``calibrate``: the table, the file, and what contradicts itself."""

import json
from functools import partial

import pytest

from lpsr.calibration import FILE, load_calibration
from lpsr.degrade import PRESETS


@pytest.fixture
def call(measure):
    return partial(measure, "calibrate")


def test_the_tables_and_the_file(call, checkpoints, tmp_path, capsys):
    assert call("--check", "test", "--update", "--json", tmp_path / "result.json") == 0
    out, err = capsys.readouterr()
    written = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    found = load_calibration(checkpoints)
    assert found.model_dump(mode="json") == written
    rules, characters, plates, limits = (block.splitlines() for block in out.strip().split("\n\n"))
    assert [line.split()[0] for line in rules] == ["preset", *PRESETS]
    assert len(characters) == len(plates) == 1 + 2 * len(PRESETS)
    paper = found.presets["paper"]
    assert f"{paper.limits['mse']:.2f}" in limits[1]
    assert characters[1].startswith("paper, val") and characters[2].startswith("paper, test")
    guess = paper.checked.guess
    assert f"{100 * guess.share:.1f} [{100 * guess.low:.1f}, {100 * guess.high:.1f}] of 21" in characters[2]
    assert err.splitlines()[-1] == "24 of 24 plates"


def test_without_update_nothing_is_written(call, checkpoints, capsys):
    assert call("--presets", "paper") == 0
    assert "night" not in capsys.readouterr().out
    assert not (checkpoints / FILE).exists()
    # Every plate, and none to check on.
    assert call("--presets", "paper", "--split", "all") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--update",),
        ("--check", "val"),
        ("--split", "all", "--check", "test"),
        ("--update", "--check", "test", "--presets", "paper"),
    ],
)
def test_contradictions_are_said(call, checkpoints, capsys, arguments):
    assert call(*arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("lpsr: ") and err.count("\n") == 1
    assert not (checkpoints / FILE).exists()
