"""The Training tab in a browser: from set-up to Compare, steered, killed, and seen by others."""

import json
import os
import signal
import time
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from lpsr.app.training.tab import TrainingTab
from lpsr.app.training.values import values_of
from lpsr.app.training.view import MOST, View, baseline_of, named_curves, shown_run, snapshot
from lpsr.app.training.visitors import may_see, may_steer
from lpsr.files import write_json
from lpsr.training.bounds import Bounds
from lpsr.training.plan import LOSSES, preset
from lpsr.training.queue import owner_of, submit
from lpsr.training.runs import delete, list_runs, read_run
from lpsr.training.status import PROCESS, Status, read_status, write_status

PATIENT = 240_000
SHORT = {"count": 50, "iterations": 12, "batch": 2, "warm-up": 0, "most-val": 2, "most-test": 2, "validate-every": 6}
LONG = SHORT | {"iterations": 200_000}


@pytest.fixture
def training(visit):
    """Open the tab as a new visitor."""

    def open_tab(**options):
        page = visit(**options)
        page.get_by_role("tab", name="Training").click()
        page.wait_for_function("document.querySelector('#setup-name textarea, #setup-name input').value")
        return page

    return open_tab


def set_up(page, name, values):
    for fold in page.locator(".setup-fold").all():
        if fold.is_visible() and fold.get_attribute("aria-expanded") != "true":
            fold.click()
    for key, value in values.items():
        page.locator(f"#setup-{key} input").first.fill(str(value))
        page.locator(f"#setup-{key} input").first.blur()
    box = page.locator("#setup-name textarea, #setup-name input").first
    box.fill(name)
    box.blur()


def start(page, name, values, first=None):
    """Start what is called so; ``first`` is the run that is shown then, where it has another name."""
    set_up(page, name, values)
    page.wait_for_function("!document.querySelector('#setup-message .alert')")
    page.locator("#setup-start").click()
    page.wait_for_selector(f'.watch-head[data-run="{first or name}"]', timeout=PATIENT)


def wait_for(page, name, state):
    page.wait_for_selector(f'.watch-head.{state}[data-run="{name}"]', timeout=PATIENT)


def wait_until(true):
    end = time.monotonic() + PATIENT / 1000
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def discard(page):
    page.locator("#train-discard").click()
    page.locator("#train-really").click()


def test_from_set_up_to_compare(training, runs_folder, tiny_checkpoints):
    page = training()
    start(page, "whole", SHORT)
    # Whoever comes later, or comes back, finds the same run.
    page.reload()
    other = training()
    for one in (page, other):
        wait_for(one, "whole", "done")
    stages = page.locator("#train-stages")
    assert "evaluate" in stages.inner_text().lower() and "export" in stages.inner_text().lower()
    rows = page.locator("#train-table tbody tr")
    page.wait_for_function("document.querySelectorAll('#train-table tbody tr').length == 6")
    assert "whole" in rows.last.inner_text()
    scores = json.loads((runs_folder / "whole" / "evaluation.json").read_text())
    assert f"{scores['models']['whole']['psnr']['median']:.2f}" in rows.last.inner_text()
    assert page.locator("#train-pictures img").count() > 8
    page.wait_for_selector("#train-charts .js-plotly-plot .scatterlayer .trace")
    card = json.loads((tiny_checkpoints / "whole.json").read_text())
    assert card["kept_iteration"] in (2, 5, 6, 10, 12) and card["iterations"] == card["kept_iteration"]

    with page.expect_download() as download:
        page.locator('#train-files button[data-kind="weights"]').click()
    assert download.value.path().read_bytes() == (tiny_checkpoints / "whole.safetensors").read_bytes()

    page.locator("#train-files button[data-use]").click()
    page.wait_for_selector('section.result .card[data-model="whole"]', timeout=PATIENT)
    assert page.locator('button[role=tab][aria-selected="true"]').inner_text() == "Compare"
    # It stays in the settings, and so in the link.
    assert "whole" in page.url

    page.get_by_role("tab", name="Training").click()
    discard(page)
    page.wait_for_selector(".train-empty", timeout=PATIENT)
    assert not (runs_folder / "whole").exists() and not (tiny_checkpoints / "whole.safetensors").exists()
    assert page.foreign == []


def test_a_run_is_paused_resumed_killed_and_kept(training, runs_folder, tiny_checkpoints):
    page = training()
    start(page, "steered", LONG)
    page.wait_for_selector("#train-keep:visible", timeout=PATIENT)
    page.locator("#train-pause").click()
    wait_for(page, "steered", "paused")
    done = read_run(runs_folder, "steered").status.stages["train"].done
    assert done > 0
    page.locator("#train-resume").click()
    wait_for(page, "steered", "running")

    # A process that is killed before it has begun is simply started again.
    wait_until(lambda: read_status(runs_folder / "steered").state == "running")
    process = int((runs_folder / "steered" / PROCESS).read_text())
    os.kill(process, signal.SIGKILL)
    wait_for(page, "steered", "interrupted")
    page.locator("#train-resume").click()
    wait_for(page, "steered", "running")
    page.wait_for_selector("#train-keep:visible", timeout=PATIENT)
    page.locator("#train-keep").click()
    wait_for(page, "steered", "done")
    run = read_run(runs_folder, "steered")
    assert run.status.early and done < run.status.stages["train"].done < LONG["iterations"]
    assert (tiny_checkpoints / "steered.safetensors").exists()
    discard(page)
    page.wait_for_selector(".train-empty", timeout=PATIENT)
    assert list_runs(runs_folder) == []


def test_three_losses_wait_in_one_queue(training, runs_folder):
    page = training()
    page.locator("#setup-loss label").nth(3).click()
    start(page, "trio", {}, "trio-mse")
    page.wait_for_function("document.querySelectorAll('#train-list li').length == 3")
    runs = {run.name: run for run in list_runs(runs_folder)}
    assert sorted(runs) == ["trio-mse", "trio-pecl-euclidean", "trio-pecl-manhattan"]
    plans = [run.plan for run in runs.values()]
    same = {plan.model_copy(update={"name": "", "settings": None}).model_dump_json() for plan in plans}
    assert len(same) == 1 and len({plan.settings.loss for plan in plans}) == 3
    assert sorted(run.place or 0 for run in runs.values()) in ([0, 1, 2], [1, 2, 3])
    for _ in range(3):
        count = len(list_runs(runs_folder))
        discard(page)
        page.wait_for_function(f"document.querySelectorAll('#train-list li').length == {count - 1}", timeout=PATIENT)


def test_what_is_wrong_is_said_beside_the_form_and_nothing_is_started(training, runs_folder):
    page = training()
    set_up(page, "../evil", SHORT)
    page.locator("#setup-start").click()
    page.wait_for_selector("#setup-message .alert")
    set_up(page, "good", SHORT | {"batch": 0})
    page.locator("#setup-start").click()
    page.wait_for_function("document.querySelector('#setup-message .alert')?.textContent.includes('batch')")
    assert list_runs(runs_folder) == []


# What follows needs no browser.


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr("lpsr.training.queue.CHECKPOINTS", tmp_path)
    plans = [preset("demo", f"a-{name}", loss) for name, loss in LOSSES.items()] + [preset("lesson", "other-mse")]
    near = preset("demo", "near-mse")
    plans.append(near.model_copy(update={"settings": near.settings.model_copy(update={"seed": 5})}))
    submit(tmp_path / "runs", plans, Bounds("full", 1.0, None, 9), owner_of("mine"))
    return list_runs(tmp_path / "runs")


def test_what_is_shown_follows_the_queue_unless_a_run_was_chosen(runs):
    assert shown_run([], View()) is None
    assert shown_run(runs, View()).name == "a-mse"
    assert shown_run(runs, View(run="other-mse")).name == "other-mse"
    assert shown_run(runs, View(run="deleted")).name == "a-mse"
    # What was shown stays when it ends, until another one runs.
    assert shown_run(runs, View(last="other-mse")).name == "other-mse"
    running = runs[0].status.model_copy(update={"state": "running"})
    now = [replace(runs[0], status=running), *runs[1:]]
    assert shown_run(now, View(last="other-mse")).name == runs[0].name


def test_the_contrast_takes_the_mse_run_that_differs_in_its_loss_alone(runs):
    by_name = {run.name: run for run in runs}
    euclidean = by_name["a-pecl-euclidean"]
    assert baseline_of(runs, euclidean, View()).name == "a-mse"
    assert baseline_of(runs, euclidean, View(baseline="near-mse")).name == "near-mse"
    # Validated on other plates.
    assert baseline_of(runs, euclidean, View(baseline="other-mse")).name == "a-mse"
    assert baseline_of(runs, euclidean, View(baseline="a-pecl-manhattan")).name == "a-mse"
    assert baseline_of(runs, by_name["other-mse"], View()) is None


def test_runs_drawn_together_have_colours_of_their_own(runs):
    named, baseline = named_curves(runs, runs[0], View(compared=("a-mse", "a-pecl-manhattan")))
    assert named[0].name == runs[0].name and len(named) == 3
    assert len({one.colour for one in named}) == 3 and baseline is None
    shown = {one.name: one.colour for one in named}
    again, _ = named_curves(runs, runs[1], View(compared=("a-mse", "a-pecl-manhattan")))
    assert {one.name: one.colour for one in again if one.name in shown}.items() <= shown.items()
    view = View()
    for number in range(20):
        view.tick(f"run-{number}", True)
    assert len(view.compared) == MOST - 1 and view.compared[-1] == "run-19"
    before = view.compared
    view.tick("run-19", False)
    assert view.compared == before[:-1]


@pytest.mark.parametrize(
    ("mode", "mine", "others"), [("full", True, True), ("demo", True, False), ("off", False, False)]
)
def test_on_a_public_page_only_who_started_a_run_steers_it(runs, mode, mine, others):
    assert may_steer(runs[0], "mine", mode) is mine
    # A token may be missing, or be made by hand.
    for token in ("yours", "", None, ["mine"], {}):
        assert may_steer(runs[0], token, mode) is others


def test_uploaded_plates_are_shown_to_their_owner_alone(tmp_path):
    folder = tmp_path / "runs" / "zipped"
    plan = preset("demo", "zipped").model_dump(mode="json") | {"data": {"kind": "zip", "file": "plates.zip"}}
    write_json(folder / "plan.json", plan)
    write_status(folder, Status(created=time.time(), place=1.0, owner=owner_of("mine")))
    run = read_run(tmp_path / "runs", "zipped")
    assert may_see(run, "mine") and not any(may_see(run, token) for token in ("yours", "", None, ["mine"]))


@pytest.fixture
def tab(runs, monkeypatch):
    """The tab of a page that shows ``runs``."""
    monkeypatch.setattr("lpsr.training.runs.RUNS", runs[0].folder.parent)
    with gr.Blocks():
        return TrainingTab(gr.Tab("x"), Bounds("full", 1.0, None, 9), [])


REQUEST = SimpleNamespace(headers={})


def look(tab, view, seen):
    """What changed on the page, by component."""
    return dict(zip(tab.looked, tab._look(view, seen, "", "", REQUEST), strict=True))


def test_of_two_quick_choices_neither_is_lost(tab):
    view = View()
    for name in ("a-mse", "a-pecl-manhattan"):
        event = SimpleNamespace(_data={"action": "compare", "run": name, "on": True})
        # The answer of the first is not back yet: no answer brings a view.
        assert tab._listed(view, "", event, REQUEST) == {tab.message: ""}
    assert view.compared == ("a-mse", "a-pecl-manhattan")


def test_a_shown_run_that_another_visitor_deletes_is_said_to_be_gone(tab, runs):
    view = View(run="other-mse")
    first = look(tab, view, {})
    assert first[tab.shown] == "other-mse" and "other-mse" in first[tab.head]
    delete(next(run for run in runs if run.name == "other-mse").folder)
    snapshot(runs[0].folder.parent, fresh=True)
    second = look(tab, view, first[tab.seen])
    assert "other-mse was deleted" in second[tab.message] and second[tab.shown] == "a-mse"
    third = look(tab, view, second[tab.seen])
    assert third[tab.message] == third[tab.head] == gr.skip()


def test_what_cannot_be_read_is_said_once(tab, runs):
    (runs[-1].folder / "train").mkdir()
    (runs[-1].folder / "train" / "log.jsonl").mkdir()
    view = View(run=runs[-1].name)
    first = look(tab, view, {})
    assert "cannot be read" in first[tab.message]
    second = look(tab, view, first[tab.seen])
    assert second[tab.message] == gr.skip()


@pytest.mark.parametrize("token", ["", None, "short", ["mine" * 6]])
def test_what_is_started_without_a_token_belongs_to_the_new_one_that_the_browser_gets(tab, runs, token):
    failed, given = tab._start(View(), token, REQUEST, *values_of(preset("demo", "lost")))
    assert failed == "" and len(given) >= 20
    assert read_run(runs[0].folder.parent, "lost").status.owner == owner_of(given)


def test_what_is_started_belongs_to_the_token_that_was_sent(tab, runs):
    assert tab._start(View(), "t" * 22, REQUEST, *values_of(preset("demo", "found"))) == ("", "t" * 22)
    assert read_run(runs[0].folder.parent, "found").status.owner == owner_of("t" * 22)
