"""What a visitor may do with the runs, and see of them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.training.bounds import Mode
    from lpsr.training.runs import Run


def owner(token: Any) -> str:
    """What a run keeps of the token that a browser sends, which may be anything; empty where it is no token."""
    from lpsr.training.queue import owner_of

    return owner_of(token) if isinstance(token, str) else ""


def may_steer(run: "Run", token: Any, mode: "Mode") -> bool:
    """Whether a visitor may steer a run: on a public page only who asked for it."""
    return mode == "full" or (mode == "demo" and run.status.owner == owner(token) != "")


def may_see(run: "Run", token: Any) -> bool:
    """Whether a visitor may see a run's plates: those that somebody uploaded are for that visitor alone."""
    return run.plan.data.kind != "zip" or run.status.owner in ("", owner(token))
