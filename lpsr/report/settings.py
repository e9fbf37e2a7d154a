"""What trainings were set to, in words: where two differ, and what several have in common."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lpsr.report.selection import EUCLIDEAN, MANHATTAN, TITLES, loss_of
from lpsr.results import RunRecord

if TYPE_CHECKING:
    from lpsr.checkpoints import Card


def settings_apart(run: "RunRecord | Card", baseline: "RunRecord | Card") -> dict[str, str]:
    """What a run was trained with otherwise than the baseline: values by the settings' names, "–" for one it lacks."""
    own, other = _flat(run), _flat(baseline)
    return {key: own.get(key, "–") for key in {**own, **other} if own.get(key) != other.get(key)}


def shared_settings(runs: Sequence[RunRecord]) -> dict[str, str]:
    """What the PECL runs of a study have in common of their loss; of a single one nothing."""
    losses = [_loss_settings(run) for run in runs if loss_of(run).model in (EUCLIDEAN, MANHATTAN)]
    if len(losses) < 2:
        return {}
    return {key: value for key, value in losses[0].items() if all(one.get(key) == value for one in losses)}


def _flat(run: "RunRecord | Card") -> dict[str, str]:
    values = _loss_settings(run)
    for key, value in run.recipe.items():
        if key in ("loss", "data", "validation", "embedder", "recogniser", "log_every", "validate_every"):
            continue
        inner = value if isinstance(value, Mapping) else {key: value}
        values |= {name: _plain(one) for name, one in inner.items()}
    total = sum(float(one.get("share") or 0) for one in run.data) or 1.0
    values |= {f"share of {one.get('name')}": f"{float(one.get('share') or 0) / total:.2g}" for one in run.data}
    return values


def _loss_settings(run: "RunRecord | Card") -> dict[str, str]:
    loss = loss_of(run)._asdict()
    model = loss.pop("model")
    known = {key: _plain(value) for key, value in loss.items() if value is not None}
    return {"loss": TITLES.get(model, model), **known}


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " × ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
