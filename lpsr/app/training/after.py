"""What came of a run: its evaluation beside bicubic and the shipped checkpoints, and its card."""

import json
from html import escape
from typing import TYPE_CHECKING, Any

from lpsr.app import passports
from lpsr.app.colours import colours
from lpsr.app.language import Words
from lpsr.app.training.downloads import weights_of
from lpsr.app.training.wording import decibels, duration, loss, number
from lpsr.errors import InputError
from lpsr.files import read_json

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.training.runs import Run

# Title, key and digits of what has a median, and keys of the shares.
_FIDELITY = (("PSNR, dB", "psnr", 2), ("PSNR_Y, dB", "psnr_y", 2), ("SSIM", "ssim", 3))
_SHARES = ("exact", "ge6", "ge5", "char_accuracy")


def table(run: "Run", words: Words) -> str:
    """The scores on the test split, this run last and marked; empty before there are any."""
    from lpsr.training.status import EVALUATION

    path = run.folder / EVALUATION
    if not path.is_file():
        return ""
    try:
        return _table(run, read_json(path), words)
    except (InputError, AttributeError, KeyError, TypeError, ValueError):
        return f'<p class="note">{words.html("train_after.damaged")}</p>'


def _table(run: "Run", result: dict[str, Any], words: Words) -> str:
    models, passport = result["models"], result["passport"]
    columns = [title for title, _, _ in _FIDELITY] + [words(f"train_after.{key}") for key in ("confidence", *_SHARES)]
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in (words("train_after.model"), *columns))
    title = words.html("train_after.evaluation")
    return (
        f'<section class="after"><h2>{title}</h2><p>{_basis(run, passport, words)}</p>'
        f'<div class="after-scroll" role="region" tabindex="0" aria-label="{title}"><table>'
        f'<caption class="unseen">{title}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{_body(run, models, words)}</tbody></table></div><p>{_notes(models, words)}</p>"
        f"{_folded(run, 'passport', passports.facts(passport), words)}</section>"
    )


def _body(run: "Run", models: dict[str, Any], words: Words) -> str:
    colour = colours(models)
    rows = []
    for name, one in models.items():
        own = name == run.name
        title = escape(name) + _own(words) if own else escape(_title(name))
        cells = [_median(one[key], digits) for _, key, digits in _FIDELITY]
        cells.append(_median(one.get("ocr_confidence"), 3))
        cells += [_share(one.get(key), one.get("exact_ci95") if key == "exact" else None) for key in _SHARES]
        rows.append(
            f'<tr{" class=own" * own}><th scope="row" style="--model: {colour[name]}">{title}</th>'
            f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        )
    return "".join(rows)


def _own(words: Words) -> str:
    return f"<small>{words.html('train_after.this_run')}</small>"


def _title(name: str) -> str:
    from lpsr.checkpoints import load_restorer, read_card

    try:
        return load_restorer(name).title if name == "bicubic" else read_card(name).title
    except InputError:
        # Deleted since.
        return name


def _median(summary: dict[str, Any] | None, digits: int) -> str:
    if summary is None:
        return "–"
    low, high = summary["ci95"]
    text = f"<b>{summary['median']:.{digits}f}</b> ± {summary['std']:.{digits}f}"
    return f"{text}<small>[{low:.{digits}f}, {high:.{digits}f}]</small>".replace("-", "−")


def _share(value: float | None, interval: list[float] | None) -> str:
    """In percent."""
    if value is None:
        return "–"
    more = f"<small>[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]</small>" if interval else ""
    return f"<b>{100 * value:.1f}</b>{more}"


def _basis(run: "Run", passport: dict[str, Any], words: Words) -> str:
    """What the scores were measured on, and what they therefore do not say; HTML."""
    key = "generated" if run.plan.data.kind == "generated" else "plates"
    sentences = [words(f"train_after.on_{key}", count=number(passport["n"]))]
    stage = run.status.stages["train"]
    if run.status.early:
        of = {"done": number(stage.done), "all": number(stage.of or run.plan.settings.iterations)}
        sentences.append(words("train_after.early", **of))
    return escape(words("train_after.space").join(sentences))


def _notes(models: dict[str, Any], words: Words) -> str:
    read = max(one.get("n_read", 0) for one in models.values())
    sentences = [words("train_after.how", count=number(max(one["n"] for one in models.values())))]
    sentences.append(words("train_after.read", count=number(read)) if read else words("train_after.unread"))
    return escape(words("train_after.space").join(sentences))


def card(run: "Run", words: Words) -> str:
    """The checkpoint's card in words, and as it is; empty before there is one."""
    from lpsr.checkpoints import read_card

    weights = weights_of(run)
    try:
        size = weights.stat().st_size
    except OSError:
        return ""
    try:
        one = read_card(run.name, weights.parent)
    except InputError:
        return f'<p class="note">{words.html("train_after.card_damaged")}</p>'
    facts = {
        "loss": loss(one.loss, words),
        "data": "; ".join(
            words("train_after.source", name=source["name"], count=number(source["plates"])) for source in one.data
        ),
        "iterations": words("train_after.kept", all=number(one.iterations), kept=number(one.kept_iteration)),
        "batch": str(one.batch),
        "seed": str(one.seed),
        "validation": _validation(one.validation, words),
        "device": words("train_after.threads", device=one.device, count=one.threads, precision=one.precision),
        "seconds": duration(one.seconds, words),
        "weights": words("train_after.size", megabytes=f"{size / 1e6:.1f}", dtype=one.weights_dtype),
        "sha256": f"{one.sha256[:16]}…",
        "licence": one.licence,
    }
    listed = "".join(
        f"<div><dt>{words.html(f'train_after.card_{key}')}</dt><dd>{escape(value or '–')}</dd></div>"
        for key, value in facts.items()
    )
    text = escape(json.dumps(one.model_dump(mode="json"), ensure_ascii=False, indent=2))
    return (
        f'<section class="after"><h2>{words.html("train_after.card", name=run.name)}</h2>'
        f'<dl class="after-facts">{listed}</dl>{_folded(run, "json", f"<pre tabindex=0>{text}</pre>", words)}</section>'
    )


def _validation(scores: dict[str, Any], words: Words) -> str:
    if "val_psnr" not in scores:
        return ""
    values = {"psnr": decibels(scores["val_psnr"]), "psnr_y": decibels(scores["val_psnr_y"])}
    return words("train_after.validated", **values, count=number(scores["n"]))


def _folded(run: "Run", key: str, content: str, words: Words) -> str:
    """Details whose ``data-key`` lets ``static/train_watch.js`` keep them open."""
    return (
        f'<details data-key="{escape(run.name)}/{key}"><summary>{words.html(f"train_after.{key}")}</summary>'
        f"{content}</details>"
    )
