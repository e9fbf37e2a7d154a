"""One plate, many models."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lpsr.calibration import calibrate, save_calibration
from lpsr.checkpoints import load_restorer
from lpsr.compare import compare, read
from lpsr.data.plates import open_plates
from lpsr.degrade import PAPER, PRESETS, Degradation, degrade, enlarge
from lpsr.errors import InputError
from lpsr.evaluation import evaluate
from lpsr.metrics.consistency import consistency
from lpsr.metrics.fidelity import psnr, psnr_y, ssim_y
from lpsr.readers import Reading


class Reader:
    """Reads the brightness of the first pixel."""

    name, engine, threshold = "pixel", "pixel reader", None

    def read(self, picture):
        return Reading(str(picture[0, 0, 0]), "皖A12345", 0.5, (0.5,) * 7, self.engine, 0.5)


@pytest.fixture
def picture(plate_folder) -> np.ndarray:
    return open_plates(plate_folder, "test")[0].picture()


def test_the_order_is_hr_lr_bicubic_then_the_models(picture, checkpoints, make_checkpoint):
    make_checkpoint(checkpoints, "another")
    comparison = compare(picture, folder=checkpoints)
    assert [result.name for result in comparison.results] == ["hr", "lr", "bicubic", "mse", "pecl-manhattan"]
    assert [result.title for result in comparison.results] == ["HR", "LR", "Bicubic", "MSE", "PECL-MANHATTAN"]
    chosen = compare(picture, ["another", "bicubic"], folder=checkpoints)
    assert [result.name for result in chosen.results] == ["hr", "lr", "another", "bicubic"]


def test_pictures_and_numbers_are_the_protocols(picture, checkpoints):
    comparison = compare(picture, folder=checkpoints)
    height, width = (side // 8 * 8 for side in picture.shape[:2])
    hr = picture[:height, :width]
    lr = degrade(hr)
    assert np.array_equal(comparison.hr, hr) and np.array_equal(comparison.lr, lr)
    results = {result.name: result for result in comparison.results}
    assert np.array_equal(results["lr"].picture, enlarge(lr, 8, "nearest"))
    assert np.array_equal(results["bicubic"].picture, enlarge(lr))
    assert np.array_equal(results["mse"].picture, load_restorer("mse", checkpoints).restore(lr))
    for result in comparison.results[1:]:
        assert result.psnr == psnr(hr, result.picture)
        assert result.psnr_y == psnr_y(hr, result.picture)
        assert result.ssim_y == ssim_y(hr, result.picture)
        assert result.gain == pytest.approx(result.psnr - psnr(hr, enlarge(lr)))
    assert results["bicubic"].gain == 0
    assert (results["hr"].psnr, results["hr"].gain) == (None, None)


def test_gain_needs_no_bicubic_among_the_models(picture, checkpoints):
    with_it, without = compare(picture, folder=checkpoints), compare(picture, ["mse"], folder=checkpoints)
    assert without.results[-1].gain == with_it.results[3].gain


def test_the_numbers_are_those_of_evaluation(plate_folder, checkpoints):
    plates = open_plates(plate_folder, "test")[:1]
    scores = evaluate(plates, ["bicubic", "mse"], data="x", split="test", folder=checkpoints)["models"]
    for result in compare(plates[0].hr(), ["bicubic", "mse"], folder=checkpoints).results[2:]:
        assert scores[result.name]["psnr"]["median"] == result.psnr
        assert scores[result.name]["psnr_y"]["median"] == result.psnr_y
        assert scores[result.name]["ssim"]["median"] == result.ssim_y


def test_a_small_picture_can_be_restored_directly(checkpoints):
    lr = np.random.default_rng(0).integers(0, 256, (7, 19, 3), dtype=np.uint8)
    comparison = compare(lr, direct=True, folder=checkpoints)
    assert comparison.hr is None and np.array_equal(comparison.lr, lr)
    assert [result.name for result in comparison.results] == ["lr", "bicubic", "mse", "pecl-manhattan"]
    for result in comparison.results:
        assert result.picture.shape == (56, 152, 3)
        assert result.psnr is result.psnr_y is result.ssim_y is result.gain is None
    assert comparison.to_json()["hr_size"] is None
    assert comparison.to_json()["lr_size"] == [19, 7]


def test_another_degradation_is_used_and_told(picture, checkpoints):
    degradation = Degradation(blur=2.0, noise=10, jpeg=40, seed=3)
    comparison = compare(picture, ["bicubic"], degradation=degradation, folder=checkpoints)
    assert np.array_equal(comparison.lr, degrade(comparison.hr, degradation))
    facts = ("blur_sigma_px", "noise_sigma_levels", "jpeg_quality", "noise_seed")
    assert [comparison.passport[fact] for fact in facts] == [2.0, 10, 40, 3]
    with pytest.raises(InputError, match="×4"):
        compare(picture, ["bicubic"], degradation=replace(degradation, scale=4), folder=checkpoints)


def test_a_large_picture_is_reduced_and_says_so(checkpoints):
    comparison = compare(np.full((300, 1280, 3), 90, np.uint8), ["bicubic"], folder=checkpoints)
    assert comparison.reduced_from == (1280, 300)
    assert comparison.hr.shape == (144, 640, 3)
    assert compare(np.zeros((16, 640, 3), np.uint8), ["bicubic"], folder=checkpoints).reduced_from is None


def test_corners_follow_a_reduced_picture(checkpoints):
    corners = np.float32([(10, 20), (1270, 30), (1260, 290), (0, 280)])
    found = compare(np.zeros((300, 1280, 3), np.uint8), ["bicubic"], corners=corners, folder=checkpoints).corners
    np.testing.assert_allclose(found, corners / 2)


@pytest.mark.parametrize(("size", "direct", "words"), [((7, 40), False, "too small"), ((65, 128), True, "too large")])
def test_a_picture_of_the_wrong_size_is_refused(size, direct, words, checkpoints):
    with pytest.raises(InputError, match=words):
        compare(np.zeros((*size, 3), np.uint8), ["bicubic"], direct=direct, folder=checkpoints)


def test_the_largest_direct_picture_is_taken(checkpoints):
    compare(np.zeros((64, 128, 3), np.uint8), ["bicubic"], direct=True, folder=checkpoints)


def test_an_unknown_model_is_refused(picture, checkpoints):
    with pytest.raises(InputError, match="no checkpoint 'vgg'"):
        compare(picture, ["vgg"], folder=checkpoints)


def test_each_picture_is_degraded_again(picture, checkpoints):
    for degradation in (PAPER, PRESETS["night"]):
        comparison = compare(picture, degradation=degradation, folder=checkpoints)
        for result in comparison.results:
            if result.name == "lr":
                assert result.consistency is None
            else:
                expected = consistency(result.picture, comparison.lr, degradation)
                assert result.consistency.rmse == expected.rmse
                assert np.array_equal(result.consistency.map, expected.map)
    # Of a picture restored directly the paper's degradation is assumed.
    direct = compare(comparison.lr, direct=True, degradation=PRESETS["cctv"], folder=checkpoints)
    bicubic = direct.results[1]
    assert bicubic.consistency.rmse == consistency(bicubic.picture, comparison.lr, PAPER).rmse


def test_restorations_are_what_is_neither_hr_nor_lr_nor_bicubic(picture, checkpoints):
    assert [one.name for one in compare(picture, folder=checkpoints).restorations] == ["mse", "pecl-manhattan"]
    assert compare(picture, ["bicubic"], folder=checkpoints).restorations == ()


def test_everything_is_read_and_the_answer_is_json(picture, checkpoints):
    unread = compare(picture, folder=checkpoints, text="皖A12345")
    comparison = read(unread, Reader(), checkpoints)
    answer = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    height, width = comparison.hr.shape[:2]
    assert answer["hr_size"] == [width, height]
    assert answer["text"] == "皖A12345"
    assert answer["passport"]["reader"] == "pixel reader"
    assert answer["passport"]["checkpoints"].keys() == {"mse", "pecl-manhattan"}
    assert [model["name"] for model in answer["models"]] == ["hr", "lr", "bicubic", "mse", "pecl-manhattan"]
    for model, result in zip(answer["models"], comparison.results, strict=True):
        assert model.keys() == {"name", "psnr", "psnr_y", "ssim", "gain", "consistency_rmse", "reading"}
        assert model["reading"]["raw_text"] == str(result.picture[0, 0, 0])
        assert model["consistency_rmse"] == (result.consistency and result.consistency.rmse)
    assert answer["verdict"]["text"] == "皖A12345" and len(answer["verdict"]["supports"]) == 7
    before = unread.to_json()
    assert before["models"][0]["reading"] is before["verdict"] is before["passport"]["reader"] is None


def test_the_verdict_is_that_of_the_calibration_beside_the_checkpoints(picture, plate_folder, checkpoints):
    comparison = compare(picture, folder=checkpoints)
    assert read(comparison, Reader(), checkpoints).verdict.reason == "missing"
    found = calibrate(
        open_plates(plate_folder, "val"),
        (),
        Reader(),
        data="x",
        splits=("val", ""),
        presets=["paper"],
        folder=checkpoints,
    )
    found.presets["paper"].thresholds.update(dict.fromkeys(("look-alikes", "others"), 0.5))
    save_calibration(found, checkpoints)
    verdict = read(comparison, Reader(), checkpoints).verdict
    assert verdict.reason == "" and verdict.measured["plates"] == 3
    assert [one.status for one in verdict.supports] == ["guess", *["reliable"] * 6]
    assert [name for name, _, _ in verdict.supports[0].readings] == ["mse", "pecl-manhattan"]
    for other, reason in (
        (compare(picture, degradation=PRESETS["night"], folder=checkpoints), "degradation"),
        (compare(picture, ["bicubic", "mse"], folder=checkpoints), "checkpoints"),
        (compare(comparison.lr, direct=True, folder=checkpoints), "direct"),
    ):
        verdict = read(other, Reader(), checkpoints).verdict
        assert verdict.reason == reason and {one.status for one in verdict.supports} == {"guess"}

    # Whether the plate has seven characters is known from its text, else from a reading of HR.
    class Longer(Reader):
        def read(self, picture):
            one = super().read(picture)
            if not np.array_equal(picture, comparison.hr):
                return one
            return replace(one, plate_text="皖AD12345", char_confidences=(0.5,) * 8)

    for text, reader, reason in (
        ("皖AD12345", Reader(), "length"),
        (None, Longer(), "length"),
        ("皖A12345", Longer(), ""),
    ):
        assert read(replace(comparison, text=text), reader, checkpoints).verdict.reason == reason
    narrow = picture[:, : 8 * found.narrowest]
    assert read(compare(narrow, folder=checkpoints), Reader(), checkpoints).verdict.reason == ""
    narrower = read(compare(narrow[:, :-8], folder=checkpoints), Reader(), checkpoints).verdict
    assert narrower.reason == "size" and {one.status for one in narrower.supports} == {"guess"}
    nothing = read(compare(picture, ["bicubic"], folder=checkpoints), Reader(), checkpoints).verdict
    assert (nothing.supports, nothing.measured) == ((), None)


def test_a_flat_picture_keeps_the_answer_json(checkpoints):
    flat = compare(np.full((40, 120, 3), 128, np.uint8), ["bicubic"], folder=checkpoints)
    json.dumps(flat.to_json(), allow_nan=False)
    assert flat.results[-1].psnr == 100
