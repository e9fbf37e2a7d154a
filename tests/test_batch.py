"""Many pictures: each as if it were alone, the summary as evaluation has it, the ZIP whole or not there."""

import csv
import gc
import io
import json
import weakref
import zipfile

import numpy as np
import pytest

from lpsr import batch as module
from lpsr.batch import FAULT, Tally, pack, run, to_csv
from lpsr.compare import compare, read
from lpsr.data.gather import gather
from lpsr.data.plates import open_plates
from lpsr.degrade import PRESETS
from lpsr.evaluation import evaluate
from lpsr.images import encode_png, open_picture
from lpsr.metrics.fidelity import psnr, summarise
from lpsr.readers import Reading

MODELS = ["bicubic", "mse", "pecl-manhattan"]


class Reader:
    """Reads what depends on the pixels alone, sometimes the true text of the first plates."""

    name = engine = "test reader"
    threshold = None

    def __init__(self, texts=()) -> None:
        self.texts = list(texts) or ["皖A12345"]

    def read(self, picture):
        code = int(picture.astype(np.int64).sum())
        text = self.texts[code % len(self.texts)]
        confidence = code % 97 / 97
        return Reading(text, text, confidence, (confidence,) * len(text), self.engine, confidence)


@pytest.fixture(scope="module")
def plates(plate_folder):
    return open_plates(plate_folder)


@pytest.fixture(scope="module")
def archive(plate_folder, tmp_path_factory):
    """The plate folder as a ZIP, with a picture that is damaged in the middle."""
    path = tmp_path_factory.mktemp("zip") / "plates.zip"
    files = sorted(path for path in plate_folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(path, "w") as target:
        for number, file in enumerate(files):
            if number == 5:
                target.writestr("broken.png", encode_png(np.zeros((40, 120, 3), np.uint8))[:60])
            target.write(file, str(file.relative_to(plate_folder)))
    return path


@pytest.fixture(scope="module")
def inputs(archive):
    return gather([archive])


def drain(inputs, folder, **options):
    tally = Tally()
    items = list(run(inputs, MODELS, folder=folder, **options))
    for item in items:
        tally.add(item)
    return items, tally


def test_each_picture_is_compared_as_if_it_were_alone(inputs, checkpoints):
    reader = Reader()
    items, tally = drain(inputs, checkpoints, degradation=PRESETS["night"], reader=reader)
    assert [item.source for item in items] == list(inputs.sources) and len(items) == 13
    for item in items:
        if item.source.file.endswith("broken.png"):
            assert item.comparison is None and "damaged" in item.error
            continue
        picture, corners = item.source.plate()
        alone = compare(
            picture, MODELS, degradation=PRESETS["night"], text=item.source.text, corners=corners, folder=checkpoints
        )
        alone = read(alone, reader, checkpoints)
        assert item.comparison.to_json() == alone.to_json() and item.error == ""
    assert tally.compared == 12 and [file for file, _ in tally.failed] == ["plates.zip/broken.png"]


def test_the_summary_is_that_of_evaluation(inputs, plates, checkpoints):
    reader = Reader([plate.text for plate in plates])
    _, tally = drain(inputs, checkpoints, reader=reader)
    summary = tally.summary()
    by_name = {plate.path.name: plate for plate in plates}
    # The bootstrap draws by position.
    ordered = [by_name[source.file.rpartition("/")[2]] for source in inputs.sources if source.text]
    expected = evaluate(ordered, ["hr", *MODELS], data="x", split=None, reader=reader, folder=checkpoints)
    assert list(summary["models"]) == ["hr", "lr", *MODELS] and summary["models"]["mse"]["title"] == "MSE"
    for name, scores in expected["models"].items():
        assert {key: summary["models"][name][key] for key in scores} == scores
    shared = summary["passport"].keys() & expected["passport"].keys()
    assert {"n", "scale", "kernel", "reader", "checkpoints", "packages", "seed"} <= shared
    assert all(summary["passport"][key] == expected["passport"][key] for key in shared - {"crop"})
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_gains_are_summarised_picture_by_picture(inputs, checkpoints):
    items, tally = drain(inputs, checkpoints)
    psnrs = {
        name: [
            next(result.psnr for result in item.comparison.results if result.name == name)
            for item in items
            if item.comparison
        ]
        for name in MODELS
    }
    models = tally.summary()["models"]
    for name in MODELS:
        assert models[name]["gain"] == summarise(np.subtract(psnrs[name], psnrs["bicubic"]))
        assert "exact" not in models[name] and "ocr_confidence" not in models[name]
    assert models["hr"]["gain"] is None and models["hr"]["psnr"] is None


def test_it_stops_between_two_pictures(inputs, checkpoints):
    done = []
    for item in run(inputs, ["bicubic"], stop=lambda: len(done) == 3, folder=checkpoints):
        done.append(item)
    assert len(done) == 3


def test_a_fault_in_one_picture_does_not_end_the_batch(inputs, checkpoints, monkeypatch, caplog):
    calls = []

    def fail_once(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("a fault")
        return compare(*args, **options)

    monkeypatch.setattr(module, "compare", fail_once)
    items = list(run(inputs, ["bicubic"], folder=checkpoints))
    assert [item.error for item in items].count(FAULT) == 1 and len(items) == 13
    assert "a fault" in caplog.text


def test_the_csv_holds_the_summary(inputs, plates, checkpoints):
    _, tally = drain(inputs, checkpoints, reader=Reader([plate.text for plate in plates]))
    summary = tally.summary()
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(to_csv(summary)))}
    assert list(rows) == list(summary["models"]) and rows["hr"]["psnr_median"] == ""
    for name, row in rows.items():
        scores = summary["models"][name]
        for key in ("psnr", "psnr_y", "ssim", "gain", "ocr_confidence"):
            if scores[key] is not None:
                assert float(row[f"{key}_median"]) == pytest.approx(scores[key]["median"], abs=1e-6)
                assert float(row[f"{key}_std"]) == pytest.approx(scores[key]["std"], abs=1e-6)
                ends = [float(row[f"{key}_ci95_{end}"]) for end in ("low", "high")]
                assert ends == pytest.approx(scores[key]["ci95"], abs=1e-6)
        assert float(row["exact"]) == pytest.approx(scores["exact"], abs=1e-6)
        assert float(row["exact_ci95_high"]) == pytest.approx(scores["exact_ci95"][1], abs=1e-6)
        assert int(row["n"]) == int(row["n_read"]) == 12


def content(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_holds_every_picture_and_the_numbers_that_were_shown(archive, checkpoints, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    inputs, tally = gather([archive, tmp_path / "notes.txt"]), Tally()
    path = tmp_path / "batch.zip"
    items = pack(path, run(inputs, MODELS, reader=Reader(), folder=checkpoints), tally, inputs.refused)
    shown = {}
    for item in items:
        assert not path.exists()
        shown[item.source.name] = item.comparison
    files = content(path)
    assert list(tmp_path.glob("*.zip")) == [path] and list(tmp_path.glob(".*")) == []
    folders = {name.partition("/")[0] for name in files if "/" in name}
    assert folders == {name for name, comparison in shown.items() if comparison}
    for name in folders:
        hr, mse = (open_picture(files[f"{name}/{one}.png"]) for one in ("hr", "mse"))
        result = next(one for one in shown[name].results if one.name == "mse")
        np.testing.assert_array_equal(mse, result.picture)
        assert psnr(hr, mse) == pytest.approx(result.psnr, abs=1e-9)
        assert {f"{name}/sheet.png", f"{name}/comparison.csv", f"{name}/comparison.json"} <= files.keys()
    assert json.loads(files["summary.json"]) == tally.summary()
    assert files["summary.csv"].decode("utf-8-sig") == to_csv(tally.summary())
    rows = list(csv.DictReader(io.StringIO(files["pictures.csv"].decode("utf-8-sig"))))
    assert len(rows) == 12 * 5 and {row["folder"] for row in rows} == folders
    for row in rows:
        result = next(one for one in shown[row["folder"]].results if one.name == row["name"])
        verdict = shown[row["folder"]].verdict
        assert set(verdict.reliable) == {"?"} and row["reliable"] == verdict.reliable
        assert row["reliable_reason"] == verdict.reason != ""
        assert row["psnr_db"] == ("" if result.psnr is None else f"{result.psnr:.6f}")
    refused = files["refused.txt"].decode().splitlines()
    assert refused[0].startswith("notes.txt: It is not a picture") and refused[1].startswith("plates.zip/broken.png: ")


def test_a_stopped_batch_is_a_whole_zip_of_what_is_done(inputs, checkpoints, tmp_path):
    tally = Tally()
    for _ in pack(
        tmp_path / "a.zip", run(inputs, ["bicubic"], stop=lambda: tally.compared == 2, folder=checkpoints), tally
    ):
        pass
    files = content(tmp_path / "a.zip")
    assert sum(name.endswith("/hr.png") for name in files) == 2
    assert json.loads(files["summary.json"])["models"]["bicubic"]["n"] == 2
    assert files["refused.txt"].decode() == "Every file was used.\n"


def test_a_batch_that_is_left_leaves_no_file(inputs, checkpoints, tmp_path):
    items = pack(tmp_path / "a.zip", run(inputs, ["bicubic"], folder=checkpoints), Tally())
    next(items)
    assert len(list(tmp_path.iterdir())) == 1 + checkpoints.is_dir()
    items.close()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


def test_a_batch_in_which_nothing_could_be_compared_says_so(checkpoints, tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    inputs, tally = gather([tmp_path / "a.png"]), Tally()
    assert [item.comparison for item in pack(tmp_path / "a.zip", run(inputs, folder=checkpoints), tally)] == [None]
    files = content(tmp_path / "a.zip")
    assert files.keys() == {"summary.json", "refused.txt"} and b"a.png" in files["refused.txt"]
    assert json.loads(files["summary.json"])["failed"] == 1


def test_pictures_do_not_stay_in_memory(inputs, checkpoints, tmp_path):
    alive = []
    for item in pack(tmp_path / "a.zip", run(inputs, ["bicubic"], folder=checkpoints), Tally()):
        if item.comparison is not None:
            alive.append(weakref.ref(item.comparison.results[-1].picture))
        gc.collect()
        assert sum(one() is not None for one in alive) <= 1


def test_a_file_name_is_never_a_formula(checkpoints, tmp_path):
    (tmp_path / "upload.png").write_bytes(encode_png(np.zeros((16, 48, 3), np.uint8)))
    inputs = gather([tmp_path / "upload.png"], ['=HYPERLINK("x").png'])
    list(pack(tmp_path / "a.zip", run(inputs, ["bicubic"], folder=checkpoints), Tally()))
    rows = csv.DictReader(io.StringIO(content(tmp_path / "a.zip")["pictures.csv"].decode("utf-8-sig")))
    assert {row["file"][:2] for row in rows} == {"'="}
