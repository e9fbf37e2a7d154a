"""Locating plates in generated photos, whose corners are known exactly, and in what is no photo at all."""

import tracemalloc

import cv2
import numpy as np
import pytest

from lpsr.data.generator import Range
from lpsr.errors import InputError
from lpsr.images import open_picture, outline
from lpsr.locate import Found, find, is_plate, locate, overlap, refine
from lpsr.readers import Reading, get_reader


def error(found, corners):
    """Mean distance of the corners as a share of the plate's width."""
    return np.linalg.norm(found - corners, axis=1).mean() / np.linalg.norm(corners[1] - corners[0])


@pytest.mark.parametrize("index", range(4))
def test_the_best_is_the_plate_to_a_few_hundredths_of_its_width(photo, index):
    one = photo(index)
    best, *others = locate(one.picture)
    assert overlap(best.corners, one.plates[0].corners) > 0.7
    assert error(best.corners, one.plates[0].corners) < 0.05
    assert all(overlap(best.corners, other.corners) < 0.3 for other in others)


@pytest.mark.parametrize("colour", ["yellow", "white", "black", "green"])
def test_plates_of_every_colour_but_for_one_in_four(photo, colour):
    right = 0
    for index in range(4, 8):
        one = photo(index, colours=(colour,))
        right += any(overlap(found.corners, one.plates[0].corners) > 0.7 for found in locate(one.picture))
    assert right >= 3


def test_at_night(photo):
    one = photo(2, night=True)
    assert overlap(locate(one.picture)[0].corners, one.plates[0].corners) > 0.7


def test_two_plates_are_two(photo):
    one = photo(1, plates=2, size=(800, 600), width=Range(0.15, 0.25))
    found = locate(one.picture)
    for plate in one.plates:
        assert max(overlap(other.corners, plate.corners) for other in found) > 0.7


def test_a_reader_reads_each_and_ranks_the_plate_first(photo):
    one = photo(3, colours=("blue",))
    found = locate(one.picture, reader=get_reader())
    best = found[0]
    assert [other.score for other in found] == sorted((other.score for other in found), reverse=True)
    assert sum(a == b for a, b in zip(best.reading.plate_text, one.plates[0].text, strict=True)) >= 6
    entry = best.to_json()
    assert entry["text"] == best.reading.plate_text and np.shape(entry["corners"]) == (4, 2)
    assert all(isinstance(value, float) for corner in entry["corners"] for value in corner)


def test_a_plate_that_is_turned_is_still_upright_in_its_own_corners(photo):
    one = photo(0)
    height, width = one.picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 18, 1)
    turned = cv2.warpAffine(one.picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    corners = one.plates[0].corners @ turn[:, :2].T + turn[:, 2]
    assert error(locate(turned)[0].corners, corners) < 0.06


def test_a_tiny_picture_and_one_without_anything():
    assert locate(np.full((9, 12, 3), 128, np.uint8)) == []
    assert locate(np.zeros((300, 400, 3), np.uint8)) == []


def test_streets_and_cars_without_a_plate_raise_hardly_an_alarm(photo):
    reader = get_reader()
    alarms = [locate(photo(index, plates=0).picture, reader=reader) for index in range(10)]
    assert sum(map(len, alarms)) <= 1


def test_of_a_plate_beyond_the_border_at_least_half_is_in_the_photo(photo):
    overlaps = []
    for index in range(6):
        one = photo(index, cropped=True)
        height, width = one.picture.shape[:2]
        for found in locate(one.picture):
            middle = found.corners.mean(0)
            assert (middle > -1).all() and (middle < (width + 1, height + 1)).all()
            overlaps.append(overlap(found.corners, one.plates[0].corners))
    # Most are noticed, if not with all of their corners.
    assert sum(value > 0.4 for value in overlaps) >= 3


def test_noise_is_no_plate():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert locate(noise) == []


def test_a_plate_in_a_huge_photo_within_bounded_memory(photo, tmp_path):
    one = photo(0)
    huge = np.full((3000, 8000, 3), 96, np.uint8)
    large = cv2.resize(one.picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    huge[500 : 500 + large.shape[0], 3000 : 3000 + large.shape[1]] = large
    tracemalloc.start()
    found = locate(huge)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert overlap(found[0].corners, one.plates[0].corners * 3 + (3000, 500)) > 0.7
    assert most < huge.nbytes


def test_where_nothing_is_found_the_photo_is_looked_at_again_more_closely(photo, monkeypatch):
    one = photo(0)
    monkeypatch.setattr(find, "SIDES", (48, 640))
    looked = []
    seen = find.text_regions
    monkeypatch.setattr(find, "text_regions", lambda picture: looked.append(max(picture.shape)) or seen(picture))
    assert overlap(locate(one.picture)[0].corners, one.plates[0].corners) > 0.7
    assert looked == [48, 640]


def test_exif_rotation_is_applied_before_locating(photo, tmp_path):
    from PIL import Image

    one = photo(0)
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(one.picture)))
    exif = lying.getexif()
    exif[0x0112] = 6
    lying.save(tmp_path / "phone.jpg", quality=95, exif=exif)
    assert overlap(locate(open_picture(tmp_path / "phone.jpg"))[0].corners, one.plates[0].corners) > 0.7


def test_refine_moves_corners_that_are_nearly_right(photo):
    one = photo(1)
    corners = one.plates[0].corners
    width = np.linalg.norm(corners[1] - corners[0])
    start = corners + np.float32([0.12, -0.06]) * width
    moved, likely = refine(one.picture, start)
    assert error(moved, corners) < error(start, corners) / 2
    assert likely > 0.5
    assert (
        refine(np.full((200, 200, 3), 90, np.uint8), np.float32([[50, 80], [150, 80], [150, 110], [50, 110]]))[1] < 0.5
    )


def test_overlap_by_hand():
    square = np.float32([[0, 0], [2, 0], [2, 2], [0, 2]])
    assert overlap(square, square) == pytest.approx(1)
    assert overlap(square, square + np.float32([1, 0])) == pytest.approx(1 / 3)
    assert overlap(square, square + 5) == 0
    assert overlap(square, square[::-1]) == pytest.approx(1)
    assert overlap(square, square[:3]) == pytest.approx(0.5)


def test_overlap_of_two_that_are_nearly_the_same():
    # OpenCV's intersectConvexConvex says 0.
    one = np.float32([[38.549244, 19.489944], [171.04391, 17.633545], [171.052, 58.37159], [38.756016, 57.42947]])
    other = np.float32([[38.549244, 19.489967], [171.04385, 17.633678], [171.05196, 58.37156], [38.756073, 57.429355]])
    assert overlap(one, other) == pytest.approx(1, abs=1e-4)


def test_of_those_that_lie_on_one_another_the_likeliest_is_kept():
    plate = np.float32([[0, 0], [90, 0], [90, 30], [0, 30]])
    corners = [plate, plate + np.float32([10, 0]), plate + np.float32([0, 100]), plate + np.float32([0, 200])]
    assert find.apart(corners, [0.6, 0.8, 0.9, 0.4], 0.5) == [2, 1]
    assert find.apart([], [], 0.5) == []


@pytest.mark.parametrize(("left", "sound"), [(10, True), (-40, True), (-46, False), (200, False)])
def test_half_of_a_plate_at_least_must_be_in_the_photo(left, sound):
    corners = np.float32([[left, 10], [left + 90, 10], [left + 90, 40], [left, 40]])
    assert find.is_sound(corners, (60, 200, 3)) == sound


def test_a_reading_raises_the_score_and_none_leaves_it():
    sure, unsure = (Reading("", "", confidence, (), "test", 0.0) for confidence in (1.0, 0.0))
    assert [find.rate(0.8, reading) for reading in (None, sure, unsure)] == pytest.approx([0.8, 0.8, 0.4])


@pytest.mark.parametrize("shape", [(2, 2), (1, 8000), (8000, 1), (3, 33000), (16, 640)])
def test_pictures_of_no_use_have_no_plate(shape):
    assert locate(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)) == []


def test_missing_weights_are_named(monkeypatch, photo):
    from lpsr.locate import corners

    def gone(name):
        raise InputError("corners.safetensors is missing")

    monkeypatch.setattr(corners, "shipped_auxiliary", gone)
    with pytest.raises(InputError, match="missing"):
        locate(photo(0).picture)


def test_the_photo_is_left_as_it_was(photo):
    one = photo(0)
    before = one.picture.copy()
    locate(one.picture)
    assert np.array_equal(one.picture, before)


@pytest.mark.parametrize(
    ("size", "inside", "is_one"),
    [
        ((640, 320), None, True),
        ((96, 32), None, True),
        ((641, 320), None, False),
        ((300, 200), None, False),
        ((640, 100), None, False),
        ((32, 96), None, False),
        ((200, 200), (10, 10, 190, 190), True),
        ((300, 100), (10, 10, 140, 60), False),
        ((64, 24), (10, 6, 50, 18), True),
        ((65, 24), (10, 6, 50, 18), False),
    ],
)
def test_what_passes_for_a_plates_crop(size, inside, is_one):
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    found = []
    if inside:
        left, top, right, bottom = inside
        found = [Found(outline(right - left, bottom - top) + np.float32([left, top]), 0.9)]
    assert is_plate(picture, found) is is_one
