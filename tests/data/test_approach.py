"""Views of a plate that comes nearer: the same each time, growing, and of that plate."""

import cv2
import numpy as np
import pytest

from lpsr.data.generator import generate
from lpsr.data.generator.views import approach
from lpsr.errors import InputError
from lpsr.images import outline
from lpsr.rectify import rectify


@pytest.fixture(scope="module")
def plate():
    return generate(3, 5)


def widths(views):
    return [view.shape[1] for view in views]


def test_the_same_arguments_give_the_same_bytes(plate):
    first, second = (approach(plate.picture, plate.corners, 6, 4) for _ in range(2))
    assert [view.tobytes() for view in first] == [view.tobytes() for view in second]
    other = approach(plate.picture, plate.corners, 6, 5)
    assert all((one != another).any() for one, another in zip(first, other, strict=True))
    sequence = approach(plate.picture, plate.corners, 6, (4, 0))
    assert any((one != another).any() for one, another in zip(first, sequence, strict=True))


def test_the_plate_grows_ever_faster_from_the_first_width_to_the_last(plate):
    found = widths(approach(plate.picture, plate.corners, 12, widths=(16, 80)))
    assert (found[0], found[-1]) == (16, 80)
    steps = np.diff(found)
    assert (steps > 0).all()
    # Each to the rounding of both its ends.
    assert (np.diff(steps) >= -2).all() and steps[-1] > 4 * steps[0]
    # Evenly nearer: what is twice as wide is half as far.
    distances = 1 / np.array(found)
    np.testing.assert_allclose(np.diff(distances), (distances[-1] - distances[0]) / 11, atol=0.5 / 16**2 * 2)


def test_a_plate_that_goes_away_is_the_same_the_other_way_round(plate):
    near = approach(plate.picture, plate.corners, 5, 1)
    away = approach(plate.picture, plate.corners, 5, 1, recede=True)
    assert widths(away) == widths(near)[::-1]
    assert [view.tobytes() for view in away] == [view.tobytes() for view in near[::-1]]


def test_a_view_has_the_plates_shape_and_shows_it(plate):
    (view,) = approach(plate.picture, plate.corners, 1, 2, widths=(70, 70))
    straight = rectify(plate.picture, plate.corners, view.shape[1::-1])
    edges = np.linalg.norm(np.roll(plate.corners, -1, axis=0) - plate.corners, axis=1)
    aspect = (edges[0] + edges[2]) / (edges[1] + edges[3])
    assert view.shape[1] / view.shape[0] == pytest.approx(aspect, rel=0.05)
    assert view.dtype == np.uint8 and view.flags["C_CONTIGUOUS"]
    greys = [cv2.GaussianBlur(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), (0, 0), 3).ravel() for one in (view, straight)]
    assert np.corrcoef(greys)[0, 1] > 0.7


def test_views_of_one_width_differ_in_more_than_noise(plate):
    views = approach(plate.picture, plate.corners, 8, 3, widths=(40, 40))
    means = [view.mean() for view in views]
    assert np.std(means) > 1
    soft = [cv2.GaussianBlur(view, (0, 0), 2).astype(float) for view in views]
    assert np.mean([np.abs(one - soft[0]).mean() for one in soft[1:]]) > 3


def test_no_view_is_wider_than_the_plate(plate):
    small = rectify(plate.picture, plate.corners, (50, 16))
    views = approach(small, outline(50, 16), 4, widths=(20, 400))
    assert widths(views)[0] == 20 and widths(views)[-1] == 50


@pytest.mark.parametrize(
    ("views", "bounds", "message"),
    [
        (0, (16, 80), "one view"),
        (3, (7, 80), "grow"),
        (3, (40, 39), "grow"),
        (3, (600, 900), "px wide"),
    ],
)
def test_what_makes_no_views_is_refused(plate, views, bounds, message):
    with pytest.raises(InputError, match=message):
        approach(plate.picture, plate.corners, views, widths=bounds)


def test_corners_that_are_no_plates_are_refused(plate):
    with pytest.raises(InputError, match="counter-clockwise"):
        approach(plate.picture, plate.corners[::-1], 3)
    with pytest.raises(InputError, match="four points"):
        approach(plate.picture, plate.corners[:3], 3)


def test_on_real_plates(ccpd_root):
    from lpsr.data.plates import open_plates

    for plate in open_plates(ccpd_root, "val")[:20]:
        if plate.corners is not None:
            assert len(approach(plate.picture(), plate.corners, 3, widths=(16, 40))) == 3
