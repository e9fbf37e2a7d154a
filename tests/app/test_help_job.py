"""Measurements that visitors ask for: their life, and who reaches them."""

import threading
from types import SimpleNamespace

import pytest

from lpsr.app.help import job as job_module
from lpsr.app.help.job import MOST_WAITING, Desk, Refused
from lpsr.errors import InputError

LONG = 20


class Work:
    """Goes on until it is let go; each step is taken when it is asked for."""

    def __init__(self):
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, job):
        self.began.set()
        job.enter("measuring")
        while not self.go.wait(0.01):
            job.step(1, 4)
        job.step(4, 4)
        if isinstance(job.wish, Exception):
            raise job.wish
        return f"result of {job.wish}"


@pytest.fixture
def work():
    work = Work()
    yield work
    work.go.set()


@pytest.fixture
def desk(work):
    desk = Desk(work)
    yield desk
    desk.close()


def ended(job):
    pause = threading.Event()
    for _ in range(LONG * 100):
        if not job.active:
            return job
        pause.wait(0.01)
    raise AssertionError("The job did not end.")


def test_a_job_goes_on_without_its_page_and_keeps_its_result(desk, work, tmp_path):
    folder = tmp_path / "upload"
    folder.mkdir()
    (folder / "plates.zip").touch()
    job = desk.start("mine", "a", folder)
    assert work.began.wait(LONG) and job.state == "running" and folder.is_dir()
    assert desk.job("mine") is job
    work.go.set()
    assert ended(job).state == "done" and desk.job("mine").result == "result of a"
    assert (job.done, job.of) == (4, 4)
    assert not folder.exists()


def test_a_stranger_reaches_nothing(desk, work):
    job = desk.start("mine", "a")
    assert desk.job("other") is None and desk.job("") is None
    desk.stop("other")
    assert work.began.wait(LONG) and job.active and not job.stopping.is_set()


def test_one_at_a_time_in_their_order(desk, work):
    first, second, third = (desk.start(name, name) for name in "abc")
    assert work.began.wait(LONG)
    assert [desk.ahead(one) for one in (first, second, third)] == [0, 1, 2]
    assert second.state == third.state == "waiting"
    desk.stop("b")
    assert second.state == "stopped" and desk.ahead(third) == 1
    work.go.set()
    assert ended(third).result == "result of c" and second.result is None


def test_stop_stops_and_deletes_what_was_uploaded(desk, work, tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    running, waiting = (desk.start(folder.name, "x", folder) for folder in folders)
    assert work.began.wait(LONG)
    for name in "ab":
        desk.stop(name)
    assert ended(running).state == ended(waiting).state == "stopped"
    assert running.result is None and not any(folder.exists() for folder in folders)


def test_a_visitor_has_one_and_the_queue_an_end(desk, work, tmp_path):
    desk.start("mine", "a")
    assert work.began.wait(LONG)
    (tmp_path / "again").mkdir()
    with pytest.raises(Refused, match="going_on"):
        desk.start("mine", "b", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    for number in range(MOST_WAITING):
        desk.start(f"other {number}", "c")
    with pytest.raises(Refused, match="many"):
        desk.start("late", "d")
    assert desk.job("late") is None


def test_a_new_one_takes_the_place_of_one_that_ended(desk, work):
    work.go.set()
    first = ended(desk.start("mine", "a"))
    second = ended(desk.start("mine", "b"))
    assert first.number != second.number and desk.job("mine").result == "result of b"


@pytest.mark.parametrize(
    ("error", "said"), [(InputError("No plate is wide enough."), "No plate is wide enough."), (ValueError("/srv"), "")]
)
def test_what_fails_says_why_or_that_it_is_our_fault(desk, work, error, said):
    work.go.set()
    job = ended(desk.start("mine", error))
    assert job.state == "failed" and job.error == said
    assert ended(desk.start("other", "a")).state == "done", "the next one still has its turn"


class Panic(BaseException):
    """As native libraries raise."""


def test_a_panic_does_not_end_the_queue(desk, work):
    work.began.clear()
    desk._work = lambda job: (_ for _ in ()).throw(Panic) if job.wish == "panic" else work(job)
    first, second = desk.start("mine", "panic"), desk.start("other", "a")
    work.go.set()
    assert ended(first).state == "failed" and ended(second).state == "done"


def test_a_job_ends_at_its_limit(desk, work):
    job = desk.start("mine", "a", limit=-60.0)
    assert ended(job).state == "failed" and "than the -1 minutes that this page allows" in job.error
    work.go.set()
    assert ended(desk.start("mine", "b", limit=3600.0)).state == "done"


def test_the_end_of_the_server_leaves_no_upload_of_what_does_not_stop(monkeypatch, tmp_path):
    monkeypatch.setattr(job_module, "GRACE", 0.01)
    (tmp_path / "upload").mkdir()
    began, go = threading.Event(), threading.Event()
    desk = Desk(lambda job: began.set() or go.wait(LONG))
    desk.start("mine", "a", tmp_path / "upload")
    assert began.wait(LONG)
    desk.close()
    assert not (tmp_path / "upload").exists()
    go.set()


def test_what_nobody_looks_at_is_stopped_and_dropped(desk, work, monkeypatch, tmp_path):
    (tmp_path / "upload").mkdir()
    job = desk.start("mine", "a", tmp_path / "upload")
    assert work.began.wait(LONG)
    clock = SimpleNamespace(monotonic=lambda: job.seen + job_module.KEPT - 1)
    monkeypatch.setattr(job_module, "time", clock)
    desk.sweep()
    assert desk._jobs and not job.stopping.is_set()
    seen = job.seen
    clock.monotonic = lambda: seen + job_module.KEPT + 1
    desk.sweep()
    assert desk.job("mine") is None and ended(job).state == "stopped"
    assert not (tmp_path / "upload").exists()


def test_the_time_left_follows_the_steps(desk, work, monkeypatch):
    job = desk.start("mine", "a")
    assert work.began.wait(LONG)
    job.done = 1
    monkeypatch.setattr(job_module, "time", SimpleNamespace(monotonic=lambda: job.began + 2.0))
    job.of = 4
    assert job.left == pytest.approx(6.0)
