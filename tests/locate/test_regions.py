"""Where plates may be: lines of text and plate-like shapes, as rectangles with a direction."""

import cv2
import numpy as np
import pytest

from lpsr.locate import overlap
from lpsr.locate.regions import _joined, _upright, shape_regions, text_regions


def box(region):
    x, y, width, height, angle = region
    return cv2.boxPoints(((x, y), (width, height), angle))


@pytest.mark.parametrize("index", range(3))
def test_a_plate_is_among_the_lines_and_the_shapes(photo, index):
    one = photo(index)
    lines = text_regions(one.picture)
    assert max(overlap(box(region), one.plates[0].corners) for region in lines) > 0.4
    assert len(shape_regions(one.picture)) <= 24


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
