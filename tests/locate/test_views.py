"""What is kept of a photo, and how the plate is cut from it."""

import numpy as np
import pytest

from lpsr.errors import InputError
from lpsr.images import bounding_crop
from lpsr.locate import Found, cut, views, whole
from lpsr.locate.views import MOST_SIDE

GREY = 90


def street(*plates):
    """A grey photo with a plate of one colour for each (left, top, colour), 100 × 32 px; what was found in it."""
    picture = np.full((400, 900, 3), GREY, np.uint8)
    found = []
    for left, top, colour in plates:
        picture[top : top + 32, left : left + 100] = colour
        corners = np.float32([[left, top], [left + 100, top], [left + 100, top + 32], [left, top + 32]])
        found.append(Found(corners, 0.9))
    return picture, found


def test_a_view_shows_its_plate_and_what_is_around_it():
    picture, found = street((300, 150, (10, 20, 200)))
    (view,) = views(picture, found)
    assert view.picture.shape[1] == 250 and view.scale == 1 and view.score == 0.9
    plate = bounding_crop(view.picture, view.corners)
    assert (plate[:32, :100] == (10, 20, 200)).all()
    assert view.picture.nbytes < picture.nbytes / 4


def test_other_plates_are_painted_over():
    picture, found = street((300, 150, (10, 20, 200)), (320, 195, (230, 210, 20)))
    first, second = views(picture, found)
    assert not (first.picture == (230, 210, 20)).all(2).any()
    assert not (second.picture == (10, 20, 200)).all(2).any()
    # Each plate itself stays whole, and so does the photo.
    assert (first.picture == (10, 20, 200)).all(2).sum() == 3200
    assert (picture == (230, 210, 20)).all(2).sum() == 3200


def test_a_view_of_a_plate_that_fills_a_huge_photo_is_reduced():
    picture = np.full((2000, 6000, 3), GREY, np.uint8)
    corners = np.float32([[1000, 400], [5000, 400], [5000, 1600], [1000, 1600]])
    (view,) = views(picture, [Found(corners, 0.8)])
    assert max(view.picture.shape) == MOST_SIDE and view.scale < 1
    assert np.ptp(view.corners[:, 0]) == pytest.approx(4000 * view.scale)


def test_where_a_view_is_reduced_its_corners_follow_and_others_are_painted_over():
    # 21 px high of 9000 px: reduced to 2.4, that is 2.
    picture = np.full((21, 9000, 3), GREY, np.uint8)
    corners = np.float32([[0, 0], [9000, 0], [9000, 21], [0, 21]])
    (view,) = views(picture, [Found(corners, 0.8)])
    assert view.picture.shape == (2, MOST_SIDE, 3)
    assert np.allclose(view.corners, [[0, 0], [MOST_SIDE, 0], [MOST_SIDE, 2], [0, 2]])
    large = np.full((1200, 4000, 3), GREY, np.uint8)
    large[500:800, 500:1500], large[500:800, 1700:2700] = (10, 20, 200), (230, 210, 20)
    boxes = [np.float32([[x, 500], [x + 1000, 500], [x + 1000, 800], [x, 800]]) for x in (500, 1700)]
    first, second = views(large, [Found(one, 0.9) for one in boxes])
    assert first.scale < 1 and not (first.picture == (230, 210, 20)).all(2).any()
    assert second.scale < 1 and not (second.picture == (10, 20, 200)).all(2).any()
    inner = bounding_crop(first.picture, first.corners)[3:-3, 3:-3]
    assert (inner == (10, 20, 200)).all()


def test_a_plate_at_the_border_keeps_its_corners():
    picture, _ = street()
    corners = np.float32([[-20, 10], [80, 10], [80, 42], [-20, 42]])
    (view,) = views(picture, [Found(corners, 0.7)])
    assert np.allclose(view.corners, corners)


@pytest.mark.parametrize("shape", [(1160, 720), (300, 2000), (40, 60), (3000, 4000)])
def test_the_whole_photo_where_none_was_found(shape):
    view = whole(np.zeros((*shape, 3), np.uint8))
    assert view.score is None and max(view.picture.shape) <= MOST_SIDE
    height, width = view.picture.shape[:2]
    assert (view.corners >= 0).all() and (view.corners <= (width, height)).all()
    assert np.ptp(view.corners[:, 0]) == pytest.approx(3 * np.ptp(view.corners[:, 1]), rel=1e-3)


def test_the_box_is_the_protocols_and_the_straightened_plate_has_its_own_size():
    picture, found = street((300, 150, (10, 20, 200)))
    (view,) = views(picture, found)
    leaning = view.corners + np.float32([[0, 0], [0, 10], [0, 10], [0, 0]])
    box, corners = cut(view, leaning, "box")
    assert np.array_equal(box, bounding_crop(view.picture, leaning))
    assert np.allclose(corners + np.floor(leaning.min(0)), leaning)
    assert not np.shares_memory(box, view.picture)
    straight, corners = cut(view, leaning, "straight")
    assert straight.shape == (32, 100, 3)
    assert np.array_equal(corners, [[0, 0], [100, 0], [100, 32], [0, 32]])


@pytest.mark.parametrize(
    "corners", [np.full((4, 2), np.nan), np.zeros((4, 2)), np.float32([[0, 0], [9, 9], [9, 0], [0, 9]])]
)
def test_impossible_corners_are_refused(corners):
    picture, found = street((300, 150, (10, 20, 200)))
    (view,) = views(picture, found)
    for how in ("box", "straight"):
        with pytest.raises(InputError):
            cut(view, corners, how)
