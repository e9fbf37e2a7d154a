"""``readability``: the table and the file."""

import json
from functools import partial

import pytest

from lpsr import results
from lpsr.readability import load_readability
from lpsr.results import READABILITY


@pytest.fixture
def call(measure, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return partial(measure, "readability", "--model", "mse")


def test_the_table_and_the_file(call, tmp_path, capsys):
    assert call("--update", "--json", tmp_path / "result.json") == 0
    out, err = capsys.readouterr()
    found = load_readability(tmp_path / "results")
    assert found.model_dump(mode="json") == json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert found.command == (
        "python -m lpsr readability --data plates --split test --model mse --checkpoints checkpoints --update"
    )
    lines = out.splitlines()
    assert len(lines) == 1 + len(found.classes)
    first, last = found.classes[0], lines[-1].split()
    assert lines[1].startswith("8–12") and lines[1].split()[1] == "3"
    exact = first.restored.exact
    assert f"{100 * exact.share:.1f} [{100 * exact.low:.1f}, {100 * exact.high:.1f}]" in lines[1]
    assert (last[0], last[-2]) == ("112+", "–")
    assert err.splitlines()[-1] == "3 of 3 plates"


def test_without_update_nothing_is_written(call, tmp_path):
    assert call("--split", "val") == 0
    assert not (tmp_path / "results" / READABILITY).exists()


def test_a_checkpoint_that_is_not_there_is_said(measure, capsys):
    assert measure("readability", "--model", "none") == 2
    assert capsys.readouterr().err.startswith("lpsr: There is no checkpoint 'none'")
