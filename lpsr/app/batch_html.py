"""What the tab *Batch* shows, as HTML."""

from collections.abc import Sequence
from html import escape
from itertools import count
from typing import TYPE_CHECKING, Any

from lpsr.app import cards
from lpsr.app.colours import colours
from lpsr.app.engines import title
from lpsr.app.gallery import data_uri, thumbnail
from lpsr.app.lab import describe
from lpsr.app.language import Words
from lpsr.app.link import Settings
from lpsr.app.verdict import rests, why
from lpsr.degrade import SCALE

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.batch import Item, Tally
    from lpsr.compare import Comparison, Result
    from lpsr.data.archive import Refused
    from lpsr.data.gather import Inputs, Source
    from lpsr.evidence import Verdict

# ``static/batch.js`` puts the rows in.
TABLE = '<div class="batch-scroll"><table class="batch-table batch-grows" role="table"><tbody></tbody></table></div>'
# Refused files that are named on the page, of each kind.
MOST_REFUSED = 20
# Reasons that are said outside of any fold: they are about many pictures.
_OPEN = ("index", "missing", "most")

_dialogs = count(1)


def name_of(source: "Source") -> str:
    """What the page calls a picture: its true text, else its file's name."""
    return source.text or _file_of(source)


def how(settings: Settings, models: Sequence[str], words: Words) -> str:
    """The settings that a batch would be compared with; ``models`` are those of them that load."""
    titles = ", ".join(_titles(models).values())
    values = {"how": describe(settings.degradation, words), "reader": title(settings.reader, words)}
    return f'<p class="batch-words">{words.html("batch.how", models=titles, **values)}</p>'


def found(inputs: "Inputs", words: Words, unfolded: bool = True) -> str:
    """How many files there are to compare, what was passed over, and which are duplicates or cannot be used."""
    known = sum(source.text is not None for source in inputs.sources)
    key = "found" if inputs.sources else "nothing"
    html = f'<p role="status">{words.html(f"batch.{key}", count=len(inputs.sources), known=known)}</p>'
    notes = [one for one in inputs.refused if one.reason in _OPEN]
    duplicates = [one for one in inputs.refused if one.reason == "duplicate"]
    unusable = [one for one in inputs.refused if one.reason not in (*_OPEN, "duplicate")]
    if notes:
        html += f'<div class="note batch-refused">{_reasons(notes, words)}</div>'
    for key, refused in (("refused", unusable), ("duplicates", duplicates)):
        if refused:
            heading = words.html(f"batch.{key}", count=len(refused))
            html += f'<details class="batch-refused"{" open" * unfolded}><summary>{heading}</summary>'
            html += f"{_reasons(refused, words)}</details>"
    return html


def _reasons(refused: "Sequence[Refused]", words: Words) -> str:
    lines = [
        f"{f'<b>{escape(one.file)}</b>: ' if one.file else ''}{words.html(f'batch.why_{one.reason}', **one.values)}"
        for one in refused[:MOST_REFUSED]
    ]
    more = len(refused) - MOST_REFUSED
    if more > 0:
        lines.append(words.html("batch.more", count=more))
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"


def span(seconds: float) -> tuple[str, int]:
    """The unit in which a time is said, "minutes" or "seconds", and how many."""
    return ("minutes", round(seconds / 60)) if seconds > 90 else ("seconds", max(round(seconds), 1))


def time_left(seconds: float, words: Words) -> str:
    """How long it still takes."""
    unit, value = span(seconds)
    return words.html(f"batch.{unit}_left", value=value)


def progress(done: int, total: int, left: float | None, words: Words) -> str:
    """A bar and the time left, in seconds, where it is known."""
    text = words.html("batch.running", done=done, all=total)
    if left is not None and done < total:
        text += " · " + time_left(left, words)
    return (
        f'<div class="batch-progress"><progress role="progressbar" value="{done}" max="{total}" '
        f'aria-label="{words.html("batch.progress")}"></progress><span>{text}</span></div>'
    )


def ended(
    done: int, total: int, tally: "Tally", seconds: float, minutes: int, notes: Sequence[str], words: Words
) -> str:
    """What became of the batch, and how long its ZIP is kept."""
    key = "done" if done == total else "stopped" if done else "stopped_none"
    more = []
    if tally.failed:
        more.append(words("batch.failed", count=len(tally.failed)))
    if tally.compared:
        more.append(words("batch.kept", minutes=minutes))
    return (
        note(words("batch." + key, done=done, all=total, seconds=seconds))
        + "".join(f'<p class="minor">{escape(one)}</p>' for one in more)
        + "".join(f'<p class="note">{escape(one)}</p>' for one in notes)
    )


def note(sentence: str) -> str:
    """A sentence in the place of the progress."""
    return f'<p class="batch-status" role="status">{escape(sentence)}</p>'


def head(models: Sequence[str], words: Words) -> str:
    """The first row of the table."""
    titles = ["LR", *_titles(models).values()]
    cells = [f'<th scope="col" role="columnheader">{escape(one)}</th>' for one in (words("batch.picture"), *titles)]
    return f'<tr class="head" role="row">{"".join(cells)}</tr>'


def row(item: "Item", number: int, models: Sequence[str], words: Words) -> str:
    """A picture: itself, LR, and what each model made of it; or why there is nothing.

    ``number``: its place among the pictures that were compared.
    """
    title = escape(item.source.file)
    name = f"<b>{escape(name_of(item.source))}</b>"
    if item.source.text:
        name += f"<small>{escape(_file_of(item.source))}</small>"
    if item.comparison is not None:
        name += _reliable(item.comparison.verdict, words)
    name = f'<span class="batch-name" title="{title}">{name}</span>'
    if item.comparison is None:
        return (
            f'<tr role="row" class="failed"><th scope="row" role="rowheader">{name}</th>'
            f'<td role="cell" colspan="{len(models) + 1}">{escape(item.error)}</td></tr>'
        )
    comparison = item.comparison
    by_name = {result.name: result for result in comparison.results}
    colour = colours(by_name)
    hr, lr = by_name["hr"], comparison.lr
    label = words.html("batch.show", name=name_of(item.source))
    cells = "".join(_cell(by_name[model], comparison, colour[model], words) for model in models)
    # Enlarged to about the size of the other pictures, pixel by pixel.
    factor = max(min(48 // lr.shape[0], 128 // lr.shape[1]), 1)
    small = f'width="{lr.shape[1] * factor}" height="{lr.shape[0] * factor}"'
    return (
        f'<tr role="row" data-number="{number}"><th scope="row" role="rowheader"><div class="batch-picture">'
        f'<button type="button" data-number="{number}" aria-label="{label}">'
        f'<img src="{data_uri(thumbnail(hr.picture))}" alt=""></button>'
        f"<div>{name}{cards.chips(hr.reading, comparison.text, words, comparison.threshold)}</div></div></th>"
        f'<td role="cell" data-label="LR"><img class="lr" src="{data_uri(lr)}" alt="LR" {small}></td>{cells}</tr>'
    )


def legend(inputs: "Inputs", words: Words, threshold: float | None = None) -> str:
    """What the marks of the readings mean; ``threshold`` is the reader's."""
    return cards.legend(any(source.text for source in inputs.sources), words, threshold)


def summary(scores: dict[str, Any], words: Words) -> str:
    """The table of ``Tally.summary``."""
    models = scores["models"]
    colour = colours(models)
    n_read = max(one.get("n_read", 0) for one in models.values())
    columns = {"psnr": ("PSNR, dB", 2), "psnr_y": ("PSNR_Y, dB", 2), "ssim": ("SSIM", 3)}
    columns["gain"] = words("batch.gain"), 2
    titles = [words("batch.model"), *(title for title, _ in columns.values())]
    titles += [words("batch.exact"), words("batch.characters")] if n_read else []
    html = "".join(f'<th scope="col" role="columnheader">{escape(one)}</th>' for one in titles)
    rows = [f'<tr class="head" role="row">{html}</tr>']
    for name, one in models.items():
        cells = [(title, _median(one[key], digits)) for key, (title, digits) in columns.items()]
        if n_read:
            low, high = (f"{100 * share:.1f}" for share in one["exact_ci95"])
            cells.append((words("batch.exact"), f"<b>{100 * one['exact']:.1f}</b> <i>[{low}, {high}]</i>"))
            cells.append((words("batch.characters"), f"<b>{100 * one['char_accuracy']:.1f}</b>"))
        html = "".join(
            f'<td role="cell" data-label="{escape(title)}"{" class=none" * (text == "–")}><span>{text}</span></td>'
            for title, text in cells
        )
        rows.append(
            f'<tr role="row"><th scope="row" role="rowheader"><span class="name" style="--model: {colour[name]}">'
            f"{escape(one['title'])}</span></th>{html}</tr>"
        )
    notes = [words.html("batch.note", n=scores["compared"])]
    notes.append(words.html("batch.note_read", n=n_read) if n_read else words.html("batch.note_unread"))
    return (
        f'<section class="batch-summary"><h2>{words.html("batch.summary")}</h2><div class="batch-scroll">'
        f'<table class="batch-table" role="table"><tbody>{"".join(rows)}</tbody></table></div>'
        f'<p class="minor">{" ".join(notes)}</p></section>'
    )


def detail(comparison: "Comparison | None", names: Sequence[str], number: int, words: Words) -> str:
    """One picture in full; ``comparison`` is None where it was not kept."""
    steps = "".join(
        f'<button type="button" data-number="{to}" data-step="{key}" '
        f'aria-label="{words.html(f"batch.{key}")}"{"" if 0 <= to < len(names) else " disabled"}>'
        f"{mark}</button>"
        for key, to, mark in (("previous", number - 1, "‹"), ("next", number + 1, "›"))
    )
    steps = f"<span>{words.html('batch.position', number=number + 1, all=len(names))}</span>{steps}"
    if comparison is None:
        return dialog(names[number], f"<p>{words.html('batch.too_large')}</p>", steps, words, number)
    colour = colours(result.name for result in comparison.results)
    shown = "".join(cards.card(one, comparison, words, colour[one.name]) for one in comparison.results)
    height, width = comparison.lr.shape[:2]
    size = {"width": width, "height": height, "hr_width": width * SCALE, "hr_height": height * SCALE}
    line = words.html("compare.sizes", **size, how=describe(comparison.degradation, words))
    if comparison.text:
        line = f'{words.html("compare.truth")} <b class="truth">{escape(comparison.text)}</b> · {line}'
    lines = [line]
    verdict = comparison.verdict
    if verdict is not None and verdict.supports:
        lines.append(f"{_reliable(verdict, words)} <b>{escape(verdict.reliable)}</b>")
        lines.append(rests(comparison, words) + (why(verdict, words) if verdict.reason else ""))
    content = "".join(f"<p>{one}</p>" for one in lines if one)
    return dialog(names[number], f'{content}<div class="cards">{shown}</div>', steps, words, number)


def dialog(name: str, content: str, steps: str, words: Words, number: int = 0) -> str:
    """A dialog that ``static/batch.js`` opens; ``number`` is the row that it returns to."""
    return (
        f'<dialog aria-label="{escape(name)}" data-row="{number}" data-serial="{next(_dialogs)}"><header>'
        f'<b>{escape(name)}</b>{steps}<form method="dialog"><button autofocus>{words.html("batch.close")}</button>'
        f"</form></header>{content}</dialog>"
    )


def _file_of(source: "Source") -> str:
    return source.file.rpartition("/")[2]


def _titles(models: Sequence[str]) -> dict[str, str]:
    from lpsr.checkpoints import load_restorer

    return {name: load_restorer(name).title for name in models}


def _cell(result: "Result", comparison: "Comparison", colour: str, words: Words) -> str:
    gain = "" if result.name == "bicubic" else f'<span class="gain">{cards.gain(result, words)}</span>'
    return (
        f'<td role="cell" data-label="{escape(result.title)}" style="--model: {colour}"><span class="numbers">'
        f"{result.psnr:.2f} dB{gain}</span>"
        f"{cards.chips(result.reading, comparison.text, words, comparison.threshold)}</td>"
    )


def _reliable(verdict: "Verdict | None", words: Words) -> str:
    """How many characters of a picture are reliable, which ones in the hint."""
    if verdict is None or not verdict.supports:
        return ""
    hint = escape(verdict.reliable)
    if verdict.reason:
        hint += " – " + why(verdict, words)
    count = sum(one.status == "reliable" for one in verdict.supports)
    return f'<small title="{hint}">{words.html("batch.reliable", count=count, all=len(verdict.supports))}</small>'


def _median(summary: dict[str, Any] | None, digits: int) -> str:
    if summary is None:
        return "–"
    low, high = summary["ci95"]
    median, std = summary["median"], summary["std"]
    text = f"<b>{median:.{digits}f}</b> ± {std:.{digits}f} <i>[{low:.{digits}f}, {high:.{digits}f}]</i>"
    return text.replace("-", "−")
