"""Voting over growing numbers of frames, with readers made up for it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from lpsr.benefit.frames import FRAMES, NONE, VoteCurve, facts, run_votes
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.metrics.reading import wilson_interval
from lpsr.readers import Reading
from lpsr.voting import VOTES

RIGHT, WRONG = "皖A12345", "皖A99999"


class Restorer:
    name = "double"

    def restore(self, lr):
        return np.zeros((16, lr.shape[1] * 8, 3), np.uint8)


class Reader:
    """Reads the views in turn as it is told, a digit each: "1" right, "0" wrong, "-" nothing."""

    def __init__(self, told: str, name: str = "told", sure: float = 0.5) -> None:
        self.told, self.name, self.sure, self.seen = told, name, sure, []

    def read(self, picture):
        self.seen.append(picture.shape)
        text = {"1": RIGHT, "0": WRONG, "-": ""}[self.told[(len(self.seen) - 1) % len(self.told)]]
        return Reading(text, text, self.sure, (self.sure,) * len(text), "told", 1.0)


@pytest.fixture
def plates(plate_folder):
    return [replace(plate, text=RIGHT) for plate in open_plates(plate_folder)[:3]]


def one(curves, restorer=NONE, reader="told", vote="majority") -> VoteCurve:
    (found,) = [one for one in curves if (one.restorer, one.reader, one.vote) == (restorer, reader, vote)]
    return found


def test_each_number_of_frames_holds_the_views_of_the_one_before(plates):
    # What is read of the first n views in their order decides n: right in 1 of 1, 1 of 2 (a tie, which the first read
    # wins), 1 of 3, 2 of 5, 4 of 7, 7 of 10 and so on.
    curves = run_votes(plates, [], [Reader("10001111110000000000")], views=20)
    assert one(curves).frames == FRAMES
    assert one(curves).outcomes == ("111", "111", "000", "000", "111", "111", "000", "000")


def test_each_view_is_read_once_by_each_pipeline_and_once_restored(plates):
    first, second, restored = Reader("1"), Reader("0", "other"), []

    class Counting(Restorer):
        def restore(self, lr):
            restored.append(lr.shape)
            return super().restore(lr)

    curves = run_votes(plates, [Counting()], [first, second], views=4)
    assert len(restored) == 3 * 4
    assert len(first.seen) == len(second.seen) == 2 * 3 * 4
    # As they are, then restored, plate by plate.
    assert first.seen[:4] == restored[:4] and {shape[0] for shape in first.seen[4:8]} == {16}
    assert [(one.restorer, one.reader) for one in curves[:: len(VOTES)]] == [
        (NONE, "told"),
        (NONE, "other"),
        ("double", "told"),
        ("double", "other"),
    ]
    assert [one.vote for one in curves[: len(VOTES)]] == list(VOTES)
    assert all(one.frames == (1, 2, 3) for one in curves)


def test_rates_have_their_intervals(plates):
    # Of the first plate all views are read right, of the others none.
    found = one(run_votes(plates, [], [Reader("1" * 5 + "0" * 10)], views=5))
    assert found.outcomes == ("100",) * 4 and found.n == 3
    for share in found.exact:
        assert (share.n, share.right, share.share) == (3, 1, 1 / 3)
        assert (share.low, share.high) == wilson_interval(1, 3)
    assert found.hits[0] == (True, False, False)


def test_views_without_text_abstain(plates):
    found = one(run_votes(plates, [], [Reader("--1" + "-" * 17)], views=20))
    assert found.outcomes == ("000", "000", *("111",) * 6)


def test_the_views_are_the_same_each_time_and_do_not_hang_on_other_plates(plates):
    class Width(Reader):
        def read(self, picture):
            self.told = "1" if picture.mean() > 100 else "0"
            return super().read(picture)

    first, second, alone = (Width("1") for _ in range(3))
    whole = run_votes(plates, [], [first], views=6)
    assert whole == run_votes(plates, [], [second], views=6)
    assert first.seen == second.seen
    run_votes(plates[:1], [], [alone], views=6)
    assert alone.seen == first.seen[:6]
    other = Width("1")
    run_votes(plates, [], [other], views=6, seed=1)
    assert other.seen != first.seen
    # In no order of width.
    taken = [shape[1] for shape in first.seen[:6]]
    assert taken != sorted(taken) and taken != sorted(taken)[::-1]
    assert min(taken) == 20 and max(taken) == 30


def test_quality_is_that_of_the_view(plates, monkeypatch):
    # The second view is worth more than both others.
    monkeypatch.setattr("lpsr.benefit.frames.quality", lambda view: qualities.pop(0))
    qualities = [1.0, 30.0, 1.0] * len(plates)
    curves = run_votes(plates, [Restorer()], [Reader("010")], views=3)
    for restorer in (NONE, "double"):
        assert one(curves, restorer, vote="quality").outcomes == ("000", "111", "111")
        assert one(curves, restorer, vote="majority").outcomes == ("000", "000", "000")


def test_narrow_plates_are_left_out(plates):
    reader = Reader("1")
    curves = run_votes(plates, [], [reader], views=2, widths=(20, 30))
    assert one(curves).n == 3
    with pytest.raises(InputError, match="2000 px wide"):
        run_votes(plates, [], [reader], views=2, widths=(20, 2000))


def test_stopped_early_the_plates_done_are_returned(plates):
    done = []
    curves = run_votes(
        plates,
        [],
        [Reader("1")],
        views=2,
        progress=lambda *counts: done.append(counts),
        should_stop=lambda: len(done) == 2,
    )
    assert done == [(1, 3), (2, 3)] and one(curves).n == 2
    assert run_votes(plates, [], [Reader("1")], views=2, should_stop=lambda: True) == ()


def test_what_cannot_be_voted_on_is_refused(plates):
    with pytest.raises(InputError, match="known text"):
        run_votes([replace(plates[0], text=None)], [], [Reader("1")])
    with pytest.raises(InputError, match="wide"):
        run_votes([], [], [Reader("1")])
    with pytest.raises(InputError, match="one view"):
        run_votes(plates, [], [Reader("1")], views=0)


def test_curves_come_back_from_json_without_texts(plates):
    curves = run_votes(plates, [], [Reader("10")], views=3)
    text = json.dumps([one.model_dump(mode="json") for one in curves], ensure_ascii=False)
    assert tuple(VoteCurve.model_validate(one) for one in json.loads(text)) == curves
    assert "皖" not in text and ".jpg" not in text
    json.dumps(facts())


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": [2, 1]},
        {"frames": [0, 1]},
        {"frames": [1, 1]},
        {"frames": []},
        {"outcomes": ["10"]},
        {"outcomes": ["10", "1"]},
        {"outcomes": ["10", "12"]},
        {"outcomes": ["", ""]},
        {"vote": "loudness"},
        {"more": 1},
    ],
)
def test_a_curve_that_is_none_is_refused(wrong):
    known = {"restorer": NONE, "reader": "told", "vote": "majority", "frames": [1, 2], "outcomes": ["10", "11"]}
    assert VoteCurve.model_validate(known).exact[1].right == 2
    with pytest.raises(ValidationError):
        VoteCurve.model_validate(known | wrong)
