"""Pictures to learn corners from: where a plate is said to be, it is; the same numbers give the same pictures."""

import cv2
import numpy as np
import pytest

from lpsr.data import corner_samples
from lpsr.data.corner_samples import CornerSampler
from lpsr.data.patches import Source, load_sources
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.images import outline

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
    """The pixels within the corners are red, the others that the source shows are not."""
    source, rng = red_on_green(), np.random.default_rng(0)
    height, width = source.picture.shape[:2]
    for _ in range(20):
        corners = corner_samples._placed(rng, SIZE)
        seen = corner_samples._view(source, corners, SIZE, rng).astype(int)
        to_view = cv2.getPerspectiveTransform(source.corners, corners)
        shown = filled(cv2.perspectiveTransform(outline(width, height)[None], to_view)[0])
        shown = cv2.erode(shown, np.ones((3, 3)), borderValue=1) > 0
        inside = filled(corners)
        deep = cv2.erode(inside, np.ones((3, 3)), borderValue=1) > 0
        near = cv2.dilate(inside, np.ones((3, 3))) > 0
        red = seen[..., 0] > seen[..., 1]
        assert red[deep].mean() > 0.99
        assert red[~near & shown].mean() < 0.01


@pytest.mark.parametrize(
    ("make", "fits"),
    [
        (corner_samples._too_large, lambda shown, width: width > 1.3),
        (corner_samples._too_small, lambda shown, width: width < 0.16),
        (corner_samples._outside, lambda shown, width: shown < 0.5),
    ],
)
def test_what_is_no_plate_never_shows_one_whole(monkeypatch, make, fits):
    """``shown``: the share of the plate that is in the picture; ``width``: the plate's, as a share of the picture's."""
    corners = []
    view = corner_samples._view
    monkeypatch.setattr(corner_samples, "_view", lambda *given: corners.append(given[1]) or view(*given))
    for seed in range(40):
        assert make(red_on_green(), SIZE, np.random.default_rng(seed)).shape == (*SIZE, 3)
        # Where it would be in a picture three times as large.
        whole = np.zeros((SIZE[0] * 3, SIZE[1] * 3), np.uint8)
        cv2.fillPoly(whole, [np.int32(np.rint(corners[-1] + SIZE[::-1]))], 1)
        shown = whole[SIZE[0] : 2 * SIZE[0], SIZE[1] : 2 * SIZE[1]].sum() / max(whole.sum(), 1)
        assert fits(shown, np.linalg.norm(corners[-1][1] - corners[-1][0]) / SIZE[1])


def test_bodywork_shows_nothing_of_the_plate():
    for seed in range(40):
        picture = corner_samples._bodywork(red_on_green(), SIZE, np.random.default_rng(seed))
        assert (picture[..., 0] < picture[..., 1]).all()


def test_a_plate_upside_down_or_in_a_mirror_is_none(monkeypatch):
    views = []
    view = corner_samples._view
    monkeypatch.setattr(corner_samples, "_view", lambda *given: views.append(view(*given)) or views[-1])
    turns = set()
    for seed in range(20):
        picture = corner_samples._upside_down(red_on_green(), SIZE, np.random.default_rng(seed))
        turned = {"across": views[-1][:, ::-1], "down": views[-1][::-1], "both": views[-1][::-1, ::-1]}
        turns |= {name for name, one in turned.items() if np.array_equal(one, picture)}
        assert not np.array_equal(picture, views[-1])
    assert turns == {"across", "down", "both"}


def red_on_green() -> Source:
    picture = np.full((120, 240, 3), (0, 160, 0), np.uint8)
    picture[40:80, 60:180] = (200, 0, 0)
    return Source(picture, np.float32([[60, 40], [180, 40], [180, 80], [60, 80]]), "皖A12345")


def filled(corners: np.ndarray) -> np.ndarray:
    """The pixels within ``corners`` are 1, ``SIZE`` uint8."""
    inside = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(inside, [np.int32(np.rint((corners - 0.5) * 16))], 1, cv2.LINE_8, 4)
    return inside


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
