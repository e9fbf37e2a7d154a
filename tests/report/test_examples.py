"""Figure 12: pictures of generated plates."""

import json

import numpy as np
import pytest

from lpsr.errors import InputError
from lpsr.images import open_picture
from lpsr.metrics.fidelity import psnr
from lpsr.report.examples import read_examples
from lpsr.report.restored import make_examples
from lpsr.results import read_results


@pytest.fixture
def folder(tmp_path, checkpoints):
    make_examples(2, tmp_path / "results", checkpoints=checkpoints)
    return tmp_path / "results"


def test_pictures_and_their_psnr_belong_together(folder):
    found = read_examples(folder)
    assert list(found.titles) == ["hr", "lr", "bicubic", "mse", "pecl-manhattan"]
    assert [one.number for one in found.plates] == [1, 2]
    for plate in found.plates:
        pictures = {name: open_picture(folder / file) for name, file in plate.pictures.items()}
        assert pictures["lr"].shape[0] * 8 == pictures["hr"].shape[0] == pictures["mse"].shape[0]
        for name in ("bicubic", "mse", "pecl-manhattan"):
            assert plate.psnr[name] == pytest.approx(psnr(pictures["hr"], pictures[name]), abs=5e-4)
        assert np.ptp(pictures["hr"]) > 0
    assert found.passport["n"] == 2 and {*found.passport["checkpoints"]} == {"mse", "pecl-manhattan"}


def test_it_is_no_measurement(folder):
    found = read_results(folder)
    assert (found.measurements, found.problems) == ({}, [])


def test_fewer_leave_no_pictures_behind(folder, checkpoints):
    make_examples(1, folder, checkpoints=checkpoints)
    assert {path.name.partition("-")[0] for path in (folder / "examples").iterdir()} == {"1"}
    assert len(read_examples(folder).plates) == 1


def test_a_plate_without_a_picture_is_left_out(folder):
    (folder / "examples" / "1-mse.png").unlink()
    assert [one.number for one in read_examples(folder).plates] == [2]
    (folder / "examples" / "2-lr.png").unlink()
    assert read_examples(folder) is None


def test_none_where_it_was_not_made(tmp_path):
    assert read_examples(tmp_path) is None


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.png", "examples/../../secret.png", "examples/a.svg"])
def test_only_pictures_of_its_own_folder(folder, path):
    values = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    values["plates"][0]["pictures"]["mse"] = path
    (folder / "examples.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InputError, match="not in examples/"):
        read_examples(folder)


@pytest.mark.parametrize("where", ["pictures", "psnr"])
def test_every_plate_has_every_model(folder, where):
    values = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    del values["plates"][1][where]["mse"]
    (folder / "examples.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InputError, match="plate 2 lacks a model"):
        read_examples(folder)


@pytest.mark.parametrize("content", ["[]", "{", '{"kind": "examples"}'])
def test_a_damaged_file_is_told(tmp_path, content):
    (tmp_path / "examples.json").write_text(content)
    with pytest.raises(InputError, match=r"examples\.json"):
        read_examples(tmp_path)
