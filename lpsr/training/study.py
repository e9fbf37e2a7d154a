"""Studies: trainings that differ in what is asked, run one after another, measured by the protocol and recorded.

A study is a JSON file; ``assets/studies`` holds those of the project. Each of its runs is a ``train`` run in
``ROOT/STUDY/RUN``, and its record in ``lpsr.results`` is made from that folder, at any time after.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lpsr.checkpoints import is_usable_name
from lpsr.errors import InputError
from lpsr.files import read_json, sha256
from lpsr.models.network import count_parameters
from lpsr.models.registry import build
from lpsr.models.restorer import NetworkRestorer
from lpsr.models.weights import load_tensors
from lpsr.results import STUDIES, Measurement, RunRecord
from lpsr.training.loop import LOG, RECIPE, RUN, read_log
from lpsr.training.origin import earlier_stages, without_paths
from lpsr.training.recipe import DataSource, Recipe, Settings, load_recipe, parse
from lpsr.training.trainer import BEST

LOSSES = ("total", "pixel", "contrastive", "distance", "w_pixel", "w_contrastive")
CURVE = ("val_psnr", "val_psnr_y")
# Lines of the log that a record keeps of the losses.
_LINES = 200


def _name(name: str) -> str:
    # "--" stands between the two names in that of a record.
    if not is_usable_name(name) or "--" in name or len(name) > 60:
        raise ValueError("use up to 60 letters, digits, '-' (one at a time), '_' and '.', and no name of another thing")
    return name


class StudyRun(BaseModel):
    """A run of a study.

    Attributes:
        settings: laid over those of the study.
        init: the run of the study whose best weights this one starts from.
        data: share of a batch of folders, by their names; the others share the rest as before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    settings: dict[str, Any] = {}
    init: str | None = None
    data: dict[str, float] = {}

    _usable = field_validator("name")(_name)

    @field_validator("data")
    @classmethod
    def _shares(cls, data: dict[str, float]) -> dict[str, float]:
        if not all(share >= 0 for share in data.values()) or sum(data.values()) > 1 + 1e-9:
            raise ValueError("shares are at least 0 and at most 1 together")
        return data


class Study(BaseModel):
    """Trainings that differ in what is asked.

    Attributes:
        about: what is asked, in a sentence.
        settings: of all runs (see ``recipe.Settings``).
        baseline: the run that the others are compared with.
        runs: each after the one it starts from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: str
    settings: dict[str, Any] = {}
    baseline: str | None = None
    runs: tuple[StudyRun, ...] = Field(min_length=1, max_length=200)

    _usable = field_validator("name")(_name)

    @field_validator("runs")
    @classmethod
    def _ordered(cls, runs: tuple[StudyRun, ...]) -> tuple[StudyRun, ...]:
        by_name = {run.name: run for run in runs}
        if len(by_name) < len(runs):
            raise ValueError("two runs have one name")
        ordered: dict[str, StudyRun] = {}
        for run in runs:
            chain = [run]
            while (init := chain[-1].init) and init not in ordered:
                if init not in by_name:
                    raise ValueError(f"{chain[-1].name!r} starts from {init!r}, which is no run of this study")
                if by_name[init] in chain:
                    raise ValueError(f"{run.name!r} starts from itself in the end")
                chain.append(by_name[init])
            ordered |= {one.name: one for one in reversed(chain)}
        return tuple(ordered.values())

    @model_validator(mode="after")
    def _known(self) -> "Study":
        if self.baseline is not None and self.baseline not in [run.name for run in self.runs]:
            raise ValueError(f"the baseline {self.baseline!r} is no run of this study")
        return self


def load_study(name: str, folder: str | Path = STUDIES) -> Study:
    """The project's study of that name, or the one in a JSON file. Raises InputError where there is none or it is
    impossible."""
    path = Path(name)
    if path.suffix != ".json":
        path = Path(folder) / f"{name}.json"
        if not re.fullmatch(r"[\w.-]+", name) or not path.is_file():
            known = ", ".join(sorted(one.stem for one in Path(folder).glob("*.json"))) or "none"
            raise InputError(f"There is no study {name!r}; there are: {known}. A file's name ends in .json.")
    try:
        return parse(Study, read_json(path), "study")
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error


@dataclass(frozen=True)
class Trial:
    """A run of a study on this machine: what to train, and in which folder."""

    name: str
    recipe: Recipe
    folder: Path
    init: str | None = None

    def done(self) -> bool:
        """Whether it was trained to its end. Raises InputError where the folder holds a run of another recipe.

        Where the files of the recipe lay does not matter: a run may have been trained on another machine.
        """
        if not (self.folder / RUN).is_file() or not read_json(self.folder / RUN)["done"]:
            return False
        both = load_recipe(self.folder / RECIPE), self.recipe
        old, new = (without_paths(one.model_dump(mode="json")) for one in both)
        if other := ", ".join(key for key in new if new[key] != old[key]):
            raise InputError(
                f"{self.folder} holds a finished run of another recipe ({other}); choose another folder for --runs or "
                "repeat that command."
            )
        return True


def settings_of(study: Study, run: StudyRun, overrides: Mapping[str, Any] | None = None) -> Settings:
    """How a run trains: the study's settings, the run's over them, ``overrides`` over both. Raises InputError where
    that is impossible."""
    try:
        return parse(Settings, _laid_over(_laid_over(study.settings, run.settings), overrides or {}))
    except InputError as error:
        raise InputError(f"Run {run.name!r} of study {study.name!r}: {error}") from error


def trials_of(
    study: Study,
    root: str | Path,
    data: Sequence[DataSource],
    validation: DataSource | None,
    *,
    overrides: Mapping[str, Any] | None = None,
    init_from: str | None = None,
    only: Collection[str] = (),
) -> list[Trial]:
    """The runs of a study as trainings in ``root/STUDY``, each after the one it starts from; ``only`` names some.

    ``init_from`` are the weights that runs start from which start from no other run. Raises InputError for a setting
    that is impossible, a run or folder that is not known, or one of ``only`` that starts from a run that is neither
    done nor among them.
    """
    check_names(study, only)
    folder = Path(root).absolute() / study.name
    trials: dict[str, Trial] = {}
    for run in study.runs:
        settings = dict(settings_of(study, run, overrides))
        if run.init:
            if settings["init_from"]:
                raise InputError(f"Run {run.name!r} starts from {run.init!r}; it cannot start from init_from as well.")
            settings["init_from"] = str(folder / run.init / BEST)
        elif init_from:
            settings["init_from"] = str(Path(init_from).absolute())
        recipe = parse(Recipe, {**settings, "data": _shared(data, run), "validation": validation})
        trials[run.name] = Trial(run.name, recipe, folder / run.name, run.init)
    chosen = [trial for name, trial in trials.items() if not only or name in only]
    for trial in chosen:
        if trial.init and trials[trial.init] not in chosen and not trials[trial.init].done():
            raise InputError(
                f"Run {trial.name!r} starts from {trial.init!r}, which is not done; name it with --only too."
            )
    return chosen


def check_names(study: Study, names: Collection[str]) -> None:
    """Raises InputError where the study has no run of such a name."""
    known = [run.name for run in study.runs]
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"Study {study.name!r} has no run {unknown[0]!r}; it has: {', '.join(known)}.")


def _laid_over(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(common)
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = _laid_over(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def _shared(data: Sequence[DataSource], run: StudyRun) -> list[DataSource]:
    """The folders with the run's shares; one whose share is 0 is left out."""
    if not run.data:
        return list(data)
    known = [source.label for source in data]
    for name in run.data:
        if known.count(name) != 1:
            raise InputError(
                f"Run {run.name!r} gives {name!r} a share, so one folder of --data must be called so; they are called: "
                f"{', '.join(known)}."
            )
    others = sum(source.share for source in data if source.label not in run.data)
    rest = 1 - sum(run.data.values())
    shares = [run.data.get(source.label, rest * source.share / others if others else 0) for source in data]
    return [
        source.model_copy(update={"share": round(share, 9)})
        for source, share in zip(data, shares, strict=True)
        if round(share, 9)
    ]


def restorer_of(trial: Trial) -> NetworkRestorer:
    """The weights that a run keeps, on the CPU, as all are measured. Raises InputError where there are none."""
    weights, _ = load_tensors(trial.folder / BEST)
    network = build(trial.recipe.network)
    network.load_state_dict(weights)
    return NetworkRestorer(network, trial.name, sha256=sha256(trial.folder / BEST))


def record_of(trial: Trial, study: str, command: str, measurement: Measurement | None) -> RunRecord:
    """The record of a finished run, without paths. Raises InputError where its folder is damaged."""
    run, recipe = read_json(trial.folder / RUN), read_json(trial.folder / RECIPE)
    log = read_log(trial.folder / LOG)
    curve = [line for line in log if "val_psnr" in line]
    losses = _thinned([line for line in log if "total" in line])
    return RunRecord(
        study=study,
        name=trial.name,
        command=command,
        recipe=without_paths(recipe),
        stages=earlier_stages(run),
        data=run["data"],
        iterations_done=run["iteration"],
        kept_iteration=run["best_iteration"],
        **{key: run[key] for key in ("seconds", "device", "precision", "threads")},
        parameters=count_parameters(build(trial.recipe.network)),
        curve=_columns(curve, CURVE),
        losses=_columns(losses, LOSSES),
        measurement=measurement,
    )


def is_current(record: RunRecord | None, trial: Trial, *, measured: str | None, read: bool) -> bool:
    """Whether ``record`` is that of the finished run as it is, and has what is wanted: a measurement on the data
    called ``measured``, with readings."""
    if record is None or record.recipe != without_paths(read_json(trial.folder / RECIPE)):
        return False
    if record.measurement is None:
        return measured is None
    scores = record.measurement.models[trial.name]
    return (
        scores.sha256 == sha256(trial.folder / BEST)
        and measured in (None, record.measurement.passport.get("data"))
        and not (read and scores.confidence is None)
    )


def _thinned(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most ``_LINES``, half of them evenly on a linear axis and half on a logarithmic one."""
    if len(lines) <= _LINES:
        return lines
    last, half = len(lines) - 1, _LINES // 2
    kept = np.concatenate([np.linspace(0, last, half), np.geomspace(1, last + 1, half) - 1])
    return [lines[k] for k in np.unique(kept.round().astype(int))]


def _columns(lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [line.get(name) for line in lines] for name in ("iteration", *names)}
