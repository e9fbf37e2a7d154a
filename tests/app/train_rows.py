"""Runs as the list shows them, without their folders."""

import time
from pathlib import Path

from lpsr.app.language import Words
from lpsr.app.training.listing import listing
from lpsr.training.plan import LOSSES, preset
from lpsr.training.runs import Run
from lpsr.training.status import Stage, Status

EN = Words()


def make(name="demo-mse", loss="mse", state="done", place=None, note="", folder=Path("/nowhere"), **changes):
    """A run; ``changes`` are of its status, but for ``facts``: of its stages, by name."""
    facts = changes.pop("facts", {})
    stages = {key: Stage(**facts.get(key, {})) for key in Status(created=0, place=0).stages}
    status = Status(**{"state": state, "created": time.time(), "place": 0, "stages": stages} | changes)
    return Run(name, folder / name, preset("demo", name, LOSSES[loss]), status, place, note)


def html(*runs, selected=None, compared=(), baseline=None, words=EN, may_control=lambda run: True):
    return listing(runs, selected, dict.fromkeys(compared, "#123456"), baseline, words, may_control)
