"""Which results may be compared: the same plates by one protocol, and trainings that differ only in what is asked."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.report.shapes import Finding, Text
from lpsr.results import RUNS, Measurement, Results, RunRecord, Scores

if TYPE_CHECKING:
    from lpsr.checkpoints import Card

# The measurement of the shipped checkpoints.
SHIPPED = "test"
TITLES = {"mse": "MSE", "pecl-euclidean": "PECL-Euclidean", "pecl-manhattan": "PECL-Manhattan"}
MSE, EUCLIDEAN, MANHATTAN = TITLES
PAPER_D = 128
ENOUGH = 100

# What may differ between trainings that are compared by their loss: the loss itself, and how often is looked at them.
_ASIDE = ("loss", "embedder", "recogniser", "seed", "log_every", "validate_every")
# Of a passport, what makes PSNR comparable, and readings.
_PROTOCOL = ("data", "split", "n", "crop", "scale", "kernel", "colour_space")
_READER = ("reader", "readings")


class Loss(NamedTuple):
    """What a run was trained with; ``model`` is a key of ``TITLES``, or the kind of another loss."""

    model: str
    d: int | None = None
    form: str | None = None
    weighting: str | None = None
    w_contrastive: float | None = None
    margin: float | None = None
    embedder: str | None = None
    w_recognition: float | None = None
    w_reading: float | None = None
    adversary: bool | None = None

    @property
    def setting(self) -> tuple:
        """All that two distances have in common."""
        return self.form or "", self.weighting or "", self.w_contrastive or 0.0, self.margin or 0.0, self.embedder or ""


def loss_of(run: "RunRecord | Card") -> Loss:
    """The loss in a recipe."""
    loss = run.recipe.get("loss")
    kind = loss.get("kind") if isinstance(loss, dict) else None
    if kind == "pecl" and loss.get("w_reading"):
        # No PECL of the paper's.
        return Loss("pecl-reading", loss.get("d"), loss.get("form"), w_reading=loss["w_reading"])
    if kind != "pecl":
        weight = loss.get("w_recognition") if kind in ("guided", "lcofl") else None
        adversary = (kind == "lcofl" and loss.get("adversary")) or None
        return Loss(str(kind or MSE), w_recognition=weight, adversary=adversary)
    fixed = loss.get("weighting") == "fixed"
    return Loss(
        EUCLIDEAN if loss.get("distance") == "euclidean" else MANHATTAN,
        loss.get("d"),
        loss.get("form"),
        loss.get("weighting"),
        loss.get("w_contrastive") if fixed else None,
        loss.get("margin"),
        run.recipe.get("embedder"),
    )


def file_of(run: RunRecord) -> str:
    """The record's file, relative to the folder of results."""
    return f"{RUNS}/{run.study}--{run.name}.json"


def scores_of(run: RunRecord) -> Scores:
    """The record's measured scores; only for runs that have a measurement."""
    assert run.measurement is not None
    return run.measurement.models[run.name]


def caption(name: str, scores: Scores) -> Text:
    """What a model is called; HR in words."""
    return Finding("name_hr") if name == "hr" else scores.title


def comparable(a: Measurement, b: Measurement, *, readings: bool = False) -> bool:
    """Whether the columns of both are of the same plates, by one protocol; with ``readings``, by one reader too."""
    keys = _PROTOCOL + _READER if readings else _PROTOCOL
    return a is b or (all(a.passport.get(key) == b.passport.get(key) for key in keys) and a.plates == b.plates)


def measured(runs: Iterable[RunRecord], *, readings: bool = False) -> list[RunRecord]:
    """The runs with a measurement (with ``readings``, read by one reader) that compares with most of the others.

    A measurement of fewer than ``ENOUGH`` plates says too little to stand beside others.
    """
    groups: list[list[RunRecord]] = []
    for run in runs:
        if (
            run.measurement is None
            or len(run.measurement.plates.width) < ENOUGH
            or (readings and scores_of(run).confidence is None)
        ):
            continue
        alike = (one for one in groups if comparable(one[0].measurement, run.measurement, readings=readings))
        home = next(alike, None)
        if home is None:
            groups.append([run])
        else:
            home.append(run)
    return max(groups, key=len, default=[])


@dataclass(frozen=True)
class Trio:
    """MSE and PECL trained alike, by model and seed; ``loss`` is what the PECL runs share (its model is either)."""

    study: str
    loss: Loss
    runs: dict[str, dict[int, RunRecord]]

    def pairs(self, model: str, baseline: str) -> list[tuple[RunRecord, RunRecord]]:
        """Runs of two models with the same seed and from the same start, by ascending seed."""
        return paired(self.runs.get(model, {}), self.runs.get(baseline, {}))

    @property
    def seeds(self) -> int:
        """How many seeds the best known pair has."""
        return max(len(self.pairs(model, MSE)) for model in (MANHATTAN, EUCLIDEAN))

    @property
    def patches(self) -> int:
        """HR patches seen by a run, its earlier stages included."""
        return patches_seen(next(iter(self.runs[MSE].values())))


def paired(own: dict[int, RunRecord], other: dict[int, RunRecord]) -> list[tuple[RunRecord, RunRecord]]:
    """Runs by their seed, those of one seed and one start together, by ascending seed."""
    return [
        (own[seed], other[seed])
        for seed in sorted(own.keys() & other.keys())
        if own[seed].recipe.get("init_from") == other[seed].recipe.get("init_from")
    ]


def patches_seen(run: RunRecord) -> int:
    """HR patches behind a run: its own, and of earlier stages those behind the weights that they handed on."""
    seen = run.iterations_done * int(run.recipe.get("batch") or 0)
    for stage in run.stages:
        recipe = stage.get("recipe") or {}
        iterations = stage.get("best_iteration") or stage.get("iteration") or recipe.get("iterations") or 0
        seen += int(iterations) * int(recipe.get("batch") or 0)
    return seen


def trios(runs: Iterable[RunRecord]) -> list[Trio]:
    """Every set of MSE and PECL runs of a study that were trained alike; the longest first."""
    alike: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for run in runs:
        alike[run.study, _training(run)].append(run)
    found = []
    for (study, _), group in alike.items():
        mse = {_seed(run): run for run in group if loss_of(run).model == MSE}
        settings: dict[tuple, dict[str, dict[int, RunRecord]]] = defaultdict(lambda: defaultdict(dict))
        kinds = {}
        for run in group:
            if (loss := loss_of(run)).model in (EUCLIDEAN, MANHATTAN):
                settings[loss.d, loss.setting][loss.model][_seed(run)] = run
                kinds[loss.d, loss.setting] = loss
        for key, models in settings.items():
            trio = Trio(study, kinds[key], {MSE: mse, **models})
            if trio.seeds:
                found.append(trio)
    return sorted(found, key=lambda trio: -trio.patches)


def headline(found: Sequence[Trio]) -> list[Trio]:
    """Those that answer the paper's question, d = 128 and a form that attracts: with most seeds, and longest."""
    usual = [trio for trio in found if trio.loss.d == PAPER_D and trio.loss.form != "printed"]
    usual = [trio for trio in usual if trio.loss.form == "attract"] or usual
    if not usual:
        return []
    complete = max(len(trio.runs) for trio in usual)
    usual = [trio for trio in usual if len(trio.runs) == complete]
    # "seeds" and "headline" ask for this; the others answer beside it.
    named = [trio for trio in usual if trio.study in ("seeds", "headline")] or usual
    chosen = [max(named, key=lambda trio: (trio.seeds, trio.patches)), max(named, key=lambda trio: trio.patches)]
    return chosen[:1] if chosen[0] is chosen[1] else chosen


def sweeps(found: Sequence[Trio]) -> list[dict[int, Trio]]:
    """Trios that differ in nothing but d, by ascending d; those with most dimensions first, single ones left out."""
    alike: dict[tuple, dict[int, Trio]] = defaultdict(dict)
    for trio in found:
        if trio.loss.d:
            alike[trio.study, trio.loss.setting, id(trio.runs[MSE])][trio.loss.d] = trio
    several = [dict(sorted(one.items())) for one in alike.values() if len(one) > 1]
    return sorted(several, key=len, reverse=True)


def differences(pairs: Sequence[tuple[Scores, Scores]], column: str) -> NDArray[np.float64] | None:
    """(S, N) differences plate by plate, first minus second; None where a column was not measured or is incomplete."""
    rows = []
    for a, b in pairs:
        own, other = getattr(a, column), getattr(b, column)
        if own is None or other is None or None in own or None in other:
            return None
        rows.append(np.asarray(own, np.float64) - np.asarray(other, np.float64))
    return np.stack(rows) if rows else None


def shipped(results: Results) -> Measurement | None:
    """The measurement of the shipped checkpoints, where there is one."""
    return results.measurements.get(SHIPPED)


def study_of(name: str, runs: Sequence[RunRecord], folder: Path) -> tuple[list[RunRecord], RunRecord | None]:
    """A study's runs in its own order, and its baseline.

    Both are in the study's file; without it the order is the records', and the baseline the first MSE run.
    """
    try:
        study: Any = read_json(folder / f"{name}.json")
        names = [run["name"] for run in study["runs"]]
        wanted = study.get("baseline")
    except (InputError, LookupError, TypeError, AttributeError):
        names, wanted = [], None
    ordered = sorted(runs, key=lambda run: names.index(run.name) if run.name in names else len(names))
    first = next((run for run in ordered if loss_of(run).model == MSE), None)
    return ordered, next((run for run in ordered if run.name == wanted), first)


def opponent(run: RunRecord, baseline: RunRecord, runs: Sequence[RunRecord]) -> RunRecord:
    """The run that is as the baseline and has the seed of ``run``; the baseline itself where there is none."""
    if _seed(run) == _seed(baseline):
        return baseline
    return next(
        (
            one
            for one in runs
            if _seed(one) == _seed(run) and loss_of(one) == loss_of(baseline) and _training(one) == _training(baseline)
        ),
        baseline,
    )


def distances(run: RunRecord) -> dict[int, float]:
    """D between SR and HR, in [0, 2], by iteration; ℓ1 of the printed form, logged as it is, is divided by √d too."""
    loss = loss_of(run)
    scale = sqrt(loss.d) if loss.form == "printed" and loss.model == MANHATTAN and loss.d else 1.0
    return {k: value / scale for k, value in logged(run, "distance").items()}


def logged(run: RunRecord, column: str) -> dict[int, float]:
    """The known values of a logged loss or weight by iteration."""
    values = zip(run.losses["iteration"], run.losses.get(column, ()), strict=False)
    return {int(k): value for k, value in values if value is not None}


def _training(run: RunRecord) -> str:
    recipe = {key: value for key, value in run.recipe.items() if key not in _ASIDE}
    # Another seed may start from another warm-up.
    recipe["init_from"] = bool(recipe.get("init_from"))
    return json.dumps([recipe, run.data, run.iterations_done], sort_keys=True, default=str)


def _seed(run: RunRecord) -> int:
    return int(run.recipe.get("seed") or 0)
