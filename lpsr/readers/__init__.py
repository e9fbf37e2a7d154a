"""Readers: programs that read a plate (OCR), by name.

``get_reader(name).read(picture)`` gives a ``Reading``. Nothing heavy is imported until a reader is asked for.
"""

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

from lpsr.errors import InputError
from lpsr.readers import own, paddle, rapid
from lpsr.readers.base import WEAK, CtcReader, Reader, Reading

__all__ = ["DEFAULT", "READERS", "WEAK", "CtcReader", "Engine", "Reader", "Reading", "get_reader"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """An entry of the registry.

    Attributes:
        title: what it is, in a line.
        load: makes the reader; its keyword arguments are the reader's options.
        fallback: the reader to use where this one cannot be loaded, or None.
    """

    title: str
    load: Callable[..., Reader]
    fallback: str | None = None


READERS = {
    "paddle-onnx": Engine("PaddleOCR on ONNX Runtime, PP-OCRv6 small", paddle.load_onnx, fallback="rapidocr"),
    "rapidocr": Engine("RapidOCR on the same weights", rapid.load),
    "paddle-native": Engine("PaddleOCR on paddlepaddle, with your own model folder", paddle.load_native),
    "plate-hr": Engine("the project's own network, trained on HR plates", partial(own.load, "plate-hr")),
    "plate-multiscale": Engine(
        "the project's own network, trained on plates of any size", partial(own.load, "plate-multiscale")
    ),
}
DEFAULT = "paddle-onnx"

_loaded: dict[Hashable, Reader] = {}
# Re-entrant: a fallback is loaded, and kept, while its chooser is.
_lock = threading.RLock()


def get_reader(name: str = DEFAULT, **options: Hashable) -> Reader:
    """The reader of that name and options, loaded once a process.

    ``options``: ``model_dir`` (PaddleOCR readers): the folder of another recognition model; ``folder`` (the project's
    own): other checkpoints.

    Where the default cannot be loaded the fallback takes its place; ``Reader.name`` and ``Reading.engine`` say which
    one reads. Raises InputError for a name or option that does not exist, or a reader that cannot be loaded.
    """
    if name not in READERS:
        raise InputError(f"There is no reader {name!r}; choose one of {', '.join(READERS)}.")
    key = name, tuple(sorted(options.items()))
    with _lock:
        if key not in _loaded:
            _loaded[key] = _load(name, options)
        return _loaded[key]


def _load(name: str, options: dict[str, Hashable]) -> Reader:
    engine = READERS[name]
    try:
        return engine.load(**options)
    except InputError:
        raise
    except Exception as error:
        # Foreign programs fail to load in many ways (missing libraries, clashing versions, full disks).
        if engine.fallback is None or options:
            raise InputError(f"The reader {name} cannot be loaded: {type(error).__name__}: {error}") from error
        log.warning(
            "The reader %s cannot be loaded (%s: %s); %s reads.", name, type(error).__name__, error, engine.fallback
        )
        return get_reader(engine.fallback)
