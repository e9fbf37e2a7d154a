"""The table: its format, and its numbers against independent ones."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lpsr import evaluation
from lpsr.checkpoints import load_restorer, read_card
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.evaluation import by_province, evaluate, measure, score, summarise_measurement, update_cards
from lpsr.metrics.fidelity import fidelity, summarise
from lpsr.model_card import model_card
from lpsr.readers import Reading
from lpsr.results import Plates, Scores, read_results, write_measurement

KEYS = {"n", "psnr", "psnr_y", "ssim", "ocr_confidence", "exact", "ge6", "ge5", "char_accuracy"}


class Reader:
    """Reads the true texts of the HR plates and something else of every other picture."""

    engine = "test reader"

    def __init__(self, plates) -> None:
        self.texts = {plate.hr().tobytes(): plate.text for plate in plates}

    def read(self, picture):
        text = self.texts.get(picture.tobytes())
        if text is None:
            return Reading("", "皖A00000", 0.2, (0.2,) * 7, self.engine, raw_confidence=0.25)
        return Reading(text, text, 0.9, (0.9,) * len(text), self.engine, raw_confidence=0.75)


@pytest.fixture(scope="module")
def plates(plate_folder):
    return open_plates(plate_folder, "test")


def test_the_format_is_the_issues(plates, checkpoints):
    done = []
    models = ["hr", "bicubic", "mse"]
    result = evaluate(
        plates,
        models,
        data="generated",
        split="test",
        reader=Reader(plates),
        progress=lambda *numbers: done.append(numbers),
        folder=checkpoints,
    )
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert list(result) == ["passport", "models"] and list(result["models"]) == models
    for name, scores in result["models"].items():
        assert scores.keys() >= KEYS and scores["n"] == 3
        summaries = ["ocr_confidence"] if name == "hr" else ["psnr", "psnr_y", "ssim", "ocr_confidence"]
        for key in summaries:
            assert scores[key].keys() == {"median", "std", "ci95"}
            assert scores[key]["ci95"][0] <= scores[key]["median"] <= scores[key]["ci95"][1]
    hr = result["models"]["hr"]
    assert (hr["psnr"], hr["psnr_y"], hr["ssim"]) == (None, None, None)
    assert (hr["exact"], hr["ge6"], hr["char_accuracy"], hr["ocr_confidence"]["median"]) == (1, 1, 1, 0.75)
    assert result["models"]["mse"]["exact"] == 0 and result["models"]["mse"]["ocr_confidence"]["median"] == 0.25
    passport = result["passport"]
    assert (passport["data"], passport["split"], passport["n"], passport["scale"]) == ("generated", "test", 3, 8)
    assert passport["reader"] == "test reader" and "bicubic" in passport["kernel"]
    assert passport["checkpoints"] == {"mse": read_card("mse", checkpoints).sha256}
    assert {"lpsr", "python", "torch", "numpy", "pillow"} <= passport["packages"].keys()
    assert done == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("name", ["bicubic", "mse"])
def test_the_numbers_are_those_of_an_independent_loop(plates, checkpoints, name):
    metrics = pytest.importorskip("skimage.metrics")
    scores = evaluate(plates, [name], data="x", split="test", folder=checkpoints)["models"][name]
    expected = {"psnr": [], "psnr_y": [], "ssim": []}
    for plate in plates:
        x0, y0 = np.floor(plate.corners.min(0)).astype(int)
        x1, y1 = np.floor(plate.corners.max(0)).astype(int) + 1
        with Image.open(plate.path) as file:
            image = file.convert("RGB").crop((x0, y0, x1, y1))
        image = image.crop((0, 0, image.width // 8 * 8, image.height // 8 * 8))
        small = image.resize((image.width // 8, image.height // 8), Image.Resampling.BICUBIC)
        if name == "bicubic":
            large = small.resize(image.size, Image.Resampling.BICUBIC)
        else:
            large = Image.fromarray(load_restorer(name, checkpoints).restore(np.asarray(small)))
        hr, sr = np.asarray(image), np.asarray(large)
        hr_y, sr_y = (np.asarray(each.convert("YCbCr"))[..., 0] for each in (image, large))
        expected["psnr"].append(metrics.peak_signal_noise_ratio(hr, sr))
        expected["psnr_y"].append(metrics.peak_signal_noise_ratio(hr_y, sr_y))
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
        _, local = metrics.structural_similarity(hr_y, sr_y, full=True, **options)
        expected["ssim"].append(local[5:-5, 5:-5].mean())
    for key, values in expected.items():
        assert scores[key]["median"] == pytest.approx(np.median(values), abs=1e-4), key
        assert scores[key]["std"] == pytest.approx(np.std(values), abs=1e-4), key


def test_without_a_reader_there_are_no_reading_columns(plates, checkpoints):
    result = evaluate(plates, ["bicubic"], data="x", split=None, folder=checkpoints)
    assert result["passport"]["reader"] is None
    assert result["models"]["bicubic"].keys() == {"n", "psnr", "psnr_y", "ssim"}


class Script:
    """Reads what it is told, one plate after the other."""

    engine = "script"

    def __init__(self, readings) -> None:
        self.readings = iter(readings)

    def read(self, picture):
        raw, plate, confidence = next(self.readings)
        return Reading(raw, plate, 0.5, (0.5,) * len(plate), self.engine, raw_confidence=confidence)


def test_the_columns_are_each_plates_own(plates, checkpoints):
    truths = ["皖A12345", "沪BD12345", None, "皖A12345", "皖A12345"]
    extra = {"brightness": "101", "blurriness": "12.5", "kind": "scene"}
    extras = [extra, {}, {"brightness": "dark", "blurriness": "inf"}, extra, extra]
    asked = [replace(plates[0], text=text, extra=one) for text, one in zip(truths, extras, strict=True)]
    read = [
        ("皖A·12345", "皖A12345", 0.9),
        ("BD12345", "皖BD12345", 0.8),
        ("X", "皖A12345", 0.7),
        ("", "皖A123456", 0.0),
        ("苏A12346", "苏A12346", 0.6),
    ]
    found = measure(asked, ["hr"], data="x", split=None, reader=Script(read), folder=checkpoints, command="the command")
    assert found.command == "the command" and found.passport["n"] == 5
    height, width = plates[0].hr().shape[:2]
    assert found.plates.model_dump() == {
        "width": [width] * 5,
        "height": [height] * 5,
        "characters": [7, 8, None, 7, 7],
        "province": ["皖", "沪", None, "皖", "皖"],
        "brightness": [101.0, None, None, 101.0, 101.0],
        "blurriness": [12.5, None, None, 12.5, 12.5],
        "kind": ["scene", "", "", "scene", "scene"],
    }
    assert found.models["hr"].model_dump() == {
        "title": "HR",
        "sha256": None,
        "psnr": None,
        "psnr_y": None,
        "ssim": None,
        "confidence": [0.9, 0.8, 0.7, 0.0, 0.6],
        "right": [7, 7, None, 7, 5],
        "exact": [True, False, None, False, False],
        "exact_raw": [True, False, None, False, False],
        "province": [True, False, None, True, False],
        "exact_without_province": [True, True, None, False, False],
    }
    scores = summarise_measurement(found)["models"]["hr"]
    assert (scores["n"], scores["n_read"], scores["exact"]) == (5, 4, 0.25)
    assert (scores["ge6"], scores["ge5"], scores["char_accuracy"]) == (0.75, 1, 26 / 29)
    assert (scores["province"], scores["exact_without_province"]) == (0.5, 0.5)
    assert scores["ocr_confidence"] == summarise([0.9, 0.8, 0.7, 0.0, 0.6])


def test_the_summary_is_that_of_the_columns_and_survives_the_file(plates, checkpoints, tmp_path):
    options = {"data": "generated", "split": "test", "folder": checkpoints}
    found = measure(plates, ["hr", "bicubic", "mse"], reader=Reader(plates), **options)
    assert summarise_measurement(found) == evaluate(plates, ["hr", "bicubic", "mse"], reader=Reader(plates), **options)
    columns, bicubic = found.models["mse"], load_restorer("bicubic")
    assert columns.sha256 == read_card("mse", checkpoints).sha256 and columns.title == "MSE"
    expected = [fidelity(plate.hr(), bicubic.restore(degrade(plate.hr()))) for plate in plates]
    assert [list(one) for one in zip(*expected, strict=True)] == [
        found.models["bicubic"].psnr,
        found.models["bicubic"].psnr_y,
        found.models["bicubic"].ssim,
    ]
    path = write_measurement("test", found, tmp_path / "results")
    again = summarise_measurement(read_results(tmp_path / "results").measurements["test"])
    for name, scores in summarise_measurement(found)["models"].items():
        assert again["models"][name]["exact"] == scores["exact"]
        if name != "hr":
            assert again["models"][name]["psnr"]["median"] == pytest.approx(scores["psnr"]["median"], abs=0.001)
    text = path.read_text(encoding="utf-8")
    assert not any(plate.text in text or plate.path.name in text for plate in plates)
    assert str(plates[0].path.parent) not in text


def test_scores_of_unknown_texts_are_confidences(plates):
    readings = [(None, reading) for reading in map(Reader([]).read, [plate.hr() for plate in plates])]
    scores = score(None, readings)
    assert scores.keys() == {"psnr", "psnr_y", "ssim", "ocr_confidence"} and scores["ocr_confidence"]["median"] == 0.25
    assert score(None, []) == dict.fromkeys(("psnr", "psnr_y", "ssim"))


def test_a_model_named_twice_counts_once(plates, checkpoints):
    result = evaluate(plates[:1], ["bicubic", "mse", "bicubic"], data="x", split=None, folder=checkpoints)
    assert list(result["models"]) == ["bicubic", "mse"]


def test_a_restorer_of_another_folder_is_measured_beside_them(plates, checkpoints, tmp_path, make_checkpoint):
    make_checkpoint(tmp_path / "other", "mine", 7)
    mine = load_restorer("mine", tmp_path / "other")
    result = evaluate(plates, ["mse", mine], data="x", split=None, folder=checkpoints)
    alone = evaluate(plates, ["mine"], data="x", split=None, folder=tmp_path / "other")
    assert list(result["models"]) == ["mse", "mine"]
    assert result["models"]["mine"] == alone["models"]["mine"]
    assert result["passport"]["checkpoints"]["mine"] == mine.sha256


def test_cards_get_their_scores_and_what_was_measured_beside_them(
    plates, checkpoints, tmp_path, make_checkpoint, monkeypatch
):
    monkeypatch.setattr(evaluation, "ENOUGH", 1)
    make_checkpoint(tmp_path / "other", "mine", 7)
    mine = load_restorer("mine", tmp_path / "other")
    found = measure(plates, ["bicubic", "mse", mine], data="x", split=None, reader=Reader(plates), folder=checkpoints)
    models = summarise_measurement(found)["models"]
    update_cards(found, tmp_path / "other", ["mine"])
    card = read_card("mine", tmp_path / "other")
    assert card.test["psnr"] == models["mine"]["psnr"] and card.test["exact"] == models["mine"]["exact"]
    assert len(card.test["provinces"]) > 1
    assert card.test["provinces"] == by_province(found.plates, found.models["mine"])
    # HR was not measured, and the other checkpoint is nothing to compare every card with.
    assert card.test["beside"] == {"bicubic": models["bicubic"]}
    assert card.test["passport"]["checkpoints"] == {"mine": card.sha256}
    assert (tmp_path / "other" / "mine.md").read_text(encoding="utf-8") == model_card(card)
    assert read_card("mse", checkpoints).test is None
    assert [path.name for path in checkpoints.glob("*.md")] == []


def test_provinces_with_enough_plates_stand_alone():
    provinces = ["皖"] * 12 + ["沪"] * 10 + ["浙"] * 9 + [None] * 5 + ["京"] * 4
    count = len(provinces)
    psnr = [float(number) for number in range(count)]
    known = [province is not None for province in provinces]
    read = [index % 2 == 0 if one else None for index, one in enumerate(known)]
    columns = dict.fromkeys(("exact", "exact_raw", "province", "exact_without_province"), read)
    plates = Plates(
        width=[8] * count,
        height=[8] * count,
        characters=[7 if one else None for one in known],
        province=provinces,
        brightness=[None] * count,
        blurriness=[None] * count,
        kind=[""] * count,
    )
    scores = Scores(
        title="",
        sha256=None,
        psnr=psnr,
        psnr_y=psnr,
        ssim=[0.0] * count,
        confidence=[0.5] * count,
        right=[7 if one else None for one in known],
        **columns,
    )
    found = by_province(plates, scores)
    assert [(one["name"], one["n"]) for one in found] == [("皖", 12), ("沪", 10), ("others", 13)]
    assert found[0]["psnr"] == summarise(psnr[:12])
    assert found[2]["psnr"] == summarise(psnr[22:31] + psnr[36:])
    assert [(one["n_read"], one["exact"], one["province"]) for one in found] == [
        (12, 0.5, 0.5),
        (10, 0.5, 0.5),
        (13, 7 / 13, 7 / 13),
    ]
    # One group says nothing that the whole does not.
    few = plates.model_copy(update={"province": ["皖"] * 12 + [None] * (count - 12)})
    assert by_province(few, scores) == []
    unread = scores.model_copy(update=dict.fromkeys(("exact", "province")))
    assert [set(one) for one in by_province(plates, unread)] == [{"name", "n", "psnr"}] * 3


def test_what_progress_raises_ends_the_evaluation(plates, checkpoints):
    def enough(done, total):
        raise KeyboardInterrupt(done, total)

    with pytest.raises(KeyboardInterrupt) as raised:
        evaluate(plates, ["bicubic"], data="x", split=None, progress=enough, folder=checkpoints)
    assert raised.value.args == (1, 3)


def test_a_perfect_restoration_stays_json(tmp_path, checkpoints):
    from lpsr.images import save_png

    save_png(tmp_path / "flat.png", np.full((40, 120, 3), 128, np.uint8))
    (tmp_path / "index.csv").write_text("file,text,split\nflat.png,,test\n", encoding="utf-8")
    result = evaluate(open_plates(tmp_path), ["bicubic"], data="x", split="test", folder=checkpoints)
    assert json.loads(json.dumps(result, allow_nan=False))["models"]["bicubic"]["psnr"]["median"] == 100


def test_nothing_to_evaluate_and_unknown_models_are_said(plates, checkpoints):
    with pytest.raises(InputError, match="no plates"):
        evaluate([], ["bicubic"], data="x", split=None)
    with pytest.raises(InputError, match="no checkpoint 'vgg'"):
        evaluate(plates, ["vgg"], data="x", split=None, folder=checkpoints)
