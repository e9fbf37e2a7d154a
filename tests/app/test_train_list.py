"""The list of runs."""

import re
import time
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import pytest
from train_rows import html, make

from lpsr.app.language import LANGUAGES, texts
from lpsr.app.training.listing import Event, event_of
from lpsr.errors import InputError
from lpsr.training.runs import MAX_NOTE
from lpsr.training.status import STATUS

HOSTILE = '<img src=x onerror="alert(1)">&'


def row(text, name):
    return re.search(rf'<li data-run="{re.escape(name)}".*?</li>', text)[0]


def visible(text, do):
    """Whether the control is there and shown."""
    (tag,) = re.findall(rf"(?:<label[^>]*>)?<(?:button|input)[^>]*data-do=\"{do}\"[^>]*>", text)
    return " hidden" not in tag


def text_of(html):
    return " ".join(unescape(re.sub(r"<[^>]*hidden>.*?</\w+>|<[^>]+>", " ", html)).split())


def test_without_runs_there_is_a_sentence():
    assert "No run yet" in text_of(html()) and "<li" not in html()
    assert "No run yet" not in text_of(html(make()))


def test_a_row_says_what_there_is_to_know():
    facts = {
        "train": {"done": 340, "of": 600, "seconds": 70, "facts": {"best": 21.337}},
        "evaluate": {"seconds": 12, "facts": {"psnr": 21.5, "bicubic": 18.61}},
    }
    text = text_of(row(html(make("a", "pecl-manhattan", "running", note="first try", facts=facts)), "a"))
    for words in (
        "a running PECL-Manhattan (",
        "small network · just now",
        "Iterations 340 / 600",
        "Best val PSNR 21.34 dB",
        "Test PSNR 21.50 dB bicubic 18.61 dB",
        "Time 1 min 22 s",
        "On disk < 0.1 MB",
        "first try Edit note",
    ):
        assert words in text, text


def test_what_is_not_known_yet_is_a_dash():
    text = text_of(html(make(state="queued", place=1)))
    assert "queued, next" in text and "Best val PSNR – Test PSNR – Time –" in text and "0 / 600" in text
    assert "Add note" in text


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        ("queued", {"place": 3}, "queued, place 3"),
        ("paused", {}, "paused"),
        ("interrupted", {}, "interrupted"),
        ("done", {"early": True}, "done, stopped early"),
        ("failed", {"message": "The disk is full."}, "failed"),
    ],
)
def test_states_are_said(state, changes, words):
    text = text_of(html(make(state=state, **changes)))
    assert words in text and changes.get("message", "") in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-30, "just now"), (59, "just now"), (61, "1 min ago"), (2 * 3600, "2 h ago"), (50 * 3600, "2 days ago")],
)
def test_ages(seconds, words):
    assert words in text_of(html(make(created=time.time() - seconds)))


def test_the_size_of_a_run_that_rests_is_measured_when_its_status_changes(tmp_path):
    run = make(folder=tmp_path)
    (run.folder / "train").mkdir(parents=True)
    (run.folder / STATUS).touch()
    assert "On disk < 0.1 MB" in text_of(html(run))
    (run.folder / "train" / "state.safetensors").write_bytes(bytes(12_300_000))
    assert "On disk < 0.1 MB" in text_of(html(run))
    (run.folder / STATUS).write_text("{}")
    assert "On disk 12 MB" in text_of(html(run))


def test_rows_are_in_the_given_order_and_the_selected_one_is_marked():
    text = html(make("b"), make("a"), selected="a")
    assert re.findall(r'<li data-run="(\w)"', text) == ["b", "a"]
    assert "aria-current=true" in row(text, "a") and "aria-current" not in row(text, "b")


def test_curves_and_baseline_are_ticked_where_they_are_chosen():
    text = html(make("a"), make("b"), make("c", "pecl-euclidean"), compared=["a"], baseline="b")
    assert re.findall(r'data-run="(\w)"|data-do="(compare|baseline)" checked', text) == [
        ("a", ""),
        ("", "compare"),
        ("b", ""),
        ("", "baseline"),
        ("c", ""),
    ]
    assert "--model: #123456" in row(text, "a") and "--model" not in row(text, "b")


def test_only_mse_runs_can_be_the_baseline():
    assert visible(html(make(loss="mse")), "baseline")
    assert not visible(html(make(loss="pecl-manhattan")), "baseline")


@pytest.mark.parametrize("state", ["queued", "running", "paused", "interrupted", "done", "failed"])
def test_what_can_be_done_depends_on_state_and_visitor(state):
    mine, other = html(make(state=state)), html(make(state=state), may_control=lambda run: False)
    assert visible(mine, "resume") == (state in ("paused", "interrupted", "failed"))
    assert visible(mine, "delete") and visible(mine, "edit")
    assert not any(visible(other, do) for do in ("resume", "delete", "edit"))
    assert all(visible(one, do) for one in (mine, other) for do in ("choose", "compare", "again"))


def test_whether_a_visitor_may_is_asked_of_each_run():
    text = html(make("a"), make("b"), may_control=lambda run: run.name == "b")
    assert not visible(row(text, "a"), "delete") and visible(row(text, "b"), "delete")


def test_every_row_has_the_same_elements_whatever_its_state():
    """The script finds elements by their place."""

    def shape(text):
        return re.findall(r"<(/?\w+)", re.sub(r"<svg.*?</svg>", "", text))

    rows = [
        html(make(state="queued", place=1), may_control=lambda run: False),
        html(make("b", "pecl-euclidean", "failed", note="x", message="y"), selected="b", compared=["b"]),
        html(make("c", state="running", facts={"evaluate": {"facts": {"psnr": 1.0, "bicubic": 1.0}}}), baseline="c"),
    ]
    assert shape(rows[0]) == shape(rows[1]) == shape(rows[2])


def test_controls_are_named_after_their_run():
    text = html(make("demo-7", state="paused"))
    names = [unescape(one) for one in re.findall(r'<(?:button|input)[^>]*aria-label="([^"]*)"', text)]
    assert len(names) == 7 and all("demo-7" in one for one in names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_visible_words_begin_the_names_in_every_language(language):
    for key in ("add", "edit", "resume", "again", "delete"):
        short, long = (texts()[f"train_list.{one}"][language] for one in (key, f"{key}_of"))
        assert short in long, key


def test_what_comes_from_outside_is_escaped():
    run = replace(make(state="failed", note=HOSTILE, message=HOSTILE), name=HOSTILE)
    text = html(run, selected=HOSTILE, compared=[HOSTILE], baseline=HOSTILE)
    assert "<img" not in text and text.count("&lt;img") > 8


def data(**values):
    return SimpleNamespace(_data=values)


@pytest.mark.parametrize(
    ("sent", "event"),
    [
        ({"action": "choose"}, Event("choose", "a-1")),
        ({"action": "compare", "on": True}, Event("compare", "a-1", True)),
        ({"action": "compare", "on": False}, Event("compare", "a-1", False)),
        ({"action": "discard", "text": "x"}, Event("discard", "a-1")),
        ({"action": "note", "text": "  two \n lines\x00\u202e "}, Event("note", "a-1", text="two lines")),
        ({"action": "note", "text": ""}, Event("note", "a-1")),
        ({"action": "note", "text": "é" * MAX_NOTE}, Event("note", "a-1", text="é" * MAX_NOTE)),
        ({"action": "note", "text": "a\ud800b"}, Event("note", "a-1", text="a b")),
    ],
)
def test_events_are_understood(sent, event):
    assert event_of(data(run="a-1", **sent)) == event


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"action": "choose"},
        {"run": "a"},
        {"action": "format", "run": "a"},
        {"action": ["choose"], "run": "a"},
        {"action": {}, "run": "a"},
        {"action": "choose", "run": 3},
        {"action": "choose", "run": ["a"]},
        {"action": "choose", "run": ""},
        {"action": "discard", "run": "../.."},
        {"action": "discard", "run": ".queue"},
        {"action": "discard", "run": "a/b"},
        {"action": "discard", "run": "a\n"},
        {"action": "compare", "run": "a"},
        {"action": "compare", "run": "a", "on": "yes"},
        {"action": "note", "run": "a"},
        {"action": "note", "run": "a", "text": {"a": 1}},
        {"action": "note", "run": "a", "text": "x" * (MAX_NOTE + 1)},
    ],
)
def test_anything_else_is_refused(sent):
    with pytest.raises(InputError):
        event_of(data(**sent))


@pytest.mark.parametrize("sent", [None, [], "choose", 3])
def test_what_is_not_even_a_table_is_refused(sent):
    with pytest.raises(InputError):
        event_of(SimpleNamespace(_data=sent))
