"""The table: its format, and its numbers against independent ones."""

import json

import numpy as np
import pytest
from PIL import Image

from lpsr.checkpoints import load_restorer, read_card
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.evaluation import evaluate, update_cards
from lpsr.readers import Reading

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
    update_cards(result, tmp_path / "other", ["mine"])
    assert read_card("mine", tmp_path / "other").test["psnr"] == alone["models"]["mine"]["psnr"]
    assert read_card("mse", checkpoints).test is None


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
