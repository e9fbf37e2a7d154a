"""The runs of a folder: what there is and how each stands.

Whether a run's process lives is told by the lock it holds, which the system releases with the process, however it ends.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from lpsr.checkpoints import CHECKPOINTS, WeightsCard
from lpsr.errors import InputError
from lpsr.files import read_json, sha256, write_bytes
from lpsr.training.plan import Generated, Plan
from lpsr.training.recipe import parse
from lpsr.training.status import CHECKPOINT, LOCK, NOTE, PLAN, Status, read_status

RUNS = Path(os.environ.get("LPSR_RUNS", Path(__file__).resolve().parents[2] / "runs"))
# Generated plates lie here, once for all runs that ask for the same.
SHARED = ".data"
MAX_NOTE = 500
# Held by whoever looks whether a run's process lives.
GATE = ".looks.lock"
# Seconds that one waits there, and between two tries.
_PATIENCE, _POLL = 60.0, 0.01


@dataclass(frozen=True)
class Run:
    """A run as it stands.

    Attributes:
        status: "interrupted" where its process is gone without a word.
        place: in the queue, 1 is next; None where it does not wait.
        note: the user's.
    """

    name: str
    folder: Path
    plan: Plan
    status: Status
    place: int | None
    note: str


def list_runs(root: Path) -> list[Run]:
    """The runs of a folder, the newest first; folders that hold no run, or a damaged one, are left out."""
    runs = []
    for path in root.glob(f"[!.]*/{PLAN}"):
        with suppress(InputError, OSError):
            runs.append(_load(path.parent))
    waiting = sorted((run for run in runs if run.status.state == "queued"), key=lambda run: run.status.place)
    places = {run.name: number for number, run in enumerate(waiting, 1)}
    placed = [replace(run, place=places.get(run.name)) for run in runs]
    return sorted(placed, key=lambda run: (-run.status.created, run.name))


def read_run(root: Path, name: str) -> Run:
    """Raises InputError where there is no run of that name."""
    for run in list_runs(root):
        if run.name == name:
            return run
    raise InputError(f"There is no run {name!r}; it may have been deleted.")


def _load(folder: Path) -> Run:
    plan, status = parse(Plan, read_json(folder / PLAN)), read_status(folder)
    if lives(folder):
        status = status.model_copy(update={"state": "running"})
    elif status.state == "running":
        # It may have ended between the two looks.
        status = read_status(folder)
        if status.state == "running":
            status = status.model_copy(update={"state": "interrupted"})
    note = folder / NOTE
    text = note.read_text(encoding="utf-8", errors="replace") if note.is_file() else ""
    return Run(folder.name, folder, plan, status, None, text)


def set_note(root: Path, name: str, text: str) -> None:
    """Raises InputError for a text that is too long or a run that does not exist."""
    if len(text) > MAX_NOTE:
        raise InputError(f"A note has at most {MAX_NOTE} characters; this one has {len(text)}.")
    write_bytes(read_run(root, name).folder / NOTE, text.encode())


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, which may change meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size
    return total


def delete(folder: Path) -> None:
    """Delete a run that no process holds, its checkpoint, and generated plates that no other run uses."""
    name, root = folder.name, folder.parent
    with suppress(InputError, OSError):
        card = WeightsCard.model_validate(read_json(folder / CHECKPOINT / f"{name}.json"), extra="ignore")
        weights = CHECKPOINTS / f"{name}.safetensors"
        if sha256(weights) == card.sha256:
            for suffix in (".json", ".md"):
                (CHECKPOINTS / f"{name}{suffix}").unlink(missing_ok=True)
            weights.unlink()
    # Nobody meets half a run.
    shutil.rmtree(bury(root, [folder]), ignore_errors=True)
    plans = [run.plan.data for run in list_runs(root)]
    used = {data.folder_name for data in plans if isinstance(data, Generated)}
    for path in (root / SHARED).glob("*"):
        # Those that a killed process was making are hidden, and their names go on; so are and do those of locks.
        if path.name.removeprefix(".").partition(".")[0] in used:
            continue
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def bury(root: Path, paths: Iterable[Path]) -> Path:
    """Move what is to be deleted out of sight, in one step each; returns the folder, which the queue's sweep knows."""
    grave = Path(tempfile.mkdtemp(prefix=".gone-", dir=root))
    for path in paths:
        path.rename(grave / path.name)
    return grave


def lives(folder: Path) -> bool:
    """Whether a process is working on the run; others that look at it do not count. Raises InputError as ``held``."""
    try:
        with held(folder):
            return False
    except Timeout:
        return True


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run's lock for a moment; others that look meanwhile wait.

    Raises filelock.Timeout while the run's process lives, and InputError where others do not let go.
    """
    # One after the other, so that they never take one another for the run's process; a singleton, so that who holds one
    # run may look at all.
    gate = FileLock(folder.parent / GATE, is_singleton=True)
    try:
        passed = gate.acquire(timeout=_PATIENCE, poll_interval=_POLL)
    except Timeout as error:
        raise InputError("The runs are looked at by too many; try again in a minute.") from error
    with passed, FileLock(folder / LOCK).acquire(timeout=0):
        try:
            yield
        finally:
            if not (folder / PLAN).exists():
                # It was deleted just now, and taking its lock has made the folder again.
                with suppress(OSError):
                    (folder / LOCK).unlink()
                    folder.rmdir()
