"""The tab *Does it help?*, without a browser and with one."""

import json
import math
import threading
import zipfile
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from made_benefit import make_benefit, make_votes

from lpsr.app.help import html, votes_html
from lpsr.app.help.form import _bring
from lpsr.app.help.job import Desk, Job
from lpsr.app.help.tab import MOST_SECONDS, HelpTab
from lpsr.app.help.votes import Frames, Round
from lpsr.app.help.wish import MOST_HOSTED, Wish, check_zip, measure, seconds, wish_of
from lpsr.app.language import LANGUAGES, Words
from lpsr.data.generator import generate
from lpsr.errors import InputError
from lpsr.images import encode_png
from lpsr.readers import Reading
from lpsr.results import write_benefit

EN = Words()
EVIL = "<img src=x onerror=alert(1)>"
TOKEN = "t" * 22


def request(name="visit"):
    return SimpleNamespace(session_hash=name, headers={"accept-language": "en"})


def form(**changes):
    values = {"source": "generated", "readers": ["paddle-onnx"], "restorers": ["bicubic"], "classes": ["x8"]}
    return list((values | {"most": 2, "votes": False} | changes).values())


def zip_of(path, rows, pictures=3):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(pictures):
            archive.writestr(f"{number}.png", encode_png(generate(number, 1).picture))
        archive.writestr("index.csv", "file,text\n" + "".join(f"{file},{text}\n" for file, text in rows))
    return path


@pytest.fixture
def desk():
    """Its work waits to be let go, and measures nothing."""
    go = threading.Event()

    def work(job):
        job.enter("measuring")
        while not go.wait(0.01):
            job.step(1, 4)
        return make_benefit(votes=make_votes())

    desk = Desk(work)
    desk.go = go
    yield desk
    go.set()
    desk.close()


@pytest.fixture
def tab(desk, monkeypatch, tmp_path):
    monkeypatch.setattr("lpsr.results.RESULTS", tmp_path)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    with gr.Blocks(), gr.Tab() as one:
        return HelpTab(one, False, desk)


def look(tab, token=TOKEN, which="committed", shown="", visit="visit"):
    names = ("status", "start", "stop", "which", "files", "report", "shown", "timer")
    return SimpleNamespace(**dict(zip(names, tab._look(token, which, shown, request(visit)), strict=True)))


def finish(desk, token=TOKEN):
    desk.go.set()
    pause = threading.Event()
    for _ in range(2000):
        if not desk.job(token).active:
            return
        pause.wait(0.01)
    raise AssertionError("The measurement did not end.")


def test_the_committed_measurement_comes_first(tab, tmp_path):
    write_benefit(make_benefit(votes=make_votes()), tmp_path / "benefit.json")
    seen = look(tab)
    shown = json.loads(seen.report)
    assert "As measured on real plates" in shown["html"] and "With the best restoration, against none" in shown["html"]
    assert {"benefit_heat_paddle-onnx", "benefit_votes_paddle-onnx"} <= set(shown["figures"])
    assert set(shown["figures"]) < set(shown["csv"]) and "benefit_class_x8" in shown["csv"]
    assert look(tab, shown=seen.shown).report == gr.skip()


def test_without_one_it_is_said_how_it_is_made_and_a_broken_one_is_a_sentence(tab, tmp_path):
    assert "does-it-help" in json.loads(look(tab).report)["html"]
    (tmp_path / "benefit.json").write_text("{}")
    assert "benefit.json" in json.loads(look(tab).report)["html"]


def test_a_measurement_replaces_it_and_there_is_a_way_back(tab, desk):
    assert tab._start(TOKEN, None, "", request(), *form()) == ("", "own", TOKEN)
    going = look(tab, shown="committed none en")
    assert going.report == gr.skip() and going.which["value"] == "own" and not going.which["visible"]
    assert not going.start["interactive"] and going.stop["interactive"] and "<progress" in going.status
    finish(desk)
    own = look(tab, which="own", shown=going.shown)
    assert "Your measurement" in json.loads(own.report)["html"] and own.which["visible"]
    assert "Download JSON" in own.files["buttons"]
    back = look(tab, which="committed", shown=own.shown)
    assert "Your measurement" not in json.loads(back.report)["html"] and not back.files["buttons"]
    (answer,) = tab._download(TOKEN, request())
    assert answer["file"]["name"].endswith(".json")


def test_a_reloaded_page_follows_again_and_a_stranger_does_not(tab, desk):
    tab._start(TOKEN, None, "", request(), *form())
    assert tab._attach(TOKEN).active
    assert not tab._attach("s" * 22).active
    assert not look(tab, token="s" * 22).stop["interactive"]
    for stranger in ("s" * 22, "", None, [TOKEN]):
        tab._stop(stranger)
    assert not desk.job(TOKEN).stopping.is_set()
    finish(desk)
    (answer,) = tab._download("s" * 22, request())
    assert "error" in answer["file"] and "data" not in answer["file"]


@pytest.mark.parametrize("token", ["", None, ["t"], "short"])
def test_without_a_token_the_browser_gets_one_that_nobody_has(tab, desk, token):
    *_, given = tab._start(token, None, "", request("one"), *form())
    assert len(given) >= 20 and tab._attach(given).active and not tab._attach(token).active


def test_a_shared_page_bounds_the_time_and_what_is_gone_is_said(tab, desk):
    tab._start(TOKEN, None, "", request(), *form())
    assert desk.job(TOKEN).limit == math.inf
    tab.hosted = True
    tab._start("u" * 22, None, "", request(), *form())
    assert desk.job("u" * 22).limit == MOST_SECONDS
    # As after a restart: the page still shows a bar.
    assert "no longer kept" in look(tab, "v" * 22, which="own").status and look(tab, "v" * 22).status == ""


def test_the_committed_measurement_is_made_once_until_its_file_changes(tab, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("lpsr.app.help.html.content", lambda *of: made.append(of) or "{}")
    write_benefit(make_benefit(), tmp_path / "benefit.json")
    assert look(tab).report == look(tab, "u" * 22).report == "{}" and len(made) == 1
    (tmp_path / "benefit.json").unlink()
    assert "does-it-help" in look(tab).report


def test_a_second_start_and_a_missing_zip_are_said(tab, desk, tmp_path):
    assert "Bring a ZIP" in tab._start(TOKEN, None, "", request(), *form(source="zip"))[0]
    broken = tmp_path / "broken.zip"
    broken.write_text("no archive")
    *_, (said, file, held, why, *_) = _bring(str(broken), request())
    assert "is no ZIP" in said and file is held is None
    assert why in tab._start(TOKEN, None, why, request(), *form(source="zip"))[0]
    assert "no longer kept" in tab._start(TOKEN, "/gone.zip", "", request(), *form(source="zip"))[0]
    tab._start(TOKEN, None, "", request(), *form())
    assert "still going on" in tab._start(TOKEN, None, "", request(), *form())[0]


def test_an_uploaded_zip_is_kept_for_the_job_alone(tab, desk, tmp_path):
    path = zip_of(tmp_path / "mine.zip", [("0.png", "皖A12345")])
    tab._start(TOKEN, str(path), "", request(), *form(source="zip"))
    folder = desk.job(TOKEN).folder
    assert (folder / "plates.zip").read_bytes() == path.read_bytes()
    finish(desk)
    assert not folder.exists() and path.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "../etc"}, "cannot be measured"),
        ({"most": "many"}, "cannot be measured"),
        ({"most": float("nan")}, "cannot be measured"),
        ({"most": float("inf")}, "cannot be measured"),
        ({"readers": ["paddle-native"]}, "at least one reader"),
        ({"readers": "paddle-onnx"}, "at least one reader"),
        ({"classes": ["x16"]}, "at least one size"),
    ],
)
def test_what_is_sent_by_hand_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        wish_of(form(**changes), hosted=False)


def test_a_shared_page_bounds_the_plates():
    assert wish_of(form(most=10_000), hosted=True).most == MOST_HOSTED
    assert wish_of(form(restorers=["bicubic", "../../evil"]), hosted=True).restorers == ("bicubic",)


def test_larger_plates_and_more_restorations_take_longer():
    small = Wish("generated", ("paddle-onnx",), ("mse",), ("x8",), 10, False)
    wide = Wish("generated", ("paddle-onnx",), ("mse",), ("100+",), 10, False)
    voted = Wish("generated", ("paddle-onnx",), ("mse",), ("x8",), 10, True)
    assert seconds(small, 5) < seconds(small, 28) < seconds(voted, 28) < seconds(wide, 28)


def test_a_zip_says_what_it_holds(tmp_path):
    held = check_zip(zip_of(tmp_path / "a.zip", [("0.png", "皖A12345"), ("1.png", "nonsense")]))
    assert (held["count"], held["unknown"]) == (1, 2)
    with pytest.raises(InputError, match="no plate of known text"):
        check_zip(zip_of(tmp_path / "b.zip", []))
    (tmp_path / "c.zip").write_bytes(b"PK\3\4 broken")
    with pytest.raises(InputError, match="is no ZIP"):
        check_zip(tmp_path / "c.zip")


class Reader:
    name, engine, threshold = "paddle-onnx", "test", 0.8

    def read(self, picture):
        return Reading("", "皖A12345", 0.9, (0.9,) * 6 + (0.7,), self.engine, 0.9)


def test_uploaded_plates_are_measured(monkeypatch, tmp_path):
    monkeypatch.setattr("lpsr.readers.get_reader", lambda name: Reader())
    folder = tmp_path / "job"
    folder.mkdir()
    zip_of(folder / "plates.zip", [("0.png", "皖A12345"), ("2.png", "皖A12346"), ("1.png", "nonsense")])
    job = Job(Wish("zip", ("paddle-onnx",), ("bicubic",), ("x8",), 10, True), folder)
    found = measure(job)
    assert found.classes[0].n == 2 and found.classes[0].cell("bicubic", "paddle-onnx").exact.right == 1
    assert found.votes and found.passport["data"] == "uploaded plates" and str(tmp_path) not in found.model_dump_json()


def test_what_comes_from_outside_is_escaped():
    benefit = make_benefit(passport={"data": EVIL, "n": 1, "checkpoints": {}}, command=EVIL)
    shown = json.loads(html.content(benefit, EVIL, html.data_of(benefit, EN), EN))["html"]
    job = Job(None, state="failed", error=EVIL)
    picture = np.zeros((8, 24, 3), np.uint8)
    reading = Reading(EVIL, "皖A12345", 0.9, (0.9,) * 7, EVIL, 0.9)
    frames = Frames([picture], [EVIL], EVIL, (EVIL,))
    shown += html.progress(job, 0, EN) + html.found({"count": 1, "unknown": 0, "refused": [(EVIL, EVIL)]}, EN)
    shown += votes_html.votes(frames, [Round(EVIL, [picture], [reading])], [1.0], Reader(), EN)
    assert "<img src=x" not in shown and shown.count("&lt;img src=x") >= 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_progress_is_said_in_every_language(language):
    words = Words(language)
    for state in ("waiting", "done", "stopped", "failed"):
        assert html.progress(Job(None, state=state), 2, words)
    assert "3" in html.progress(Job(None, state="running", stage="measuring", done=3, of=9), 0, words)


@pytest.fixture
def helping(visitor, address):
    """The tab of a new visitor."""

    def come(**options):
        page = visitor(**options)
        page.goto(f"{address}?tab=help")
        page.wait_for_selector("#help-restorers input")
        page.wait_for_selector("#help-report .results-body")
        return page

    return come


def test_a_measurement_runs_survives_a_reload_and_can_be_stopped(helping):
    page = helping()
    page.locator("#help-most input[type=number]").fill("28")
    page.locator("#help-most input[type=number]").blur()
    page.locator("#help-frames input").check()
    page.click("#help-start")
    page.wait_for_selector("#help-status progress")
    page.reload()
    page.wait_for_selector("#help-status progress")
    page.click("#help-stop")
    # It stops between two steps, and loading the readers from a cold disk is one.
    page.wait_for_selector("#help-status:has-text('Stopped')", timeout=150_000)
    page.wait_for_selector("#help-start:not([disabled])")
    page.locator("#help-frames input").uncheck()
    page.locator("#help-most input[type=number]").fill("2")
    page.locator("#help-most input[type=number]").blur()
    page.click("#help-start")
    page.wait_for_selector("#help-report :text('Your measurement')")
    page.locator("#help-which label", has_text="real plates").click()
    page.wait_for_selector("#help-report :text('Your measurement')", state="detached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_a_vote_is_shown_on_a_dark_phone(helping):
    page = helping(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.wait_for_selector('.votes[aria-busy="false"]')
    assert page.locator(".votes-round").count() == 2 and page.locator(".votes-tally").count() == 6
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
