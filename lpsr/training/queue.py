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
from lpsr.training.plan import Archive, Generated, Plan
from lpsr.training.runs import Run, delete, held, list_runs, lives, read_run, size_of
from lpsr.training.status import (
    CONTROL,
    DATA,
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
# Bytes left free on the disk, and what a run needs: of a generated plate, and copies of the weights (float32: state
# with two moments and the average, the best, the checkpoint, and one while it is written).
_SPARE, _PLATE, _COPIES = 200 * 10**6, 20_000, 10
# Where `python -m lpsr` finds the package.
_HOME = Path(__file__).resolve().parents[2]


def submit(root: Path, plans: Sequence[Plan], bounds: Bounds, owner: str = "") -> list[str]:
    """Put runs at the end of the queue, all or none; returns their names.

    The ZIP of a plan is copied into its run. Raises InputError where the bounds, the names, the queue or the disk
    do not allow it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _queue(root):
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
        _make_room(root, runs, plans, bounds)
        made: list[Path] = []
        try:
            for number, plan in enumerate(plans):
                made.append(_create(root, plan, owner, time.time() + number * 1e-3))
        except BaseException:
            for folder in made:
                shutil.rmtree(folder, ignore_errors=True)
            raise
    return [plan.name for plan in plans]


def _create(root: Path, plan: Plan, owner: str, now: float) -> Path:
    """The run's folder, complete or not at all."""
    folder = root / plan.name
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        if isinstance(plan.data, Archive):
            shutil.copyfile(plan.data.file, temporary / UPLOAD)
            plan = plan.model_copy(update={"data": Archive(file=str((folder / UPLOAD).absolute()))})
        write_json(temporary / PLAN, plan.model_dump(mode="json"))
        write_status(temporary, Status(created=now, place=now, owner=owner))
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"The run {plan.name} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _make_room(root: Path, runs: Sequence[Run], plans: Sequence[Plan], bounds: Bounds) -> None:
    """Refuse what does not fit; where visitors train the demo, the oldest finished runs give way."""
    need = sum(map(needed_bytes, plans))
    used = size_of(root)
    finished = [run for run in reversed(runs) if run.status.state in ("done", "failed")]
    while used + need > bounds.gigabytes * 1e9 and bounds.mode == "demo" and finished:
        oldest = finished.pop(0)
        delete(oldest.folder)
        used = size_of(root)
    if used + need > bounds.gigabytes * 1e9:
        raise InputError(
            f"The runs take {used / 1e9:.1f} GB and this needs {need / 1e9:.1f} more, but {bounds.gigabytes:g} GB are "
            "allowed; delete runs that are no longer needed."
        )
    free = shutil.disk_usage(root).free
    if need + _SPARE > free:
        raise InputError(
            f"This needs {need / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free on the disk; free some space first."
        )


def needed_bytes(plan: Plan) -> int:
    """What a run will write, roughly: plates, training state, weights."""
    import torch

    from lpsr.models.network import SuperResolutionNetwork, count_parameters

    with torch.device("meta"):
        parameters = count_parameters(SuperResolutionNetwork(plan.settings.network))
    match plan.data:
        case Generated(count=count):
            plates = count * _PLATE
        case Archive(file=file):
            # Packed, unpacked, and room for what packs well.
            plates = 3 * Path(file).stat().st_size if Path(file).is_file() else 0
        case _:
            plates = 0
    return plates + _COPIES * 4 * parameters


def pause(root: Path, name: str) -> None:
    """Ask a run to save its state and end; one that waits leaves the queue. Raises InputError for a finished one."""
    _steer(root, name, "pause")


def keep(root: Path, name: str) -> None:
    """Ask a run to end its training now and go on with what it has: validate, evaluate, export.

    One that rests is run again for it. Raises InputError for a finished one.
    """
    _steer(root, name, "keep")


def _steer(root: Path, name: str, request: str) -> None:
    folder = read_run(root, name).folder
    try:
        with held(folder):
            status = read_status(folder)
            if status.state in ("done", "failed"):
                raise InputError(f"The run {name} has ended already.")
            if request == "keep":
                write_bytes(folder / CONTROL, request.encode())
                _enqueue(root, folder, status)
            else:
                write_status(folder, status.model_copy(update={"state": "paused"}))
    except Timeout:
        write_bytes(folder / CONTROL, request.encode())


def resume(root: Path, name: str) -> None:
    """Put a run that was paused, interrupted or failed before those that wait. Raises InputError for any other."""
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
    first = min((run.status.place for run in list_runs(root) if run.status.state == "queued"), default=time.time())
    write_status(folder, status.model_copy(update={"state": "queued", "place": first - 1.0, "message": ""}))


def discard(root: Path, name: str) -> None:
    """End a run at once and delete it, with the checkpoint made of it. Raises InputError where it does not end."""
    folder = read_run(root, name).folder
    with _queue(root):
        if lives(folder):
            with suppress(OSError, ValueError):
                os.kill(int((folder / PROCESS).read_text()), getattr(signal, "SIGKILL", signal.SIGTERM))
        try:
            with held(folder, END):
                pass
        except Timeout:
            raise InputError(f"The run {name} does not end; stop its process, then delete it.") from None
        delete(folder)


def start_next(root: Path, minutes: float | None = None) -> str | None:
    """Start the next run of the queue, unless one is running; returns its name.

    Safe to be called by any process at any time. ``minutes`` bounds its training.
    """
    if not root.is_dir():
        return None
    with _queue(root):
        runs = list_runs(root)
        waiting = [run for run in runs if run.place == 1]
        if not waiting or any(run.status.state == "running" for run in runs):
            return None
        run = waiting[0]
        command = [sys.executable, "-m", "lpsr", "pipeline", str(run.folder.absolute()), "--queued"]
        command += ["--minutes", str(minutes)] if minutes else []
        with open(run.folder / OUTPUT, "ab") as output:
            process = subprocess.Popen(
                command, cwd=_HOME, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
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

    That is the ZIP and its plates of a run that rests, and of any run the pictures that the page showed.
    """
    for run in list_runs(root):
        if not isinstance(run.plan.data, Archive) or run.status.state in ("queued", "running"):
            continue
        with suppress(Timeout, OSError, InputError), held(run.folder):
            if now - (run.folder / STATUS).stat().st_mtime <= KEPT:
                continue
            for name in (DATA, PATCHES, FILM):
                shutil.rmtree(run.folder / name, ignore_errors=True)
            if (run.folder / UPLOAD).exists():
                (run.folder / UPLOAD).unlink()
                message = "Its uploaded plates were deleted, since it did not go on for a day; start it anew."
                write_status(run.folder, run.status.model_copy(update={"state": "failed", "message": message}))


def owner_of(token: str) -> str:
    """What a run keeps of its visitor's token: enough to know it again, not enough to be taken for it."""
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


@contextmanager
def _queue(root: Path) -> Iterator[None]:
    """One at a time decides what runs, whichever process asks."""
    try:
        with FileLock(root / ".queue.lock").acquire(timeout=START):
            yield
    except Timeout as error:
        raise InputError("The queue of runs is busy; try again in a minute.") from error
