"""Checking what is located against what is known: three kinds of folders, shares and errors by hand."""

import json

import cv2
import numpy as np
import pytest

from lpsr.data.ccpd import CcpdName, format_name
from lpsr.data.generator import synthesize_photos
from lpsr.errors import InputError
from lpsr.locate import Found, score
from lpsr.locate.score import check, open_photos

BOX = np.float32([[10, 10], [90, 10], [90, 40], [10, 40]])


@pytest.fixture
def folder(tmp_path):
    """Two photos: one plate, none."""
    picture = np.full((60, 120, 3), 90, np.uint8)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), picture)
    truth = [
        {"file": "a.png", "plates": [{"corners": BOX.tolist(), "text": "皖A12345"}]},
        {"file": "b.png", "plates": []},
    ]
    (tmp_path / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return tmp_path


def test_numbers_by_hand(folder, monkeypatch):
    answers = iter([[Found(BOX + 1, 0.9), Found(BOX + 60, 0.6)], [Found(BOX, 0.7)]])
    monkeypatch.setattr(score, "locate", lambda picture, reader: next(answers))
    result = check(open_photos(folder), data="made")
    assert result["photos"] == 2 and result["plates"] == 1 and result["false_alarms"] == 2
    assert result["found"]["share"] == 1 and result["found"]["n"] == 1 and result["best"]["share"] == 1
    assert result["corner_error_px"]["median"] == pytest.approx(2**0.5, abs=1e-3)
    assert result["corner_error_percent_of_width"]["median"] == pytest.approx(100 * 2**0.5 / 80, abs=1e-3)
    assert "read_box" not in result and len(result["passport"]["checkpoints"]["corners"]) == 64


def test_a_plate_that_is_missed_or_only_grazed_is_not_found(folder, monkeypatch):
    answers = iter([[Found(BOX + np.float32([30, 0]), 0.9)], []])
    monkeypatch.setattr(score, "locate", lambda picture, reader: next(answers))
    result = check(open_photos(folder), data="made")
    assert result["found"]["share"] == 0 and result["false_alarms"] == 0 and "corner_error_px" not in result


def test_photos_of_the_generator_are_found_and_read(tmp_path):
    from lpsr.readers import get_reader

    synthesize_photos(tmp_path / "photos", 2, 5, size=(480, 640))
    done = []
    result = check(
        open_photos(tmp_path / "photos"), data="made", reader=get_reader(), progress=lambda *at: done.append(at)
    )
    assert result["found"]["share"] == 1 and result["read_straight"]["n"] == 2
    assert done == [(1, 2), (2, 2)]
    assert "皖" not in json.dumps({key: value for key, value in result.items() if key != "passport"})


def test_ccpds_corners_are_the_middles_of_pixels(tmp_path, plate_folder):
    corners = tuple((int(x), int(y)) for x, y in BOX)
    name = format_name(CcpdName("1", (90, 90), (corners[0], corners[2]), corners, "皖A12345", 100, 20))
    cv2.imwrite(str(tmp_path / name), np.zeros((60, 120, 3), np.uint8))
    (photo,) = open_photos(tmp_path)
    assert np.array_equal(photo.corners[0], BOX + 0.5) and photo.texts == ("皖A12345",)
    # The generator's lie between pixels.
    assert any((photo.corners[0] != np.floor(photo.corners[0]) + 0.5).any() for photo in open_photos(plate_folder))


def truth(corners, text='""'):
    return f'[{{"file": "a.png", "plates": [{{"corners": {corners}, "text": {text}}}]}}]'


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "{}",
        '[{"file": "a.png"}]',
        '[{"file": 1, "plates": []}]',
        truth("[1]"),
        truth("[1, 2, 3, 4, 5, 6, 7, 8]"),
        truth("[[1, 2, 3, 4], [5, 6, 7, 8]]"),
        truth("[[NaN, 0], [9, 0], [9, 9], [0, 9]]"),
        truth(f"[[{10**400}, 0], [9, 0], [9, 9], [0, 9]]"),
        truth("[[0, 0], [9, 0], [9, 9], [0, 9]]", "7"),
    ],
)
def test_a_broken_truth_is_one_sentence(tmp_path, text):
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(InputError, match=r"truth\.json"):
        check(open_photos(tmp_path), data="made")


def test_a_truth_cannot_point_outside_its_folder(tmp_path):
    (tmp_path / "truth.json").write_text(json.dumps([{"file": "../../etc/passwd", "plates": []}]))
    assert open_photos(tmp_path)[0].path == tmp_path / "passwd"


def test_plates_without_corners_cannot_be_checked(tmp_path):
    (tmp_path / "index.csv").write_text("file,text\na.png,皖A12345\n", encoding="utf-8")
    with pytest.raises(InputError, match="known corners"):
        open_photos(tmp_path)
