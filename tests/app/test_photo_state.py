"""What is kept of a visitor's photo, and the plate that is cut from it."""

import dataclasses

import numpy as np
import pytest

from lpsr.app import session
from lpsr.app.link import Settings
from lpsr.app.photo import state
from lpsr.app.photo.state import Photo, photo_of
from lpsr.app.session import bring, compared, cut
from lpsr.data.generator import generate, generate_photo
from lpsr.degrade import PRESETS
from lpsr.errors import InputError
from lpsr.images import bounding_crop
from lpsr.locate import Found
from lpsr.readers import Reading
from lpsr.rectify import plate_size, rectify


@pytest.fixture(autouse=True)
def bicubic_alone(monkeypatch):
    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic"])


@pytest.fixture(scope="module")
def street():
    return generate_photo(3, 1, plates=2)


@pytest.fixture
def finds(monkeypatch):
    """``finds(found…)``: what is found in any picture."""
    return lambda *found: monkeypatch.setattr(session, "find", lambda picture: list(found))


def plate(corners, score=0.9, text="皖A12345"):
    return Found(np.float32(corners), score, Reading(text, text, 0.9, (0.9,) * 7, "test", 0.9))


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def test_of_a_photo_the_best_plate_is_compared_and_the_passport_says_how_it_was_cut(street, finds):
    first, second = street.plates
    finds(plate(first.corners), plate(second.corners, 0.8))
    straight = bring(street.picture, settings=Settings(PRESETS["night"]))
    choice = cut(straight, dataclasses.replace(straight.photo, how="box"))
    np.testing.assert_array_equal(choice.picture, bounding_crop(street.picture, first.corners))
    assert choice.settings == Settings(PRESETS["night"]) and choice.key == "" and not choice.direct
    comparison = compared(choice).comparison
    assert comparison.passport["crop"] == ("axis-aligned box of the corners, found; right and bottom to multiples of 8")
    np.testing.assert_allclose(comparison.corners, first.corners - np.floor(first.corners.min(0)), atol=0.01)
    np.testing.assert_array_equal(straight.picture, rectify(choice.photo.view.picture, choice.photo.corners))
    width, height = plate_size(first.corners)
    assert straight.comparison is None and straight.settings == choice.settings
    assert (
        compared(straight)
        .comparison.passport["crop"]
        .startswith(f"straightened by homography, corners found, {width} × {height} px;")
    )


def test_nothing_of_a_photo_is_kept_but_its_views(street, finds):
    finds(*(plate(one.corners) for one in street.plates))
    choice = bring(street.picture)
    for view in choice.photo.views:
        assert view.picture.size < street.picture.size / 2 and view.picture.base is None
    assert choice.picture.base is None or choice.picture.base.size < street.picture.size / 2


def test_corners_of_a_hand_are_said_and_those_found_come_back(street, finds):
    finds(plate(street.plates[0].corners))
    photo = bring(street.picture).photo
    moved = dataclasses.replace(photo, how="box").place(photo.corners + 3)
    np.testing.assert_array_equal(moved.corners, photo.corners + 3)
    assert moved.crop == "axis-aligned box of the corners, placed by hand"
    back = dataclasses.replace(moved, how="straight").place(photo.view.corners)
    assert not back.placed and back.crop == photo.crop


def test_each_plate_keeps_its_own_corners(street, finds):
    finds(*(plate(one.corners) for one in street.plates))
    photo = bring(street.picture).photo
    moved = photo.place(photo.corners + 3)
    other = dataclasses.replace(moved, which=1)
    np.testing.assert_array_equal(other.corners, photo.views[1].corners)
    assert {photo.name, other.name, bring(street.picture).photo.name} == {moved.name, other.name} | {
        f"{photo.number + 1}-0"
    }
    np.testing.assert_array_equal(dataclasses.replace(other, which=0).corners, photo.corners + 3)


def test_weak_finds_beside_a_better_one_are_not_offered_and_yet_painted_over(street):
    first, second = street.plates
    photo = photo_of(street.picture, [plate(first.corners), plate(second.corners, state.LEAST - 0.1)])
    assert len(photo.views) == 1
    near = first.corners + np.float32([0, 1.2 * np.ptp(first.corners[:, 1])])
    patched = photo_of(street.picture, [plate(first.corners), plate(near, 0.1)]).view
    assert not np.array_equal(patched.picture, photo.view.picture)


def test_a_doubtful_find_leaves_the_whole_photo_to_choose_from(street):
    photo = photo_of(street.picture, [plate(street.plates[0].corners, state.DOUBTFUL - 0.1)])
    found, elsewhere = photo.views
    assert photo.which == 0 and photo.ready and found.score is not None and elsewhere.score is None
    assert not dataclasses.replace(photo, which=1).ready
    assert len(photo_of(street.picture, [plate(street.plates[0].corners, state.DOUBTFUL)]).views) == 1


def test_the_widest_of_the_sure_ones_is_chosen(street):
    near, far = box(20, 20, 220, 84), box(300, 20, 360, 39)
    assert photo_of(street.picture, [plate(far, 0.95), plate(near, 0.8)]).which == 1
    assert photo_of(street.picture, [plate(far, 0.95), plate(near, state.DOUBTFUL - 0.1)]).which == 0


def test_a_plate_cut_off_by_the_border_is_said(street):
    whole = photo_of(street.picture, [plate(box(20, 20, 220, 84))])
    assert not whole.cut_off
    for left in (-30, 1):
        assert photo_of(street.picture, [plate(box(left, 20, left + 200, 84))]).cut_off
    # What the visitor set is theirs to judge.
    assert not whole.place_around().cut_off


def test_where_nothing_is_found_nothing_is_compared_until_corners_are_placed(street, finds):
    finds()
    choice = bring(street.picture)
    assert choice.picture is None and choice.comparison is None and not choice.photo.ready
    placed = cut(choice, choice.photo.place(choice.photo.corners))
    assert placed.picture is not None and "placed by hand" in placed.photo.crop
    whole = choice.photo.place_around()
    assert whole.settled == 1 and cut(choice, whole).picture.shape == choice.photo.view.picture.shape


def test_corners_that_cannot_be_a_plates_are_refused(street, finds):
    finds(plate(street.plates[0].corners))
    choice = bring(street.picture)
    with pytest.raises(InputError, match="counter-clockwise"):
        cut(choice, choice.photo.place(choice.photo.corners[::-1].copy()))


def test_a_picture_that_a_plate_fills_is_the_plate_with_its_corners(finds):
    crop = generate(5, 77)
    height, width = crop.picture.shape[:2]
    corners = box(4, 3, width - 5, height - 2)
    finds(plate(corners))
    choice = bring(crop.picture)
    assert choice.photo is None and choice.picture is crop.picture
    np.testing.assert_array_equal(choice.corners, corners)
    assert compared(choice).comparison.passport["crop"] == "right and bottom to multiples of 8"


def test_a_small_picture_restored_directly_is_the_plate_and_of_a_large_one_the_plate_in_it_is(finds):
    small = np.zeros((60, 100, 3), np.uint8)
    corners = box(20, 20, 60, 36)
    finds(plate(corners))
    choice = bring(small, direct=True)
    assert choice.picture is small and choice.direct and choice.photo is None
    # Of the results' pictures, which are eight times as large.
    np.testing.assert_array_equal(compared(choice).comparison.corners, np.float32(corners) * 8)
    choice = bring(np.zeros((600, 1000, 3), np.uint8), direct=True)
    assert choice.direct and choice.picture.shape == (16, 40, 3)
    assert compared(choice).comparison.passport["crop"] == "straightened by homography, corners found, 40 × 16 px"


def test_a_plate_that_is_too_large_is_not_restored_directly(finds):
    finds(plate(box(100, 100, 300, 160)))
    choice = bring(np.zeros((600, 1000, 3), np.uint8), direct=True)
    assert not choice.direct and compared(choice).comparison.hr is not None
    # While there is no plate to cut the visitor's wish stands.
    finds()
    assert bring(np.zeros((600, 1000, 3), np.uint8), direct=True).direct


def test_where_plates_cannot_be_located_corners_can_be_placed(monkeypatch, street, caplog):
    def fail(*arguments, **options):
        raise InputError("/secret/corners.safetensors is missing.")

    monkeypatch.setattr("lpsr.locate.locate", fail)
    assert not bring(street.picture).photo.ready
    with pytest.raises(InputError, match="cannot be located") as error:
        state.find(street.picture)
    assert "secret" in caplog.text and "secret" not in str(error.value)


def test_without_a_reader_plates_are_found_unread(monkeypatch, street):
    def fail():
        raise InputError("The reader cannot be loaded.")

    monkeypatch.setattr("lpsr.readers.get_reader", fail)
    found = state.find(street.picture)
    assert found and found[0].reading is None
    assert photo_of(street.picture, found).view.text is None


def test_a_photo_has_a_number_of_its_own():
    assert Photo(()).number != Photo(()).number
