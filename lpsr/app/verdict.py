"""The evidence of a comparison as HTML: the verdict, each character out of every picture, consistency with LR."""

import json
from collections.abc import Sequence
from html import escape
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from lpsr.app.cards import chip_title, confidence, marked
from lpsr.app.colours import colours
from lpsr.app.gallery import data_uri
from lpsr.app.language import Words
from lpsr.data.layout import character_boxes
from lpsr.images import viridis
from lpsr.plates import LENGTHS

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Comparison, Result
    from lpsr.evidence import Support, Verdict

_UNREAD = '<b class="chip waiting" aria-hidden="true">·</b><i class="bar" style="--value: 0"></i><small>&nbsp;</small>'


def html(comparison: "Comparison", words: Words, pending: bool = False) -> str:
    """The whole section; where readings are still to come (``pending``) their places are kept.

    ``static/verdict.js`` draws the characters from the pictures of the cards, ``.card[data-model] img.plate``.
    """
    colour = colours(result.name for result in comparison.results)
    boxes = _boxes(comparison)
    read = [result.reading.plate_text for result in comparison.results if result.reading]
    columns = max(map(len, [comparison.text or "", *read])) or len(boxes)
    notes = [words.html("verdict.how")]
    if comparison.restorations:
        notes.append(words.html("verdict.decide"))
    if comparison.corners is None:
        notes.append(words.html("verdict.assumed"))
    return (
        f'<section class="evidence" data-boxes="{json.dumps(boxes.tolist())}" style="--columns: {columns}">'
        f"<h2>{words.html('verdict.heading')}</h2>{_verdict(comparison, columns, words, pending)}"
        f'{_legend(comparison, words)}<p class="small">{" ".join(notes)}</p>'
        f'<div class="closeup">{_matrix(comparison, columns, boxes, colour, words)}'
        f"{_strip(comparison.results, colour)}</div>"
        f"<h2>{words.html('verdict.fit')}</h2>{_consistency(comparison, colour, words)}</section>"
    )


def _boxes(comparison: "Comparison") -> np.ndarray:
    """Where each character lies in the pictures, ``(n, 4)``; without corners the picture is taken as the plate."""
    height, width = comparison.results[0].picture.shape[:2]
    texts = comparison.text, comparison.verdict and comparison.verdict.text
    text = next((one for one in texts if one and len(one) in LENGTHS), " " * min(LENGTHS))
    whole = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    return character_boxes(text, whole if comparison.corners is None else comparison.corners, (width, height))


def _verdict(comparison: "Comparison", columns: int, words: Words, pending: bool) -> str:
    """The tiles, and at most three lines."""
    verdict = comparison.verdict
    if verdict is None or not verdict.supports:
        tiles = '<b class="tile"></b>' * columns
        key = "pending" if pending else "unread" if verdict else "no_reader"
        if not comparison.restorations:
            key = "no_checkpoint"
        lines = [words.html(f"verdict.{key}"), f"<strong>{words.html('verdict.ban')}</strong>"]
    else:
        tiles = "".join(_tile(one, words.html(f"verdict.{one.status}")) for one in verdict.supports)
        alone = len(comparison.restorations) == 1
        basis = words.html("verdict.alone") if alone else rests(comparison, words) + _measured(verdict, words)
        lines = [_found(verdict, comparison.text, words), basis, _conclusion(verdict, words)]
    return (
        f'<div class="verdict" aria-busy="{str(pending).lower()}"><p class="tiles">{tiles}</p>'
        f'<div class="findings">{"".join(f"<p>{line}</p>" for line in lines)}</div></div>'
    )


def rests(comparison: "Comparison", words: Words) -> str:
    """Which checkpoints alone decide, as HTML that a sentence may follow; empty where all of them do."""
    deciding = _deciding(comparison)
    names = [one.title for one in comparison.restorations if one.name in deciding]
    if len(names) == len(comparison.restorations):
        return ""
    return escape(words("verdict.rests", names=words("verdict.comma").join(names)) + words("verdict.space"))


def _deciding(comparison: "Comparison") -> set[str]:
    """The checkpoints whose readings the verdict rests on; all of them before there is one."""
    supports = comparison.verdict.supports if comparison.verdict else ()
    found = {name for one in supports for name, _, _ in one.readings}
    return found or {one.name for one in comparison.restorations}


def why(verdict: "Verdict", words: Words) -> str:
    """Why nothing was measured, as HTML; for a verdict with a ``reason``."""
    narrowest, widest = verdict.widths or (0, 0)
    return words.html(f"verdict.why_{verdict.reason}", narrowest=narrowest, widest=widest)


def _tile(support: "Support", status: str) -> str:
    """A character in the shape of its status, with the status in words (``status``, HTML)."""
    shown = "?" if support.status == "unsupported" else escape(support.character)
    return f'<b class="tile {support.status}" title="{status}">{shown}<span class="unseen"> ({status}) </span></b>'


def _status(support: "Support", verdict: "Verdict", words: Words) -> str:
    """In words, as HTML; of a guess what it fell short of, where that was measured."""
    if support.status != "guess" or verdict.measured is None:
        return words.html(f"verdict.{support.status}")
    if support.threshold is None:
        return words.html("verdict.guess_never")
    return words.html("verdict.guess_below", threshold=confidence(support.threshold))


def _legend(comparison: "Comparison", words: Words) -> str:
    """Nothing where there are no restorations to agree."""
    if len(comparison.restorations) < 2:
        return ""
    shapes = {"reliable": "A", "guess": "A", "unsupported": "?"}
    terms = "".join(
        f'<span><b class="tile {status}" aria-hidden="true">{shown}</b> {words.html(f"verdict.means_{status}")}</span>'
        for status, shown in shapes.items()
    )
    return f'<p class="small meanings">{terms}</p>'


def _found(verdict: "Verdict", text: str | None, words: Words) -> str:
    """Which characters are reliable, which are guesses, on which the models disagree."""
    reliable = [i for i, one in enumerate(verdict.supports) if one.status == "reliable"]
    total = len(verdict.supports)
    key = "none" if not reliable else "all" if len(reliable) == total else "some"
    sentences = [words(f"verdict.{key}", count=len(reliable), total=total)]
    if reliable and text is not None:
        right = sum(verdict.supports[i].character == text[i : i + 1] for i in reliable)
        sentences.append(words("verdict.right", right=right, count=len(reliable)))
    for status in ("guess", "unsupported"):
        found = []
        for position, one in enumerate(verdict.supports, 1):
            if one.status == status:
                read = dict.fromkeys(character or "–" for _, character, _ in one.readings)
                found.append(words("verdict.position", position=position, characters="/".join(read)))
        if found:
            sentences.append(words(f"verdict.list_{status}", found=words("verdict.comma").join(found)))
    return escape(words("verdict.space").join(sentences))


def _measured(verdict: "Verdict", words: Words) -> str:
    """What the statuses rest on, or why nothing was measured."""
    facts = verdict.measured
    if facts is None:
        return why(verdict, words)
    lines = [words("verdict.measured" if facts["n"] else "verdict.never", **facts)]
    # All reliable: the conclusion says it.
    if facts["whole_but_province_n"] and _all_reliable(verdict.supports[1:]) and not _all_reliable(verdict.supports):
        lines.append(words("verdict.whole_but_province", **facts))
    lines.append(words("verdict.holds"))
    return escape(words("verdict.space").join(lines))


def _conclusion(verdict: "Verdict", words: Words) -> str:
    """That nobody may be identified by this, or how often plates like this one were wholly right."""
    if _all_reliable(verdict.supports) and verdict.measured["whole_n"]:
        return words.html("verdict.lead", **verdict.measured)
    return f"<strong>{words.html('verdict.ban')}</strong>"


def _all_reliable(supports: "Sequence[Support]") -> bool:
    return bool(supports) and all(one.status == "reliable" for one in supports)


def _matrix(comparison: "Comparison", columns: int, boxes: np.ndarray, colour: dict[str, str], words: Words) -> str:
    """Columns are character positions, rows are pictures; the radio button in a head selects its column."""
    text, supports = comparison.text or "", comparison.verdict.supports if comparison.verdict else ()
    statuses = [one.status for one in supports]
    # What is in doubt is what a visitor wants to see.
    selected = next((statuses.index(one) for one in ("unsupported", "guess") if one in statuses), 0)
    heads = feet = ""
    for i in range(columns):
        name = words.html("verdict.character", position=i + 1)
        head = (text[i : i + 1] or "–") if text else i + 1
        heads += (
            f'<th scope="col" data-at="{i}"><label><input type="radio" name="evidence" value="{i}" '
            f'aria-label="{name}"{" checked" * (i == selected)}><span>{escape(str(head))}</span></label></th>'
        )
        foot = '<b class="tile"></b>'
        if i < len(supports):
            status = _status(supports[i], comparison.verdict, words)
            foot = f'{_tile(supports[i], status)}<span aria-hidden="true">{status}</span>'
        feet += f'<td data-at="{i}">{foot}</td>'
    deciding, rows = _deciding(comparison), ""
    for result in comparison.results:
        kind = "decides" if result.name in deciding else ""
        rows += (
            f'<tr class="{kind}" style="--model: {colour[result.name]}">'
            f'<th scope="row" class="name">{escape(result.title)}</th>'
            f"{_cells(result, comparison, columns, boxes, words)}</tr>"
        )
    head = words.html("verdict.truth" if text else "verdict.positions")
    return (
        f'<table class="matrix"><thead><tr><th scope="row">{head}</th>{heads}</tr></thead><tbody>{rows}</tbody>'
        f'<tfoot><tr><th scope="row">{words.html("verdict.status")}</th>{feet}</tr></tfoot></table>'
    )


def _cells(result: "Result", comparison: "Comparison", columns: int, boxes: np.ndarray, words: Words) -> str:
    """Each character of one picture, and what is read there."""
    reading = result.reading
    threshold = comparison.threshold
    shown = [] if reading is None else marked(reading, comparison.text, threshold)
    cells = ""
    for i in range(columns):
        canvas = ""
        if i < len(boxes):
            left, top, right, bottom = boxes[i]
            canvas = _canvas(result, right - left, bottom - top)
        read = _UNREAD
        if i < len(shown):
            character, kind = shown[i]
            value = reading.char_confidences[i] if i < len(reading.char_confidences) else 0.0
            title = escape(chip_title(reading, i, kind, words, threshold))
            read = (
                f'<b class="chip {kind}" title="{title}">{escape(character)}<span class="unseen">, {title}</span></b>'
                f'<i class="bar" style="--value: {value:.2f}"></i><small aria-hidden="true">{confidence(value)}</small>'
            )
        cells += f'<td data-at="{i}">{canvas}<span class="read">{read}</span></td>'
    return cells


def _strip(results: "Sequence[Result]", colour: dict[str, str]) -> str:
    """Room for the selected character out of every picture, side by side."""
    figures = "".join(
        f'<figure style="--model: {colour[result.name]}">{_canvas(result, 1, 1)}'
        f'<figcaption><span class="name">{escape(result.title)}</span><span class="read"></span></figcaption></figure>'
        for result in results
    )
    return f'<div class="strip"><p class="selected"></p><div>{figures}</div></div>'


def _canvas(result: "Result", width: int, height: int) -> str:
    return f'<canvas data-model="{escape(result.name)}" width="{width}" height="{height}" aria-hidden="true"></canvas>'


def _consistency(comparison: "Comparison", colour: dict[str, str], words: Words) -> str:
    """Each picture degraded again and compared with LR, all on one scale."""
    measured = [result for result in comparison.results if result.consistency]
    top = ceil(max([1.0, *(float(result.consistency.map.max()) for result in measured)]))
    contradicts = comparison.verdict.inconsistent if comparison.verdict else ()
    figures = _map(comparison.lr, "LR", colour["lr"], words("verdict.compared"))
    for result in measured:
        value = words("verdict.levels", value=result.consistency.rmse)
        if result.name == "hr":
            value += " · " + words("verdict.yardstick")
        mark = ""
        if result.name in contradicts:
            why = words.html("verdict.contradicts_why")
            mark = f'<b class="contradicts" title="{why}">{words.html("verdict.contradicts")}</b>'
        figures += _map(viridis(result.consistency.map, 0, top), result.title, colour[result.name], value, mark)
    stops = ", ".join("rgb({} {} {})".format(*one) for one in viridis(np.linspace(0, 1, 9)[None], 0, 1)[0])
    read = words.html("verdict.read_fit" if comparison.degradation else "verdict.read_fit_direct")
    return (
        f'<p class="small">{read}</p><div class="fits">{figures}</div>'
        f'<p class="scale small">0<i style="background: linear-gradient(to right, {stops})"></i>'
        f"{words.html('verdict.scale', top=top)}</p>"
    )


def _map(picture: np.ndarray, title: str, colour: str, caption: str, mark: str = "") -> str:
    height, width = picture.shape[:2]
    return (
        f'<figure style="--model: {colour}"><img src="{data_uri(picture)}" alt="{escape(title)}: {escape(caption)}" '
        f'width="{width}" height="{height}"><figcaption><span class="name">{escape(title)}</span>'
        f"<span>{escape(caption)}</span>{mark}</figcaption></figure>"
    )
