"""The experiment with readers and restorations made up for it."""

from dataclasses import replace

import numpy as np
import pytest

from lpsr.benefit.frames import NONE
from lpsr.benefit.gains import gains
from lpsr.benefit.measure import WIDEST, guide_of, reduced, run_benefit, spread
from lpsr.benefit.result import CLASSES, WIDTHS
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.images import crop_to_multiple
from lpsr.losses.criterion import LossConfig
from lpsr.readers import WEAK, Reading

TEXT = "皖A12345"


class Restorer:
    """Marks what it restored by its ``level``."""

    title, sha256 = "Marks", "0" * 64

    def __init__(self, name: str = "marks", level: int = 7) -> None:
        self.name, self.level, self.restored = name, level, 0

    def restore(self, lr):
        self.restored += 1
        return np.full((8, lr.shape[1] * 8, 3), self.level, np.uint8)


class Reader:
    """Reads right what ``right`` says of a picture, else one character wrong and one too many; keeps the shapes that it
    saw."""

    engine = "made up 1.0"

    def __init__(self, name="made-up", right=lambda picture: False, confidence=0.4, threshold=None) -> None:
        self.name, self.right, self.confidence, self.threshold, self.seen = name, right, confidence, threshold, []

    def read(self, picture):
        self.seen.append(picture.shape[:2])
        text = TEXT if self.right(picture) else "皖A12349"
        return Reading(text, text, self.confidence, (self.confidence,) * 7, self.engine, self.confidence)


@pytest.fixture
def plates(plate_folder):
    return [replace(plate, text=TEXT) for plate in open_plates(plate_folder)]


def measured(plates, readers, models=(), **options):
    return run_benefit(plates, models, readers, data="plates", split=None, **options)


def marked(picture) -> bool:
    return picture.shape[0] == 8 and (picture == 7).all()


def test_every_pipeline_reads_every_class(plates):
    first, second, restorer, calls = Reader("first"), Reader("second"), Restorer(), []
    found = measured(plates, [first, second], [restorer], progress=lambda *counts: calls.append(counts))
    total = sum(one.n for one in found.classes)
    assert calls == [(k + 1, total) for k in range(total)]
    # Each LR once for both readers.
    assert restorer.restored == total and len(first.seen) == 2 * total and first.seen == second.seen
    assert [one.name for one in found.classes] == [name for name in CLASSES if name in {c.name for c in found.classes}]
    assert {"x8", "x4", "x2", "20-40"} <= {one.name for one in found.classes}
    for one in found.classes:
        pipelines = [(NONE, "first"), (NONE, "second"), ("marks", "first"), ("marks", "second")]
        assert [(cell.restorer, cell.reader) for cell in one.cells] == pipelines
        assert all(cell.outcomes == "g" * one.n and cell.seconds >= 0 for cell in one.cells)


def test_a_reader_that_is_right_after_one_restoration_is_helped_by_it(plates):
    models = [Restorer("other", 9), Restorer()]
    found = measured(plates, [Reader(right=marked)], models, classes=["x8", "x4"])
    for gain in gains(found, "made-up"):
        assert gain.restored.restorer == "marks" and gain.difference.effect == "helps"
        assert (gain.base.exact.right, gain.restored.exact.right, gain.difference.value) == (0, 12, 1.0)
        assert found.classes[0].cell("other", "made-up").exact.right == 0


def test_wrong_yet_confident_is_what_the_threshold_says(plates):
    readers = [Reader("sure", confidence=0.6), Reader("unsure"), Reader("strict", confidence=0.6, threshold=0.7)]
    readers.append(Reader("right", right=lambda picture: True, confidence=0.9))
    found = measured(plates, readers, classes=["x8"])
    assert [cell.false_confident.right for cell in found.classes[0].cells] == [12, 0, 0, 0]
    assert [one.threshold for one in found.readers] == [WEAK, WEAK, 0.7, WEAK]
    assert [one.calibrated for one in found.readers] == [False, False, True, False]
    assert found.passport["thresholds_not_calibrated"] == ["sure", "unsure", "right"]


def test_an_empty_reading_is_not_confident(plates, monkeypatch):
    reader = Reader()
    monkeypatch.setattr(reader, "read", lambda picture: Reading("", "", 0.0, (), "", 0.0))
    (one,) = measured(plates, [reader], classes=["x8"]).classes
    assert one.cells[0].outcomes == "a" * 12


def test_what_is_read_is_what_the_class_says():
    hr = np.random.default_rng(0).integers(0, 256, (61, 203, 3), np.uint8)
    assert np.array_equal(reduced(hr, "x8", 0), degrade(crop_to_multiple(hr, 8)))
    assert [reduced(hr, name, 0).shape[:2] for name in ("x8", "x4", "x2")] == [(7, 25), (14, 50), (28, 100)]
    for name, (low, high) in WIDTHS.items():
        widths = [reduced(hr, name, index).shape[1] for index in range(40)]
        assert widths == [reduced(hr, name, index).shape[1] for index in range(40)]
        if high:
            assert all(low <= width < high for width in widths) and len({*widths}) > 8
        else:
            assert {*widths} == {203}
    assert reduced(np.zeros((300, 1000, 3), np.uint8), "100+", 0).shape == (120, WIDEST, 3)


def test_plates_too_narrow_for_a_class_are_not_in_it(plates, monkeypatch):
    sizes = iter(np.tile([30, 50], 24))
    monkeypatch.setattr("lpsr.data.plates.Plate.cut", lambda *_: np.zeros((16, next(sizes), 3), np.uint8))
    found = measured(plates, [Reader()])
    by_name = {one.name: one for one in found.classes}
    assert [*by_name] == ["x8", "x4", "x2", "20-40", "40-60"]
    assert by_name["x8"].n == 12 and 6 < by_name["20-40"].n <= 12 and by_name["40-60"].n < 6
    assert all(place % 2 for place in by_name["40-60"].plates)


def test_the_most_plates_are_spread_evenly(plates):
    found = measured(plates, [Reader()], classes=["x8", "x4"], most={"x4": 3, "x2": 1})
    assert [one.plates for one in found.classes] == [tuple(range(12)), (0, 6, 11)]
    assert found.passport["most"] == {"x4": 3}
    assert spread([*range(5)], 9) == spread([*range(5)], None) == [*range(5)] and spread([1, 2, 3], 1) == [1]


def test_a_class_does_not_hang_on_the_others(plates):
    both = measured(plates, [Reader()], classes=["x8", "20-40"])
    alone = measured(plates, [Reader()], classes=["20-40"], most={"20-40": 4})
    assert both.classes[1].width and {*alone.classes[0].plates} <= {*both.classes[1].plates}
    seen = [Reader(), Reader()]
    for reader in seen:
        measured(plates, [reader], classes=["20-40"])
    assert seen[0].seen == seen[1].seen


def test_what_was_measured_is_taken_up(plates):
    first = measured(plates, [Reader()], [Restorer()], classes=["x8"], command="first")
    restorer = Restorer()
    found = measured(plates, [Reader()], [restorer], classes=["x8", "x4"], taken=[first], command="second")
    assert [one.name for one in found.classes] == ["x8", "x4"] and found.classes[0] == first.classes[0]
    assert restorer.restored == 12 and found.command == "first\nsecond"
    # Nothing is left to be measured.
    assert measured(plates, [Reader()], [restorer], classes=["x8"], taken=[first]) == first and restorer.restored == 12


def test_what_does_not_fit_is_said_before_anything_is_measured(plates):
    first, reader = measured(plates, [Reader()], classes=["x8"]), Reader(threshold=0.9)
    with pytest.raises(InputError, match="readers"):
        measured(plates, [reader], taken=[first])
    with pytest.raises(InputError, match="crop"):
        measured(plates, [reader], taken=[first], crop="box")
    assert reader.seen == []


def test_the_passport_says_how_and_names_no_plate(plates):
    found = measured(plates, [Reader()], [Restorer()], classes=["x8"], crop="box", command="python -m lpsr")
    assert found.passport["checkpoints"] == {"marks": "0" * 64} and found.passport["reader"] == "made up 1.0"
    assert (found.passport["n"], found.passport["data"], found.crop) == (12, "plates", "box")
    assert {"threads", "cores", "seconds", "packages", "guided_by_a_recogniser"} <= {*found.passport}
    text = found.model_dump_json()
    assert "皖" not in text and plates[0].path.name not in text and str(plates[0].path.parent) not in text


def test_checkpoints_have_their_loss_and_its_recogniser(plates, make_checkpoint, tmp_path):
    make_checkpoint(tmp_path, "mse")
    card = make_checkpoint(tmp_path, "guided", loss=LossConfig(kind="guided"), embedder_sha256="ab" * 32)
    found = measured(plates[:2], [Reader()], ["bicubic", "mse", "guided"], classes=["x8"], folder=tmp_path)
    assert [(one.name, one.loss, one.guide) for one in found.models] == [
        ("bicubic", None, None),
        ("mse", "mse", None),
        ("guided", "guided", "ab" * 32),
    ]
    assert found.passport["guided_by_a_recogniser"] == {"guided": "ab" * 32} == {card.name: guide_of(card)}
    assert found.models[2].sha256 == card.sha256 and found.models[1].title == "MSE"


def test_what_progress_raises_ends_it(plates):
    reader, calls = Reader(), []

    def progress(done, total):
        calls.append(done)
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(plates, [reader], progress=progress)
    assert calls == [1, 2, 3, 4, 5] and len(reader.seen) == 5


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [((), "no plates"), ((None,), "must be known"), (("A1",), "7 or 8 characters"), (("皖" * 9,), "7 or 8 characters")],
)
def test_plates_that_cannot_be_measured_are_refused(plates, texts, sentence):
    few = [replace(plates[0], text=text) for text in texts]
    with pytest.raises(InputError, match=sentence):
        measured(few, [Reader()])


def test_what_has_no_sense_is_refused(plates, monkeypatch):
    with pytest.raises(InputError, match="named once"):
        measured(plates, [Reader(), Reader()])
    with pytest.raises(InputError, match="named once"):
        measured(plates, [Reader()], [Restorer(), Restorer()])
    with pytest.raises(InputError, match="always there"):
        measured(plates, [Reader()], [Restorer(NONE)])
    with pytest.raises(InputError, match="Without a reader"):
        measured(plates, [])
    monkeypatch.setattr("lpsr.data.plates.Plate.cut", lambda *_: np.zeros((4, 10, 3), np.uint8))
    with pytest.raises(InputError, match="large enough"):
        measured(plates, [Reader()])


def test_a_plate_with_impossible_corners_is_named(plates):
    wrong = replace(plates[0], corners=np.zeros((4, 2), np.float32))
    with pytest.raises(InputError, match=f"{wrong.path.name}: "):
        measured([wrong], [Reader()])
