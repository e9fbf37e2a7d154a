"""The Compare tab's handlers, without a browser."""

import gradio as gr
import numpy as np
import pytest

from lpsr.app.gallery import shelves
from lpsr.app.language import Words
from lpsr.app.link import DEFAULT
from lpsr.app.page import build
from lpsr.app.session import Choice
from lpsr.app.steps import steps
from lpsr.app.uploads import take_picture
from lpsr.data.generator import generate
from lpsr.errors import InputError
from lpsr.images import encode_png
from lpsr.training.bounds import Bounds

LIMITS = Bounds("full", 1.0, None, 4)


def test_equal_uploads_are_one_file_that_both_visitors_can_read(tmp_path):
    path = tmp_path / "upload.png"
    path.write_bytes(encode_png(generate(1, 4).picture))
    np.testing.assert_array_equal(take_picture(str(path)), take_picture(str(path)))
    with pytest.raises(InputError, match="did not arrive"):
        take_picture(str(tmp_path / "gone.png"))


def test_a_failed_warm_up_is_one_line(monkeypatch, caplog):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    monkeypatch.setattr("lpsr.app.session.first", lambda _: 1 / 0)
    build(shelves(), LIMITS)[1].warm_up()
    assert caplog.text.count("\n") == 1 and "division by zero" in caplog.text


@pytest.fixture
def tab(monkeypatch, tiny_checkpoints):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", tiny_checkpoints)
    return build(shelves(), LIMITS)[1]


@pytest.mark.parametrize("data", [None, {}, {"plate": ["rendered-1"]}, {"plate": "../rendered-1"}, "rendered-1"])
def test_what_names_no_plate_changes_nothing(tab, data):
    (step,) = tab._choose(DEFAULT, gr.EventData(None, data), None)
    assert list(step) == [gr.skip()] * 6


def test_pictures_stay_where_the_reader_fails(tab, monkeypatch, caplog):
    monkeypatch.setattr("lpsr.app.session.read", lambda _: 1 / 0)
    choice = Choice(generate(1, 4).picture)
    first, last = steps(lambda: choice, DEFAULT, Words())
    assert "chip waiting" in first[1] and 'aria-busy="true"' in first[2]
    assert "fault in the program" in last[0] and "division by zero" in caplog.text
    assert "card" in last[1] and "chip waiting" not in last[1] and 'aria-busy="true"' not in last[2]
    assert last[4] is first[4] and last[4].comparison is not None


def test_a_failed_comparison_leaves_the_result_and_keeps_the_settings(tab):
    (step,) = steps(lambda: take_picture("gone.png"), DEFAULT, Words())
    assert "did not arrive" in step[0] and list(step[1:5]) == [gr.skip()] * 4 and step[5] is DEFAULT


def test_an_upload_is_emptied_before_it_is_compared(tab):
    steps = list(tab._take("gone.png", False, DEFAULT, None))
    assert [step[6] for step in steps] == [None, gr.skip()] and "did not arrive" in steps[1][0]


def test_an_emptied_upload_is_not_emptied_again(tab):
    # Pasting empties the component first; an answer to that would wipe the picture that follows.
    (step,) = tab._take(None, False, DEFAULT, None)
    assert all("value" not in one for one in step)
