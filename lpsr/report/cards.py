"""What the cards of the shipped checkpoints say of their training: whether they differ in the loss alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lpsr.report.selection import EUCLIDEAN, MANHATTAN, Loss, loss_of
from lpsr.report.settings import settings_apart
from lpsr.report.shapes import Finding
from lpsr.results import Measurement, RunRecord

if TYPE_CHECKING:
    from lpsr.checkpoints import Card

# Of a card, what its recipe does not say.
_BESIDE = ("architecture", "init_sha256", "stopped_iteration", "data")


def card_of(name: str, test: Measurement, cards: Sequence["Card"]) -> "Card | None":
    """The card of the very weights that were measured; None where it is not among ``cards``."""
    return next((card for card in cards if card.name == name and card.sha256 == test.models[name].sha256), None)


def where_shipped(own: "Card | None", other: "Card | None") -> tuple[Finding, bool]:
    """What a comparison of two shipped checkpoints says of their training, and whether they were trained alike but for
    the loss."""
    if own is None or other is None:
        return Finding("where_shipped_unknown"), False
    if apart := trained_apart(own, other):
        return Finding("where_shipped_apart", {"settings": ", ".join(apart)}), False
    return Finding("where_shipped"), True


def trained_apart(own: "Card", other: "Card") -> list[str]:
    """What two trainings differ in but for the loss, of two PECL losses but for the distance: settings and facts."""
    pecl = {loss_of(own).model, loss_of(other).model} <= {EUCLIDEAN, MANHATTAN}
    aside = ("loss",) if pecl else ("loss", *Loss._fields)
    facts = (*_BESIDE, "embedder_sha256") if pecl else _BESIDE
    return [
        *(name for name in settings_apart(own, other) if name not in aside),
        *(name for name in facts if getattr(own, name) != getattr(other, name)),
    ]


def is_of(card: "Card", run: RunRecord) -> bool:
    """Whether a checkpoint was made of a run; its weights may be rounded to half precision."""
    facts = ("recipe", "data", "kept_iteration", "seconds")
    return all(getattr(card, name) == getattr(run, name) for name in facts)
