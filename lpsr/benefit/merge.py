"""Results of the same experiment measured in parts: classes by several processes, and votes."""

from collections.abc import Mapping, Sequence
from typing import Any

from lpsr.benefit.frames import VoteCurve
from lpsr.benefit.result import CLASSES, Benefit, Crop, Model, ReaderFacts
from lpsr.errors import InputError

# Of a passport, what parts may differ in.
_OWN = ("most", "votes")


def check_alike(
    parts: Sequence[Benefit],
    *,
    command: str,
    passport: Mapping[str, Any],
    crop: Crop,
    models: Sequence[Model],
    readers: Sequence[ReaderFacts],
) -> None:
    """Raises InputError where a part was measured otherwise than these facts of a ``Benefit`` say (``command`` aside),
    or two have one class or both have votes."""
    for part in parts:
        keys = passport.keys() | part.passport.keys()
        apart = sorted(key for key in keys if key not in _OWN and passport.get(key) != part.passport.get(key))
        apart += [key for key, own in (("models", models), ("readers", readers)) if tuple(own) != getattr(part, key)]
        if crop != part.crop and "crop" not in apart:
            apart.append("crop")
        if apart:
            raise InputError(
                f"A result to be taken up was measured otherwise: {', '.join(apart)}; measure all parts alike."
            )
    names = [one.name for part in parts for one in part.classes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"Two results have the class {twice[0]}; take up one of them.")
    if sum(part.votes is not None for part in parts) > 1:
        raise InputError("Two results have votes; take up one of them.")


def joined(parts: Sequence[Benefit]) -> Benefit:
    """Parts that are alike (``check_alike``) as one; their classes in order, their commands a line each."""
    first = parts[0]
    most = {key: value for part in parts for key, value in (part.passport.get("most") or {}).items()}
    votes = [part for part in parts if part.votes is not None]
    passport = {**first.passport, "most": most, **({"votes": votes[0].passport.get("votes")} if votes else {})}
    return Benefit(
        command="\n".join(dict.fromkeys(line for part in parts for line in part.command.splitlines())),
        passport=passport,
        crop=first.crop,
        models=first.models,
        readers=first.readers,
        classes=sorted((one for part in parts for one in part.classes), key=lambda one: CLASSES.index(one.name)),
        votes=votes[0].votes if votes else None,
    )


def with_votes(benefit: Benefit, votes: Sequence[VoteCurve], facts: Mapping[str, Any], command: str) -> Benefit:
    """The result with votes, in place of those it had; ``facts`` are ``lpsr.benefit.frames.facts``, ``command`` is what
    made them."""
    lines = dict.fromkeys([*benefit.command.splitlines(), *command.splitlines()])
    passport = {**benefit.passport, "votes": dict(facts)}
    return Benefit(**{**dict(benefit), "command": "\n".join(lines), "passport": passport, "votes": votes})
