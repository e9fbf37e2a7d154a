"""Votes over frames: what a visitor chooses or brings, and how they are shown."""

from types import SimpleNamespace

import numpy as np
import pytest

from lpsr.app.help import votes_html
from lpsr.app.help.job import Job
from lpsr.app.help.votes import Frames, Round, _count, approached, brought
from lpsr.app.help.wish import Wish, measure
from lpsr.app.language import Words
from lpsr.clip.cuts import CutPlate
from lpsr.data.generator import generate
from lpsr.errors import InputError
from lpsr.images import encode_png
from lpsr.readers import Reading

EN = Words()
REQUEST = SimpleNamespace(headers={"accept-language": "en"})


class Reader:
    name, engine, threshold = "paddle-onnx", "test", 0.8

    def read(self, picture):
        return Reading("", "皖A12345", 0.9, (0.9,) * 6 + (0.7,), self.engine, 0.9)


def test_votes_take_no_restoration_and_show_no_path_of_the_server(monkeypatch):
    (said,) = _count("approach", [], "京A86P20", 2, 0, "paddle-onnx", "../../etc/passwd", REQUEST)
    assert "Choose a restoration" in said
    monkeypatch.setattr("lpsr.readers._loaded", {})
    monkeypatch.setattr("lpsr.readers._load", lambda name, options: (_ for _ in ()).throw(InputError("/srv/secret")))
    (said,) = _count("approach", [], "京A86P20", 2, 0, "paddle-onnx", "bicubic", REQUEST)
    assert "cannot be used here" in said and "/srv" not in said
    job = Job(Wish("generated", ("paddle-onnx",), (), ("x8",), 1, False))
    with pytest.raises(InputError, match=r"^The reader paddle-onnx cannot be used here"):
        measure(job)


def test_the_shares_of_a_vote_are_shown_place_by_place():
    texts = ("皖A12345", "皖A12346", "皖B12345")
    readings = [Reading("", text, 0.9, (0.9,) * 7, "test", 0.9) for text in texts]
    pictures = [np.zeros((8, 24, 3), np.uint8)] * 3
    frames = Frames(pictures, ["1", "2", "3"], "皖A12345")
    shown = votes_html.votes(frames, [Round("", pictures, readings)], [1, 2, 3], Reader(), EN)
    majority = shown.split("<h4>")[1]
    assert majority.count("<li>") == 7 and majority.count("</i> 67<") == 2 and majority.count("</i> 33<") == 2
    assert "frames read exactly by themselves: 1 of 3" in shown
    # Two of three votes of .9 make .6, below the reader's threshold; three make .9.
    assert majority.count(' weak"') == 2
    two = Frames(pictures[:2], ["1", "2"], None)
    doubtful = votes_html.votes(two, [Round("", pictures[:2], readings[:2])], [1, 2], Reader(), EN)
    assert doubtful.split("<h4>")[1].count('class="chip weak"') == 1


def test_a_frame_of_another_plate_is_marked():
    # The reader's threshold is .8.
    read = [("皖A12345", 1.0)] * 12
    read += [("粤B98766", 1.0), ("粤B98766", 0.7), ("皖A12345D", 1.0), ("粤B98766D", 1.0)]
    readings = [Reading("", text, sure, (sure,) * len(text), "test", sure) for text, sure in read]
    pictures, names = [np.zeros((8, 24, 3), np.uint8)] * 16, [str(number) for number in range(16)]
    frames = Frames(pictures, names, None, others=2)
    shown = votes_html.votes(frames, [Round("", pictures, readings)], [1] * 16, Reader(), EN)
    remarks = [("another plate?" in one, "another length" in one) for one in shown.split("<figure>")[13:]]
    assert remarks == [(True, False), (False, False), (False, True), (True, True)]
    assert shown.count("another plate?") == 2 and "without a vote: 2" in shown
    # One of the three votes goes to the other plate, so none is told to be the wrong one.
    doubtful = votes_html.votes(frames, [Round("", pictures, readings)], [0] * 12 + [1] * 4, Reader(), EN)
    assert "another plate?" not in doubtful


def test_other_plates_in_a_visitors_photos_are_counted(monkeypatch, tmp_path):
    plate = CutPlate("000.png", np.zeros((8, 24, 3), np.uint8))
    monkeypatch.setattr("lpsr.clip.cut_plates", lambda *_, **__: ([plate], ["粤B98766", "粤B98765"]))
    (tmp_path / "a.png").touch()
    found = brought([(str(tmp_path / "a.png"), "mine.png")], Reader())
    assert (found.names, found.others, found.notes) == (["mine.png"], 2, ())


def test_an_approach_is_bounded_and_repeats():
    first, again = approached("京A86P20", 3, 1), approached("京A86P20", 3, 1)
    assert first.text == "京A86P20" and len(first.pictures) == 3
    assert all((a == b).all() for a, b in zip(first.pictures, again.pictures, strict=True))
    assert len(approached("no such plate", 10_000, -5).pictures) == 20


def test_own_frames_are_looked_for_aloud_and_keep_their_names(monkeypatch, tmp_path):
    monkeypatch.setattr("lpsr.readers.get_reader", lambda name: Reader())
    files = []
    for number in range(21):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encode_png(generate(number % 2, 1).picture[:64, :192]))
        files.append((str(path), f"<b>{number}&.png"))
    (tmp_path / "1.png").write_text("no picture")
    first, pending, last = _count("own_frames", files, "", 10, 0, "paddle-onnx", "bicubic", REQUEST)
    assert 'role="status"' in first and 'aria-busy="true"' in pending and 'aria-busy="false"' in last
    assert last.count("<figure>") == 2 * 19 and "&lt;b&gt;0&amp;.png" in last and "<b>0&" not in last
    assert "&lt;b&gt;1&amp;.png is not a picture" in last and "&lt;b&gt;20&amp;.png: At most 20 frames" in last
    assert str(tmp_path) not in last


def test_frames_that_are_gone_are_said(monkeypatch):
    monkeypatch.setattr("lpsr.readers.get_reader", lambda name: Reader())
    *_, said = _count("own_frames", [("/gone.png", "a.png")], "", 10, 0, "paddle-onnx", "bicubic", REQUEST)
    assert "no longer kept" in said
