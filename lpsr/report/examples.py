"""Figure 12: plates that the project ships, restored by the shipped checkpoints, as pictures.

They are generated, so that nobody's plate is published; ``examples.json`` among the results says what each picture is.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.results import EXAMPLES, RESULTS

FOLDER = "examples"


class Example(BaseModel):
    """A plate of the gallery.

    Attributes:
        number: in the gallery, from 1. text: what is on it.
        pictures: file relative to the results by model: "hr", "lr" (in its own size), "bicubic" and checkpoints.
        psnr: dB by model; of "hr" and "lr" there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    text: str
    pictures: dict[str, str]
    psnr: dict[str, float]


class Examples(BaseModel):
    """Figure 12; ``titles`` are the models' captions, in the order they are shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["examples"] = "examples"
    command: str
    passport: dict[str, Any]
    titles: dict[str, str]
    plates: list[Example] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for one in self.plates:
            if one.pictures.keys() != self.titles.keys() or one.psnr.keys() != self.titles.keys() - {"hr", "lr"}:
                raise ValueError(f"plate {one.number} lacks a model that has a title, or has another")
        return self


def read_examples(folder: str | Path = RESULTS) -> Examples | None:
    """Figure 12 as it was made, without plates whose pictures are gone; None where it was not.

    Raises InputError for a file that is not one of this version, or names pictures elsewhere.
    """
    folder = Path(folder)
    if not (folder / EXAMPLES).is_file():
        return None
    try:
        found = Examples.model_validate(read_json(folder / EXAMPLES))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))[:80] or "file"
        raise InputError(f"{EXAMPLES} is no figure 12 of this version ({where}: {first['msg'][:200]}).") from error
    for example in found.plates:
        for file in example.pictures.values():
            if Path(file).parent != Path(FOLDER) or Path(file).suffix != ".png":
                raise InputError(f"{EXAMPLES} names a picture that is not in {FOLDER}/: {file[:80]}.")
    there = [one for one in found.plates if all((folder / file).is_file() for file in one.pictures.values())]
    return found.model_copy(update={"plates": there}) if there else None
