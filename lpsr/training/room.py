"""Whether there is room for new runs, within the bounds of the page and on the disk."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lpsr.errors import InputError
from lpsr.training.bounds import Bounds
from lpsr.training.plan import Archive, Generated, Plan
from lpsr.training.runs import Run, delete, size_of
from lpsr.training.status import ENDED

# Bytes left free on the disk, and what a run needs: of a generated plate, and copies of the weights (float32: state
# with two moments and the average, the best, the checkpoint, and one while it is written).
_SPARE, _PLATE, _COPIES = 200 * 10**6, 20_000, 10
# Runs of a public page, whose checkpoints stand in every visitor's pickers.
MOST = 24
# Of an embedder of its own: its state, twice while it is written, and its weights.
_EMBEDDER = 300 * 10**6


def make_room(root: Path, runs: Sequence[Run], plans: Sequence[Plan], bounds: Bounds) -> None:
    """Refuse what does not fit; where visitors train the demo, old runs give way: those that ended, then that rest.

    Raises InputError. The queue must be held.
    """
    # Runs that were let in and have no plates yet have still to write theirs.
    promised = (run for run in runs if run.status.state in ("queued", "running") and not run.status.begun)
    need = sum(map(needed_bytes, [*plans, *(run.plan for run in promised)]))
    used = size_of(root)
    oldest = [
        run for states in (ENDED, ("paused", "interrupted")) for run in reversed(runs) if run.status.state in states
    ]
    kept = len(runs)
    while bounds.mode == "demo" and oldest and (used + need > bounds.gigabytes * 1e9 or kept + len(plans) > MOST):
        delete(oldest.pop(0).folder)
        used, kept = size_of(root), kept - 1
    if used + need > bounds.gigabytes * 1e9:
        raise InputError(
            f"The runs take {used / 1e9:.1f} GB, this and what waits need {need / 1e9:.1f} more, but "
            f"{bounds.gigabytes:g} GB are allowed; delete runs that are no longer needed."
        )
    free = shutil.disk_usage(root).free
    if need + _SPARE > free:
        raise InputError(
            f"This and what waits need {need / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free on the disk; free some "
            "space first."
        )


def needed_bytes(plan: Plan) -> int:
    """What a run will write, roughly: plates, training states, weights."""
    import torch

    from lpsr.models.network import count_parameters
    from lpsr.models.registry import build

    with torch.device("meta"):
        parameters = count_parameters(build(plan.settings.network))
    match plan.data:
        case Generated(count=count):
            plates = count * _PLATE
        case Archive(file=file):
            # Packed, unpacked, and room for what packs well.
            plates = 3 * Path(file).stat().st_size if Path(file).is_file() else 0
        case _:
            plates = 0
    own = plan.embedder_iterations and plan.settings.loss.kind == "pecl"
    return plates + _COPIES * 4 * parameters + (_EMBEDDER if own else 0)
