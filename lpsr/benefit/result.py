"""What the experiment found, plate by plate, as a file: ``benefit.json`` beside the other results.

A pipeline is a restoration (or ``NONE``: the reader reads LR itself) and a reader; a class is a width or a degradation.
No plate text, no file name and no path is in the file: real plates are personal.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, model_validator

from lpsr.benefit.frames import NONE, VoteCurve
from lpsr.data.plates import Crop
from lpsr.evidence import Share

# From hard to easy: degradations of HR by their scale, then widths in px, from the first to below the second.
SCALES = {"x8": 8, "x4": 4, "x2": 2}
WIDTHS: dict[str, tuple[int, int | None]] = {
    "20-40": (20, 40),
    "40-60": (40, 60),
    "60-80": (60, 80),
    "80-100": (80, 100),
    "100+": (100, None),
}
CLASSES = (*SCALES, *WIDTHS)

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Names of files too, in a report.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Seconds = Annotated[float, Field(ge=0), PlainSerializer(lambda value: float(f"{value:.4g}"), when_used="json")]

_SURE = "ABCDEFGHIJ"
_OUTCOME = re.compile(rf"[1-9{_SURE}{_SURE.lower()}]*")


def outcome(characters: int, right: int, exact: bool, sure: bool) -> str:
    """One plate's reading in one letter.

    Args:
        characters: of the true text, 1 to 9. right: of them in place.
        exact: whether nothing else is wrong either. sure: whether the reader trusts every character.

    A digit is a plate read exactly, and its characters; a letter is one that is not, and how many characters are in
    place, from "a" or "A" for none; a capital is one the reader is sure of: wrong, yet confident.
    """
    letters = _SURE if sure else _SURE.lower()
    return str(characters) if exact else letters[right]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Model(_Strict):
    """A restoration.

    Attributes:
        title: its caption. sha256: of its weights, None where it has none.
        loss: the kind it was trained with, None where unknown or untrained.
        guide: SHA-256 of the recogniser in its loss, None where none guided it.
    """

    name: Name
    title: str
    sha256: Digest | None = None
    loss: str | None = None
    guide: Digest | None = None


class ReaderFacts(_Strict):
    """A reader.

    Attributes:
        engine: program and weights, with versions.
        threshold: confidence from which on it trusts a character.
        calibrated: whether the threshold was chosen on validation plates; else it is the usual one.
    """

    name: Name
    title: str
    engine: str
    threshold: Annotated[float, Field(ge=0, le=1)]
    calibrated: bool


class Cell(_Strict):
    """One pipeline on the plates of a class.

    Attributes:
        restorer: ``NONE`` or the name of a ``Model``. reader: that of a ``ReaderFacts``.
        outcomes: a letter a plate (``outcome``), in the order of the class.
        seconds: median a plate, restoration and reading, of the thread that did them.
    """

    restorer: Name
    reader: Name
    outcomes: Annotated[str, Field(min_length=1)]
    seconds: Seconds

    @model_validator(mode="after")
    def _known_outcomes(self) -> Self:
        if not _OUTCOME.fullmatch(self.outcomes):
            raise ValueError("an outcome is no digit from 1 and no letter from A to J")
        return self

    @property
    def n(self) -> int:
        """Plates."""
        return len(self.outcomes)

    @property
    def right(self) -> tuple[int, ...]:
        """Characters in place, plate by plate."""
        return tuple(int(one) if one.isdigit() else _SURE.index(one.upper()) for one in self.outcomes)

    @property
    def hits(self) -> tuple[bool, ...]:
        """Whether each plate was read exactly."""
        return tuple(one.isdigit() for one in self.outcomes)

    @property
    def exact(self) -> Share:
        """Plates read wholly right, nothing missing and nothing added."""
        return Share.of(sum(self.hits), self.n)

    @property
    def ge6(self) -> Share:
        """Plates with at least 6 characters in place."""
        return Share.of(sum(one >= 6 for one in self.right), self.n)

    @property
    def ge5(self) -> Share:
        """Plates with at least 5 characters in place."""
        return Share.of(sum(one >= 5 for one in self.right), self.n)

    @property
    def false_confident(self) -> Share:
        """Plates, of all, that are read wrong although the reader trusts every character."""
        return Share.of(sum(one.isupper() for one in self.outcomes), self.n)


class ClassResult(_Strict):
    """Plates of one class, read by every pipeline.

    Attributes:
        name: one of ``CLASSES``.
        width: median width of LR, px.
        plates: which of the plates measured, as their places in the split.
        characters: of their true texts, a digit a plate.
        cells: without restoration first, then by model; in each the readers in their order.
    """

    name: Literal[CLASSES]
    width: Annotated[int, Field(ge=1)]
    plates: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    characters: Annotated[str, Field(pattern=r"^[1-9]+$")]
    cells: tuple[Cell, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_outcome_a_plate(self) -> Self:
        if list(self.plates) != sorted({*self.plates}):
            raise ValueError("the plates are not in their order, or one is there twice")
        for column in (self.characters, *(cell.outcomes for cell in self.cells)):
            if len(column) != self.n:
                raise ValueError(f"{len(column)} outcomes or characters of {self.n} plates")
        for cell in self.cells:
            for right, hit, of in zip(cell.right, cell.hits, map(int, self.characters), strict=True):
                if right > of or (hit and right != of):
                    raise ValueError(f"{cell.restorer}, {cell.reader}: an outcome does not fit the plate's characters")
        return self

    @property
    def n(self) -> int:
        """Plates."""
        return len(self.plates)

    def cell(self, restorer: str, reader: str) -> Cell:
        """That of a pipeline that was measured."""
        return next(one for one in self.cells if (one.restorer, one.reader) == (restorer, reader))

    def characters_right(self, cell: Cell) -> Share:
        """Characters in place, of all; the interval takes them as independent."""
        return Share.of(sum(cell.right), sum(map(int, self.characters)))


class Benefit(_Strict):
    """The experiment: every pipeline of ``NONE`` or one of ``models`` and one of ``readers``, in every class.

    Attributes:
        command: what made it, without paths. passport: see ``lpsr.passport``.
        crop: how plates were cut: bounding box of the corners, or straightened by them.
        classes: in the order of ``CLASSES``, those measured.
        votes: voting over frames; None where it was not tried.
    """

    kind: Literal["benefit"] = "benefit"
    command: str
    passport: dict[str, JsonValue]
    crop: Crop
    models: tuple[Model, ...]
    readers: tuple[ReaderFacts, ...] = Field(min_length=1)
    classes: tuple[ClassResult, ...] = Field(min_length=1)
    votes: tuple[VoteCurve, ...] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not isinstance(self.passport.get("checkpoints"), dict | None):
            raise ValueError("the passport's checkpoints are no names with values")
        names = [one.name for one in self.classes]
        if names != [name for name in CLASSES if name in names]:
            raise ValueError("the classes are not in their order, or one is there twice")
        pipelines = [(restorer, reader.name) for restorer in self.restorers for reader in self.readers]
        if len({*pipelines}) < len(pipelines):
            raise ValueError("two models or readers have one name")
        for one in self.classes:
            if [(cell.restorer, cell.reader) for cell in one.cells] != pipelines:
                raise ValueError(f"{one.name} has other pipelines than the models and readers make")
        for curve in self.votes or ():
            if (curve.restorer, curve.reader) not in pipelines:
                raise ValueError("a vote is of a model or reader that is not among those measured")
        return self

    @property
    def restorers(self) -> tuple[str, ...]:
        """``NONE`` and the names of ``models``."""
        return (NONE, *(model.name for model in self.models))
