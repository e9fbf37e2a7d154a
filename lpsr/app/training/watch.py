"""What the page shows of a run while it goes on: where it stands, its stages, its pictures.

Everything comes from the files that the run's process writes, so that every page shows the same.
``static/train_watch.js`` keeps what is unfolded, and the newest pictures in sight, when the page is patched.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lpsr.app.language import Words
from lpsr.app.training.pictures import iterations, read, spaced
from lpsr.app.training.wording import decibels, duration, mark, number, what

if TYPE_CHECKING:
    # For annotations only: runs import torch, which the first paint need not wait for.
    from lpsr.training.curves import Curves
    from lpsr.training.runs import Run

PATCH_PAIRS, FILM_PLATES, FILM_COLUMNS = 8, 4, 8


class Seen(NamedTuple):
    """What the parts are made from: a part whose entry is the same as before need not be made again."""

    head: tuple
    stages: tuple
    patches: tuple
    film: tuple
    after: tuple


def fingerprint(run: "Run") -> Seen:
    """Names, states, and times and sizes of files; a few looks at the disk, whatever the run's length.

    Raises InputError where the run's log cannot be read.
    """
    from lpsr.training.curves import read_curves
    from lpsr.training.status import CHECKPOINT, EVALUATION, FILM, PATCHES, STATUS, TRAIN

    curves, exported = read_curves(run.folder / TRAIN), run.status.stages["export"].state
    state = run.name, run.status.created, run.status.state
    status = *state, _stamp(run.folder / STATUS)
    return Seen(
        (*status, run.place, curves.version),
        status,
        (*state, _stamp(run.folder / PATCHES)),
        (*state, _stamp(run.folder / FILM), len(curves.val_psnr.iterations)),
        (*state, exported, _stamp(run.folder / EVALUATION), _stamp(run.folder / CHECKPOINT)),
    )


def _stamp(path: Path) -> tuple[int, int] | None:
    """Of a folder: changes when a file in it comes, goes or is replaced."""
    with suppress(OSError):
        stat = path.stat()
        return stat.st_mtime_ns, stat.st_size
    return None


def header(run: "Run", curves: "Curves", words: Words) -> str:
    """Name, state, what is trained, how far it is, and its numbers; ``curves`` are those of the run's log."""
    status, settings = run.status, run.plan.settings
    train = status.stages["train"]
    running = status.state == "running"
    total = train.of or settings.iterations
    iteration = min(max(train.done, curves.iteration), total)
    pace = curves.speed if running and train.state == "running" else None
    numbers = {
        "iteration": words("train_watch.of", done=number(iteration), all=number(total)),
        "best": decibels(max(curves.val_psnr.values.tolist(), default=None)),
        "loss": f"{curves.total.values[-1]:.3g}" if curves.total.known else None,
        "pace": words("train_watch.per_second", value=f"{pace:.3g}") if pace else None,
        "left": duration((total - iteration) / pace, words) if pace else None,
        "elapsed": duration(status.seconds, words),
        "memory": words("train_watch.gigabytes", value=f"{status.memory / 1e9:.1f}") if status.memory else None,
    }
    if not running:
        del numbers["pace"], numbers["left"]
    tiles = "".join(
        f"<div><dt>{words.html(f'train_watch.{key}')}</dt><dd>{escape(value or '–')}</dd></div>"
        for key, value in numbers.items()
    )
    state = f"{mark(status.state)} <span>{_state(run, iteration, total, words)}</span>"
    return (
        f'<section class="watch-head {status.state}" data-run="{escape(run.name)}"><h2>{escape(run.name)}</h2>'
        f'<p class="watch-state" role="status">{state}</p>'
        f'<p class="watch-what">{escape(what(run, words))}</p>{_progress(run, words)}'
        f"<dl>{tiles}</dl></section>"
    )


def _state(run: "Run", iteration: int, total: int, words: Words) -> str:
    """The state in a sentence; HTML."""
    status = run.status
    if status.state == "running":
        name = _current(run)
        return words.html("train_watch.starting") if name is None else words.html(f"train_watch.running_{name}")
    if status.state == "queued":
        return words.html("train_watch.next" if run.place == 1 else "train_watch.queued", place=run.place)
    if status.state == "done" and status.early:
        return words.html("train_watch.early", done=number(iteration), all=number(total))
    # A paused run may say why.
    return words.html(f"train_watch.{status.state}", message=status.message).strip()


def _current(run: "Run") -> str | None:
    """The stage that is being worked on, or was when the run stopped; None before the first and after the last."""
    stages = run.status.stages.items()
    return next((name for name, stage in stages if stage.state in ("running", "failed")), None)


def _progress(run: "Run", words: Words) -> str:
    """Of the current stage; a bar without a value where it counts nothing."""
    name = _current(run)
    if name is None:
        return ""
    stage, title, value, percent = run.status.stages[name], words.html(f"train_watch.stage_{name}"), "", ""
    if stage.of:
        done = min(stage.done, stage.of)
        value, percent = f' value="{done}" max="{stage.of}"', f" {100 * done // stage.of} %"
    elif run.status.state != "running":
        return ""
    return (
        f'<div class="watch-progress"><progress role="progressbar" aria-label="{title}"{value}></progress>'
        f"<span>{title}{percent}</span></div>"
    )


def stages(run: "Run", words: Words, visible: bool = True) -> str:
    """The pipeline as a strip; ``visible`` False leaves out the names of files that another visitor uploaded."""
    parts = "".join(_stage(run, name, words) for name in run.status.stages)
    return (
        f'<section class="watch-pipeline"><ol class="watch-stages" aria-label="{words.html("train_watch.pipeline")}">'
        f"{parts}</ol>{_refused(run, words, visible)}</section>"
    )


def _stage(run: "Run", name: str, words: Words) -> str:
    stage = run.status.stages[name]
    state = stage.state
    if state == "running" and run.status.state != "running":
        # Where it stopped.
        state = "interrupted" if run.status.state == "interrupted" else "paused"
    lines = []
    if stage.of and (state in ("running", "paused", "interrupted", "failed")):
        lines.append(
            f"{words.html('train_watch.of', done=number(stage.done), all=number(stage.of))}"
            f'<progress aria-hidden="true" value="{min(stage.done, stage.of)}" max="{stage.of}"></progress>'
        )
    if state != "waiting":
        lines += [escape(one) for one in _facts(run, name, words)]
    seconds = duration(stage.seconds, words) if stage.seconds else ""
    step = ' aria-current="step"' if state == "running" else ""
    return (
        f'<li class="{state}"{step}>{mark(state)}<div><b>{words.html(f"train_watch.stage_{name}")}</b> '
        f'<span class="watch-time"><span class="unseen">{words.html(f"train_watch.is_{state}")} </span>'
        f"{escape(seconds) or words.html(f'train_watch.is_{state}')}</span>"
        f"{''.join(f'<small>{line}</small>' for line in lines)}</div></li>"
    )


def _facts(run: "Run", name: str, words: Words) -> Iterator[str]:
    """What a stage found or made, a line each."""
    stage = run.status.stages[name]
    facts = stage.facts
    if stage.state == "skipped":
        if name == "embedder":
            yield words("train_watch.no_embedder")
        return
    match name:
        case "data" if counts := facts.get("plates"):
            yield words("train_watch.plates", count=number(sum(counts.values())))
            yield " / ".join(f"{number(count)}\u00a0{split}" for split, count in counts.items())
        case "patches" if size := facts.get("size"):
            yield words("train_watch.pairs", count=facts["count"], height=size[0], width=size[1])
        case "embedder" if facts:
            yield facts.get("file") or words(f"train_watch.embedder_{facts['source']}")
            if facts.get("val_precision") is not None:
                scores = {key: f"{facts[f'val_{key}']:.2f}" for key in ("precision", "recall")}
                yield words("train_watch.embedder_scores", **scores)
        case "train":
            if facts.get("best") is not None:
                yield words(
                    "train_watch.best_at", value=decibels(facts["best"]), iteration=number(facts["best_iteration"])
                )
            if facts.get("device"):
                yield facts["device"]
            if facts.get("threads"):
                yield words("train_watch.threads", count=facts["threads"])
            if facts.get("gpu_memory"):
                yield words("train_watch.gpu_memory", value=f"{facts['gpu_memory'] / 1e9:.1f}")
        case "validate" if facts.get("val_psnr") is not None:
            yield f"PSNR {decibels(facts['val_psnr'])}"
            yield words("train_watch.plates", count=number(facts["n"]))
            yield words("train_watch.kept", iteration=number(facts["iteration"]))
            yield words("train_watch.weights", dtype=facts["dtype"])
        case "evaluate" if facts.get("psnr") is not None:
            yield f"PSNR {decibels(facts['psnr'])}"
            yield words("train_watch.bicubic", value=decibels(facts["bicubic"]))
            yield words("train_watch.plates", count=number(facts["n"]))
        case "export" if stage.state == "done":
            yield words("train_watch.exported")


def _refused(run: "Run", words: Words, visible: bool) -> str:
    facts = run.status.stages["data"].facts
    count = facts.get("refused_count")
    if not count:
        return ""
    heading = words.html("train_watch.refused", count=number(count))
    if not visible:
        return f'<p class="watch-refused">{heading}</p>'
    lines = [f"<li><b>{escape(file)}</b>: {escape(why)}</li>" for file, why in facts["refused"]]
    if count > len(lines):
        lines.append(f"<li>{words.html('train_watch.more', count=number(count - len(lines)))}</li>")
    key = escape(f"{run.name}/refused")
    return (
        f'<details class="watch-refused" data-key="{key}"><summary>{heading}</summary>'
        f"<ul>{''.join(lines)}</ul></details>"
    )


def patches(run: "Run", words: Words, visible: bool = True) -> str:
    """Pairs of HR and LR patches, as they are trained on; ``visible`` False says why there are none to see."""
    from lpsr.training.status import PATCHES

    if not visible:
        return _section("patches", f"<p>{words.html('train_watch.private')}</p>", words)
    pairs = []
    for index in range(PATCH_PAIRS):
        pair = [read(run.folder / PATCHES / f"{index}-{kind}.png") for kind in ("hr", "lr")]
        if all(pair):
            pairs.append(f"<li>{_patch('HR', *pair[0])}{_patch('LR', *pair[1])}</li>")
    content = f'<ul class="watch-patches">{"".join(pairs)}</ul>' if pairs else ""
    return _pictures(run, "patches", content, words)


def _patch(kind: str, uri: str, width: int, height: int) -> str:
    size = f"{kind} {width} × {height}"
    return (
        f'<figure><img class="{kind.lower()}" src="{uri}" alt="{size}" width="{width}" height="{height}">'
        f"<figcaption>{size}</figcaption></figure>"
    )


def film(run: "Run", words: Words, visible: bool = True) -> str:
    """The same validation plates, a row each: LR, what the network made of it over the iterations, HR.

    ``visible`` False gives nothing; ``patches`` says why.
    """
    from lpsr.training.curves import read_curves
    from lpsr.training.status import FILM, TRAIN

    if not visible:
        return ""
    folder = run.folder / FILM
    columns = spaced(iterations(folder), FILM_COLUMNS)
    val_psnr = read_curves(run.folder / TRAIN).val_psnr
    found = dict(zip(val_psnr.iterations.tolist(), val_psnr.values.tolist(), strict=True))
    names, titles = ["lr", *(f"{one:08d}" for one in columns), "hr"], ["LR", *map(number, columns), "HR"]
    rows = []
    for plate in range(FILM_PLATES if columns else 0):
        pictures = [read(folder / f"{name}-{plate}.png") for name in names]
        if any(pictures):
            rows.append(_row(plate, pictures, titles, words))
    small = ["", *(f"<small>{decibels(found.get(one)) or '–'}</small>" for one in columns), ""]
    head = "".join(f'<th scope="col">{one}{below}</th>' for one, below in zip(titles, small, strict=True))
    title = words.html("train_watch.film")
    table = (
        f'<div class="watch-film" role="region" tabindex="0" aria-label="{title}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    return _pictures(run, "film", table if rows else "", words)


def _row(plate: int, pictures: Sequence[Any], titles: Sequence[str], words: Words) -> str:
    cells = []
    for picture, title in zip(pictures, titles, strict=True):
        image = ""
        if picture:
            uri, width, height = picture
            alt = words.html("train_watch.plate", number=plate + 1, what=title)
            image = f'<img src="{uri}" alt="{alt}" width="{width}" height="{height}">'
        cells.append(image)
    return f'<tr><th scope="row">{cells[0]}</th>{"".join(f"<td>{one}</td>" for one in cells[1:])}</tr>'


def _pictures(run: "Run", key: str, content: str, words: Words) -> str:
    """A section of pictures, or a sentence that they will come; empty where none will."""
    if content:
        return _section(key, f"<p>{words.html(f'train_watch.{key}_how')}</p>{content}", words)
    coming = run.status.state in ("queued", "running")
    return _section(key, f"<p>{words.html(f'train_watch.no_{key}')}</p>", words) if coming else ""


def _section(key: str, content: str, words: Words) -> str:
    return f'<section class="watch-pictures"><h3>{words.html(f"train_watch.{key}")}</h3>{content}</section>'
