"""What was measured once and lies in a file: read again only where the file has changed."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from lpsr.errors import InputError
from lpsr.files import read_json

Model = TypeVar("Model", bound=BaseModel)

log = logging.getLogger(__name__)


def load_measured(path: Path, model: type[Model], otherwise: str) -> Model | None:
    """The ``model`` in a JSON file, kept while the file stays; None, and a line in the log, where it is missing or
    broken. ``otherwise`` is what the line calls a broken one, as in "not a calibration"."""
    try:
        modified = path.stat().st_mtime_ns
    except OSError:
        modified = None
    return _load(path, modified, model, otherwise)


@lru_cache(maxsize=8)
def _load(path: Path, modified: int | None, model: type[Model], otherwise: str) -> Model | None:
    try:
        return model.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        log.warning("%s is %s (%s: %s).", path, otherwise, ".".join(map(str, first["loc"])), first["msg"])
    except InputError as error:
        log.warning("%s", error)
    return None
