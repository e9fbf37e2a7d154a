import io

import cv2
import numpy as np
import pytest
from PIL import Image

from lpsr.degrade import KERNELS, PAPER, Degradation, degrade, enlarge
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
