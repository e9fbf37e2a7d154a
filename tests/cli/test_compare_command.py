"""The verb ``compare``: the files that the page offers, for every picture."""

import io
import zipfile

import numpy as np
import pytest

from lpsr.bundle import files
from lpsr.cli import main
from lpsr.compare import compare
from lpsr.data.generator import generate
from lpsr.degrade import PRESETS, Degradation
from lpsr.images import open_picture, save_png
from lpsr.readers import Reading


class Reader:
    """Reads the same plate everywhere."""

    name = engine = "test reader"
    threshold = None

    def read(self, picture):
        return Reading("A12345", "皖A12345", 0.8, (0.2, *[0.9] * 6), self.engine, 0.7)


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2):
        save_png(tmp_path / "in" / f"plate-{number}.png", generate(1, number).picture)
    return tmp_path / "in"


@pytest.fixture
def call(checkpoints, monkeypatch):
    monkeypatch.setattr("lpsr.readers.get_reader", Reader)
    return lambda *arguments: main(["compare", *map(str, arguments), "--checkpoints", str(checkpoints)])


def test_each_picture_becomes_a_folder_and_rows(folder, call, checkpoints, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(folder, "--output", out, "--no-readings") == 0
    for number in (1, 2):
        expected = files(compare(open_picture(folder / f"plate-{number}.png"), folder=checkpoints))
        found = {path.name: path.read_bytes() for path in (out / f"plate-{number}").iterdir()}
        assert found == expected
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [str(out / "plate-1"), str(out / "plate-2"), ""]
    table = [line.split() for line in lines[4:]]
    names = ["hr", "lr", "bicubic", "mse", "pecl-manhattan"]
    assert [row[:2] for row in table] == [[f"plate-{number}", name] for number in (1, 2) for name in names]
    result = compare(open_picture(folder / "plate-1.png"), folder=checkpoints).results[3]
    assert table[3][2:5] == [f"{result.psnr:.2f}", f"{result.gain:.2f}", f"{result.psnr_y:.2f}"]


def test_readings_are_made_unless_left_out(folder, call, tmp_path, capsys):
    assert call(folder / "plate-1.png", "--output", tmp_path / "out", "--models", "bicubic") == 0
    assert "皖?A12345  confidence 0.80  raw A12345" in capsys.readouterr().out
    assert "皖A12345" in (tmp_path / "out" / "plate-1" / "comparison.csv").read_text("utf-8-sig")


def test_a_zip_holds_the_same(folder, call, tmp_path):
    options = ("--models", "mse", "--no-readings")
    for extra in ((), ("--zip",)):
        assert call(folder / "plate-1.png", "--output", tmp_path / "out", *options, *extra) == 0
    with zipfile.ZipFile(io.BytesIO((tmp_path / "out" / "plate-1.zip").read_bytes())) as bundle:
        packed = {name: bundle.read(name) for name in bundle.namelist()}
    assert packed == {f"plate-1/{path.name}": path.read_bytes() for path in (tmp_path / "out" / "plate-1").iterdir()}


def test_the_degradation_is_passed_on(folder, call, tmp_path):
    options = ("--models", "bicubic", "--no-readings", "--preset", "night", "--jpeg", 20)
    assert call(folder / "plate-1.png", "--output", tmp_path / "out", *options) == 0
    night = PRESETS["night"]
    degradation = Degradation(blur=night.blur, noise=night.noise, jpeg=20)
    expected = compare(open_picture(folder / "plate-1.png"), ["bicubic"], degradation=degradation)
    np.testing.assert_array_equal(open_picture(tmp_path / "out" / "plate-1" / "lr.png"), expected.lr)


def test_direct_takes_lr_pictures_as_they_are(call, tmp_path, capsys):
    lr = np.random.default_rng(0).integers(0, 256, (7, 19, 3), dtype=np.uint8)
    save_png(tmp_path / "lr.png", lr)
    assert call(tmp_path / "lr.png", "--output", tmp_path / "out", "--direct", "--no-readings") == 0
    np.testing.assert_array_equal(open_picture(tmp_path / "out" / "lr" / "lr.png"), lr)
    assert not (tmp_path / "out" / "lr" / "hr.png").exists()
    assert capsys.readouterr().out.splitlines()[-1].split()[2:5] == ["–"] * 3
    assert call(tmp_path / "lr.png", "--output", tmp_path / "out", "--direct", "--blur", 2) == 2
    assert "nothing is degraded" in capsys.readouterr().err


def test_a_bad_file_does_not_stop_the_others_and_a_wrong_model_does(folder, call, tmp_path, capsys):
    (folder / "bad.png").write_bytes(b"no picture")
    assert call(folder, "--output", tmp_path / "out", "--models", "bicubic", "--no-readings") == 1
    assert capsys.readouterr().err.startswith("lpsr: bad.png is not a picture")
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert call(folder, "--output", tmp_path / "other", "--models", "vgg") == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "other").exists()
