"""Which of the runs a visitor sees, and in which colours."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lpsr.app.colours import COLOURS, colours
from lpsr.app.training.charts import Named

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.training.plan import Plan
    from lpsr.training.runs import Run

# Seconds for which one look at the folder serves all pages.
FRESH = 0.9
# Runs whose curves are drawn together, the one shown included.
MOST = 6

_lock = threading.Lock()
_last: dict[Path, tuple[float, "list[Run]"]] = {}


@dataclass
class View:
    """A visitor's choice; changed in its place, so that of two quick changes neither undoes the other.

    Attributes:
        run: the run to show; None follows what is running.
        compared: runs whose curves are drawn beside it.
        baseline: the MSE run of the contrast; None takes one that differs in its loss alone.
        last: the run that was shown last, which stays in sight when it ends.
    """

    run: str | None = None
    compared: tuple[str, ...] = ()
    baseline: str | None = None
    last: str | None = None

    def tick(self, name: str, on: bool) -> None:
        """Compare a run, or no longer; the oldest of the compared gives way to one too many."""
        rest = tuple(one for one in self.compared if one != name)
        self.compared = (*rest, name)[1 - MOST :] if on else rest

    def follow(self) -> None:
        """Show what is started now."""
        self.run = self.last = None

    def let_go(self, name: str) -> None:
        """Follow the queue again where this run is shown."""
        if self.run == name:
            self.run = None


def snapshot(root: Path, fresh: bool = False) -> "list[Run]":
    """The runs, the newest first, from at most ``FRESH`` seconds ago, or from now."""
    from lpsr.training.runs import list_runs

    with _lock:
        when, runs = _last.get(root, (0.0, []))
        if fresh or time.monotonic() - when > FRESH:
            runs = list_runs(root)
            _last[root] = time.monotonic(), runs
        return runs


def shown_run(runs: "Sequence[Run]", view: View) -> "Run | None":
    """The run to show: the chosen one, what is running, what was shown last, what is next, or the newest."""
    chosen = [run for run in runs if run.name == view.run]
    running = [run for run in runs if run.status.state == "running"]
    last = [run for run in runs if run.name == view.last]
    first = [run for run in runs if run.place == 1]
    return next(iter([*chosen, *running, *last, *first, *runs]), None)


def baseline_of(runs: "Sequence[Run]", run: "Run", view: View) -> "Run | None":
    """The MSE run to hold a run's PSNR against: the chosen one, or the newest that differs in its loss alone."""
    mse = [one for one in runs if one.plan.settings.loss.kind == "mse" and comparable(one, run)]
    chosen = [one for one in mse if one.name == view.baseline]
    twins = [one for one in mse if _but_loss(one.plan) == _but_loss(run.plan) and one.name != run.name]
    return next(iter([*chosen, *twins]), None)


def comparable(run: "Run", other: "Run") -> bool:
    """Whether two runs are validated on the same plates."""
    return (run.plan.data, run.plan.most_val) == (other.plan.data, other.plan.most_val)


def _but_loss(plan: "Plan") -> "Plan":
    from lpsr.losses.criterion import LossConfig

    return plan.model_copy(update={"name": "", "settings": plan.settings.model_copy(update={"loss": LossConfig()})})


def named_curves(runs: "Sequence[Run]", run: "Run", view: View) -> tuple[list[Named], Named | None]:
    """The curves to draw, ``run``'s first, and the baseline's. Raises InputError for a log that cannot be read."""
    drawn = [run, *(one for one in runs if one.name in view.compared and one.name != run.name)][:MOST]
    baseline = baseline_of(runs, run, view)
    named = [_named(one) for one in drawn]
    if len({one.colour for one in named}) < len(named):
        # In the order of the ticks, so that a colour stays when another run is shown.
        own = colours(dict.fromkeys([*(one for one in view.compared if one in {run.name for run in drawn}), run.name]))
        named = [one._replace(colour=own[one.name]) for one in named]
    return named, _named(baseline) if baseline else None


def _named(run: "Run") -> Named:
    """In the colour that its loss has everywhere."""
    from lpsr.training.curves import read_curves
    from lpsr.training.status import TRAIN

    loss = run.plan.settings.loss
    colour = COLOURS["mse" if loss.kind == "mse" else f"pecl-{loss.distance}"]
    return Named(run.name, colour, read_curves(run.folder / TRAIN), run.status.stages["train"].facts.get("bicubic"))
