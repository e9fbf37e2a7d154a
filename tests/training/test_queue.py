"""Who trains next: order, limits, steering from outside, and processes that are gone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest
from filelock import FileLock

from lpsr.errors import InputError
from lpsr.training import queue, room
from lpsr.training.bounds import Bounds, bounds
from lpsr.training.plan import LOSSES, PRESETS, Plan, check_new, preset
from lpsr.training.runs import GATE, MAX_NOTE, SHARED, held, list_runs, lives, read_run, set_note, size_of
from lpsr.training.status import CONTROL, DATA, FILM, LOCK, PATCHES, PROCESS, STATUS, UPLOAD, read_status, write_status

FULL = Bounds("full", 1.0, None, 8)
NAMES = ("first", "second", "third")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr("lpsr.training.runs.CHECKPOINTS", tmp_path / "checkpoints")
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def three(root):
    queue.submit(root, [preset("demo", name) for name in NAMES], FULL)
    return root


def places(root):
    return {run.name: run.place for run in list_runs(root)}


def state(root, name):
    return read_run(root, name).status.state


def put(root, name, **changes):
    write_status(root / name, read_status(root / name).model_copy(update=changes))


def test_runs_wait_in_the_order_they_were_asked_for_and_the_newest_is_listed_first(three):
    assert places(three) == {"first": 1, "second": 2, "third": 3}
    assert [run.name for run in list_runs(three)] == ["third", "second", "first"]


def begin(root, name, trained=0):
    """As if the run had prepared its plates and trained so many iterations."""
    stages = read_status(root / name).stages
    stages["data"].state = "done"
    stages["train"].done = trained
    put(root, name, stages=stages)


def test_a_resumed_run_comes_before_those_that_wait(three):
    begin(three, "third")
    put(three, "third", state="paused")
    assert places(three) == {"first": 1, "second": 2, "third": None}
    queue.resume(three, "third")
    assert places(three) == {"third": 1, "first": 2, "second": 3}


def test_leaving_the_queue_and_coming_back_does_not_overtake(three):
    queue.pause(three, "first")
    queue.resume(three, "first")
    assert places(three) == {"second": 1, "third": 2, "first": 3}


def test_a_clock_that_was_set_back_does_not_overtake(three, monkeypatch):
    monkeypatch.setattr(queue.time, "time", lambda: 1000.0)
    queue.submit(three, [preset("demo", "fourth")], FULL)
    assert places(three)["fourth"] == 4


def test_all_or_none_are_taken(three):
    with pytest.raises(InputError, match="'second' already"):
        queue.submit(three, [preset("demo", "fourth"), preset("demo", "second")], FULL)
    with pytest.raises(InputError, match="different names"):
        queue.submit(three, [preset("demo", "fourth"), preset("demo", "fourth")], FULL)
    assert sorted(places(three)) == sorted(NAMES)


def test_a_checkpoint_keeps_its_name(root, tmp_path):
    (tmp_path / "checkpoints" / "mse.json").write_text("{}")
    with pytest.raises(InputError, match="'mse' already"):
        queue.submit(root, [preset("demo", "mse")], FULL)


@pytest.mark.parametrize("name", ["plate-1", "embedder-2"])
def test_a_run_older_than_a_taken_name_is_listed_and_a_new_one_refused(root, name):
    queue.submit(root, [preset("demo", name)], FULL)
    assert read_run(root, name).plan.name == name
    with pytest.raises(InputError, match=f"no name that the program uses itself .*{name}"):
        check_new(preset("demo", name))
    check_new(preset("demo", "mine"))


def test_the_queue_has_an_end(three):
    with pytest.raises(InputError, match="3 runs wait already, and 3 may"):
        queue.submit(three, [preset("demo", "fourth")], Bounds("full", 1.0, None, 3))


def test_the_demo_allows_its_loss_and_seed_and_nothing_else():
    demo = Bounds("demo", 1.0, 10.0, 4)
    for loss in LOSSES.values():
        demo.check(preset("demo", "any", loss))
    plan = preset("demo", "any")
    demo.check(plan.model_copy(update={"settings": plan.settings.model_copy(update={"seed": 7})}))
    others = (
        preset("lesson", "any"),
        plan.model_copy(update={"threads": 64}),
        plan.model_copy(update={"settings": plan.settings.model_copy(update={"iterations": 10**6})}),
        plan.model_copy(update={"settings": plan.settings.model_copy(update={"init_from": "/etc/passwd"})}),
    )
    for other in others:
        with pytest.raises(InputError, match="demo only"):
            demo.check(other)
    with pytest.raises(InputError, match="switched off"):
        Bounds("off", 1.0, None, 4).check(plan)


def test_bounds_come_from_the_environment(monkeypatch):
    for name in ("", "_GB", "_MINUTES", "_QUEUE"):
        monkeypatch.delenv(f"LPSR_TRAINING{name}", raising=False)
    assert (bounds(False).mode, bounds(True).mode) == ("full", "demo")
    assert bounds(True).minutes
    monkeypatch.setenv("LPSR_TRAINING", "off")
    monkeypatch.setenv("LPSR_TRAINING_GB", "2.5")
    assert bounds(True) == Bounds("off", 2.5, None, 32)
    for name, value in (("LPSR_TRAINING_GB", "much"), ("LPSR_TRAINING_MINUTES", "nan"), ("LPSR_TRAINING", "on")):
        monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match=name):
            bounds(True)
        monkeypatch.delenv(name)


def test_a_full_disk_and_a_used_up_allowance_are_told_before_anything_is_written(root, monkeypatch):
    with pytest.raises(InputError, match="delete runs"):
        queue.submit(root, [preset("demo", "one")], Bounds("full", 0.001, None, 4))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))
    with pytest.raises(InputError, match="free on the disk"):
        queue.submit(root, [preset("demo", "one")], FULL)
    assert list_runs(root) == []


def test_on_a_public_page_the_oldest_finished_run_gives_way(three):
    put(three, "first", state="done")
    put(three, "second", state="done")
    (three / "first" / "weights").write_bytes(bytes(2_000_000))
    allowance = Bounds(
        # The third has still to write what it needs.
        "demo",
        (size_of(three) + 1000 + 2 * room.needed_bytes(preset("demo", "x")) - 10**6) / 1e9,
        1,
        9,
    )
    queue.submit(three, [preset("demo", "fourth")], allowance)
    assert sorted(places(three)) == ["fourth", "second", "third"]


def test_on_a_public_page_runs_that_rest_give_way_after_those_that_ended(three):
    put(three, "first", state="paused")
    put(three, "second", state="done")
    put(three, "third", state="paused")
    for name in NAMES:
        (three / name / "weights").write_bytes(bytes(2_000_000))
    allowance = Bounds("demo", (size_of(three) + room.needed_bytes(preset("demo", "x")) - 3 * 10**6) / 1e9, 1, 9)
    queue.submit(three, [preset("demo", "fourth")], allowance)
    assert sorted(places(three)) == ["fourth", "third"]


def test_what_waiting_runs_will_write_counts(three):
    allowance = Bounds("full", (size_of(three) + 3.5 * room.needed_bytes(preset("demo", "x"))) / 1e9, None, 9)
    with pytest.raises(InputError, match="what waits"):
        queue.submit(three, [preset("demo", "fourth")], allowance)
    begin(three, "first")
    queue.submit(three, [preset("demo", "fourth")], allowance)


def test_looks_at_a_run_do_not_make_it_seem_to_run(three):
    """Many visitors look at the same runs all the time, and each look takes the lock for a moment."""
    put(three, "first", state="running")
    with ThreadPoolExecutor(8) as pool:
        states = set(pool.map(lambda _: read_run(three, "first").status.state, range(300)))
    assert states == {"interrupted"}


def test_a_run_is_taken_up_however_many_look_at_it(three):
    put(three, "first", state="paused")
    enough = threading.Event()

    def look() -> set[bool]:
        seen = {lives(three / "first")}
        while not enough.is_set():
            seen.add(lives(three / "first"))
        return seen

    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(look) for _ in range(8)]
        try:
            for _ in range(8):
                queue.resume(three, "first")
                assert state(three, "first") == "queued"
                queue.pause(three, "first")
                assert state(three, "first") == "paused"
        finally:
            enough.set()
    assert [one.result() for one in looks] == [{False}] * 8


def test_who_holds_a_run_for_a_moment_is_waited_for(three):
    put(three, "first", state="paused")
    begun = threading.Event()

    def hold():
        with held(three / "first"):
            begun.set()
            # Who holds one may look at all, and at its own sees one who works on it.
            assert {run.name: run.status.state for run in list_runs(three)}["first"] == "running"
            time.sleep(0.3)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        begun.wait()
        queue.resume(three, "first")
        holder.result()
    assert state(three, "first") == "queued"


def test_a_gate_that_does_not_open_is_told(three, monkeypatch):
    monkeypatch.setattr("lpsr.training.runs._PATIENCE", 0.05)
    with FileLock(three / GATE), pytest.raises(InputError, match="try again"):
        lives(three / "first")


def test_a_look_at_a_run_that_is_deleted_meanwhile_leaves_nothing(three):
    assert not lives(three / "gone")
    assert not (three / "gone").exists()


def test_what_was_cut_off_while_it_was_made_or_deleted_is_removed(three):
    for name in (".new-a", ".gone-b"):
        (three / name / "x").mkdir(parents=True)
    queue.forget_uploads(three, time.time())
    assert sorted(path.name for path in three.iterdir() if path.is_dir()) == sorted(NAMES)


def test_a_run_whose_process_lives_is_running_and_one_whose_process_is_gone_is_interrupted(three):
    put(three, "first", state="running")
    assert state(three, "first") == "interrupted"
    with FileLock(three / "first" / LOCK):
        assert state(three, "first") == "running"
        assert queue.start_next(three) is None
        with pytest.raises(InputError, match="is running"):
            queue.resume(three, "first")
    assert state(three, "first") == "interrupted"


def test_a_running_run_is_asked_and_a_waiting_one_is_taken_out_of_the_queue(three):
    with FileLock(three / "first" / LOCK):
        queue.pause(three, "first")
    assert (three / "first" / CONTROL).read_text() == "pause"
    queue.pause(three, "second")
    assert state(three, "second") == "paused" and not (three / "second" / CONTROL).exists()
    with pytest.raises(InputError, match="Nothing"):
        queue.keep(three, "second")
    # What rests is run again to end properly.
    begin(three, "second", trained=9)
    queue.keep(three, "second")
    assert places(three)["second"] == 1 and (three / "second" / CONTROL).read_text() == "keep"
    queue.pause(three, "second")
    queue.resume(three, "second")
    assert not (three / "second" / CONTROL).exists()
    put(three, "third", state="done")
    for act in (queue.pause, queue.keep, queue.resume):
        with pytest.raises(InputError, match="third"):
            act(three, "third")


def test_a_discarded_run_is_killed_and_leaves_nothing(three, tmp_path):
    code = (
        "import sys, time; from filelock import FileLock\n"
        "with FileLock(sys.argv[1]): print('held', flush=True); time.sleep(600)"
    )
    folder = three / "first"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder / LOCK)], stdout=subprocess.PIPE)
    process.stdout.readline()
    (folder / PROCESS).write_text(str(process.pid))
    shared = three / SHARED / "generated-600-1"
    shared.mkdir(parents=True)
    queue.discard(three, "first")
    assert process.wait(10) == -signal.SIGKILL
    assert sorted(places(three)) == ["second", "third"] and shared.is_dir()
    # A killed process was making them.
    (three / SHARED / ".generated-600-1.abcdefgh" / "plates").mkdir(parents=True)
    (three / SHARED / ".generated-600-1.lock").touch()
    for name in ("second", "third"):
        queue.discard(three, name)
    assert list((three / SHARED).iterdir()) == []
    assert [path for path in three.iterdir() if path.is_dir() and path.name != SHARED] == []
    with pytest.raises(InputError, match="may have been deleted"):
        queue.discard(three, "first")


def test_deleting_a_run_takes_its_own_checkpoint_along_and_no_other(three, tmp_path):
    from lpsr.files import sha256

    checkpoints = tmp_path / "checkpoints"
    for name, own in (("first", True), ("second", False)):
        (checkpoints / f"{name}.safetensors").write_bytes(name.encode())
        (checkpoints / f"{name}.json").write_text("{}")
        (checkpoints / f"{name}.md").write_text("#")
        (three / name / "checkpoint").mkdir()
        digest = sha256(checkpoints / f"{name}.safetensors") if own else "0" * 64
        card = dict.fromkeys(("name", "title", "architecture", "device", "precision", "torch", "weights_dtype"), "x")
        card |= {"recipe": {}, "data": [], "iterations": 1, "batch": 1, "seed": 1, "seconds": 1.0, "validation": {}}
        (three / name / "checkpoint" / f"{name}.json").write_text(json.dumps(card | {"sha256": digest}))
        queue.discard(three, name)
    assert sorted(path.name for path in checkpoints.iterdir()) == ["second.json", "second.md", "second.safetensors"]


def test_notes_are_kept_and_bounded(three):
    set_note(three, "first", "lr 1e-3 · 皖 <b>")
    assert read_run(three, "first").note == "lr 1e-3 · 皖 <b>"
    with pytest.raises(InputError, match="500"):
        set_note(three, "first", "x" * (MAX_NOTE + 1))


def test_damaged_and_foreign_folders_are_passed_over(three):
    (three / "first" / STATUS).write_text("{")
    (three / "other").mkdir()
    (three / "half").mkdir()
    (three / "half" / "plan.json").write_text('{"name": "half", "data": {"kind": "generated", "count": 1}}')
    assert sorted(places(three)) == ["second", "third"]
    for name in ("../second", "other", ""):
        with pytest.raises(InputError, match="no run"):
            read_run(three, name)


def test_uploaded_plates_are_copied_into_the_run_and_forgotten_when_it_does_not_go_on(root, tmp_path):
    upload = tmp_path / "mine.zip"
    upload.write_bytes(b"PK\5\6" + bytes(18))
    plan = Plan.model_validate(PRESETS["demo"] | {"name": "mine", "data": {"kind": "zip", "file": str(upload)}})
    queue.submit(root, [plan], FULL, owner=queue.owner_of("token"))
    run = read_run(root, "mine")
    assert run.plan.data.file == str(root / "mine" / UPLOAD) and (root / "mine" / UPLOAD).exists()
    assert run.status.owner == queue.owner_of("token") != "token"
    queue.pause(root, "mine")
    (root / "mine" / DATA).mkdir()
    queue.forget_uploads(root, time.time())
    assert (root / "mine" / UPLOAD).exists()
    queue.forget_uploads(root, time.time() + queue.KEPT + 60)
    assert not (root / "mine" / UPLOAD).exists() and not (root / "mine" / DATA).exists()
    assert "deleted" in read_run(root, "mine").status.message


def test_pictures_of_uploaded_plates_do_not_stay_with_a_finished_run(root, tmp_path):
    upload = tmp_path / "mine.zip"
    upload.write_bytes(b"PK\5\6" + bytes(18))
    plan = Plan.model_validate(PRESETS["demo"] | {"name": "mine", "data": {"kind": "zip", "file": str(upload)}})
    queue.submit(root, [plan, preset("demo", "rendered")], FULL)
    (root / "mine" / UPLOAD).unlink()
    stages = read_status(root / "mine").stages
    stages["data"].facts = {"refused": [["secret.txt", "It is not a picture."]], "refused_count": 1}
    put(root, "mine", stages=stages)
    for name in ("mine", "rendered"):
        put(root, name, state="done")
        for folder in (PATCHES, FILM):
            (root / name / folder).mkdir()
    (root / "mine" / f".{DATA}.abcdefgh").mkdir()
    queue.forget_uploads(root, time.time() + queue.KEPT + 60)
    assert "secret" not in (root / "mine" / STATUS).read_text() and not list((root / "mine").glob(f".{DATA}.*"))
    assert not (root / "mine" / PATCHES).exists() and not (root / "mine" / FILM).exists()
    assert (root / "rendered" / PATCHES).exists() and state(root, "mine") == "done"


def test_a_process_that_cannot_start_is_told(three, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    assert queue.start_next(three) is None
    assert state(three, "first") == "failed" and "could not be started" in read_run(three, "first").status.message
    assert places(three)["second"] == 1


def test_nothing_is_started_on_a_full_disk(three, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    with pytest.raises(InputError, match="disk is full"):
        queue.start_next(three)
    assert places(three)["first"] == 1


def test_a_zip_that_is_gone_is_told_and_leaves_nothing(root, tmp_path):
    data = {"kind": "zip", "file": str(tmp_path / "gone.zip")}
    with pytest.raises(InputError, match="bring it again"):
        queue.submit(root, [Plan.model_validate(PRESETS["demo"] | {"name": "mine", "data": data})], FULL)
    assert [path for path in root.iterdir() if path.is_dir()] == []


def test_no_root_no_runs(tmp_path):
    queue.forget_uploads(tmp_path / "none", time.time())
    with pytest.raises(InputError, match="no runs"):
        queue.pause(tmp_path / "none", "mine")
    assert list_runs(tmp_path / "none") == [] and queue.start_next(tmp_path / "none") is None
    assert not os.path.exists(tmp_path / "none")


def test_a_public_page_keeps_so_many_runs_and_no_more(root):
    allowed = Bounds("demo", 10.0, 1.0, 99)
    for number in range(room.MOST):
        queue.submit(root, [preset("demo", f"run-{number:02}")], allowed)
        put(root, f"run-{number:02}", state="done")
    queue.submit(root, [preset("demo", "new-1"), preset("demo", "new-2")], allowed)
    names = sorted(places(root))
    assert len(names) == room.MOST and names[:3] == ["new-1", "new-2", "run-02"]
