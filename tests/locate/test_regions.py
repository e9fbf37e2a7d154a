"""Where plates may be: lines of text and plate-like shapes, as rectangles with a direction."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lpsr.locate import overlap, regions
from lpsr.locate.regions import _joined, _upright, shape_regions, text_regions


def box(region):
    x, y, width, height, angle = region
    return cv2.boxPoints(((x, y), (width, height), angle))


@pytest.mark.parametrize("index", range(3))
def test_a_plate_is_among_the_lines(photo, index):
    one = photo(index)
    lines = text_regions(one.picture)
    assert max(overlap(box(region), one.plates[0].corners) for region in lines) > 0.4


@pytest.mark.parametrize("colour", [(20, 60, 170), (90, 190, 110), (240, 180, 20)])
def test_a_sheet_of_a_plates_colour_is_a_shape(colour):
    picture = np.full((200, 400, 3), 120, np.uint8)
    sheet = cv2.boxPoints(((180, 90), (120, 36), 10))
    cv2.fillPoly(picture, [np.int32(np.rint(sheet))], colour)
    found = shape_regions(picture)
    assert max(overlap(box(region), sheet) for region in found) > 0.8
    assert all(width >= height and -90 < angle <= 90 for _, _, width, height, angle in found)


def test_of_many_shapes_the_largest_are_kept():
    picture = np.full((900, 600, 3), 120, np.uint8)
    for number in range(40):
        x, y = 20 + 140 * (number % 4), 20 + 88 * (number // 4)
        picture[y : y + 16 + number // 4, x : x + 60 + number] = (20, 60, 170)
    found = shape_regions(picture)
    areas = found[:, 2] * found[:, 3]
    assert len(found) == 24
    assert (np.diff(areas) <= 0).all() and areas[-1] > 76 * 18


def test_of_a_page_of_writing_no_more_lines_are_looked_at_than_it_takes(monkeypatch):
    lines = [
        [[x, y], [x + 40, y], [x + 40, y + 10 + y // 100], [x, y + 10 + y // 100]]
        for y in range(0, 900, 30)
        for x in range(0, 900, 100)
    ]
    monkeypatch.setattr(regions, "_detector", lambda: lambda picture: SimpleNamespace(boxes=np.float32(lines)))
    found = text_regions(np.zeros((9, 9, 3), np.uint8))
    assert len(found) == 96 and found[:, 3].min() == 15


def test_a_flat_picture_has_neither():
    flat = np.full((64, 96, 3), 120, np.uint8)
    assert text_regions(flat).shape == (0, 5) and shape_regions(flat).shape == (0, 5)


@pytest.mark.parametrize("angle", [-60, -30, 0, 20, 45, 89])
def test_a_region_is_as_long_as_wide_and_points_along(angle):
    points = cv2.boxPoints(((50, 40), (60, 20), angle))
    x, y, width, height, found = _upright(cv2.minAreaRect(points))
    assert (x, y, width, height) == pytest.approx((50, 40, 60, 20), abs=0.01)
    assert found == pytest.approx(angle, abs=0.01) and -90 < found <= 90


def test_halves_of_one_line_are_joined_and_other_lines_are_not():
    left, right, below = (30, 50, 30, 20, 0), (90, 52, 60, 21, 1), (90, 90, 60, 20, 0)
    pairs = _joined(np.array([left, right, below], float))
    assert len(pairs) == 1
    assert pairs[0][0] == pytest.approx(67.5, abs=1) and pairs[0][2] == pytest.approx(105, abs=2)
