"""Long measurements that visitors ask for: one at a time, each for its visitor alone, longer than a page's event.

A measurement belongs to a key that nobody else knows. It is dropped, with its folder and result, when nobody looked at
it for ``KEPT``.
"""

import logging
import math
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

from lpsr.errors import InputError

log = logging.getLogger(__name__)

# Seconds: as long as the page keeps an unused visit (``lpsr.app.visits.VISIT``).
KEPT = 30 * 60
# Measurements that may wait.
MOST_WAITING = 8
# Seconds that the server waits for the one that goes on when it ends.
GRACE = 5.0

State = Literal["waiting", "running", "done", "stopped", "failed"]


class Stopped(Exception):
    """Raised by the work of a job that was told to stop."""


class Refused(Exception):
    """A measurement that is not taken: "going_on" (the visitor has one) or "many" (wait)."""


@dataclass(eq=False)
class Job:
    """One measurement.

    Attributes:
        wish: what is measured.
        folder: what was uploaded for it, deleted when it ends; None where nothing was.
        limit: seconds that it may go on.
        stage: what is being done, a key of the page's words. done, of: steps of the stage.
        error: why it failed, a sentence; empty for a fault of the program.
        started, began: ``time.monotonic()`` of the work and of its stage; seen: when its visitor last looked.
        number: another one for each.
    """

    wish: Any
    folder: Path | None = None
    limit: float = math.inf
    state: State = "waiting"
    stage: str = ""
    done: int = 0
    of: int = 0
    error: str = ""
    result: Any = None
    started: float = 0.0
    began: float = 0.0
    seen: float = field(default_factory=time.monotonic)
    number: int = field(default_factory=count().__next__)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def active(self) -> bool:
        """Whether it waits or goes on."""
        return self.state in ("waiting", "running")

    @property
    def left(self) -> float | None:
        """Seconds that the stage still takes, as far as that is known."""
        if self.state != "running" or not self.done:
            return None
        return (time.monotonic() - self.began) / self.done * (self.of - self.done)

    def enter(self, stage: str) -> None:
        """Begin a stage. Raises as ``step``."""
        self.stage, self.done, self.of, self.began = stage, 0, 0, time.monotonic()
        self.step(0, 0)

    def step(self, done: int, of: int) -> None:
        """Progress of the stage. Raises Stopped where the visitor does not want more, InputError beyond the limit."""
        self.done, self.of = done, of
        if self.stopping.is_set():
            raise Stopped
        if time.monotonic() - self.started > self.limit:
            raise InputError(
                f"It took longer than the {self.limit / 60:.0f} minutes that this page allows; choose fewer plates, "
                "sizes or restorations."
            )


class Desk:
    """All measurements of this server, by their visitors' keys; ``work(job)`` returns the result."""

    def __init__(self, work: Callable[[Job], Any]) -> None:
        self._work = work
        # In the order they came.
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def start(self, key: str, wish: Any, folder: Path | None = None, limit: float = math.inf) -> Job:
        """Put a measurement into the queue, in place of one of the same visitor that ended.

        ``folder`` is the job's from then on. Raises Refused, and deletes it.
        """
        job = Job(wish, folder, limit)
        try:
            with self._lock:
                old = self._jobs.get(key)
                if old and old.active:
                    raise Refused("going_on")
                if sum(one.state == "waiting" for one in self._jobs.values()) >= MOST_WAITING:
                    raise Refused("many")
                if self._worker is None:
                    # Nobody who ends the server waits for it. It begins with the lock.
                    worker = threading.Thread(target=self._work_off, name="help", daemon=True)
                    worker.start()
                    self._worker = worker
                self._jobs.pop(key, None)
                self._jobs[key] = job
        except BaseException:
            _delete(folder)
            raise
        return job

    def job(self, key: str) -> Job | None:
        """The visitor's measurement, which is thereby looked at."""
        with self._lock:
            job = self._jobs.get(key)
        if job:
            job.seen = time.monotonic()
        return job

    def ahead(self, job: Job) -> int:
        """How many are done before one that waits."""
        with self._lock:
            others = [one for one in self._jobs.values() if one.active]
        return others.index(job) if job in others else 0

    def stop(self, key: str) -> None:
        """End the visitor's measurement, whether it waits or goes on."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                return
            job.stopping.set()
            waiting = job.state == "waiting"
            if waiting:
                job.state = "stopped"
        if waiting:
            _delete(job.folder)

    def sweep(self) -> None:
        """Drop what nobody looked at for ``KEPT``."""
        now = time.monotonic()
        with self._lock:
            keys = [key for key, job in self._jobs.items() if now - job.seen > KEPT]
        for key in keys:
            self.stop(key)
            with self._lock:
                self._jobs.pop(key, None)

    def close(self) -> None:
        """End everything; no upload stays, not even that of a job which does not end in time."""
        with self._lock:
            jobs, worker = dict(self._jobs), self._worker
        for key in jobs:
            self.stop(key)
        if worker:
            worker.join(GRACE)
        for job in jobs.values():
            _delete(job.folder)

    def _work_off(self) -> None:
        """Every waiting job in turn, then no more."""
        while True:
            with self._lock:
                job = next((one for one in self._jobs.values() if one.state == "waiting"), None)
                if job is None:
                    self._worker = None
                    return
                job.state, job.started = "running", time.monotonic()
            self._do(job)

    def _do(self, job: Job) -> None:
        state: State = "failed"
        try:
            job.result = self._work(job)
            state = "done"
        except Stopped:
            state = "stopped"
        except InputError as error:
            job.error = str(error)
        except BaseException:
            # Also what a native library raises beside Exception: the next in the queue has its turn.
            log.exception("A measurement failed.")
        finally:
            _delete(job.folder)
            job.state = state


def _delete(folder: Path | None) -> None:
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
