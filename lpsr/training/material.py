"""What a pipeline run trains, validates and tests on: plates that are generated, in a folder, or out of a ZIP."""

import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lpsr.data.archive import INDEX, Refused
from lpsr.data.gather import Source, gather
from lpsr.data.generator import Style, synthesize
from lpsr.data.plates import open_plates, write_index
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.training.plan import SPLITS, Archive, Folder, Generated
from lpsr.training.status import DATA, UPLOAD
from lpsr.training.unpack import LIMITS, count, index_row, inner, keep, share_out

# Plates of all splits together.
LEAST = 20
# Bytes of the pictures of a ZIP together, decoded, as training holds them.
MAX_DECODED = 4 * 2**30
# Bytes on the disk of a generated plate, and bytes that stay free for the run itself.
PLATE, SPARE = 12_000, 300 * 10**6
# In the folder of a ZIP's plates: what was not used.
REFUSED = "refused.json"

Pairs = list[tuple[str, str]]
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], Any]


@dataclass(frozen=True)
class Material:
    """The plates of a run, ready.

    Attributes:
        folder: a plate folder or a CCPD folder.
        name: what cards call it.
        plates: how many by split: train, val and test.
        refused: files of a ZIP that are not used, and a sentence that says why.
    """

    folder: Path
    name: str
    plates: dict[str, int]
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Found:
    """What a ZIP holds.

    Attributes:
        pictures: that can be used, as far as they were opened.
        opened: of those; the rest are opened when the run begins.
        texts, corners: pictures whose text and whose corners are known.
        plates: pictures by split, as they will be shared out.
        refused: as in ``Material``.
        problem: why nothing can be trained on it, in one sentence; empty where something can.
    """

    pictures: int
    opened: int
    texts: int
    corners: int
    plates: dict[str, int]
    refused: tuple[tuple[str, str], ...]
    problem: str


class _Stopped(Exception):
    pass


def prepare(
    data: Generated | Folder | Archive,
    run_folder: str | Path,
    shared: str | Path,
    *,
    progress: Progress = lambda done, of: None,
    should_stop: ShouldStop = lambda: None,
) -> Material | None:
    """Generate, unpack or check the plates; None where ``should_stop``, asked before each of them, says anything true.

    Generated plates go to ``shared``, once for all runs, a ZIP's to ``data/`` of the run. Both appear complete or not
    at all, and are not made again where they are. ``progress`` gets (done, of).

    Raises InputError for data that cannot be used, and for a disk without room for it.
    """
    try:
        match data:
            case Generated():
                return _generated(data, Path(shared), progress, should_stop)
            case Folder(folder=folder):
                return Material(Path(folder), Path(folder).resolve().name, check_folder(folder))
            case Archive(file=file):
                return _archive(Path(file), Path(run_folder) / DATA, progress, should_stop)
    except _Stopped:
        return None


def check_folder(folder: str | Path) -> dict[str, int]:
    """Plates by split of a plate folder or a CCPD folder. Raises InputError where it cannot be trained on."""
    folder = Path(folder)
    open_plates(folder)
    counts = {}
    for split in SPLITS:
        try:
            plates = open_plates(folder, split)
        except InputError as error:
            how = " Name the split of each plate in the column split." if (folder / INDEX).is_file() else ""
            raise InputError(f"Training needs plates in {', '.join(SPLITS)}: {error}{how}") from error
        missing = [plate.path for plate in plates if not plate.path.is_file()]
        if missing:
            raise InputError(
                f"{len(missing)} pictures of split {split!r} are missing, such as {missing[0]}; bring them, or take "
                "them out of the index."
            )
        counts[split] = len(plates)
    _check_counts(counts, str(folder))
    return counts


def check_archive(path: str | Path, seconds: float = 5.0) -> Found:
    """What a ZIP holds; nothing is written, and its pictures are opened for so many seconds at most."""
    inputs = gather([path], limits=LIMITS)
    refused, usable, opened = _pairs(inputs.refused), [], []
    end = time.monotonic() + seconds
    with _opened(path, inputs.sources) as archive:
        for source in inputs.sources:
            in_time = time.monotonic() < end
            try:
                if in_time:
                    keep(source, source.content(archive))
            except InputError as error:
                refused.append((inner(source.file), str(error)))
            else:
                usable.append(source)
                opened.append(in_time)
    splits = _splits(usable, refused)
    used = [place for place, split in enumerate(splits) if split in SPLITS]
    counts, problem = count(splits), ""
    try:
        _check_counts(counts, "The ZIP", refused)
    except InputError as error:
        problem = str(error)
    texts = sum(bool(usable[place].text) for place in used)
    corners = sum(usable[place].corners is not None for place in used)
    return Found(len(used), sum(opened[p] for p in used), texts, corners, counts, tuple(refused), problem)


def _generated(data: Generated, shared: Path, progress: Progress, should_stop: ShouldStop) -> Material:
    folder = shared / data.folder_name

    def step(done: int, of: int) -> None:
        progress(done, of)
        if should_stop():
            raise _Stopped

    with _alone(shared, folder.name, should_stop):
        if not (folder / INDEX).is_file():
            _clear(folder)
            _check_room(shared, data.count * PLATE)
            synthesize(folder, data.count, data.seed, split=SPLITS, style=Style(kind="mixed"), progress=step)
    return Material(folder, f"generated plates, seed {data.seed}, kind mixed", check_folder(folder))


@contextmanager
def _alone(folder: Path, name: str, should_stop: ShouldStop) -> Iterator[None]:
    """Wait until no other process makes ``name`` in the folder, and keep others from it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    lock = FileLock(folder / f".{name}.lock")
    while not lock.is_locked:
        if should_stop():
            raise _Stopped
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            continue
    try:
        yield
    finally:
        lock.release()


def _archive(path: Path, folder: Path, progress: Progress, should_stop: ShouldStop) -> Material:
    if not (folder / INDEX).is_file():
        _clear(folder)
        inputs = gather([path], limits=LIMITS)
        _check_room(folder.parent, sum(source.member.file_size for source in inputs.sources if source.member))
        work = None
        try:
            work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            _unpack(path, inputs.sources, _pairs(inputs.refused), work, progress, should_stop)
            work.chmod(0o755)
            work.rename(folder)
        except OSError as error:
            raise InputError(f"Cannot write {folder}: {error.strerror or error}.") from error
        finally:
            if work:
                shutil.rmtree(work, ignore_errors=True)
    name = "uploaded plates" if path.name == UPLOAD else path.stem
    return Material(folder, name, check_folder(folder), tuple(map(tuple, read_json(folder / REFUSED))))


def _unpack(
    path: Path, sources: Sequence[Source], refused: Pairs, folder: Path, progress: Progress, should_stop: ShouldStop
) -> None:
    """Write the usable pictures as a plate folder; the others are added to ``refused``, which is written as well."""
    usable, rows, decoded = [], [], 0
    (folder / "plates").mkdir()
    with _opened(path, sources) as archive:
        for number, source in enumerate(sources, 1):
            if should_stop():
                raise _Stopped
            try:
                kept = keep(source, source.content(archive))
                if decoded + kept.picture.nbytes > MAX_DECODED:
                    raise InputError(f"With it the pictures take more than {MAX_DECODED // 2**30} GB of memory.")
            except InputError as error:
                refused.append((inner(source.file), str(error)))
            else:
                decoded += kept.picture.nbytes
                file = f"plates/{number:06d}{kept.suffix}"
                (folder / file).write_bytes(kept.content)
                usable.append(source)
                rows.append(index_row(file, source, kept))
            progress(number, len(sources))
    splits = _splits(usable, refused)
    _check_counts(count(splits), "The ZIP", refused)
    write_index(folder, (row | {"split": split} for row, split in zip(rows, splits, strict=True)))
    write_json(folder / REFUSED, refused)


@contextmanager
def _opened(path: str | Path, sources: Sequence[Source]) -> Iterator[zipfile.ZipFile | None]:
    """The ZIP of these sources; None where they are in none."""
    try:
        archive = zipfile.ZipFile(path) if any(source.member for source in sources) else nullcontext()
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError("The ZIP is gone or damaged; bring it again.") from error
    with archive as opened:
        yield opened


def _pairs(refused: Sequence[Refused]) -> Pairs:
    return [(inner(one.file), one.sentence) for one in refused]


def _splits(sources: Sequence[Source], refused: Pairs) -> list[str]:
    """The split of each plate; how many are in others than ``SPLITS`` is added to ``refused``."""
    splits = share_out(sources)
    others = sum(split not in SPLITS for split in splits)
    if others:
        refused.append(("", f"{others} plates are in other splits than {', '.join(SPLITS)} and are left out."))
    return splits


def _check_counts(counts: Mapping[str, int], what: str, refused: Sequence[tuple[str, str]] = ()) -> None:
    """Raises InputError where there are too few plates; ``refused`` may say why."""
    total = sum(counts.values())
    if not total and refused:
        raise InputError(f"{what} holds no plate that can be used: {refused[0][1]}")
    if total < LEAST:
        raise InputError(f"{what} has {total} usable plates; bring at least {LEAST}, and some hundreds to learn much.")
    for split in SPLITS:
        if not counts[split]:
            raise InputError(
                f"{what} has no plates in split {split!r}; name some in the column split of its index.csv, or no split "
                "at all to have the plates shared out."
            )


def _check_room(folder: Path, need: int) -> None:
    """Raises InputError where the disk has no room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if need + SPARE > free:
        raise InputError(
            f"The plates need {need / 1e9:.1f} GB and the run some more, but {free / 1e9:.1f} GB are free on the disk; "
            "free some space, or take fewer plates."
        )


def _clear(folder: Path) -> None:
    """Remove what a process that was killed left of this folder."""
    for path in folder.parent.glob(f".{folder.name}.*/"):
        shutil.rmtree(path, ignore_errors=True)
