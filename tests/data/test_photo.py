"""Generated photos: reproducible, and truthful about the plates in them."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from lpsr.data.generator import CLEAN, Range, Style, generate_photo, just, synthesize_photos
from lpsr.data.generator.face import SHEETS, draw_face
from lpsr.data.generator.photo import COLOURS
from lpsr.data.layout import layout_of
from lpsr.errors import InputError
from lpsr.images import open_picture
from lpsr.plates import is_plate

SMALL = (240, 360)
# An even light and an ideal camera, but seen at an angle.
TURNED = replace(CLEAN, tilt=just(8), turn=just(20), pitch=just(10))
LARGE = {"size": (480, 640), "width": just(0.45), "style": TURNED}


def straightened(photo, plate, scale=1):
    """The plate's place seen straight on, ``scale`` pixels to a millimetre, edge to edge."""
    layout = layout_of(plate.text)
    size = round(layout.width_mm * scale), round(layout.height_mm * scale)
    edges = np.float32([[0, 0], [size[0], 0], size, [0, size[1]]])
    matrix = cv2.getPerspectiveTransform(plate.corners - 0.5, edges - 0.5)
    return cv2.warpPerspective(photo.picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def test_same_arguments_give_the_same_bytes_in_any_order():
    options = {"size": SMALL, "plates": 2, "colours": COLOURS}
    forward = [generate_photo(7, index, **options) for index in range(3)]
    for index in reversed(range(3)):
        again = generate_photo(7, index, **options)
        assert again.picture.tobytes() == forward[index].picture.tobytes()
        for one, other in zip(again.plates, forward[index].plates, strict=True):
            assert (one.text, one.kind) == (other.text, other.kind)
            assert one.corners.tobytes() == other.corners.tobytes()


def test_other_seeds_indices_and_numbers_of_plates_give_other_photos():
    arguments = [(seed, index, plates) for seed in range(2) for index in range(2) for plates in range(2)]
    pictures = {generate_photo(seed, index, plates=n, size=SMALL).picture.tobytes() for seed, index, n in arguments}
    assert len(pictures) == 8


@pytest.mark.parametrize("size", [(240, 360), (400, 200)])
@pytest.mark.parametrize("plates", [0, 1, 3, 6])
def test_every_plate_is_in_the_photo_and_touches_no_other(size, plates):
    for index in range(3):
        photo = generate_photo(1, index, plates=plates, size=size)
        assert photo.picture.shape == (size[1], size[0], 3) and photo.picture.dtype == np.uint8
        assert len(photo.plates) == plates
        taken = np.zeros(photo.picture.shape[:2], np.uint8)
        for plate in photo.plates:
            assert is_plate(plate.text) and plate.kind in ("blue", "green")
            assert len(plate.text) == (8 if plate.kind == "green" else 7)
            assert plate.corners.shape == (4, 2) and plate.corners.dtype == np.float32
            assert (plate.corners >= 0).all() and (plate.corners <= size).all()
            # Clockwise where y runs down.
            assert cv2.contourArea(plate.corners, oriented=True) > 0
            spot = cv2.fillConvexPoly(np.zeros_like(taken), np.rint(plate.corners).astype(int), 1)
            assert not (taken & spot).any()
            taken |= spot


@pytest.mark.parametrize("kind", COLOURS)
def test_the_plate_is_where_the_corners_say(kind):
    """The face drawn straight on agrees with the straightened plate, and worse with one off by a fraction of it."""
    photo = generate_photo(3, 1, colours=[kind], **LARGE)
    (plate,) = photo.plates
    assert plate.kind == kind
    layout = layout_of(plate.text)
    face = draw_face(plate.text, layout, 1, np.random.default_rng(0), 0, 0, 0, kind)

    def agreement(shift):
        moved = replace(plate, corners=plate.corners + np.float32(shift))
        return np.corrcoef(straightened(photo, moved).ravel(), face.ravel())[0, 1]

    right = agreement((0, 0))
    assert right > 0.9
    assert all(agreement(shift) < right for shift in ((1.5, 0), (-1.5, 0), (0, 1.5), (0, -1.5)))


def test_plates_have_the_colours_of_their_kind():
    for kind, (sheet, _) in SHEETS.items():
        photo = generate_photo(4, 2, colours=[kind], **LARGE)
        colour = np.median(straightened(photo, photo.plates[0])[8:20, 20:-20].reshape(-1, 3), 0)
        nearest = min(SHEETS, key=lambda name: np.abs(np.array(SHEETS[name][0]) - colour).sum())
        assert nearest == kind, (kind, colour, sheet)


def test_several_plates_are_all_drawn():
    photo = generate_photo(2, 0, plates=4, size=(720, 900), colours=["blue"], style=TURNED)
    for plate in photo.plates:
        picture = straightened(photo, plate, 0.5).astype(int)
        assert (picture[..., 2] - picture[..., 0] > 60).mean() > 0.4


def test_width_and_angles_are_as_asked():
    width = Range(0.3, 0.4)
    photos = [generate_photo(5, index, size=SMALL, width=width, style=TURNED) for index in range(4)]
    for photo in photos:
        corners = photo.plates[0].corners
        assert 0.3 <= np.ptp(corners[:, 0]) / SMALL[0] <= 0.4
        across = corners[1] - corners[0]
        # Perspective adds to the tilt of an edge.
        assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(8, abs=6)
    widths = [np.ptp(generate_photo(6, index, size=SMALL).plates[0].corners[:, 0]) for index in range(20)]
    assert min(widths) >= 0.079 * SMALL[0] and max(widths) <= 0.451 * SMALL[0] and max(widths) > 2 * min(widths)


def test_nights_are_dark_and_their_plates_are_not():
    days, nights = ([generate_photo(8, i, size=SMALL, night=night) for i in range(4)] for night in (False, True))
    assert max(night.picture.mean() for night in nights) < 0.7 * np.mean([day.picture.mean() for day in days])
    for night in nights:
        assert np.median(straightened(night, night.plates[0], 0.5).max(2)) > np.median(night.picture.max(2))


def test_a_cropped_plate_reaches_beyond_the_border_but_not_by_half():
    for index in range(8):
        corners = generate_photo(9, index, size=SMALL, cropped=True).plates[0].corners
        beyond = np.maximum(-corners.min(0), corners.max(0) - SMALL)
        assert beyond.max() > 1
        assert (beyond <= 0.41 * np.ptp(corners, axis=0)).all()


def test_only_the_widest_plate_is_cropped():
    first, *others = generate_photo(9, 0, plates=3, size=SMALL, cropped=True).plates
    assert (first.corners < 0).any() or (first.corners > SMALL).any()
    assert all((plate.corners > 0).all() and (plate.corners < SMALL).all() for plate in others)


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1},
        {"index": -1},
        {"plates": -1},
        {"plates": 7},
        {"size": (20, 400)},
        {"size": (720, 100_000)},
        {"colours": ()},
        {"colours": ("blue", "pink")},
        {"plates": 0, "cropped": True},
        {"width": Range(0.2, 1.5)},
        {"width": Range(0.0, 0.2)},
    ],
)
def test_unusable_requests_are_refused(arguments):
    with pytest.raises(InputError):
        generate_photo(**({"seed": 0, "index": 0, "size": SMALL} | arguments))


def test_a_folder_holds_the_photos_and_the_truth(tmp_path):
    calls = []
    options = {"plates": 2, "size": SMALL, "style": Style(province="藏")}
    folder = synthesize_photos(
        tmp_path / "photos", 2, 4, suffix=".png", progress=lambda *call: calls.append(call), **options
    )
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert [entry["file"] for entry in truth] == ["000001.png", "000002.png"]
    assert calls == [(1, 2), (2, 2)]
    for index, entry in enumerate(truth):
        photo = generate_photo(4, index, **options)
        np.testing.assert_array_equal(open_picture(folder / entry["file"]), photo.picture)
        assert [plate["text"] for plate in entry["plates"]] == [plate.text for plate in photo.plates]
        assert all(plate.text[0] == "藏" for plate in photo.plates)
        for known, plate in zip(entry["plates"], photo.plates, strict=True):
            assert set(known) == {"corners", "text"}
            np.testing.assert_allclose(known["corners"], plate.corners, atol=0.006)


def test_photos_without_plates_are_in_the_truth(tmp_path):
    folder = synthesize_photos(tmp_path / "photos", 1, plates=0, size=SMALL)
    assert json.loads((folder / "truth.json").read_text()) == [{"file": "000001.jpg", "plates": []}]


@pytest.mark.parametrize("arguments", [{"count": 0}, {"plates": 9}, {"suffix": ".gif"}, {"seed": -2}])
def test_a_senseless_folder_is_refused_and_leaves_nothing(tmp_path, arguments):
    with pytest.raises(InputError):
        synthesize_photos(tmp_path / "photos", **({"count": 1, "size": SMALL} | arguments))
    assert not list(tmp_path.iterdir())
