"""What visitors of a page may train, from the environment: a public page must not be worn out by one of them."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the page's start need not wait for.
    from lpsr.training.plan import Plan

Mode = Literal["off", "demo", "full"]
# Bytes of a ZIP of plates to train on.
MOST_UPLOAD = 2 * 2**30


@dataclass(frozen=True)
class Bounds:
    """The limits of one page.

    Attributes:
        mode: "demo" allows the preset of that name alone, with any loss and seed.
        gigabytes: of all runs together (10⁹ bytes).
        minutes: of training in one run, after which what it has is kept; None is no limit. An embedder of the run's own
            has as many.
        queue: runs that may wait.
    """

    mode: Mode
    gigabytes: float
    minutes: float | None
    queue: int

    def check(self, plan: "Plan") -> None:
        """Raises InputError where the plan is not allowed."""
        from lpsr.training.plan import preset

        if self.mode == "off":
            raise InputError("Training is switched off on this page.")
        settings = plan.settings
        if self.mode == "demo":
            allowed = preset("demo", plan.name, settings.loss.model_dump())
            allowed = allowed.model_copy(
                update={"settings": allowed.settings.model_copy(update={"seed": settings.seed})}
            )
            if plan != allowed:
                raise InputError("This page trains the two-minute demo only; choose its loss and seed.")


def bounds(hosted: bool) -> Bounds:
    """The limits of this process.

    LPSR_TRAINING is "off", "demo" or "full"; without it a page that others can reach (``hosted``) trains the demo only.
    LPSR_TRAINING_GB, LPSR_TRAINING_MINUTES and LPSR_TRAINING_QUEUE are the numbers. Raises InputError for other values.
    """
    mode = os.environ.get("LPSR_TRAINING") or ("demo" if hosted else "full")
    if mode not in get_args(Mode):
        raise InputError(f"LPSR_TRAINING is {mode!r}; set it to off, demo or full.")
    demo = mode == "demo"
    return Bounds(
        mode,
        _number("LPSR_TRAINING_GB") or (1.0 if demo else 50.0),
        _number("LPSR_TRAINING_MINUTES") or (10.0 if demo else None),
        int(_number("LPSR_TRAINING_QUEUE") or (4 if demo else 32)),
    )


def _number(name: str) -> float | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise InputError(f"{name} is {text!r}; set it to a number above 0, or leave it out.")
    return value
