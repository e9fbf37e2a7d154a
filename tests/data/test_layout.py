"""The layouts against millimetres worked out by hand, and the way from millimetres to pixels."""

import numpy as np
import pytest

from lpsr.data.layout import BLUE, GREEN, character_boxes, character_quads, layout_of, plate_homography
from lpsr.errors import InputError


def test_blue_boxes_by_hand():
    assert (BLUE.width_mm, BLUE.height_mm) == (440, 140)
    assert [box[0] for box in BLUE.boxes] == [15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5]
    assert {(box[2] - box[0], box[1], box[3]) for box in BLUE.boxes} == {(45, 25, 115)}
    # 34 mm between the second and the third: 12 mm, the 10 mm dot, 12 mm.
    assert BLUE.dot == (134.5, 70, 10)


def test_green_boxes_by_hand():
    assert (GREEN.width_mm, GREEN.height_mm) == (480, 140)
    assert [box[0] for box in GREEN.boxes] == [15.5, 69.5, 161.5, 213.5, 265.5, 317.5, 369.5, 421.5]
    assert [box[2] - box[0] for box in GREEN.boxes] == [45] + [43] * 7
    assert GREEN.dot is None


@pytest.mark.parametrize("layout", [BLUE, GREEN], ids=["blue", "green"])
def test_margins_are_symmetric(layout):
    assert layout.boxes[0][0] == pytest.approx(layout.width_mm - layout.boxes[-1][2]) == 15.5


def test_layout_follows_the_length():
    assert layout_of("皖A12345") is BLUE
    assert layout_of("皖AD12345") is GREEN
    with pytest.raises(InputError, match="6 characters"):
        layout_of("皖A1234")


def test_quads_at_one_pixel_per_mm_are_the_boxes():
    corners = [(0, 0), (440, 0), (440, 140), (0, 140)]
    quads = character_quads("皖A12345", corners)
    assert quads.shape == (7, 4, 2) and quads.dtype == np.float32
    np.testing.assert_allclose(quads[2], [(151.5, 25), (196.5, 25), (196.5, 115), (151.5, 115)], atol=1e-3)


def test_quads_follow_shift_scale_and_quarter_turn():
    # The plate's top left corner lies at the picture's right: turned clockwise by 90 degrees.
    corners = [(75, 7), (75, 227), (5, 227), (5, 7)]
    first = character_quads("皖A12345", corners)[0]
    # Half a pixel a mm: x = 75 - y_mm / 2, y = 7 + x_mm / 2.
    np.testing.assert_allclose(first, [(62.5, 14.75), (62.5, 37.25), (17.5, 37.25), (17.5, 14.75)], atol=1e-3)


def test_perspective_shrinks_the_far_end():
    quads = character_quads("皖A12345", [(0, 0), (300, 20), (300, 80), (0, 100)])
    heights = quads[:, 3, 1] - quads[:, 0, 1]
    assert (np.diff(heights) < 0).all()


def test_homography_maps_the_plate_to_its_corners():
    corners = np.float32([(10, 12), (160, 20), (155, 75), (8, 60)])
    corner = plate_homography(GREEN, corners) @ (480, 140, 1)
    np.testing.assert_allclose(corner[:2] / corner[2], corners[2], atol=1e-3)


def test_boxes_at_one_pixel_per_mm_have_an_eighth_of_margin():
    boxes = character_boxes("皖A12345", [(0, 0), (440, 0), (440, 140), (0, 140)], (440, 140))
    assert boxes.shape == (7, 4) and boxes.dtype.kind == "i"
    # 45 × 90 mm from (151.5, 25): 5.625 and 11.25 beyond, rounded outwards.
    assert boxes[2].tolist() == [145, 13, 203, 127]


@pytest.mark.parametrize(("text", "width"), [("皖A12345", 440), ("皖AD12345", 480)])
def test_boxes_hold_their_quads_and_no_centre_of_another(text, width):
    corners = np.float32([(12, 9), (150, 22), (147, 70), (9, 55)])
    boxes, quads = character_boxes(text, corners, (160, 80)), character_quads(text, corners)
    assert len(boxes) == len(text)
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert (quads[i] >= (left, top)).all() and (quads[i] <= (right, bottom)).all()
        centres = np.delete(quads, i, axis=0).mean(axis=1)
        assert not ((centres > (left, top)) & (centres < (right, bottom))).all(axis=1).any()


def test_boxes_are_cut_to_the_picture_and_never_empty():
    # The plate lies far to the left of the picture but for its last characters.
    boxes = character_boxes("皖A12345", [(-300, -50), (40, -50), (40, 90), (-300, 90)], (32, 16))
    left, top, right, bottom = boxes.T
    assert (left >= 0).all() and (top >= 0).all() and (right <= 32).all() and (bottom <= 16).all()
    assert (right > left).all() and (bottom > top).all()
    # And one of a single pixel.
    left, top, right, bottom = character_boxes("皖A12345", [(5, 5), (6, 5), (6, 6), (5, 6)], (8, 8)).T
    assert (right > left).all() and (bottom > top).all()
