"""Which readers a visitor can choose, and what the page calls them."""

import logging
from typing import TYPE_CHECKING, Any

from lpsr.app.words import Words, texts
from lpsr.errors import InputError
from lpsr.readers import DEFAULT, READERS

if TYPE_CHECKING:
    from lpsr.readers import Reader

log = logging.getLogger(__name__)

# In the order of the picker.
ENGINES = (DEFAULT, "plate-hr", "plate-multiscale")
# Notes: keys of locales/compare.json, and the values of their texts.
NO_READER = ("note_reader", {})
ABOUT_READERS = ("note_reader", "note_engine")


def offered() -> list[str]:
    """Those that are here; the weights of all but the default lie among the checkpoints."""
    from lpsr.checkpoints import CHECKPOINTS

    # Not those that fail to load: nothing is loaded before a visitor asks for it.
    return [
        name
        for name in ENGINES
        if name == DEFAULT
        or (name in READERS and all((CHECKPOINTS / f"{name}.{kind}").is_file() for kind in ("safetensors", "json")))
    ]


def title(name: str, words: Words) -> str:
    """What the page calls a reader, plain text."""
    return words(f"readers.{name}") if f"readers.{name}" in texts() else name


def read_by(name: str, words: Words) -> str:
    """By which reader something was read, HTML."""
    own = f"readers.by_{name}"
    return words.html(own) if own in texts() else words.html("readers.by", reader=title(name, words))


def named_reader(name: str) -> "Reader":
    """The reader. Raises InputError where it cannot be loaded."""
    from lpsr.readers import get_reader

    try:
        return get_reader(name)
    except InputError as error:
        # The sentence may name a path of the server, which is for its log alone.
        log.warning("%s", error)
        raise InputError(f"The reader {name} cannot be used here; choose another one.") from error


def usable_reader(name: str) -> "tuple[Reader | None, list[tuple[str, dict[str, Any]]]]":
    """The reader, else the default in its place, else None; with a note for what cannot be loaded."""
    notes = []
    for one in dict.fromkeys((name, DEFAULT)):
        try:
            return named_reader(one), notes
        except InputError:
            if one != DEFAULT:
                notes = [("note_engine", {"name": one})]
    return None, [NO_READER]
