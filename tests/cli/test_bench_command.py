"""The verb ``bench``: every stage is measured; how long it takes is for no test to say."""

import pytest

from lpsr.cli import bench, main
from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.readers import READERS, Reading


class Reader:
    name = engine = "test reader"
    threshold = None

    def read(self, picture):
        return Reading("A12345", "皖A12345", 0.8, (0.9,) * 7, self.engine, 0.7)


@pytest.fixture
def call(checkpoints, monkeypatch):
    monkeypatch.setattr("lpsr.readers.get_reader", Reader)
    monkeypatch.setattr(bench, "ROUNDS", 1)
    return lambda *arguments: main(["bench", *map(str, arguments), "--checkpoints", str(checkpoints)])


def test_every_stage_is_measured(call, tmp_path, capsys):
    assert call("compare", "--plates", 2, "--json", tmp_path / "bench.json") == 0
    result = read_json(tmp_path / "bench.json")
    stages = result["milliseconds"]
    assert list(stages) == [
        "degrade",
        "restore, bicubic",
        "restore, mse",
        "restore, pecl-manhattan",
        "PNG of every picture",
        "fidelity",
        "consistency",
        "reading of every picture",
        "evidence",
        bench.NUMBERS,
        bench.READINGS,
    ]
    assert all(0 < stages[stage]["median"] <= stages[stage]["p90"] for stage in stages)
    assert stages[bench.READINGS]["median"] > stages[bench.NUMBERS]["median"]
    assert stages[bench.NUMBERS]["median"] > stages["PNG of every picture"]["median"]
    assert result["plates"] == 2 and result["plate_width_px"] == 152 and result["readers"] == ["test reader"]
    out = capsys.readouterr().out
    assert result["processor"] in out and all(stage in out for stage in stages)


def test_every_reader_that_is_installed_is_timed(call, tmp_path, capsys, monkeypatch):
    def load(name):
        if name == "paddle-native":
            raise InputError("It needs paddlepaddle.")
        reader = Reader()
        reader.name = reader.engine = name
        return reader

    monkeypatch.setattr("lpsr.readers.get_reader", load)
    monkeypatch.setattr("lpsr.readers.own.load", lambda name, folder: load(name))
    assert call("read", "--plates", 2, "--json", tmp_path / "bench.json") == 0
    result = read_json(tmp_path / "bench.json")
    assert list(result["milliseconds"]) == result["readers"] == [name for name in READERS if name != "paddle-native"]
    assert "Without paddle-native: It needs paddlepaddle." in capsys.readouterr().err


def test_plates_of_a_folder_are_made_as_wide_as_all(call, plate_folder, tmp_path, monkeypatch):
    seen = []
    measure = bench.measure
    monkeypatch.setattr(bench, "measure", lambda plates, *rest: seen.extend(plates) or measure(plates, *rest))
    assert call("compare", "--data", plate_folder, "--plates", 3) == 0
    assert len(seen) == 3 and {plate.shape[1] for plate in seen} == {152}
    assert all(plate.shape[0] % 8 == 0 for plate in seen)


def test_what_cannot_be_measured_is_said(call, tmp_path, capsys):
    assert call("compare", "--data", tmp_path / "none") == 2
    assert "There is no folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        call("train")
    assert "compare" in capsys.readouterr().err
