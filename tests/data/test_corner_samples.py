"""Pictures to learn corners from: where a plate is said to be, it is; the same numbers give the same pictures."""

import cv2
import numpy as np
import pytest

from lpsr.data import corner_samples
from lpsr.data.corner_samples import CornerSampler
from lpsr.data.patches import Source, load_sources
from lpsr.data.plates import open_plates
from lpsr.errors import InputError

SIZE = (96, 192)


@pytest.fixture(scope="module")
def sources(plate_folder):
    return load_sources(open_plates(plate_folder))


def test_the_same_numbers_give_the_same_pictures(sources):
    one, two = (CornerSampler([(sources, 1)], SIZE, 3) for _ in range(2))
    for first, second in zip(one.batch(5, range(6)), two.batch(5, range(6)), strict=True):
        assert np.array_equal(first, second)
    assert not np.array_equal(one.batch(5, [0])[0], one.batch(6, [0])[0])
    # A place in a batch does not depend on who else is asked for.
    assert np.array_equal(one.batch(5, range(6))[0][4], one.batch(5, [4])[0][0])


def test_shapes_and_shares(sources):
    pictures, corners, plate = CornerSampler([(sources, 1)], SIZE).batch(0, range(200))
    assert pictures.shape == (200, 96, 192, 3) and pictures.dtype == np.uint8
    assert corners.shape == (200, 4, 2) and corners.dtype == np.float32
    assert 0.5 < plate.mean() < 0.8
    shown = corners[plate == 1]
    assert shown.min() > -6 and (shown < (198, 102)).all()
    assert all(cv2.isContourConvex(one) for one in shown)


def test_the_plate_lies_where_the_corners_say():
    """A red sheet on green: the pixels within the corners are red, those outside are not."""
    picture = np.full((120, 240, 3), (0, 160, 0), np.uint8)
    box = np.float32([[60, 40], [180, 40], [180, 80], [60, 80]])
    picture[40:80, 60:180] = (200, 0, 0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        corners = corner_samples._placed(rng, SIZE)
        seen = corner_samples._view(Source(picture, box, "皖A12345"), corners, SIZE, rng).astype(int)
        inside = np.zeros(SIZE, np.uint8)
        cv2.fillPoly(inside, [np.int32(np.rint((corners - 0.5) * 16))], 1, cv2.LINE_8, 4)
        deep = cv2.erode(inside, np.ones((3, 3)), borderValue=1) > 0
        near = cv2.dilate(inside, np.ones((3, 3))) > 0
        red = seen[..., 0] > seen[..., 1]
        assert red[deep].mean() > 0.99
        assert red[~near & (np.abs(seen - (0, 160, 0)).max(2) < 40)].mean() < 0.01


def test_what_is_no_plate_never_shows_one_whole(sources):
    for make in corner_samples._EMPTIES:
        for seed in range(4):
            picture = make(sources[seed], SIZE, np.random.default_rng(seed))
            assert picture.shape == (*SIZE, 3) and picture.dtype == np.uint8


def test_pictures_without_text_and_corners_are_taken_as_no_plate(sources):
    grey = np.full((48, 96, 3), 90, np.uint8)
    frame = np.float32([[0, 0], [96, 0], [96, 48], [0, 48]])
    sampler = CornerSampler([(sources[:6], 3), (sources[6:], 1), ([Source(grey, frame, None)], 1)], SIZE)
    assert len(sampler.groups) == 2 and len(sampler.elsewhere) == 1
    assert sampler.shares == pytest.approx([0.75 * 0.825, 0.25 * 0.825, 0.175])
    assert CornerSampler([(sources, 2)], SIZE).shares == [1]


def test_a_plate_with_a_text_but_no_corners_is_neither(sources):
    picture = np.full((48, 96, 3), 90, np.uint8)
    frame = np.float32([[0, 0], [96, 0], [96, 48], [0, 48]])
    assert not CornerSampler([([*sources, Source(picture, frame, "皖A12345")], 1)], SIZE).elsewhere
    with pytest.raises(InputError, match="known corners"):
        CornerSampler([([Source(picture, frame, "皖A12345")], 1)], SIZE)
