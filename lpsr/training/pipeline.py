"""A pipeline run on disk: its stages in order, to be gone on with whatever ended the process before.

What is heavy is imported with the run's lock held: whoever starts the process waits for that.
"""

import errno
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from lpsr.errors import InputError
from lpsr.files import read_json, remove_leftovers
from lpsr.training.status import (
    CHECKPOINT,
    FILM,
    LOCK,
    PATCHES,
    PLAN,
    PROCESS,
    STAGES,
    STATUS,
    Request,
    Stage,
    Status,
    read_status,
    write_status,
)

if TYPE_CHECKING:
    from lpsr.training.material import Material
    from lpsr.training.plan import Plan

Report = Callable[[str, Stage, dict[str, Any] | None], None]

# Seconds: between two looks at a lock that others hold for a moment, and between two writings of the status.
_PATIENCE, _BEAT = 5.0, 1.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_MEMORY = re.compile("out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
_NOTHING = "Nothing has been trained yet, so there is nothing to keep; resume to train."


class Stopped(Exception):
    """The run rests at a place from which it can go on."""


class Sitting:
    """One process's work on a run, as its stages see it.

    Attributes:
        folder, plan, status: of the run.
        stage: the one that is worked on.
        material: the plates, from the first stage that asks for them on.
        minutes: of each training, after which it ends and what it has is kept.
    """

    plan: "Plan"
    stage: Stage
    material: "Material | None" = None

    def __init__(
        self,
        folder: Path,
        status: Status,
        should_stop: Callable[[], Request | None],
        report: Report | None,
        minutes: float | None,
    ) -> None:
        self.folder = folder
        self.status = status
        self.should_stop = should_stop
        self.minutes = minutes
        self._report = report
        self._name = ""
        self._written = self._began = time.monotonic()

    def work(self) -> None:
        """All stages that are not done yet. Raises Stopped, and whatever goes wrong."""
        from lpsr.training import stages
        from lpsr.training.plan import Plan
        from lpsr.training.recipe import parse

        self.plan = parse(Plan, read_json(self.folder / PLAN))
        for name in (PATCHES, FILM, CHECKPOINT):
            if (self.folder / name).is_dir():
                remove_leftovers(self.folder / name)
        for name in STAGES:
            self._name, self.stage = name, self.status.stages[name]
            if self.stage.state in ("done", "skipped"):
                continue
            # The clock goes on from the sitting before.
            self._began = time.monotonic() - self.stage.seconds
            self._enter("running")
            self.rest_if_asked()
            facts = stages.WORK[name](self)
            self.stage.facts = facts or {}
            self._enter("skipped" if facts is None else "done")
        stages.forget_uploads(self)

    def _enter(self, state: str) -> None:
        self.stage.state = state
        self.stage.seconds = time.monotonic() - self._began
        self.write()
        self._tell()

    def _tell(self, entry: dict[str, Any] | None = None) -> None:
        if self._report:
            self._report(self._name, self.stage, entry)

    def progress(self, done: int, of: int) -> None:
        """The stage has come so far; written and reported at most about once a second."""
        self.stage.done, self.stage.of = done, of
        now = time.monotonic()
        self.stage.seconds = now - self._began
        if now - self._written >= _BEAT:
            self.write()
            self._tell()

    def log(self, entry: dict[str, Any]) -> None:
        """A line of a training's log."""
        self.stage.done = entry["iteration"]
        self._tell(entry)

    def resting(self) -> bool:
        """Whether the run is asked to rest.

        To keep what there is means that only while something is trained: afterwards its weights are chosen already,
        and before there is nothing to keep, so that the run rests and says so.
        """
        request = self.should_stop()
        if request == "keep" and not self.status.stages["train"].done:
            self.status.message = _NOTHING
            return True
        return request == "pause"

    @property
    def overdue(self) -> bool:
        """Whether the training of this stage has had its minutes."""
        return bool(self.minutes) and self.stage.seconds >= 60 * self.minutes

    def rest_if_asked(self) -> None:
        """Raises Stopped where the run is asked to rest."""
        if self.resting():
            raise Stopped

    def write(self) -> None:
        """Write the status. What cannot be written, on a full disk, must not end a training.

        Raises InputError where the run was deleted, which it would begin anew.
        """
        if not (self.folder / PLAN).is_file():
            raise InputError(f"The run in {self.folder} was deleted while it ran.")
        self.status.memory = max(self.status.memory, peak_memory())
        self._written = time.monotonic()
        try:
            write_status(self.folder, self.status)
        except InputError as error:
            with suppress(OSError):
                print(f"lpsr: {error}", file=sys.stderr, flush=True)


def run_pipeline(
    folder: str | Path,
    *,
    should_stop: Callable[[], Request | None] = lambda: None,
    report: Report | None = None,
    minutes: float | None = None,
) -> Status:
    """Run the plan in ``folder``, or go on where it stopped, and return where it stands then.

    Stages that are done are not repeated; one that was cut off goes on (the trainings) or begins anew (the rest). It
    comes to the same weights on a CPU however often it is stopped or killed.

    Args:
        should_stop: asked between plates and iterations. "pause" ends the work so that a later call goes on; "keep"
            ends the training alone and goes on with what it has. Where nothing has been trained yet, "keep" ends the
            work like "pause", and ``message`` says why; after the training it has no meaning.
        report: gets the name of a stage, the stage, and the line of a training's log or None; called when a stage
            changes, at most about once a second while it proceeds, and for each line.
        minutes: of the network's training over all sittings, after which it is as if "keep" were asked; that of an
            embedder has as many of its own.

    What goes wrong is in the status that is returned ("failed", with a sentence), a traceback of what should not on
    stderr; calling again goes on. Raises InputError where the folder holds no plan, its status is damaged, or another
    process runs it.
    """
    # Absolute, as the recipes name the files of the run, whichever way it is called the next time.
    folder = Path(folder).absolute()
    if not (folder / PLAN).is_file():
        raise InputError(f"There is no pipeline run in {folder}; it would hold a {PLAN}.")
    with holding(folder):
        status = current_status(folder)
        if status.state == "done":
            return status
        status.state, status.message = "running", ""
        sitting = Sitting(folder, status, should_stop, report, minutes)
        sitting.write()
        try:
            sitting.work()
            status.state = "done"
        except Stopped:
            # Its stage stays "running": there it goes on.
            status.state = "paused"
        except Exception as error:
            status.state, status.message = "failed", _sentence(error)
            for stage in status.stages.values():
                if stage.state == "running":
                    stage.state = "failed"
            if not status.message:
                status.message = f"An error of the program itself ({type(error).__name__}); its output says where."
                with suppress(OSError):
                    traceback.print_exc()
        sitting.write()
        return status


def current_status(folder: Path) -> Status:
    """The status of a run; a new one where it has none yet. Raises InputError where it is damaged."""
    now = time.time()
    return read_status(folder) if (folder / STATUS).is_file() else Status(created=now, place=now)


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run, and say which process works on it; may be nested. The folder is made.

    Raises InputError where another process works on it, or it cannot be written to.
    """
    # One instance for each path in a process, so that its second holder finds it taken by itself.
    lock = FileLock(folder / LOCK, is_singleton=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_PATIENCE)
    except Timeout as error:
        raise InputError(f"The run in {folder} is being run by another process.") from error
    except OSError as error:
        raise InputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    try:
        with suppress(OSError):
            (folder / PROCESS).write_text(str(os.getpid()))
        yield
    finally:
        if lock.lock_counter == 1:
            # A number that outlives its process may come to mean another's.
            with suppress(OSError):
                (folder / PROCESS).unlink()
        lock.release()


def peak_memory() -> int:
    """The most bytes that this process has held; 0 where the system does not tell."""
    with suppress(OSError, ValueError):
        # Linux; its getrusage also counts what the process that started this one had held.
        text = Path("/proc/self/status").read_text()
        return 1024 * int(text.partition("VmHWM:")[2].split()[0])
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _sentence(error: Exception) -> str:
    """What a user can do about a failure; empty for what should not happen."""
    text = str(error)
    if isinstance(error, OSError | InputError) and any(os.strerror(number) in text for number in _FULL):
        return "The disk is full; free some space, then resume."
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(text)):
        return "There is not enough memory for this; start it anew with a smaller batch."
    return text if isinstance(error, InputError) else ""
