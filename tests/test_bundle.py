"""Files of a comparison: what is written is what was shown."""

import csv
import io
import json
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from lpsr.bundle import archive, files, gains, to_csv, to_json
from lpsr.compare import compare
from lpsr.data.generator import generate
from lpsr.degrade import PRESETS, enlarge
from lpsr.images import open_picture
from lpsr.metrics.fidelity import fidelity, psnr
from lpsr.readers import Reading

TEXT = "皖A12345"


@pytest.fixture
def comparison(checkpoints):
    found = compare(generate(1, 3, text=TEXT).picture, degradation=PRESETS["night"], text=TEXT, folder=checkpoints)
    one = Reading("A·12345", TEXT, 0.9, (0.1, *[0.987654321] * 6), "test", 0.8)
    return replace(found, results=tuple(replace(result, reading=one) for result in found.results))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def picture_of(content: bytes, tmp_path) -> np.ndarray:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    return open_picture(path)


def test_csv_holds_every_number(comparison):
    rows = rows_of(to_csv(comparison))
    assert [row["name"] for row in rows] == ["hr", "lr", "bicubic", "mse", "pecl-manhattan"]
    reference = fidelity(comparison.hr, enlarge(comparison.lr))
    for row, result in zip(rows[1:], comparison.results[1:], strict=True):
        values = result.psnr, result.psnr_y, result.ssim_y
        names = ("psnr_db", "psnr_y_db", "ssim"), ("psnr_gain_db", "psnr_y_gain_db", "ssim_gain")
        for value, base, name, gain in zip(values, reference, *names, strict=True):
            assert float(row[name]) == pytest.approx(value, abs=1e-6)
            assert float(row[gain]) == pytest.approx(value - base, abs=2e-6)
    assert [rows[0][name] for name in ("psnr_db", "psnr_gain_db", "ssim")] == ["", "", ""]
    assert rows[1]["consistency_rmse_levels"] == ""
    assert float(rows[3]["consistency_rmse_levels"]) == pytest.approx(comparison.results[3].consistency.rmse, abs=1e-6)
    assert rows[0]["raw_text"] == "A·12345" and rows[0]["plate_text"] == rows[0]["true_text"] == TEXT
    assert [float(one) for one in rows[0]["char_confidences"].split()] == pytest.approx(
        [0.1, *[0.987654] * 6], abs=1e-6
    )
    assert json.loads(rows[0]["passport"]) == json.loads(json.dumps(comparison.passport))


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("x")'])
def test_no_text_starts_a_formula(comparison, evil):
    reading = Reading(evil, evil, 0.9, (0.9,), "test", 0.8)
    results = tuple(replace(one, name=evil, title=evil, reading=reading, psnr=None) for one in comparison.results)
    for row in rows_of(to_csv(replace(comparison, results=results, text=evil))):
        for name in ("name", "title", "raw_text", "plate_text", "true_text"):
            assert row[name] == "'" + evil.strip()
        # Numbers below zero stay numbers.
        assert not row["psnr_gain_db"].startswith("'")


def test_a_text_stays_in_its_cell(comparison):
    hard = replace(comparison.results[0], title='a\r\n=1,"b"')
    row = rows_of(to_csv(replace(comparison, results=(hard,))))[0]
    assert row["title"] == 'a =1,"b"' and row["name"] == "hr"


def test_gains_need_no_bicubic_and_no_hr(comparison, checkpoints):
    alone = compare(comparison.hr, ["mse"], degradation=PRESETS["night"], folder=checkpoints)
    assert gains(alone)["mse"] == gains(comparison)["mse"]
    assert gains(alone)["mse"].psnr == alone.results[-1].gain
    direct = compare(comparison.lr, ["bicubic"], direct=True)
    assert gains(direct) == {} and rows_of(to_csv(direct))[0]["psnr_gain_db"] == ""


def test_json_is_the_comparisons_with_its_passport(comparison):
    assert json.loads(to_json(comparison)) == json.loads(json.dumps(comparison.to_json()))
    assert "皖" in to_json(comparison)


def test_psnr_of_the_unpacked_pictures_is_the_one_shown(comparison, tmp_path):
    with zipfile.ZipFile(io.BytesIO(archive(comparison, "plate"))) as bundle:
        pictures = {
            name.removeprefix("plate/")[:-4]: picture_of(bundle.read(name), tmp_path)
            for name in bundle.namelist()
            if name.endswith(".png")
        }
        shown = {row["name"]: row for row in rows_of(bundle.read("plate/comparison.csv").decode("utf-8-sig"))}
        facts = json.loads(bundle.read("plate/comparison.json"))
    assert set(pictures) == {"sheet", "hr", "lr", "lr-enlarged", "bicubic", "mse", "pecl-manhattan"}
    np.testing.assert_array_equal(pictures["lr"], comparison.lr)
    np.testing.assert_array_equal(pictures["lr-enlarged"], enlarge(comparison.lr, 8, "nearest"))
    for model in facts["models"][2:]:
        recomputed = psnr(pictures["hr"], pictures[model["name"]])
        assert abs(recomputed - model["psnr"]) < 0.005
        assert abs(recomputed - float(shown[model["name"]]["psnr_db"])) < 0.005


def test_the_zip_is_the_same_every_time_and_unpacks_readable(comparison):
    content = archive(comparison, "plate")
    assert content == archive(comparison, "plate")
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        assert bundle.testzip() is None
        assert {name: bundle.read(f"plate/{name}") for name in files(comparison)} == files(comparison)
        assert all(stat.S_IMODE(entry.external_attr >> 16) == 0o644 for entry in bundle.infolist())


def test_without_hr_and_readings_there_are_files_too():
    lr = np.random.default_rng(0).integers(0, 256, (7, 19, 3), dtype=np.uint8)
    found = files(compare(lr, ["bicubic"], direct=True))
    assert set(found) == {
        "sheet.png",
        "comparison.csv",
        "comparison.json",
        "lr.png",
        "lr-enlarged.png",
        "bicubic.png",
    }
    assert found["comparison.csv"].startswith(b"\xef\xbb\xbfname,")
