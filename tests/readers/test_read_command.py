"""``lpsr read`` on files, folders and things that are neither."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from lpsr.cli import read
from lpsr.data.generator import CLEAN, generate
from lpsr.errors import InputError
from lpsr.images import bounding_crop, save_png
from lpsr.readers import Reading


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    read.add_arguments(parser)
    return read.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(2):
        plate = generate(7, index, style=CLEAN)
        save_png(tmp_path / "plates" / f"{index}.png", bounding_crop(plate.picture, plate.corners))
    return tmp_path / "plates"


def test_a_folder_is_read(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--reader", "rapidocr", "--json", tmp_path / "out.json") == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.startswith("Reader: RapidOCR 3.")
    assert len(lines) == 2
    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    for index, (line, row) in enumerate(zip(lines, rows, strict=True)):
        text = generate(7, index, style=CLEAN).text
        assert text in line
        assert row["plate_text"] == text
        assert row["file"] == str(folder / f"{index}.png")
        assert row["raw_text"] in line
        assert row["engine"].startswith("RapidOCR 3.")


def test_weak_characters_are_marked() -> None:
    reading = Reading("A·12345", "皖A12345", 0.8, (0.1, 0.9, 0.9, 0.49, 0.9, 0.9, 0.9), "engine", 0.9)
    assert read.line(reading) == "皖?A12?345  confidence 0.80  raw A·12345"


def test_a_bad_file_does_not_stop_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = folder / "bad.png"
    bad.write_bytes(b"no picture")
    assert run(folder / "nowhere.png", bad, folder / "1.png", "--reader", "rapidocr") == 1
    out, err = capsys.readouterr()
    assert generate(7, 1, style=CLEAN).text in out
    complaints = err.splitlines()
    assert len(complaints) == 2
    assert all(complaint.startswith("lpsr: ") for complaint in complaints)
    assert "nowhere.png" in complaints[0]
    assert "bad.png" in complaints[1]


def test_a_noise_picture_is_marked_weak_throughout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_png(tmp_path / "noise.png", np.random.default_rng(0).integers(0, 256, (48, 160, 3), dtype=np.uint8))
    assert run(tmp_path / "noise.png", "--reader", "rapidocr") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.count("?") == 7
    assert "raw (no text)" in line


def test_rapidocr_takes_no_model_folder(folder: Path) -> None:
    with pytest.raises(InputError, match="--model-dir"):
        run(folder, "--reader", "rapidocr", "--model-dir", folder)
