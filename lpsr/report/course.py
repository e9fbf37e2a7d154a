"""How far the budget went: validation PSNR over all that weights were trained on, stage after stage."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from lpsr.report import paper
from lpsr.report.claims import commands
from lpsr.report.formats import count, number, signed
from lpsr.report.selection import file_of
from lpsr.report.shapes import Band, Figure, Finding
from lpsr.results import Results, RunRecord


def figures(results: Results) -> list[Figure]:
    """The course of the recorded run with the longest recorded past; none where no run's past is recorded."""
    pasts = [past(run, results.runs) for run in results.runs]
    stages = max(pasts, key=_seen, default=[])
    bands, start = [], 0
    for run in stages:
        band = _band(run, start, cut=run is not stages[-1])
        if band.x:
            bands.append(band)
        start += _handed_on(run) * _batch(run)
    if len(stages) < 2 or not bands:
        return []
    x, y = (np.concatenate([getattr(band, name) for band in bands]) for name in ("x", "y"))
    # The last doubling says more about what is still to come than the start.
    before = int(np.argmin(np.abs(x - x[-1] / 2)))
    values = {
        "seen": count(int(x[-1])),
        "psnr": number(y[-1], 2),
        "gain": signed(y[-1] - y[before], 2),
        "half": count(int(x[before])),
        "paper": count(paper.ITERATIONS * paper.BATCH),
    }
    return [
        Figure(
            "course",
            "figure_6",
            Finding("course"),
            tuple(bands),
            Finding("axis_seen"),
            Finding("axis_val_psnr"),
            "lines",
            Finding("course_gain", values),
            tuple(map(file_of, stages)),
            commands(stages),
            log_x=True,
        )
    ]


def past(run: RunRecord, runs: Sequence[RunRecord]) -> list[RunRecord]:
    """The recorded runs whose weights led to ``run``, oldest first, and it; without one that is not recorded, nor those
    before it."""
    chain = [run]
    while init := chain[0].recipe.get("init_from"):
        name = PurePosixPath(str(init)).parent.name
        parent = next((one for one in runs if one.name == name and one not in chain), None)
        if parent is None:
            break
        chain.insert(0, parent)
    return chain


def _seen(stages: Sequence[RunRecord]) -> int:
    """Patches behind the last stage's end; 0 where it has no recorded past."""
    earlier = sum(_handed_on(run) * _batch(run) for run in stages[:-1])
    return earlier + stages[-1].iterations_done * _batch(stages[-1]) if earlier else 0


def _band(run: RunRecord, start: int, cut: bool) -> Band:
    """A stage's validations; of one that handed its weights on, up to these."""
    end = _handed_on(run) if cut else run.iterations_done
    pairs = zip(run.curve["iteration"], run.curve.get("val_psnr", ()), strict=False)
    points = [(start + k * _batch(run), value) for k, value in pairs if 0 < k <= end]
    x, y = zip(*points, strict=True) if points else ((), ())
    whole = run.recipe.get("patch") == "whole"
    name = Finding("course_whole", {"run": run.name}) if whole else Finding("course_patches", {"run": run.name})
    return Band(name, run.name, x, y, None, None, (1,) * len(x))


def _handed_on(run: RunRecord) -> int:
    return run.iterations_done if run.kept_iteration is None else run.kept_iteration


def _batch(run: RunRecord) -> int:
    return int(run.recipe.get("batch") or 0)
