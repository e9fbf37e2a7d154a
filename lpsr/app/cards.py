"""A comparison as HTML: plates of equal size, one caption each, readings as rows of chips."""

from html import escape
from itertools import count
from math import floor
from typing import TYPE_CHECKING

from lpsr.app.colours import colours
from lpsr.app.engines import read_by
from lpsr.app.gallery import caption, data_uri
from lpsr.app.lab import describe
from lpsr.app.language import Words
from lpsr.app.link import to_query
from lpsr.app.session import Choice
from lpsr.degrade import SCALE
from lpsr.metrics.reading import marks

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Comparison, Result
    from lpsr.readers import Reading

# Key of the explanation, and of the name where it is a word.
_TERMS = {"PSNR": "", "gain": "name_gain", "PSNR_Y": "", "SSIM": "", "reading": "name_reading", "raw": "name_raw"}

_alerts = count(1)


def alert(sentence: str) -> str:
    """A sentence that stays until the next result; numbered, so that the same one is announced again."""
    return f'<div class="alert" role="alert" data-number="{next(_alerts)}">{escape(sentence)}</div>'


def results(choice: Choice, words: Words, pending: bool = False) -> str:
    """The whole result: heading, cards, legend.

    Args:
        choice: compared.
        pending: its readings are still to come, and the captions say so.
    """
    comparison = choice.comparison
    colour = colours(result.name for result in comparison.results)
    cards = "".join(card(result, comparison, words, colour[result.name], pending) for result in comparison.results)
    notes = "".join(f'<p class="note">{words.html(f"compare.{key}", **values)}</p>' for key, values in choice.notes)
    query = to_query(choice.key, choice.settings) if choice.key else ""
    return (
        f'<section class="result" data-plate="{escape(choice.key)}" data-query="{escape(query)}">'
        f"{_heading(choice, words)}{notes}"
        f'<div class="cards">{cards}</div>{legend(comparison.text is not None, words, comparison.threshold)}'
        "</section>"
    )


def card(result: "Result", comparison: "Comparison", words: Words, colour: str, pending: bool = False) -> str:
    """One picture with its caption."""
    height, width = result.picture.shape[:2]
    title = escape(result.title)
    alt = words.html("compare.alt", title=result.title, width=width, height=height)
    numbers, minor = "", []
    if result.psnr is not None:
        numbers = f'<span class="psnr">{result.psnr:.2f} dB</span><span class="gain">{gain(result, words)}</span>'
        minor = [f"PSNR_Y {result.psnr_y:.2f} dB", f"SSIM {result.ssim_y:.3f}"]
    elif result.name == "hr":
        numbers = f'<span class="psnr">{words.html("compare.original")}</span>'
        minor = [f"{width} × {height} px"]
    if result.reading is not None:
        raw = escape(result.reading.raw_text) or words.html("compare.nothing")
        minor.append(f'{words.html("compare.name_raw")} <span class="raw">{raw}</span>')
    elif pending:
        minor.append(words.html("compare.name_raw") + " …")
    reading = _waiting(words) if pending else chips(result.reading, comparison.text, words, comparison.threshold)
    inset = _true_size(comparison, words) if result.name == "lr" else ""
    return (
        f'<figure class="card" data-model="{escape(result.name)}" style="--model: {colour}">'
        f'<div class="view"><img class="plate" src="{data_uri(result.picture)}" alt="{alt}" width="{width}" '
        f'height="{height}">{inset}</div>'
        f'<figcaption><div class="line"><span class="name">{title}</span>{numbers}{reading}</div>'
        f'<div class="line minor">{"".join(f"<span>{one}</span>" for one in minor)}</div></figcaption></figure>'
    )


def _true_size(comparison: "Comparison", words: Words) -> str:
    """What is left of the plate, pixel by pixel."""
    height, width = comparison.lr.shape[:2]
    return (
        f'<span class="true-size"><img src="{data_uri(comparison.lr)}" alt="{words.html("compare.true_size")}" '
        f'width="{width}" height="{height}">{words.html("compare.true_size_short")}</span>'
    )


def _waiting(words: Words) -> str:
    return (
        f'<span class="reading"><span class="unseen">{words.html("compare.pending")}</span>'
        '<span class="chips" aria-hidden="true">' + '<b class="chip waiting">·</b>' * 7 + "</span></span>"
    )


def marked(reading: "Reading", text: str | None, threshold: float | None) -> list[tuple[str, str]]:
    """``marks``, with ("_", "open") for each character whose confidence is below ``threshold``."""
    confidences = reading.char_confidences
    if threshold is None:
        return marks(reading, text)
    return [
        ("_", "open") if i < len(confidences) and confidences[i] < threshold else one
        for i, one in enumerate(marks(reading, text))
    ]


def chips(reading: "Reading | None", text: str | None, words: Words, threshold: float | None = None) -> str:
    """A reading as a row of chips: right or wrong where ``text`` is known, else sure or weak.

    Characters below the reader's ``threshold`` are left open.
    """
    if reading is None:
        return ""
    if not reading.plate_text:
        return f'<span class="reading none">{words.html("compare.reads_nothing")}</span>'
    shown = marked(reading, text, threshold)
    kinds = [kind for _, kind in shown]
    weak = sum("weak" in kind for kind in kinds)
    if text is None:
        verdict = words("compare.weak_of", weak=weak, all=len(kinds))
    else:
        right = sum(kind.startswith("right") for kind in kinds)
        verdict = words("compare.right_of", right=right, all=len(text), weak=weak)
    if count := kinds.count("open"):
        verdict += words("verdict.comma") + words("readers.open_of", count=count)
    row = ""
    for i, (character, kind) in enumerate(shown):
        title = escape(chip_title(reading, i, kind, words, threshold))
        row += f'<b class="chip {kind}" title="{title}">{escape(character)}</b>'
    read = reading.plate_text if threshold is None else reading.abstained(threshold)
    said = words.html("compare.reads", text=read, verdict=verdict)
    return (
        f'<span class="reading"><span class="unseen">{said}</span>'
        f'<span class="chips" aria-hidden="true">{row}</span></span>'
    )


def chip_title(reading: "Reading", position: int, kind: str, words: Words, threshold: float | None = None) -> str:
    """What a chip means, and the confidence of its character; ``kind`` is one of ``marked``."""
    if position >= len(reading.char_confidences):
        return words("compare.missing")
    if kind == "open":
        character, value = reading.plate_text[position], confidence(reading.char_confidences[position])
        return words("readers.would_guess", character=character, value=value, threshold=confidence(threshold))
    kind = words(f"compare.{kind.replace(' ', '_')}")
    return words("compare.confidence", kind=kind, value=confidence(reading.char_confidences[position]))


def confidence(value: float) -> str:
    """To two decimals, near 1 to three; cut off, so that what is below a threshold looks so too."""
    digits = 3 if value >= 0.99 else 2
    # What a float lacks of a decimal is not cut off.
    return f"{floor(value * 10**digits + 1e-9) / 10**digits:.{digits}f}"


def gain(result: "Result", words: Words) -> str:
    if result.name == "bicubic":
        return words.html("compare.reference")
    return signed(result.gain, 2)


def signed(value: float, digits: int) -> str:
    """A number with its sign, as it is shown: what rounds to zero is positive."""
    value = round(value, digits)
    return f"{'+' if value >= 0 else '−'}{abs(value):.{digits}f}"


def _heading(choice: Choice, words: Words) -> str:
    comparison = choice.comparison
    height, width = comparison.lr.shape[:2]
    parts = [escape(caption(choice.caption, words) or choice.key) or words.html("page.own")]
    if comparison.text is not None:
        parts.append(f'{words.html("compare.truth")} <b class="truth">{escape(comparison.text)}</b>')
    if comparison.hr is None:
        parts.append(words.html("compare.direct", width=width, height=height, scale=SCALE))
    else:
        how, hr = describe(comparison.degradation, words), comparison.hr.shape
        parts.append(words.html("compare.sizes", width=width, height=height, hr_width=hr[1], hr_height=hr[0], how=how))
    if comparison.reader:
        engine = escape(comparison.passport["reader"] or "")
        parts.append(f'<span class="engine" title="{engine}">{read_by(comparison.reader, words)}</span>')
    link = ""
    if choice.key:
        done = words.html("compare.linked")
        link = f' <button type="button" class="link" data-done="{done}">{words.html("compare.link")}</button>'
    return f'<p class="heading" aria-live="polite">{" · ".join(parts)}{link}</p>'


def legend(known: bool, words: Words, threshold: float | None = None) -> str:
    """What the chips mean, and the terms; a reader without a ``threshold`` leaves nothing open."""
    marks = ("right", "right weak", "wrong") if known else ("sure", "weak")
    examples = " ".join(
        f'<b class="chip {kind}" aria-hidden="true">A</b> {words.html("compare." + kind.replace(" ", "_"))}'
        for kind in marks
    )
    if threshold is not None:
        about = words.html("readers.abstained", threshold=confidence(threshold))
        examples += f' <b class="chip open" aria-hidden="true">_</b> {about}'
    terms = []
    for key, name in _TERMS.items():
        text, shown = words.html(f"compare.{key}"), words.html(f"compare.{name}") if name else key
        terms.append(
            f'<span class="term" tabindex="0" role="note" aria-label="{shown}: {text}" data-tip="{text}">{shown}</span>'
        )
    return f'<p class="legend"><span>{examples}</span><span>{words.html("compare.terms")} {" ".join(terms)}</span></p>'
