"""A pipeline run comes to the same result however it is stopped, and says what went wrong."""

import errno
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from lpsr import evaluation
from lpsr.checkpoints import load_restorer, read_card
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.images import open_picture
from lpsr.models.weights import load_tensors, save_tensors
from lpsr.readers import Reading
from lpsr.training import embedder, export, pipeline, stages, trainer
from lpsr.training.loop import LOG, STATE, read_log
from lpsr.training.pipeline import holding, run_pipeline
from lpsr.training.plan import Plan
from lpsr.training.recipe import load_recipe, parse
from lpsr.training.runs import SHARED
from lpsr.training.status import LOCK, PLAN, PROCESS, STAGES, STATUS, read_status
from lpsr.training.trainer import BEST, make_sampler

TINY = {"channels": 8, "blocks": 1, "growth": 4, "dense_layers": 2, "reduction": 4, "upsample_channels": [8, 8, 8]}


class FakeReader:
    name = engine = "test reader"
    threshold = None

    def read(self, picture):
        return Reading("", "皖A12345", 0.5, (0.5,) * 7, self.engine, 0.5)


def values(name: str, **settings) -> dict:
    usual = {
        "network": TINY,
        "patch": [32, 32],
        "batch": 2,
        "iterations": 6,
        "learning_rate": 2e-3,
        "precision": "32-true",
        "ema": 0.9,
        "log_every": 2,
        "validate_every": 4,
    }
    return {
        "name": name,
        "data": {"kind": "generated", "count": 50},
        "settings": {**usual, **settings},
        "most_val": 2,
        "most_test": 2,
        "device": "cpu",
    }


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(stages, "get_reader", FakeReader)
    monkeypatch.setattr(pipeline, "_PATIENCE", 0.1)
    monkeypatch.setattr(embedder, "_VALIDATION_BATCHES", 1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def published(tmp_path, monkeypatch, make_checkpoint) -> Path:
    """Where checkpoints go; one that ships is there."""
    folder = tmp_path / "published"
    make_checkpoint(folder, "mse")
    monkeypatch.setattr(stages, "CHECKPOINTS", folder)
    return folder


@pytest.fixture(scope="module")
def plates(tmp_path_factory) -> Path:
    """What the data stage makes."""
    folder = tmp_path_factory.mktemp("plates")
    stages.prepare(parse(Plan, values("x")).data, folder / "x", folder / SHARED)
    return folder / SHARED


@pytest.fixture
def new(tmp_path, plates, published):
    """``new(name, **settings)`` submits a run; its plates are there already."""

    def make(name: str, more: dict | None = None, **settings) -> Path:
        root = tmp_path / "runs"
        if not (root / SHARED).exists():
            shutil.copytree(plates, root / SHARED)
        write_json(
            root / name / PLAN, parse(Plan, {**values(name, **settings), **(more or {})}).model_dump(mode="json")
        )
        return root / name

    return make


@pytest.fixture
def whole(new) -> Path:
    """A run that nothing disturbed."""
    folder = new("whole")
    assert run_pipeline(folder).state == "done"
    return folder


class Asks:
    """Asks for something once, at the ``count``-th question within a stage."""

    def __init__(self, request: str, stage: str, count: int = 1) -> None:
        self.request, self.stage, self.left = request, stage, count
        self.now = ""
        self.stages: list[str] = []

    def report(self, name, stage, entry) -> None:
        self.now = name
        if entry is None and stage.state == "running" and name not in self.stages:
            self.stages.append(name)

    def __call__(self) -> str | None:
        if self.now == self.stage:
            self.left -= 1
        return self.request if self.left == 0 and self.now == self.stage else None

    def run(self, folder: Path):
        return run_pipeline(folder, should_stop=self, report=self.report)


def log_of(folder: Path) -> list[dict]:
    entries = read_log(folder / "train" / LOG)
    return [{key: value for key, value in entry.items() if "second" not in key} for entry in entries]


def assert_same_weights(first: Path, second: Path) -> None:
    ours, theirs = (folder / "checkpoint" / f"{folder.name}.safetensors" for folder in (first, second))
    assert ours.read_bytes() == theirs.read_bytes()
    ours, theirs = (load_tensors(folder / "train" / STATE)[0] for folder in (first, second))
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    assert log_of(first) == log_of(second)


def test_from_plates_to_a_checkpoint(new, published, monkeypatch):
    monkeypatch.setattr(evaluation, "ENOUGH", 1)
    folder, heard = new("mine"), []
    status = run_pipeline(folder, report=lambda name, stage, entry: heard.append((name, stage.state, entry)))
    assert status == read_status(folder)
    assert (status.state, status.message, status.early) == ("done", "", False)
    assert [stage.state for stage in status.stages.values()] == ["done"] * 2 + ["skipped"] + ["done"] * 4
    assert status.memory > 50 * 2**20
    changes = [(name, state) for name, state, entry in heard if entry is None]
    skipped = ("embedder", "skipped")
    expected = [pair for name in STAGES for pair in ((name, "running"), (name, "done"))]
    assert list(dict.fromkeys(changes)) == [skipped if pair == ("embedder", "done") else pair for pair in expected]
    lines = [(entry["iteration"], entry.get("total")) for *_, entry in heard if entry is not None]
    assert lines == [(entry["iteration"], entry.get("total")) for entry in read_log(folder / "train" / LOG)]
    facts = {name: stage.facts for name, stage in status.stages.items()}
    assert facts["data"]["plates"] == {"train": 40, "val": 4, "test": 6}
    assert facts["data"]["refused"] == [] and facts["data"]["refused_count"] == 0
    assert facts["patches"] == {"count": 2, "size": [32, 32]}
    assert facts["train"]["parameters"] > 1000 and facts["train"]["threads"] == 1
    assert (status.stages["train"].done, status.stages["train"].of) == (6, 6)
    assert (status.stages["evaluate"].done, status.stages["evaluate"].of) == (2, 2)
    assert facts["validate"]["n"] == 2 and facts["validate"]["iteration"] == facts["train"]["best_iteration"]
    assert facts["export"] == {"name": "mine"}

    card = read_card("mine", published)
    assert (card.title, card.threads, card.precision) == ("mine", 1, "32-true")
    assert (card.iterations, card.kept_iteration) == (facts["train"]["best_iteration"],) * 2
    assert card.stopped_iteration is None
    result = read_json(folder / "evaluation.json")
    assert list(result["models"]) == ["bicubic", "mse", "mine"]
    assert card.test["psnr"] == result["models"]["mine"]["psnr"] and "exact" in card.test
    assert card.test["passport"]["checkpoints"] == {"mine": card.sha256}
    assert [group["n"] for group in card.test["provinces"]] == [1, 1]
    assert "| province | plates |" in (published / "mine.md").read_text(encoding="utf-8")
    assert facts["evaluate"] == {
        "n": 2,
        "psnr": result["models"]["mine"]["psnr"]["median"],
        "bicubic": result["models"]["bicubic"]["psnr"]["median"],
    }
    assert read_card("mse", published).test is None
    assert str(folder.parent) not in (published / "mine.json").read_text(encoding="utf-8")
    assert load_restorer("mine", published).restore(np.zeros((4, 4, 3), np.uint8)).shape == (32, 32, 3)


def assert_patches_are_those_of_training(folder: Path) -> None:
    recipe = load_recipe(folder / "train" / "recipe.json")
    sources = stages.load_sources(open_plates(recipe.data[0].folder, "train"))
    hr, lr = make_sampler(recipe, [(sources, 1.0)]).batch(0, range(2))
    assert read_status(folder).stages["patches"].facts == {"count": 2, "size": list(hr.shape[1:3])}
    for k in range(2):
        assert np.array_equal(open_picture(folder / "patches" / f"{k}-hr.png"), hr[k])
        assert np.array_equal(open_picture(folder / "patches" / f"{k}-lr.png"), lr[k])


def test_whole_plates_are_shown_and_trained_on(new):
    folder = new("uncut", patch="whole", iterations=1)
    assert run_pipeline(folder).state == "done"
    assert_patches_are_those_of_training(folder)
    assert read_status(folder).stages["patches"].facts["size"] != [32, 32]


def test_what_is_shown_is_what_is_trained_on(whole):
    recipe = load_recipe(whole / "train" / "recipe.json")
    assert_patches_are_those_of_training(whole)
    plates = open_plates(recipe.validation.folder, "val")[:2]
    for k, plate in enumerate(plates):
        assert np.array_equal(open_picture(whole / "film" / f"hr-{k}.png"), plate.hr())
        assert np.array_equal(open_picture(whole / "film" / f"lr-{k}.png"), degrade(plate.hr()))
        assert open_picture(whole / "film" / f"00000006-{k}.png").shape == plate.hr().shape
    names = {path.name for path in (whole / "film").iterdir()}
    assert names == {f"{one}-{k}.png" for one in ("hr", "lr", "00000004", "00000006") for k in range(2)}


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


def test_pecl_with_an_embedder_of_its_own(new):
    more = {"embedder_iterations": 3}
    loss = {"kind": "pecl", "d": 64, "weighting": "uncertainty"}
    runs = [new("whole", more, loss=loss), new("parts", more, loss=loss)]
    assert run_pipeline(runs[0]).state == "done"
    # Asked before the stage, then after each iteration.
    status = Asks("pause", "embedder", 3).run(runs[1])
    assert (status.state, status.stages["embedder"].done, status.stages["embedder"].of) == ("paused", 2, 3)
    assert Asks("pause", "train", 5).run(runs[1]).stages["train"].done == 4
    status = run_pipeline(runs[1])
    assert status.state == "done" and status.stages["embedder"].facts["source"] == "own"
    assert status.stages["embedder"].facts["val_recall"] is not None
    assert_same_weights(*runs)
    card = read_card("parts", stages.CHECKPOINTS)
    assert card.embedder_sha256 and card.recipe["embedder"] == "embedder/embedder.safetensors"
    for folder in runs:
        # 130 MB each.
        shutil.rmtree(folder / "embedder")


def test_the_embedder_that_ships_is_named_with_its_scores(new, tmp_path, monkeypatch):
    torch.manual_seed(0)
    weights = tmp_path / "embedder.safetensors"
    save_tensors(weights, embedder.CharacterClassifier().export())
    write_json(weights.with_suffix(".json"), {"validation": {"val_precision": 0.9, "val_recall": 0.8}})
    for module in (stages, trainer):
        monkeypatch.setattr(module, "shipped_auxiliary", lambda name: weights)
    status = run_pipeline(new("mine", loss={"kind": "pecl"}, iterations=1))
    assert (status.state, status.message) == ("done", "")
    assert status.stages["embedder"].facts == {"source": "shipped", "val_precision": 0.9, "val_recall": 0.8}


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
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    command = [sys.executable, "-c", KILLED, str(folder), where]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 4, done.stdout
    assert read_status(folder).state == "done"
    assert_same_weights(whole, folder)
    assert read_card("killed", tmp_path / "others").sha256
    assert {path.name for path in folder.glob("*/.*")} == {LOCK}


def full_after(count: int, monkeypatch) -> None:
    """Lets so many files be written, and none after them."""
    left, real = [count], os.fsync

    def fsync(descriptor) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("count", [1, 4, 9, 14, 16, 19, 24, 30, 34])
def test_a_full_disk_loses_nothing(new, whole, monkeypatch, capfd, count):
    folder = new("parts")
    with monkeypatch.context() as patch:
        full_after(count, patch)
        status = run_pipeline(folder)
    assert (status.state, status.message) == ("failed", "The disk is full; free some space, then resume.")
    assert "Traceback (most recent call last)" not in capfd.readouterr().err
    assert [stage.state for stage in status.stages.values()].count("failed") == 1
    # The disk tells an older state, which is no other than that of a killed process.
    assert read_status(folder).state == "running"
    assert run_pipeline(folder).state == "done"
    assert_same_weights(whole, folder)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("The plates are upside down."), "The plates are upside down."),
        (KeyError("psnr"), r"itself \(KeyError\)"),
        (MemoryError(), "smaller batch"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB."), "smaller batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), "smaller batch"),
        (RuntimeError("size mismatch"), r"itself \(RuntimeError\)"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), r"itself \(PermissionError\)"),
    ],
)
def test_what_goes_wrong_is_said_and_can_be_gone_on_from(new, monkeypatch, capfd, error, sentence):
    def broken(*_, **__):
        raise error

    folder = new("mine", iterations=1)
    with monkeypatch.context() as patch:
        patch.setattr(stages, "measure", broken)
        status = run_pipeline(folder)
    assert status == read_status(folder)
    assert status.state == "failed" and status.stages["evaluate"].state == "failed"
    assert re.search(sentence, status.message)
    assert ("Traceback" in capfd.readouterr().err) == ("itself" in sentence)
    status = run_pipeline(folder)
    assert (status.state, status.message) == ("done", "")


def test_a_name_that_is_taken_is_refused_before_the_work_and_never_overwritten(new, published, make_checkpoint):
    folder = new("mine")
    make_checkpoint(published, "mine", 5)
    theirs = (published / "mine.safetensors").read_bytes()
    status = run_pipeline(folder)
    assert status.state == "failed" and "choose another name" in status.message
    assert status.stages["data"].state == "failed" and not (folder / "train").exists()
    for suffix in (".safetensors", ".json"):
        (published / f"mine{suffix}").unlink()

    def appears(name, stage, entry) -> None:
        if name == "export":
            make_checkpoint(published, "mine", 5)

    status = run_pipeline(folder, report=appears)
    assert status.state == "failed" and status.stages["export"].state == "failed"
    assert (published / "mine.safetensors").read_bytes() == theirs
    # A card alone is somebody's, too.
    (published / "mine.safetensors").unlink()
    assert run_pipeline(folder).state == "failed"
    (published / "mine.json").unlink()
    assert run_pipeline(folder).state == "done"
    assert read_card("mine", published).title == "mine"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_said_before_the_work(new):
    status = run_pipeline(new("mine", {"device": "cuda"}))
    assert status.state == "failed" and "no CUDA device" in status.message
    assert status.stages["data"].state == "failed"


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


def test_a_visitors_plates_are_deleted_at_the_end_and_not_before(new, plates, tmp_path):
    uploaded = tmp_path / "runs" / "mine" / "upload.zip"
    folder = new("mine", {"data": {"kind": "zip", "file": str(uploaded)}})
    own = tmp_path / "own.zip"
    with zipfile.ZipFile(own, "w") as archive:
        for path in sorted((plates / "generated-50-1").rglob("*.*")):
            archive.write(path, path.relative_to(plates / "generated-50-1"))
    shutil.copy(own, uploaded)
    assert Asks("pause", "evaluate").run(folder).state == "paused"
    assert uploaded.exists() and (folder / "data" / "index.csv").exists()
    status = run_pipeline(folder)
    assert (status.state, status.message) == ("done", "")
    assert status.stages["data"].facts["plates"] == {"train": 40, "val": 4, "test": 6}
    assert not uploaded.exists() and not (folder / "data").exists()
    # A file that is somebody's own stays.
    folder = new("other", {"data": {"kind": "zip", "file": str(own)}}, iterations=1)
    assert run_pipeline(folder).state == "done"
    assert own.exists() and not (folder / "data").exists()


def test_a_folder_of_plates_is_not_touched(new, plates):
    source = plates / "generated-50-1"
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    folder = new("mine", {"data": {"kind": "folder", "folder": str(source)}}, iterations=1)
    assert run_pipeline(folder).state == "done"
    assert before == {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    missing = new("other", {"data": {"kind": "folder", "folder": str(source / "gone")}})
    status = run_pipeline(missing)
    assert status.state == "failed" and "gone" in status.message


def test_generated_plates_that_are_gone_are_made_again(new, whole, tmp_path):
    folder = new("parts")
    assert Asks("pause", "train", 3).run(folder).state == "paused"
    shutil.rmtree(tmp_path / "runs" / SHARED)
    assert run_pipeline(folder).state == "done"
    assert_same_weights(whole, folder)


def test_without_a_reader_there_are_no_readings(new, published, monkeypatch):
    def none():
        raise InputError("There is none.")

    monkeypatch.setattr(stages, "get_reader", none)
    assert run_pipeline(new("mine", iterations=1)).state == "done"
    keys = {"passport", "n", "psnr", "psnr_y", "ssim", "beside", "provinces"}
    assert read_card("mine", published).test.keys() == keys


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


def test_the_status_is_written_when_a_stage_changes_and_not_with_every_step(new, monkeypatch):
    folder, written = new("mine"), []
    write = pipeline.write_status

    def record(*arguments) -> None:
        written.append(arguments[1].stages["train"].done)
        write(*arguments)

    monkeypatch.setattr(pipeline, "write_status", record)
    monkeypatch.setattr(pipeline, "_BEAT", 3600.0)
    run_pipeline(folder)
    assert len(written) == 2 + 2 * len(STAGES)
    written.clear()
    monkeypatch.setattr(pipeline, "_BEAT", 0.0)
    run_pipeline(new("other"))
    assert sorted(set(written)) == list(range(7))


def test_no_plan_and_a_damaged_one_are_said(new, tmp_path):
    with pytest.raises(InputError, match="no pipeline run"):
        run_pipeline(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    folder = new("mine")
    (folder / PLAN).write_text('{"name": "mine", "colour": 3}')
    status = run_pipeline(folder)
    assert status.state == "failed" and "colour" in status.message
    (folder / STATUS).write_text('{"state": 3}')
    with pytest.raises(InputError, match="damaged"):
        run_pipeline(folder)
