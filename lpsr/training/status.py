"""Where a pipeline run stands: one small file, written in one step by whoever holds the run's lock."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from lpsr.errors import InputError
from lpsr.files import read_json, write_json

# In their order.
STAGES = ("data", "patches", "embedder", "train", "validate", "evaluate", "export")
StageState = Literal["waiting", "running", "done", "skipped", "failed"]
# "interrupted" is never written: it is a run that says "running" while no process holds its lock.
State = Literal["queued", "running", "paused", "interrupted", "done", "failed"]
ENDED = ("done", "failed")
# To a run that trains: save and end, or end the training now and go on with what there is.
Request = Literal["pause", "keep"]

PLAN, STATUS, CONTROL, NOTE = "plan.json", "status.json", "control", "note.txt"
LOCK, PROCESS, OUTPUT = ".lock", "process", "output.txt"
DATA, PATCHES, EMBEDDER, TRAIN, FILM, CHECKPOINT = "data", "patches", "embedder", "train", "film", "checkpoint"
UPLOAD, EVALUATION = "upload.zip", "evaluation.json"


class Stage(BaseModel):
    """One stage.

    Attributes:
        seconds: of work so far, over all sittings.
        done, of: progress in whatever the stage counts (plates, iterations); ``of`` is 0 where it counts nothing.
        facts: what it found or made, for the page: counts of plates by split, refused files, scores.
    """

    state: StageState = "waiting"
    seconds: float = 0.0
    done: int = 0
    of: int = 0
    facts: dict[str, Any] = {}


class Status(BaseModel):
    """A run's state.

    Attributes:
        created: Unix time at which it was asked for.
        place: order in the queue, lowest first; a resumed run comes before those that wait.
        message: one sentence on why it failed.
        memory: the most bytes that the process has held.
        early: it was stopped before its last iteration and what it had was kept.
        owner: SHA-256 of the visitor's token; empty for the command line.
        stages: by name, in order.
    """

    state: State = "queued"
    created: float
    place: float
    message: str = ""
    memory: int = 0
    early: bool = False
    owner: str = ""
    stages: dict[str, Stage] = Field(default_factory=lambda: {name: Stage() for name in STAGES})

    @property
    def begun(self) -> bool:
        """Whether the run has its plates."""
        return self.stages["data"].state == "done"

    @property
    def seconds(self) -> float:
        """Of work so far, all stages together."""
        return sum(stage.seconds for stage in self.stages.values())


def read_status(folder: str | Path) -> Status:
    """The status as written. Raises InputError where it is missing or damaged."""
    path = Path(folder) / STATUS
    try:
        return Status.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path} is damaged: {error.errors()[0]['msg']}.") from error


def write_status(folder: str | Path, status: Status) -> None:
    """Raises InputError where it cannot be written."""
    write_json(Path(folder) / STATUS, status.model_dump(mode="json"))
