"""A clip that a visitor brings: followed with progress, stopped, reduced to its sharpest frames."""

import threading
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from lpsr.app.language import Words
from lpsr.app.photo import bar, clip
from lpsr.app.photo.clip import ClipPart, photo_of
from lpsr.app.session import Choice
from lpsr.clip import Sighting, Track
from lpsr.errors import InputError
from lpsr.locate import View

CORNERS = np.float32([[20, 20], [120, 24], [118, 60], [18, 56]])
PICTURE = np.random.default_rng(1).integers(0, 256, (90, 150, 3), dtype=np.uint8)
REQUEST = SimpleNamespace(headers={}, session_hash="me")


def track(*sharpness, seconds=0.5, score=0.9):
    views = [View(PICTURE, CORNERS, 0.9, "<皖A12345>") for _ in sharpness]
    return Track(
        tuple(
            Sighting(i, seconds and seconds * i, CORNERS, score, sharp, None, view)
            for i, (sharp, view) in enumerate(zip(sharpness, views, strict=True))
        )
    )


@pytest.fixture
def part(monkeypatch):
    monkeypatch.setattr(clip, "reader_if_any", lambda: None)
    with gr.Blocks():
        found = ClipPart()
        found.status_row()
    return found


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "clip.mp4"
    path.touch()
    return [(str(path), "clip.mp4")]


@pytest.fixture
def follows(monkeypatch):
    """``follows(work)``: what stands for ``track_clip``."""
    return lambda work: monkeypatch.setattr("lpsr.clip.track_clip", work)


def test_of_a_clip_the_sharpest_frames_of_the_surest_plates_are_kept():
    photo = photo_of([track(*range(9)), track(5, 7), track(1), track(2)])
    assert [seen.frames for seen in photo.seen] == [9, 2, 1]
    assert photo.seen[0].moments == tuple((i, i / 2) for i in (8, 7, 6, 5, 4, 3))
    assert photo.seen[1].moments == ((1, 0.5), (0, 0.0)) and len(photo.views) == 9
    assert photo.found and photo.which == 0


def test_what_is_hardly_a_plate_is_offered_only_where_there_is_no_better_one():
    weak = track(1, score=clip.LEAST - 0.01)
    assert len(photo_of([track(1), weak]).views) == len(photo_of([weak, weak]).views) == 1


@pytest.mark.parametrize(("seconds", "shown"), [(0.5, "0.5 s"), (None, "no. 2")])
def test_each_frame_is_a_button(monkeypatch, seconds, shown):
    monkeypatch.setattr("lpsr.readability.load_readability", lambda: None)
    photo = photo_of([track(1, 2, seconds=seconds), track(3, seconds=seconds)])
    html = bar.html(Choice(photo.cut()[0], photo=photo), Words())
    assert html.count("data-plate=") == 3 and html.count('class="plates"') == 2
    assert f"<small>{shown}</small>" in html and "<皖" not in html


def test_progress_is_told_with_an_estimate_and_then_the_photo(part, file, follows):
    def work(path, *, reader, progress, should_stop):
        assert path == file[0][0] and reader is None
        progress(1, 2)
        progress(2, 2)
        return [track(1)]

    follows(work)
    first, one, two, last = part._follow(file, REQUEST)
    assert "<progress" in first[1] and "Frame 1 of 2" in one[1] and "left" in one[1] and "left" not in two[1]
    assert last[1] == "" and len(last[2].views) == 1
    assert not part._stops


def test_several_files_are_a_burst(part, file, follows):
    taken = []
    follows(lambda paths, **options: taken.append(paths) or [])
    *_, last = part._follow(file * 2, REQUEST)
    assert taken == [[file[0][0]] * 2]
    assert "No plate was found in the clip" in last[0] and last[1] == "" and last[2] == gr.skip()


def test_it_stops_where_the_visitor_stops_it_or_leaves(part, file, follows):
    stopped = threading.Event()

    def work(path, *, reader, progress, should_stop):
        progress(1, 1000)
        while not should_stop():
            pass
        stopped.set()
        return []

    follows(work)
    steps = part._follow(file, REQUEST)
    next(steps), next(steps)
    part._halt(SimpleNamespace(session_hash="another"))
    assert not stopped.is_set()
    part._halt(REQUEST)
    assert "No plate was found" in list(steps)[-1][0] and stopped.is_set()
    stopped.clear()
    steps = part._follow(file, REQUEST)
    next(steps), next(steps)
    steps.close()
    assert stopped.is_set() and not part._stops


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(InputError("clip.mp4 is damaged."), "clip.mp4 is damaged."), (ZeroDivisionError(), "fault in the program")],
)
def test_trouble_is_one_sentence(part, file, follows, error, sentence):
    def work(*arguments, **options):
        raise error

    follows(work)
    *_, last = part._follow(file, REQUEST)
    assert sentence in last[0] and last[1] == "" and not part._stops


def test_files_that_are_gone_are_said(part, tmp_path):
    *_, last = part._follow([(str(tmp_path / "gone.mp4"), "gone.mp4")], REQUEST)
    assert "did not arrive" in last[0]
