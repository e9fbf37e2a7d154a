"""How the training tab says things: states, amounts, times, what a run trains."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from lpsr.app.language import Words
from lpsr.app.training.values import network_of

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.losses.criterion import LossConfig
    from lpsr.training.plan import Plan
    from lpsr.training.recipe import Settings
    from lpsr.training.runs import Run

_RING = '<circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.6"{}/>'
_FULL = '<circle cx="8" cy="8" r="7.3" fill="currentColor"/>'
_CUT = '<path d="{}" fill="none" stroke="var(--body-background-fill)" stroke-width="1.8"/>'
_LINE = '<path d="{}" fill="none" stroke="currentColor" stroke-width="1.8"/>'
# A shape for each state, so that colour is not needed to tell them apart.
_SHAPES = {
    "waiting": _RING.format(""),
    "running": _RING.format("") + '<circle cx="8" cy="8" r="3.2" fill="currentColor"/>',
    "done": _FULL + _CUT.format("M4.6 8.3 7 10.7l4.5-5.1"),
    "skipped": _RING.format(' stroke-dasharray="2.6 2.5"') + _LINE.format("M5 8h6"),
    "paused": _RING.format("") + _LINE.format("M6.3 5v6M9.7 5v6"),
    "interrupted": '<path d="M8 1.8 15 14.2H1Z" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    + _LINE.format("M8 6v4M8 11.2v1.4"),
    "failed": '<rect x="1" y="1" width="14" height="14" fill="currentColor"/>'
    + _CUT.format("M4.8 4.8l6.4 6.4m0-6.4-6.4 6.4"),
}


def mark(state: str) -> str:
    """The shape of a run's or a stage's state; for the eye alone, the word beside it says the same."""
    shape = _SHAPES["waiting" if state == "queued" else state]
    return f'<svg class="watch-mark {state}" viewBox="0 0 16 16" aria-hidden="true">{shape}</svg>'


def number(value: int) -> str:
    """A whole number, its thousands apart by narrow spaces that do not break."""
    return f"{value:,}".replace(",", "\u202f")


def decibels(value: float | None) -> str | None:
    """A PSNR; None where there is none (None, NaN)."""
    return None if value is None or isnan(value) else f"{value:.2f} dB"


def duration(seconds: float, words: Words) -> str:
    """A time in its two largest units."""
    if seconds < 9.95:
        return words("train_watch.seconds", value=f"{seconds:.1f}")
    seconds = round(seconds)
    if seconds < 60:
        return words("train_watch.seconds", value=seconds)
    if seconds < 3600:
        return words("train_watch.minutes", minutes=seconds // 60, seconds=seconds % 60)
    minutes = round(seconds / 60)
    return words("train_watch.hours", hours=number(minutes // 60), minutes=minutes % 60)


def what(run: "Run", words: Words) -> str:
    """Loss, network, data and budget in one line of plain text."""
    parameters = run.status.stages["train"].facts.get("parameters")
    return f"{loss(run.plan.settings.loss, words)} · {budget(run.plan, words, parameters)}"


def budget(plan: "Plan", words: Words, parameters: int | None = None) -> str:
    """Network, data and iterations in one line of plain text; ``parameters`` where they were counted."""
    settings = plan.settings
    size = network(settings, words)
    if parameters is not None:
        size += f", {words('train_watch.parameters', value=f'{parameters / 1e6:.2f}')}"
    iterations = words("train_watch.budget", iterations=number(settings.iterations), batch=settings.batch)
    return " · ".join((size, _data(plan, words), iterations))


def loss(config: "LossConfig", words: Words) -> str:
    """A loss, with what of its settings takes effect."""
    if config.kind == "mse":
        return "MSE"
    parts = [config.form, f"d {config.d}"]
    if config.form != "attract":
        parts.append(words("train_watch.margin", value=f"{config.margin:g}"))
    fixed = config.weighting == "fixed"
    parts.append(
        f"w_contrastive {config.w_contrastive:g}" if fixed else words("train_watch.weighting", name=config.weighting)
    )
    return f"PECL-{config.distance.capitalize()} ({', '.join(parts)})"


def network(settings: "Settings", words: Words) -> str:
    """A network by its name on the page, or by its size."""
    config = settings.network
    name = network_of(settings) or getattr(config, "architecture", "own")
    return words(f"train_watch.network_{name}", **dict(config))


def _data(plan: "Plan", words: Words) -> str:
    """Without paths: of a folder its last part, of an upload not even its name."""
    source = plan.data
    if source.kind == "generated":
        return words("train_watch.generated", count=number(source.count), seed=source.seed)
    return Path(source.folder).name if source.kind == "folder" else words("train_watch.uploaded")
