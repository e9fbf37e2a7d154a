import io
from dataclasses import replace
from math import hypot

import cv2
import numpy as np
import pytest
from PIL import Image

from lpsr.degrade import KERNELS, PAPER, PRESETS, Degradation, degrade, enlarge, motion_kernel
from lpsr.errors import InputError

HR = np.random.default_rng(0).integers(0, 256, (59, 165, 3), dtype=np.uint8)
SMOOTH = cv2.GaussianBlur(HR, (0, 0), 4)


def test_the_papers_degradation_is_pillows_bicubic_eighth():
    expected = Image.fromarray(HR[:56, :160]).resize((20, 7), Image.Resampling.BICUBIC)
    found = degrade(HR)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(expected))
    assert Degradation() == PAPER


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scale", [2, 3, 8, 16])
def test_every_kernel_and_scale_follows_pillow(kernel, scale):
    height, width = HR.shape[0] // scale, HR.shape[1] // scale
    expected = Image.fromarray(HR[: height * scale, : width * scale]).resize((width, height), KERNELS[kernel])
    np.testing.assert_array_equal(degrade(HR, Degradation(scale=scale, kernel=kernel)), np.asarray(expected))


def test_area_is_the_mean_of_each_block():
    blocks = HR[:56, :160].reshape(7, 8, 20, 8, 3).mean((1, 3))
    np.testing.assert_allclose(degrade(HR, Degradation(kernel="area")), blocks, atol=1)


def test_blur_comes_before_the_downscaling():
    found = degrade(HR, Degradation(blur=3))
    np.testing.assert_array_equal(found, degrade(cv2.GaussianBlur(HR[:56, :160], (0, 0), 3)))
    assert found.std() < degrade(HR).std()


def test_noise_has_its_sigma_and_follows_the_seed():
    flat = np.full((800, 1600, 3), 128, np.uint8)
    noisy = degrade(flat, Degradation(noise=10, seed=4))
    assert noisy.std() == pytest.approx(10, rel=0.02) and noisy.mean() == pytest.approx(128, abs=0.2)
    np.testing.assert_array_equal(noisy, degrade(flat, Degradation(noise=10, seed=4)))
    assert (noisy != degrade(flat, Degradation(noise=10, seed=5))).any()


def test_noise_is_clipped_not_wrapped():
    white = degrade(np.full((64, 64, 3), 255, np.uint8), Degradation(noise=20))
    assert white.min() > 100 and white.max() == 255


def test_jpeg_is_that_of_the_quality_and_keeps_the_colours():
    large = cv2.GaussianBlur(np.tile(HR, (6, 6, 1)), (0, 0), 12)
    large = cv2.normalize(large, None, 0, 255, cv2.NORM_MINMAX)
    lr = degrade(large)
    errors = []
    for quality in (10, 50, 95):
        found = degrade(large, Degradation(jpeg=quality))
        assert found.shape == lr.shape and found.dtype == np.uint8
        errors.append(np.abs(found.astype(int) - lr).mean())
    assert errors == sorted(errors, reverse=True)
    red = degrade(np.full((64, 64, 3), (220, 20, 10), np.uint8), Degradation(jpeg=90))
    assert np.abs(red.astype(int) - (220, 20, 10)).max() < 6
    grey = np.repeat(degrade(SMOOTH)[..., 1:2], 3, axis=2)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=50)
    ours = degrade(np.kron(grey, np.ones((8, 8, 1), np.uint8)), Degradation(kernel="area", jpeg=50))
    assert np.abs(ours.astype(int) - np.asarray(Image.open(file))).max() <= 3


def test_the_order_is_noise_then_jpeg():
    noisy = degrade(SMOOTH, Degradation(noise=25, seed=1))
    code = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    expected = np.asarray(Image.open(io.BytesIO(code)))
    assert np.abs(degrade(SMOOTH, Degradation(noise=25, jpeg=60, seed=1)).astype(int) - expected).max() <= 3


@pytest.mark.parametrize("option", ["blur", "motion", "noise", "jpeg"])
def test_each_step_happens_before_or_after_the_downscaling(option):
    value = {"blur": 1.2, "motion": 4.0, "noise": 12.0, "jpeg": 30}[option]
    place = {"motion": "blur_at"}.get(option, f"{option}_at")
    before, after = (Degradation(**{option: value, place: where}) for where in ("before", "after"))
    # At ×8 "after" works on the LR picture itself; "before" works on HR, and the paper's degradation follows.
    size = HR.shape[1] // 8, HR.shape[0] // 8
    np.testing.assert_array_equal(degrade(HR, after), spoilt(degrade(HR), option, value))
    np.testing.assert_array_equal(degrade(HR, before), degrade(spoilt(HR[: size[1] * 8, : size[0] * 8], option, value)))
    assert (degrade(HR, before) != degrade(HR, after)).any()


def spoilt(picture, option, value):
    """One step alone, written out."""
    if option == "blur":
        return cv2.GaussianBlur(picture, (0, 0), value)
    if option == "motion":
        return cv2.filter2D(picture, -1, motion_kernel(value, 0.0))
    if option == "noise":
        noise = np.random.default_rng(0).normal(0, value, picture.shape)
        return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
    code = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, value])[1]
    return cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_order_on_either_side_is_blur_motion_noise_jpeg(place):
    places = {"blur_at": place, "noise_at": place, "jpeg_at": place}
    all_four = Degradation(blur=1.0, motion=3.0, noise=9.0, jpeg=40, **places)
    picture = SMOOTH[:56, :160] if place == "before" else degrade(SMOOTH)
    for option, value in (("blur", 1.0), ("motion", 3.0), ("noise", 9.0), ("jpeg", 40)):
        picture = spoilt(picture, option, value)
    expected = degrade(picture) if place == "before" else picture
    np.testing.assert_array_equal(degrade(SMOOTH, all_four), expected)


def test_motion_blurs_along_its_angle_alone():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::16], stripes[:, 1::16] = 255, 255
    along = Degradation(scale=2, motion=20, angle=90)
    across = replace(along, angle=0)
    untouched = degrade(stripes, Degradation(scale=2)).std()
    # The kernel is softened by a pixel or so, which costs the stripes a little.
    assert degrade(stripes, along).std() > 0.6 * untouched
    assert degrade(stripes, across).std() < 0.2 * untouched


@pytest.mark.parametrize("degrees", [0, 30, 90, -45])
def test_the_motion_kernel_is_a_line_of_that_length_and_direction(degrees):
    kernel = motion_kernel(15, np.radians(degrees))
    assert kernel.dtype == np.float32 and kernel.sum() == pytest.approx(1, abs=1e-5)
    side = len(kernel)
    assert kernel.shape == (side, side) and side % 2 == 1
    y, x = (np.mgrid[:side, :side] - side // 2).reshape(2, -1)
    mass = kernel.ravel()
    along = x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees))
    spread = [float(np.sqrt((mass * axis**2).sum())) for axis in (along, np.sqrt(x**2 + y**2 - along**2 + 1e-9))]
    # A uniform line of length L has the standard deviation L / √12; across it there is only the softening.
    assert spread[0] == pytest.approx(15 / np.sqrt(12), rel=0.1) and spread[1] < 1
    # Drawn on whole pixels it may lie up to one beside the centre.
    assert hypot(float((mass * x).sum()), float((mass * y).sum())) < 1


def test_a_motion_below_one_pixel_is_none():
    np.testing.assert_array_equal(degrade(HR, Degradation(motion=0.9)), degrade(HR))


def test_presets_start_from_the_paper_and_keep_the_brightness():
    assert list(PRESETS) == ["paper", "night", "cctv", "motion"] and PRESETS["paper"] == PAPER
    assert len(set(PRESETS.values())) == 4
    usual = degrade(SMOOTH)
    for name, preset in PRESETS.items():
        found = degrade(SMOOTH, preset)
        assert preset.scale == 8 and found.shape == usual.shape
        assert found.mean() == pytest.approx(usual.mean(), abs=2)
        assert name == "paper" or (found != usual).any()


def test_the_input_stays_and_may_be_any_view():
    before = HR.copy()
    mirrored = HR[:, ::-1]
    degrade(mirrored, Degradation(blur=1, noise=5, jpeg=60))
    np.testing.assert_array_equal(HR, before)
    np.testing.assert_array_equal(degrade(mirrored), degrade(mirrored.copy()))
    assert degrade(HR, Degradation(jpeg=60)).flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kernel": "cubic"}, "no kernel 'cubic'"),
        ({"scale": 1}, "scale"),
        ({"scale": 17}, "scale"),
        ({"scale": 2.5}, "whole"),
        ({"blur": -1}, "blur"),
        ({"blur": float("nan")}, "blur"),
        ({"noise": 256}, "noise"),
        ({"noise": float("nan")}, "noise"),
        ({"jpeg": 0}, "JPEG"),
        ({"jpeg": 101}, "JPEG"),
        ({"jpeg": 50.5}, "whole"),
        ({"motion": -1}, "motion"),
        ({"motion": 51}, "motion"),
        ({"motion": float("nan")}, "motion"),
        ({"angle": 361}, "angle"),
        ({"angle": float("nan")}, "angle"),
        ({"blur_at": "during"}, "blur_at"),
        ({"noise_at": ""}, "noise_at"),
        ({"jpeg_at": None}, "jpeg_at"),
        ({"noise": 5, "seed": -1}, "seed"),
        ({"seed": 1.5}, "whole"),
    ],
)
def test_values_out_of_range_are_refused(options, words):
    with pytest.raises(InputError, match=words) as error:
        Degradation(**options)
    assert str(error.value).endswith(".")


def test_a_picture_below_the_scale_is_refused():
    with pytest.raises(InputError, match="at least 8 × 8"):
        degrade(HR[:7])
    with pytest.raises(InputError, match="at least 16 × 16"):
        degrade(HR[:15], Degradation(scale=16))


@pytest.mark.parametrize("kernel", KERNELS)
def test_enlarge_follows_pillow(kernel):
    lr = degrade(HR)
    expected = Image.fromarray(lr).resize((160, 56), KERNELS[kernel])
    np.testing.assert_array_equal(enlarge(lr, kernel=kernel), np.asarray(expected))


def test_nearest_repeats_every_pixel_and_unknown_kernels_are_refused():
    lr = degrade(HR)
    np.testing.assert_array_equal(enlarge(lr, 3, "nearest"), np.kron(lr, np.ones((3, 3, 1), np.uint8)))
    with pytest.raises(InputError, match="no kernel"):
        enlarge(lr, kernel="cubic")
