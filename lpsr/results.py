"""Result files: what was measured, plate by plate, for the report to be built from.

``RESULTS/NAME.json`` is a ``Measurement`` ("test": the shipped checkpoints on split test),
``RESULTS/runs/STUDY--NAME.json`` a ``RunRecord`` and ``RESULTS/benefit.json`` a ``Benefit``. Columns are lists with one
entry a plate, in the order of the split.
No plate text, no file name and no path is in them: real plates are personal.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, ValidationError, model_validator
from pydantic_core import from_json

from lpsr.benefit.result import Benefit
from lpsr.errors import InputError
from lpsr.files import write_bytes

RESULTS = Path(os.environ.get("LPSR_RESULTS") or Path(__file__).resolve().parent.parent / "assets" / "results")
RUNS = "runs"
# The studies of the project; see ``lpsr.training.study``.
STUDIES = Path(__file__).resolve().parent.parent / "assets" / "studies"
# What lies beside the measurements and is none.
EXAMPLES = "examples.json"
READABILITY = "readability.json"
BENEFIT = "benefit.json"
ASIDE = (EXAMPLES, READABILITY, BENEFIT)
MAX_BYTES = 20_000_000

# "--" parts study and run.
_NAME = re.compile(r"(?!.*--)[A-Za-z0-9][A-Za-z0-9._-]*")

# Rounded when written: a hundredth of what is ever shown.
Rounded = Annotated[float, PlainSerializer(lambda value: round(value, 4), when_used="json-unless-none")]
# Losses span decades.
Loss = Annotated[float, PlainSerializer(lambda value: float(f"{value:.5g}"), when_used="json-unless-none")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Plates(_Strict):
    """What plates are known by, without saying which they are.

    Attributes:
        width, height: of HR, px.
        characters, province: how many the true text has, and its first; None where it is unknown.
        brightness, blurriness: CCPD's; None where unknown.
        kind: the index's ("scene", "crop", …); empty where unknown.
    """

    width: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)
    height: list[Annotated[int, Field(ge=1)]]
    characters: list[Annotated[int, Field(ge=1)] | None]
    province: list[Annotated[str, Field(min_length=1, max_length=1)] | None]
    brightness: list[float | None]
    blurriness: list[float | None]
    kind: list[str]

    @model_validator(mode="after")
    def _equal_lengths(self) -> Self:
        _check_lengths(dict(self), len(self.width))
        return self


class Scores(_Strict):
    """One model over those plates.

    Attributes:
        title: its caption. sha256: of its weights, None where it has none.
        psnr, psnr_y: dB. ssim: of luma, [-1, 1]. None of HR, which is what the others are compared with.
        confidence: the reader's own of its unconstrained text, [0, 1], 0 where it read nothing. This column and the
            following are None where no reader read; an entry of the following is None where the true text is unknown.
        right: characters in place in the plate text.
        exact: whether the plate text is the true text, nothing missing and nothing added.
        exact_raw: the same of the unconstrained text, separators removed.
        province: whether its first character is right.
        exact_without_province: whether all others are, nothing added.
    """

    title: str
    sha256: str | None
    psnr: list[Rounded] | None
    psnr_y: list[Rounded] | None
    ssim: list[Rounded] | None
    confidence: list[Rounded] | None = None
    right: list[Annotated[int, Field(ge=0)] | None] | None = None
    exact: list[bool | None] | None = None
    exact_raw: list[bool | None] | None = None
    province: list[bool | None] | None = None
    exact_without_province: list[bool | None] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        fidelity = (self.psnr, self.psnr_y, self.ssim)
        places = (self.right, self.exact, self.exact_raw, self.province, self.exact_without_province)
        for columns in (fidelity, (self.confidence, *places)):
            if len({column is None for column in columns}) > 1:
                raise ValueError("some columns of a model are there and others are not")
        if self.right is not None and len({tuple(one is None for one in column) for column in places}) > 1:
            raise ValueError("the columns of the readings know different plates")
        return self


class Measurement(_Strict):
    """Models on one list of plates.

    Attributes:
        command: what made it, without paths.
        passport: what the numbers were measured on and how; see ``lpsr.passport``.
        models: scores by name, in the order asked for.
    """

    kind: Literal["measurement"] = "measurement"
    command: str
    passport: dict[str, JsonValue]
    plates: Plates
    models: dict[str, Scores] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_entry_a_plate(self) -> Self:
        if not isinstance(self.passport.get("checkpoints"), dict | None):
            raise ValueError("the passport's checkpoints are no names with values")
        for name, scores in self.models.items():
            columns = {f"{name}.{key}": column for key, column in scores if isinstance(column, list)}
            _check_lengths(columns, len(self.plates.width))
            if scores.right is None:
                continue
            for right, characters in zip(scores.right, self.plates.characters, strict=True):
                if (right is None) != (characters is None) or (right is not None and right > characters):
                    raise ValueError(f"{name}.right does not fit the plates' characters")
        return self


class RunRecord(_Strict):
    """A finished training of a study.

    Attributes:
        recipe, stages, data: as on cards: of the last stage, the earlier ones, and what it was trained on.
        iterations_done: of the last stage. kept_iteration: whose weights were kept; None where nothing was validated.
        seconds: wall time of the last stage.
        curve: "iteration", "val_psnr", "val_psnr_y" of each validation, dB.
        losses: "iteration", "total", "pixel", "contrastive", "distance", "w_pixel", "w_contrastive", thinned; None
            where the loss has no such term.
        measurement: the kept weights on split test, of one model called ``name``; None where not measured.
    """

    kind: Literal["run"] = "run"
    study: str
    name: str
    command: str
    recipe: dict[str, JsonValue]
    stages: list[dict[str, JsonValue]]
    data: list[dict[str, JsonValue]]
    iterations_done: int
    kept_iteration: int | None
    seconds: float
    device: str
    precision: str
    threads: int
    parameters: int
    curve: dict[Literal["iteration", "val_psnr", "val_psnr_y"], list[Rounded]]
    losses: dict[
        Literal["iteration", "total", "pixel", "contrastive", "distance", "w_pixel", "w_contrastive"],
        list[Loss | None],
    ]
    measurement: Measurement | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for recipe in (self.recipe, *(stage.get("recipe") or {} for stage in self.stages)):
            _check_recipe(recipe)
        for name in ("curve", "losses"):
            columns = getattr(self, name)
            if "iteration" not in columns or None in columns["iteration"]:
                raise ValueError(f"{name} lacks its iterations")
            _check_lengths(columns, len(columns["iteration"]))
        if self.measurement is not None:
            if list(self.measurement.models) != [self.name]:
                raise ValueError("the measurement is of another model")
            if self.measurement.models[self.name].psnr is None:
                raise ValueError("the measurement has no PSNR")
        return self


@dataclass(frozen=True)
class Results:
    """What a folder of results holds.

    Attributes:
        measurements: by the name of their file.
        runs: by study and name.
        problems: one sentence for each file that could not be used.
        benefit: whether restoration helps reading; None where it was not measured.
    """

    measurements: dict[str, Measurement]
    runs: list[RunRecord]
    problems: list[str]
    benefit: Benefit | None = None


Result = TypeVar("Result", Measurement, RunRecord, Benefit)


def read_results(folder: str | Path = RESULTS) -> Results:
    """The result files of a folder, by name; nothing where there is no such folder. No file makes it raise."""
    folder, problems = Path(folder), []
    # What begins with a dot is being written.
    paths = [path for path in folder.glob("[!.]*.json") if path.name not in ASIDE]
    measurements = {path.stem: one for path, one in _read_all(paths, Measurement, problems)}
    runs = []
    for path, record in _read_all((folder / RUNS).glob("[!.]*.json"), RunRecord, problems):
        if path.stem == f"{record.study}--{record.name}":
            runs.append(record)
        else:
            problems.append(f"{path.name} is the record of another run; its name must be STUDY--NAME.json.")
    benefit = next((one for _, one in _read_all(folder.glob(BENEFIT), Benefit, problems)), None)
    return Results(measurements, runs, problems, benefit)


def write_measurement(name: str, measurement: Measurement, folder: str | Path = RESULTS) -> Path:
    """Write ``NAME.json`` in one step and return its path.

    Raises InputError for what ``check_name`` refuses, or where it cannot be written.
    """
    check_name(name)
    return _write(Path(folder) / f"{name}.json", measurement)


def write_record(record: RunRecord, folder: str | Path = RESULTS) -> Path:
    """Write ``runs/STUDY--NAME.json`` in one step and return its path. Errors as ``write_measurement``."""
    for name in (record.study, record.name):
        check_name(name)
    return _write(Path(folder) / RUNS / f"{record.study}--{record.name}.json", record)


def write_benefit(benefit: Benefit, path: str | Path) -> Path:
    """Write ``benefit`` to ``path`` in one step and return it. Raises InputError where it cannot be written."""
    return _write(Path(path), benefit)


def read_benefit(path: str | Path) -> Benefit:
    """The ``Benefit`` in a file. Raises InputError where it is missing or not one of this version."""
    return _read(Path(path), Benefit)


def check_name(name: str) -> None:
    """Raises InputError for what cannot be the name of a result."""
    if not _NAME.fullmatch(name) or f"{name}.json" in ASIDE:
        raise InputError(
            f"{name!r} cannot be a result's name; use another, of letters, digits, '.', '_' and single '-'."
        )


def _read_all(paths: Iterable[Path], kind: type[Result], problems: list[str]) -> Iterator[tuple[Path, Result]]:
    for path in sorted(paths):
        try:
            yield path, _read(path, kind)
        except InputError as error:
            problems.append(str(error))


def _read(path: Path, kind: type[Result]) -> Result:
    try:
        # A pipe would never end.
        if not path.is_file():
            raise InputError(f"{path.name} is not a file.")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB and was not read.")
        values = from_json(path.read_bytes(), allow_inf_nan=False)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is cut off or not JSON: {str(error)[:200]}.") from error
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))[:80] or "file"
        raise InputError(
            f"{path.name} is no {kind.model_fields['kind'].default} of this version ({where}: {first['msg'][:200]})."
        ) from error


def _write(path: Path, result: Measurement | RunRecord | Benefit) -> Path:
    write_bytes(path, (_lines(result.model_dump(mode="json")) + "\n").encode())
    return path


def _lines(value: Any, indent: str = "") -> str:
    """JSON with a line for each entry of a dictionary, whose lists stay on one but for lists of dictionaries."""
    inner = indent + "  "
    if value and isinstance(value, dict):
        entries = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_lines(one, inner)}" for key, one in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if value and isinstance(value, list) and isinstance(value[0], dict):
        return "[\n" + ",\n".join(inner + _lines(one, inner) for one in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _check_recipe(recipe: JsonValue) -> None:
    """Raises ValueError where what a report looks up in a recipe is of another kind."""
    kinds = {"batch": int, "seed": int, "iterations": int, "embedder": str, "init_from": str}
    wrong = not isinstance(recipe, dict) or any(not isinstance(recipe.get(key), kinds[key] | None) for key in kinds)
    loss = {} if wrong else recipe.get("loss")
    if wrong or (isinstance(loss, dict) and any(isinstance(one, list | dict) for one in loss.values())):
        raise ValueError("a recipe has settings that no recipe can have")


def _check_lengths(columns: dict[str, list], length: int) -> None:
    """Raises ValueError where a column has another length."""
    for name, column in columns.items():
        if len(column) != length:
            raise ValueError(f"{name} has {len(column)} entries, not {length}")
