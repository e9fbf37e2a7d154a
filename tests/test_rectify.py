"""Corners, the straightened plate and the width it is worth."""

import cv2
import numpy as np
import pytest
from PIL import Image

from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.rectify import check_corners, effective_width, plate_size, rectify

SQUARE = [[10, 10], [60, 10], [60, 30], [10, 30]]
TILTED = np.float32([[12.5, 8.25], [70.0, 15.5], [66.0, 42.0], [9.0, 31.0]])


def smooth_picture(height: int = 60, width: int = 90) -> np.ndarray:
    """Slow waves, different in each channel, which interpolation follows closely."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([_wave(x, y, shift) for shift in (0, 1, 2)], axis=-1)


def _wave(x, y, shift: float) -> np.ndarray:
    return np.rint(128 + 100 * np.sin(x / 9 + shift) * np.cos(y / 7)).astype(np.uint8)


def test_good_corners_come_back_as_they_are():
    found = check_corners(SQUARE, (100, 50))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, SQUARE)


@pytest.mark.parametrize(
    ("corners", "sentence"),
    [
        (None, "four points"),
        ("plate", "four points"),
        ([[1, 2], [3, 4], [5, 6]], "four points"),
        ([[1, 2], [3, 4], [5, 6], [7]], "four points"),
        (np.zeros((4, 2, 1)), "four points"),
        ([[0, 0], [50, 0], [50, float("nan")], [0, 20]], "finite"),
        ([[0, 0], [50, 0], [50, 1e300], [0, 20]], "finite"),
        (SQUARE[::-1], "counter-clockwise"),
        ([[0, 0], [50, 20], [50, 0], [0, 20]], "convex"),
        ([[0, 0], [50, 0], [10, 5], [0, 20]], "convex"),
        ([[0, 0], [25, 0], [50, 0], [0, 20]], "convex"),
        ([[5, 5]] * 4, "convex"),
        ([[0, 0], [50, 0], [50, 3], [0, 3]], "at least 4 px"),
        ([[0, 0], [9000, 0], [9000, 30], [0, 30]], "at most 8192 px"),
        ([[-40, 10], [20, 10], [20, 30], [-40, 30]], "half the plate's width"),
        ([[70, 10], [140, 10], [140, 30], [70, 30]], "half the plate's width"),
    ],
)
def test_corners_that_no_plate_has_are_refused(corners, sentence):
    with pytest.raises(InputError, match=sentence):
        check_corners(corners, (100, 50))


def test_a_plate_may_reach_out_of_the_picture_by_less_than_half_its_width():
    check_corners([[-20, 10], [40, 10], [40, 30], [-20, 30]], (100, 50))


def test_the_first_corner_may_be_any_of_the_four_as_for_a_plate_that_stands():
    assert plate_size(np.roll(np.float32(SQUARE), 1, axis=0)) == plate_size(SQUARE)[::-1]


def test_the_size_is_the_mean_of_opposite_edges_rounded_down():
    assert plate_size(SQUARE) == (50, 20)
    assert plate_size([[0, 0], [60.9, 0], [60, 20.9], [0, 20.9]]) == (60, 20)
    assert plate_size([[0, 0], [60, 0], [40, 20], [0, 20]])[0] == 50


def test_an_upright_rectangle_is_its_pixels():
    picture = np.random.default_rng(0).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    np.testing.assert_array_equal(rectify(picture, SQUARE), picture[10:30, 10:60])


def test_a_quarter_turn_of_the_corners_turns_the_plate():
    picture = np.random.default_rng(0).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    turned = rectify(picture, np.roll(np.float32(SQUARE), -1, axis=0))
    np.testing.assert_array_equal(turned, np.rot90(picture[10:30, 10:60]))


def test_each_pixel_is_that_of_the_homography_without_a_shift():
    size = width, height = 50, 20
    straight = rectify(smooth_picture(), TILTED, size)
    to_picture = cv2.getPerspectiveTransform(np.float32([[0, 0], [width, 0], size, [0, height]]), TILTED)
    y, x = np.mgrid[:height, :width] + 0.5
    points = cv2.perspectiveTransform(np.stack([x, y], axis=-1).reshape(1, -1, 2), to_picture)
    expected = [_wave(*points.reshape(height, width, 2).transpose(2, 0, 1), shift) for shift in (0, 1, 2)]
    assert straight.shape == (height, width, 3)
    # A shift of half a pixel would make 4 levels.
    assert np.abs(straight.astype(int) - np.stack(expected, axis=-1)).mean() < 0.8


def test_what_is_reduced_does_not_alias():
    stripes = np.zeros((50, 100, 3), np.uint8)
    stripes[:, ::2] = 255
    small = rectify(stripes, SQUARE, (13, 5))
    assert np.abs(small.astype(int) - 127).max() <= 25


def test_the_border_goes_on_outside_the_picture():
    picture = np.full((50, 100, 3), 7, np.uint8)
    assert (rectify(picture, [[-20, -5], [40, -5], [40, 30], [-20, 30]]) == 7).all()


def test_a_picture_wider_than_the_warp_allows_is_cut_first():
    picture = np.zeros((40, 40000, 3), np.uint8)
    picture[:, 39000:] = 9
    assert (rectify(picture, [[39100, 5], [39200, 5], [39200, 35], [39100, 35]]) == 9).all()


def test_rectify_refuses_what_check_corners_refuses():
    with pytest.raises(InputError, match="convex"):
        rectify(smooth_picture(), [[0, 0], [50, 20], [50, 0], [0, 20]])


def test_a_picture_without_detail_is_worth_one_pixel():
    assert effective_width(np.full((20, 60, 3), 90, np.uint8)) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (3000, 20), (700, 2300)])
def test_every_size_has_a_worth(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert 1 <= effective_width(picture) <= min(shape[1], 640)


def test_noise_is_no_detail():
    plate = _generated(20, 160)
    noisy = np.clip(plate + np.random.default_rng(0).normal(0, 12, plate.shape), 0, 255).astype(np.uint8)
    assert 14 <= effective_width(noisy) <= 28


@pytest.mark.parametrize("width", [20, 40, 60])
def test_an_enlarged_plate_is_worth_the_pixels_it_had(width):
    assert width * 0.8 <= effective_width(_generated(width, width)) <= width
    assert width * 0.8 <= effective_width(_generated(width, 240)) <= width * 1.35


def test_blur_lowers_the_worth():
    plate = _generated(160, 160)
    worth = [effective_width(cv2.GaussianBlur(plate, (0, 0), sigma)) for sigma in (0.3, 1, 2, 4)]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] > 3 * worth[-1]


def test_real_plates_that_were_enlarged_are_worth_the_pixels_they_had(ccpd_root):
    plates = [plate.hr(1) for plate in open_plates(ccpd_root, "test")[:60]]
    for times in (4, 8):
        ratios = []
        for plate in plates:
            size = plate.shape[1], plate.shape[0]
            small = Image.fromarray(plate).resize((size[0] // times, size[1] // times), Image.Resampling.BICUBIC)
            enlarged = np.asarray(small.resize(size, Image.Resampling.BICUBIC))
            ratios.append(effective_width(enlarged) / small.width)
        assert 0.9 < np.median(ratios) < 1.25
        assert np.percentile(ratios, 5) > 0.6
        assert np.percentile(ratios, 95) < 1.5


def _generated(width: int, shown: int) -> np.ndarray:
    """Dark bars of several breadths on blue, ``width`` pixels of them enlarged to ``shown``."""
    sharp = np.full((160, 480, 3), (20, 60, 160), np.uint8)
    left = 20
    for breadth in (6, 10, 4, 14, 8, 5, 12, 7, 9, 4, 11, 6, 8, 13, 5, 7, 10, 6, 9, 4):
        sharp[20:140, left : left + breadth] = 240
        left += breadth + 14
    picture = Image.fromarray(sharp).resize((width, width // 3), Image.Resampling.BICUBIC)
    return np.asarray(picture.resize((shown, shown // 3), Image.Resampling.BICUBIC))
