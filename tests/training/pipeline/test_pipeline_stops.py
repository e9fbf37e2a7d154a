"""A pipeline run comes to the same result however it is stopped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from pipeline_runs import Asks, assert_same_weights

from lpsr.checkpoints import read_card
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.models.weights import load_tensors
from lpsr.training import export, stages
from lpsr.training.loop import STATE
from lpsr.training.pipeline import holding, run_pipeline
from lpsr.training.status import LOCK, PROCESS, STAGES, STATUS, read_status
from lpsr.training.trainer import BEST


def test_paused_in_every_stage_it_comes_to_the_same(new, whole):
    folder, worked = new("parts"), []
    for name in STAGES:
        asks = Asks("pause", name, 3 if name == "train" else 1)
        status = asks.run(folder)
        worked.append(asks.stages)
        assert status == read_status(folder)
        if name == "embedder":
            # It is asked before it is found that none is needed.
            assert status.stages["embedder"].state == "running"
        assert (status.state, status.message) == ("paused", "")
        assert status.stages[name].state == "running"
    assert run_pipeline(folder).state == "done"
    # Each sitting begins where the last one rested.
    assert [stages[0] for stages in worked] == ["data", *STAGES[:-1]]
    assert_same_weights(whole, folder)


def test_paused_between_plates_the_evaluation_begins_anew(new, whole):
    folder = new("parts")
    # Before the stage, and after the first plate.
    status = Asks("pause", "evaluate", 2).run(folder)
    assert (status.state, status.stages["evaluate"].done) == ("paused", 1)
    assert not (folder / "evaluation.json").exists()
    before = (folder / "train" / STATE).stat().st_mtime_ns
    assert run_pipeline(folder).state == "done"
    assert (folder / "train" / STATE).stat().st_mtime_ns == before
    ours, theirs = (read_json(one / "evaluation.json")["models"] for one in (folder, whole))
    assert ours["parts"] == theirs["whole"] and ours["bicubic"] == theirs["bicubic"]


def test_keep_ends_the_training_and_goes_on_with_what_it_has(new, published):
    folder = new("mine")
    status = Asks("keep", "train", 4).run(folder)
    assert (status.state, status.message, status.early) == ("done", "", True)
    assert (status.stages["train"].done, status.stages["train"].of) == (3, 6)
    card = read_card("mine", published)
    assert (card.kept_iteration, card.iterations, card.stopped_iteration) == (3, 3, 3)
    assert load_tensors(folder / "train" / BEST)[1]["iteration"] == 3


def test_keep_before_there_is_anything_rests_and_says_so(new, whole):
    folder = new("parts")
    for name in ("data", "patches", "train"):
        status = Asks("keep", name).run(folder)
        assert (status.state, status.early) == ("paused", False)
        assert "nothing to keep" in status.message
    # Resumed, it trains to its end; asked when the weights are chosen, it goes on.
    status = Asks("keep", "evaluate", 2).run(folder)
    assert (status.state, status.message, status.early) == ("done", "", False)
    assert_same_weights(whole, folder)


def test_its_minutes_end_the_training(new):
    status = run_pipeline(new("mine"), minutes=1e-9)
    assert (status.state, status.early, status.stages["train"].done) == ("done", True, 1)
    assert run_pipeline(new("other"), minutes=60).early is False


def test_its_minutes_end_the_embedders_training_too(new):
    folder = new("mine", {"embedder_iterations": 50}, loss={"kind": "pecl", "d": 64})
    status = run_pipeline(folder, minutes=1e-9)
    assert status.state == "done" and status.early
    assert status.stages["embedder"].facts["iteration"] == 1 and read_card("mine", stages.CHECKPOINTS).embedder_sha256
    # 130 MB.
    shutil.rmtree(folder / "embedder")


def test_a_run_that_is_deleted_while_it_runs_is_not_begun_anew(new):
    folder = new("mine")

    def vandal(name, stage, entry) -> None:
        if name == "patches" and stage.state == "done":
            shutil.rmtree(folder)

    with pytest.raises(InputError, match="was deleted"):
        run_pipeline(folder, report=vandal)
    assert not folder.exists()


def test_a_done_run_is_left_as_it_is(whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*.*") if path.name != LOCK}
    status = run_pipeline(whole)
    assert status.state == "done"
    assert before == {path: path.stat().st_mtime_ns for path in whole.rglob("*.*") if path.name != LOCK}


# Kills itself at a call of what ``where`` says, goes on to a later one, and so on; prints how often it began.
KILLED = """
import os, random, signal, sys, time
import torch
from lpsr.cli import main
from lpsr.errors import InputError
from lpsr.training import pipeline, stages

def no_reader():
    raise InputError("none")

stages.get_reader = no_reader
os.nice = lambda _: None
run, where = sys.argv[1:]
moments = random.Random(7)

def deadly(real, moment):
    left = [moment]
    def call(*arguments):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    return call

for sitting in range(1, 60):
    moment = 2 * sitting if where == "saving" else moments.randint(1, 8 * sitting)
    pid = os.fork()
    if not pid:
        if where == "saving":
            # By turns when a file is written and before it has its name.
            name = ("fsync", "replace")[sitting % 2]
            setattr(os, name, deadly(getattr(os, name), moment))
        else:
            # Asked at every step of everything.
            time.monotonic = deadly(time.monotonic, moment)
        sys.stdout = open(os.devnull, "w")
        os._exit(main(["pipeline", run]))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status == 0:
        print(sitting)
        break
    assert status == -signal.SIGKILL, status
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
@pytest.mark.parametrize("where", ["saving", "anywhere"])
def test_killed_at_any_moment_it_comes_to_the_same(new, whole, tmp_path, where):
    folder = new("killed", {"threads": 1})
    environment = {
        **os.environ,
        "LPSR_CHECKPOINTS": str(tmp_path / "others"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
    }
    command = [sys.executable, "-c", KILLED, str(folder), where]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 4, done.stdout
    assert read_status(folder).state == "done"
    assert_same_weights(whole, folder)
    assert read_card("killed", tmp_path / "others").sha256
    assert {path.name for path in folder.glob("*/.*")} == {LOCK}


def test_an_export_that_was_cut_off_is_finished(new, published, monkeypatch):
    folder = new("mine")

    def cut(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stages, "forget_uploads", cut)
        with pytest.raises(KeyboardInterrupt):
            run_pipeline(folder)
    (published / "mine.json").unlink()
    write_json(folder / STATUS, read_json(folder / STATUS) | {"state": "running"})
    status = read_json(folder / STATUS)
    status["stages"]["export"]["state"] = "running"
    write_json(folder / STATUS, status)
    assert run_pipeline(folder).state == "done"
    assert read_card("mine", published).sha256 == export.sha256(published / "mine.safetensors")


def test_one_process_at_a_time(new):
    folder = new("mine", iterations=1)
    with FileLock(folder / LOCK), pytest.raises(InputError, match="by another process"):
        run_pipeline(folder)
    # Who holds it says so, and may run it.
    with holding(folder):
        assert int((folder / PROCESS).read_text()) == os.getpid()
        assert run_pipeline(folder).state == "done"
        with pytest.raises(TimeoutError):
            FileLock(folder / LOCK).acquire(timeout=0)
        assert (folder / PROCESS).exists()
    # By then its number may be another program's.
    assert not (folder / PROCESS).exists()
    with FileLock(folder / LOCK).acquire(timeout=0):
        pass
