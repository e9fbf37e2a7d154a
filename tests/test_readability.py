"""Measuring readability with readers made up for it, the advice, and the file."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.evidence import Share
from lpsr.metrics.reading import wilson_interval
from lpsr.readability import (
    BOUNDS,
    Rates,
    Readability,
    WidthClass,
    expect,
    load_readability,
    measure_readability,
    save_readability,
)
from lpsr.readers import Reading
from lpsr.results import READABILITY


class Restorer:
    name, title, sha256 = "double", "Double", "0" * 64

    def restore(self, lr):
        # Flat, so that a reader's record tells these from the plates themselves.
        return np.zeros((1, lr.shape[1] * 8, 3), np.uint8)


class Reader:
    """Reads what it is told from ``enough`` pixels of width on, else nothing; keeps the shapes that it saw."""

    engine = "width reader"

    def __init__(self, text: str, enough: int = 0) -> None:
        self.text, self.enough, self.seen = text, enough, []

    def read(self, picture):
        self.seen.append(picture.shape[:2])
        text = self.text if picture.shape[1] >= self.enough else ""
        return Reading(text, text, 0.5, (0.5,) * len(text), self.engine, 0.5)


@pytest.fixture
def plates(plate_folder):
    return [replace(plate, text="皖A12345") for plate in open_plates(plate_folder)]


def measured(plates, reader, **options) -> Readability:
    return measure_readability(plates, Restorer(), reader, data="plates", split=None, **options)


def share(right: int, n: int) -> Share:
    low, high = wilson_interval(right, n)
    return Share(n=n, right=right, share=right / n, low=low, high=high)


def readability(*counts: tuple[int, int | None], n: int = 100) -> Readability:
    """One class for each pair of plates read right, directly and restored, of ``n``."""
    bounds = zip(BOUNDS, (*BOUNDS[1:], None), strict=True)
    classes = []
    for (low, high), (direct, restored) in zip(bounds, counts, strict=False):
        direct, restored = (
            None if right is None else Rates(exact=share(right, n), characters=share(right, n))
            for right in (direct, restored)
        )
        classes.append(WidthClass(low=low, high=high, direct=direct, restored=restored))
    return Readability(command="", passport={}, model="double", classes=classes)


def test_every_plate_is_read_at_a_width_of_each_class_that_it_reaches(plates):
    reader, calls = Reader("皖A12345"), []
    found = measured(plates, reader, progress=lambda *counts: calls.append(counts))
    assert calls == [(i + 1, 12) for i in range(12)]
    assert [(one.low, one.high) for one in found.classes] == list(zip(BOUNDS, (*BOUNDS[1:], None), strict=True))
    for one in found.classes:
        assert one.direct.exact.right == one.direct.exact.n == 12
        assert one.direct.characters.n == 84
        assert one.restored == (None if one.high is None else one.direct)
        widths = [width for height, width in reader.seen if height > 1]
        assert sum(one.low <= width < (one.high or 10_000) for width in widths) == 12
    # The widest class is read as it is.
    assert {plate.hr(1).shape[:2] for plate in plates} <= set(reader.seen)


def test_exact_and_characters_are_counted_apart(plates):
    found = measured(plates, Reader("皖A12399"))
    one = found.classes[0]
    assert (one.direct.exact.right, one.direct.characters.right) == (0, 60)
    assert (one.direct.exact.low, one.direct.exact.high) == wilson_interval(0, 12)


def test_restored_pictures_are_read_apart(plates):
    # From 64 px on: the direct pictures of the narrow classes are narrower, all restored ones are not.
    found = measured(plates, Reader("皖A12345", enough=64))
    for one in found.classes[:4]:
        assert (one.direct.exact.right, one.restored.exact.right) == (0, 12)


def test_a_plate_counts_only_where_it_is_wide_enough(plates, monkeypatch):
    narrow = np.zeros((20, 50, 3), np.uint8)
    monkeypatch.setattr("lpsr.data.plates.Plate.hr", lambda self, multiple: narrow)
    found = measured(plates, Reader("皖A12345"))
    assert [one.low for one in found.classes] == [8, 12, 16, 20, 28, 40]
    assert found.classes[-2].direct.exact.n == 12
    assert 0 < found.classes[-1].direct.exact.n < 12
    monkeypatch.setattr("lpsr.data.plates.Plate.hr", lambda self, multiple: narrow[:, :6])
    with pytest.raises(InputError, match="8 px"):
        measured(plates, Reader(""))


def test_the_widths_are_the_same_each_time(plates):
    first, second = Reader(""), Reader("")
    assert measured(plates, first) == measured(plates, second)
    assert first.seen == second.seen
    assert len({width for _, width in first.seen}) > 20


def test_the_passport(plates):
    found = measured(plates, Reader(""), command="python -m lpsr readability")
    assert found.passport["reader"] == "width reader"
    assert found.passport["checkpoints"] == {"double": "0" * 64}
    assert (found.passport["n"], found.passport["data"], found.model) == (12, "plates", "double")
    assert "皖" not in found.model_dump_json()
    assert ".jpg" not in found.model_dump_json() and ".png" not in found.model_dump_json()


def test_plates_that_cannot_be_measured_are_refused(plates):
    with pytest.raises(InputError, match="no plates"):
        measured([], Reader(""))
    with pytest.raises(InputError, match="known text"):
        measured([replace(plates[0], text=None)], Reader(""))


@pytest.mark.parametrize(
    ("direct", "restored", "advice"),
    [
        (0, 0, "beyond"),
        (5, 12, "beyond"),
        (2, 18, "restore"),
        (5, 40, "restore"),
        (60, 90, "restore"),
        (40, 45, "restore"),
        (45, 40, "readable"),
        (50, 55, "readable"),
        (90, 95, "readable"),
        (90, 10, "readable"),
        (18, 2, "readable"),
        (90, None, "readable"),
        (1, None, "beyond"),
    ],
)
def test_the_advice_comes_from_the_intervals(direct, restored, advice):
    found = expect(10, readability((direct, restored)))
    assert found.advice == advice
    assert found.direct.exact.right == direct
    assert (found.restored and found.restored.exact.right) == restored


def test_the_class_is_that_of_the_width():
    known = readability((0, 0), (1, 20), (80, 90))
    found = [(expect(width, known).low, expect(width, known).high) for width in (1, 8, 11, 12, 15, 16, 19, 20, 640)]
    assert found == [(8, 12)] * 3 + [(12, 16)] * 2 + [(16, 20)] * 4


def test_the_file_comes_back(plates, tmp_path):
    found = measured(plates, Reader("皖A12345"))
    save_readability(found, tmp_path)
    assert load_readability(tmp_path) == found


@pytest.mark.parametrize(
    "content",
    [None, "", "[]", '{"kind": "readability"}', '{"command": "", "passport": {}, "model": "", "classes": []}'],
)
def test_a_file_that_is_none_is_logged_and_left_out(tmp_path, content, caplog):
    if content is not None:
        (tmp_path / READABILITY).write_text(content)
    with caplog.at_level(logging.WARNING):
        assert load_readability(tmp_path) is None
    assert READABILITY in caplog.text


def test_what_ships_is_whole_and_no_measurement():
    found = load_readability()
    assert [one.low for one in found.classes] == list(BOUNDS)
    assert expect(9, found).advice == "beyond"
    assert expect(200, found).advice == "readable"
