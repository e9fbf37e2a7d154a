"""Who trains next, and how to steer a run from outside.

Each pipeline run is trained by a process of its own, one at a time, that outlives the page which started it.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lpsr.checkpoints import CHECKPOINTS
from lpsr.errors import InputError
from lpsr.files import write_bytes, write_json
from lpsr.training.bounds import Bounds
from lpsr.training.plan import Archive, Plan
from lpsr.training.room import make_room
from lpsr.training.runs import Run, bury, delete, held, list_runs, lives, read_run
from lpsr.training.status import (
    CONTROL,
    DATA,
    ENDED,
    FILM,
    OUTPUT,
    PATCHES,
    PLAN,
    PROCESS,
    STATUS,
    UPLOAD,
    Status,
    read_status,
    write_status,
)

# Seconds: until a process that was started holds its lock, and until one that was killed has let go of it.
START, END = 60.0, 15.0
# Seconds that a visitor's plates, and what the page showed of them, are kept for a run that does not go on.
KEPT = 24 * 3600
# Bytes that must be free for a run to begin.
_LEAST = 10**7
# Where `python -m lpsr` finds the package.
_HOME = Path(__file__).resolve().parents[2]


def submit(root: Path, plans: Sequence[Plan], bounds: Bounds, owner: str = "") -> list[str]:
    """Put runs at the end of the queue, all or none; returns their names.

    The ZIP of a plan is copied into its run. Raises InputError where the bounds, the names, the queue or the disk
    do not allow it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _queue(root):
        _sweep(root)
        runs = list_runs(root)
        for plan in plans:
            bounds.check(plan)
            if (root / plan.name).exists() or (CHECKPOINTS / f"{plan.name}.json").exists():
                raise InputError(f"There is a run or a checkpoint {plan.name!r} already; choose another name.")
        if len({plan.name for plan in plans}) < len(plans):
            raise InputError("Runs that are started together need different names.")
        waiting = sum(run.status.state == "queued" for run in runs)
        if waiting + len(plans) > bounds.queue:
            raise InputError(f"{waiting} runs wait already, and {bounds.queue} may; come back when some are done.")
        make_room(root, runs, plans, bounds)
        made: list[Path] = []
        now, last = time.time(), _places(runs)[1]
        try:
            for number, plan in enumerate(plans, 1):
                made.append(_create(root, plan, Status(created=now + number * 1e-3, place=last + number, owner=owner)))
        except BaseException:
            for folder in made:
                shutil.rmtree(folder, ignore_errors=True)
            raise
    return [plan.name for plan in plans]


def _create(root: Path, plan: Plan, status: Status) -> Path:
    """The run's folder, complete or not at all."""
    folder = root / plan.name
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        if isinstance(plan.data, Archive):
            try:
                shutil.copyfile(plan.data.file, temporary / UPLOAD)
            except FileNotFoundError as error:
                raise InputError("The ZIP is no longer there; bring it again.") from error
            plan = plan.model_copy(update={"data": Archive(file=str((folder / UPLOAD).absolute()))})
        write_json(temporary / PLAN, plan.model_dump(mode="json"))
        write_status(temporary, status)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"The run {plan.name} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def pause(root: Path, name: str) -> None:
    """Ask a run to save its state and end; one that waits leaves the queue. Raises InputError for a finished one."""
    _steer(root, name, "pause")


def keep(root: Path, name: str) -> None:
    """Ask a run to end its training now and go on with what it has: validate, evaluate, export.

    One that rests is run again for it. Raises InputError for a finished one, or one that has not trained yet.
    """
    _steer(root, name, "keep")


def _steer(root: Path, name: str, request: str) -> None:
    # Nor is anything started meanwhile.
    with _queue(root):
        folder = read_run(root, name).folder
        try:
            with held(folder):
                status = read_status(folder)
                if status.state in ENDED:
                    raise InputError(f"The run {name} has ended already.")
                if request == "keep":
                    if not status.stages["train"].done:
                        raise InputError(f"Nothing of the run {name} has been trained yet; resume or discard it.")
                    write_bytes(folder / CONTROL, request.encode())
                    _enqueue(root, folder, status)
                else:
                    write_status(folder, status.model_copy(update={"state": "paused"}))
        except Timeout:
            write_bytes(folder / CONTROL, request.encode())


def resume(root: Path, name: str) -> None:
    """Put a run that was paused, interrupted or failed before those that wait; behind them where it has no plates yet.

    Raises InputError for any other.
    """
    with _queue(root):
        folder = read_run(root, name).folder
        try:
            with held(folder):
                status = read_status(folder)
                if status.state in ("queued", "done"):
                    raise InputError(f"The run {name} waits already or is done.")
                (folder / CONTROL).unlink(missing_ok=True)
                _enqueue(root, folder, status)
        except Timeout:
            raise InputError(f"The run {name} is running.") from None


def _enqueue(root: Path, folder: Path, status: Status) -> None:
    first, last = _places(list_runs(root))
    # To leave the queue and come back is no way to overtake.
    place = first - 1.0 if status.begun else last + 1.0
    write_status(folder, status.model_copy(update={"state": "queued", "place": place, "message": ""}))


def _places(runs: Sequence[Run]) -> tuple[float, float]:
    """The first and the last place of the queue; in an empty one both are the time, so that clocks may be set."""
    places = [run.status.place for run in runs if run.status.state == "queued"] or [time.time()]
    return min(places), max(places)


def discard(root: Path, name: str) -> None:
    """End a run at once and delete it, with the checkpoint made of it. Raises InputError where it does not end."""
    with _queue(root):
        folder = read_run(root, name).folder
        end = time.monotonic() + END
        while lives(folder):
            if time.monotonic() > end:
                raise InputError(f"The run {name} does not end; stop its process, then delete it.")
            # It may not have said yet which process it is.
            with suppress(OSError, ValueError):
                os.kill(int((folder / PROCESS).read_text()), getattr(signal, "SIGKILL", signal.SIGTERM))
            time.sleep(0.1)
        delete(folder)


def start_next(root: Path, minutes: float | None = None) -> str | None:
    """Start the next run of the queue, unless one is running; returns its name.

    Safe to be called by any process at any time. ``minutes`` bounds its training. Raises InputError where the disk is
    full: a run that cannot say how it ended would be started for ever.
    """
    if not root.is_dir():
        return None
    with _queue(root):
        runs = list_runs(root)
        waiting = [run for run in runs if run.place == 1]
        if not waiting or any(run.status.state == "running" for run in runs):
            return None
        if shutil.disk_usage(root).free < _LEAST:
            raise InputError("The disk is full; free some space, and the next run starts.")
        run = waiting[0]
        # That of a process before: by now the number may be another program's.
        (run.folder / PROCESS).unlink(missing_ok=True)
        command = [sys.executable, "-m", "lpsr", "pipeline", str(run.folder.absolute()), "--queued"]
        command += ["--minutes", str(minutes)] if minutes else []
        with open(run.folder / OUTPUT, "ab") as output:
            process = subprocess.Popen(
                command,
                cwd=_HOME,
                env=os.environ | {"LPSR_CHECKPOINTS": str(CHECKPOINTS.absolute())},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        end = time.monotonic() + START
        while process.poll() is None and not lives(run.folder) and time.monotonic() < end:
            time.sleep(0.1)
        if process.poll() is not None and read_status(run.folder).state == "queued":
            lines = (run.folder / OUTPUT).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            message = f"It could not be started: {lines[-1] if lines else f'exit status {process.returncode}'}"
            status = read_status(run.folder).model_copy(update={"state": "failed", "message": message})
            write_status(run.folder, status)
            return None
        return run.name


def forget_uploads(root: Path, now: float) -> None:
    """Delete what is left of visitors' plates ``KEPT`` seconds after their run went on for the last time.

    That is the ZIP and its plates of a run that rests, and of any run the pictures and the names of refused files that
    the page showed.
    """
    if not root.is_dir():
        return
    with _queue(root):
        _sweep(root)
    graves: list[Path] = []
    for run in list_runs(root):
        if not isinstance(run.plan.data, Archive) or run.status.state in ("queued", "running"):
            continue
        with suppress(Timeout, OSError, InputError), held(run.folder):
            if now - (run.folder / STATUS).stat().st_mtime <= KEPT:
                continue
            brought = (*(run.folder / name for name in (DATA, PATCHES, FILM)), *run.folder.glob(f".{DATA}.*"))
            if there := [path for path in brought if path.exists()]:
                # To delete them takes long, and others wait to look at the run.
                graves.append(bury(root, there))
            status = read_status(run.folder)
            facts = status.stages["data"].facts
            named = facts.get("refused")
            if (run.folder / UPLOAD).exists():
                (run.folder / UPLOAD).unlink()
                status.state = "failed"
                status.message = "Its uploaded plates were deleted, since it did not go on for a day; start it anew."
            elif not named:
                continue
            facts["refused"] = []
            write_status(run.folder, status)
    for grave in graves:
        shutil.rmtree(grave, ignore_errors=True)


def owner_of(token: str) -> str:
    """What a run keeps of its visitor's token: enough to know it again, not enough to be taken for it."""
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


def _sweep(root: Path) -> None:
    """Remove runs that a process which was killed had been making or deleting; the queue must be held."""
    for pattern in (".new-*", ".gone-*"):
        for path in root.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _queue(root: Path) -> Iterator[None]:
    """One at a time decides what runs, whichever process asks."""
    if not root.is_dir():
        raise InputError(f"There are no runs in {root}.")
    lock = FileLock(root / ".queue.lock")
    try:
        lock.acquire(timeout=START)
    except Timeout as error:
        raise InputError("The queue of runs is busy; try again in a minute.") from error
    except OSError as error:
        raise InputError(f"Cannot write {root}: {error.strerror or error}.") from error
    try:
        yield
    finally:
        lock.release()
