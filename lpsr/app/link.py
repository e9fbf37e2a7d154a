"""A page's state as the query of its address, and back: "plate=rendered-5&preset=night&models=mse,my-run"."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from lpsr.app.engines import ENGINES
from lpsr.degrade import PAPER, PRESETS, SCALE, Degradation
from lpsr.errors import InputError
from lpsr.readers import DEFAULT as DEFAULT_READER


@dataclass(frozen=True)
class Settings:
    """What a plate is compared with: a degradation, and checkpoints in the order of the page; and who reads it.

    ``models`` None stands for the checkpoints that ship; ``reader`` is one of ``lpsr.app.engines.ENGINES``.
    """

    degradation: Degradation = PAPER
    models: tuple[str, ...] | None = None
    reader: str = DEFAULT_READER


DEFAULT = Settings()
_TYPES = {"kernel": str, "blur_at": str, "noise_at": str, "jpeg_at": str, "jpeg": int, "seed": int}
_FIELDS = {field.name: _TYPES.get(field.name, float) for field in fields(Degradation) if field.name != "scale"}
# What the page may leave in its address for a plate and its settings.
KEYS = ("plate", "preset", "models", "reader", *_FIELDS)


def preset_of(degradation: Degradation) -> str | None:
    """The preset that a degradation is, None for one of the visitor's own."""
    return next((name for name, preset in PRESETS.items() if preset == degradation), None)


def to_query(plate: str, settings: Settings) -> str:
    """The query that opens a plate of a shelf with these settings; defaults are left out."""
    values = {"plate": plate}
    preset = preset_of(settings.degradation)
    if preset is None:
        values |= {
            name: getattr(settings.degradation, name)
            for name in _FIELDS
            if getattr(settings.degradation, name) != getattr(PAPER, name)
        }
    elif preset != "paper":
        values["preset"] = preset
    if settings.models is not None:
        values["models"] = ",".join(settings.models)
    if settings.reader != DEFAULT_READER:
        values["reader"] = settings.reader
    return urlencode(values, safe=",")


def from_query(query: Mapping[str, str]) -> Settings:
    """The settings that a query names. Raises InputError for values that cannot be used."""
    models = tuple(filter(None, query["models"].split(","))) if "models" in query else None
    reader = query.get("reader", DEFAULT_READER)
    if reader not in ENGINES:
        raise InputError(f"There is no reader {reader!r}; choose one of {', '.join(ENGINES)}.")
    if "preset" in query:
        if query["preset"] not in PRESETS:
            raise InputError(f"There is no preset {query['preset']!r}; choose one of {', '.join(PRESETS)}.")
        return Settings(PRESETS[query["preset"]], models, reader)
    values = {}
    for name, kind in _FIELDS.items():
        if name in query:
            try:
                values[name] = kind(query[name])
            except ValueError:
                raise InputError(f"{name} cannot be {query[name]!r}.") from None
    return Settings(Degradation(scale=SCALE, **values), models, reader)
