"""A comparison as HTML: plates of equal size, one caption each, readings as rows of chips."""

import json
from collections.abc import Sequence
from html import escape
from itertools import count
from typing import TYPE_CHECKING

from lpsr.app.gallery import data_uri
from lpsr.app.theme import COLOURS
from lpsr.plates import matches

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Comparison, Result
    from lpsr.readers import Reading

SIGN = {True: "+", False: "−"}
TERMS = {
    "PSNR": "Peak signal-to-noise ratio against HR over all RGB pixels, in dB. Higher is closer.",
    "gain": "PSNR minus that of bicubic enlargement, in dB.",
    "PSNR_Y": "The same on luma (BT.601), where strokes live.",
    "SSIM": "Structural similarity on luma; 1 is identical.",
    "reading": "The best text that has the form of a plate. The form always yields a plate, even from noise: "
    "mind the marks and the raw reading.",
    "raw": "What the reader says by itself, before the form of a plate is imposed.",
}


_alerts = count(1)


def alert(sentence: str) -> str:
    """A sentence that stays until the next result; numbered, so that the same one is announced again."""
    return f'<div class="alert" role="alert" data-number="{next(_alerts)}">{escape(sentence)}</div>'


def results(
    comparison: "Comparison", key: str = "", source: str = "", notes: Sequence[str] = (), shown_scale: int = 8
) -> str:
    """The whole result: heading, cards, legend, details.

    Args:
        key: of the chosen plate (``Entry.key``), empty for a visitor's own picture.
        source: what the heading calls the plate.
        notes: sentences to show above the cards.
    """
    cards = "".join(card(result, comparison.text) for result in comparison.results)
    return (
        f'<section class="result" data-plate="{escape(key)}">{_heading(comparison, source, shown_scale)}'
        + "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
        + f'<div class="cards">{cards}</div>{_legend(comparison.text is not None)}{_details(comparison)}</section>'
    )


def card(result: "Result", text: str | None) -> str:
    """One picture with its caption; ``text`` is the true text, where known."""
    height, width = result.picture.shape[:2]
    title = escape(result.title)
    alt = f"{title}, {width} × {height} pixels"
    numbers, minor = "", []
    if result.psnr is not None:
        numbers = f'<span class="psnr">{result.psnr:.2f} dB</span><span class="gain">{_gain(result)}</span>'
        minor = [f"PSNR_Y {result.psnr_y:.2f} dB", f"SSIM {result.ssim_y:.3f}"]
    elif result.name == "hr":
        numbers = '<span class="psnr">original</span>'
        minor = [f"{width} × {height} px"]
    if result.reading is not None:
        minor.append(f'raw <span class="raw">{escape(result.reading.raw_text) or "nothing"}</span>')
    colour = COLOURS.get(result.name, "#56B4E9")
    return (
        f'<figure class="card" data-model="{escape(result.name)}" style="--model: {colour}">'
        f'<img class="plate" src="{data_uri(result.picture)}" alt="{alt}" width="{width}" height="{height}">'
        f'<figcaption><div class="line"><span class="name">{title}</span>{numbers}{chips(result.reading, text)}</div>'
        f'<div class="line minor">{"".join(f"<span>{one}</span>" for one in minor)}</div></figcaption></figure>'
    )


def chips(reading: "Reading | None", text: str | None) -> str:
    """A reading as a row of chips: right or wrong where ``text`` is known, else sure or weak."""
    if reading is None:
        return ""
    shown = reading.plate_text
    if not shown:
        return '<span class="reading none">reads nothing</span>'
    if text is None:
        kinds = ["weak" if weak else "sure" for weak in reading.weak()]
        verdict = f"{kinds.count('weak')} of {len(kinds)} characters weak"
    else:
        right = matches(text, shown) + [False] * max(len(shown) - len(text), 0)
        shown = shown.ljust(len(text), "–")
        # A weak character that happens to be right is a guess of the form of plates, and shown as one.
        weak = [*reading.weak(), *[False] * len(shown)][: len(shown)]
        kinds = [("right" if one else "wrong") + " weak" * low for one, low in zip(right, weak, strict=True)]
        verdict = f"{sum(right)} of {len(text)} characters right, {sum(weak)} weak"
    row = "".join(
        f'<b class="chip {kind}" title="{escape(_chip_title(reading, i, kind))}">{escape(character)}</b>'
        for i, (character, kind) in enumerate(zip(shown, kinds, strict=True))
    )
    return (
        f'<span class="reading"><span class="unseen">reads {escape(reading.plate_text)}, {verdict}</span>'
        f'<span class="chips" aria-hidden="true">{row}</span></span>'
    )


def _chip_title(reading: "Reading", position: int, kind: str) -> str:
    if position >= len(reading.char_confidences):
        return "missing"
    return f"{kind}, confidence {reading.char_confidences[position]:.2f}"


def _gain(result: "Result") -> str:
    if result.name == "bicubic":
        return "reference"
    gain = round(result.gain, 2)
    return f"{SIGN[gain >= 0]}{abs(gain):.2f}"


def _heading(comparison: "Comparison", source: str, scale: int) -> str:
    height, width = comparison.lr.shape[:2]
    parts = [escape(source)]
    if comparison.text is not None:
        parts.append(f'true text <b class="truth">{escape(comparison.text)}</b>')
    if comparison.hr is None:
        parts.append(f"LR {width} × {height} px, restored directly ×{scale}: no HR, so no PSNR")
    else:
        parts.append(f"HR {width * scale} × {height * scale} px → LR {width} × {height} px, bicubic ×{scale}")
    return f'<p class="heading" aria-live="polite">{" · ".join(filter(None, parts))}</p>'


def _legend(known: bool) -> str:
    marks = (("right", "right"), ("right weak", "right, but weak"), ("wrong", "wrong"))
    if not known:
        marks = (("sure", "confident"), ("weak", "weak"))
    examples = " ".join(f'<b class="chip {kind}" aria-hidden="true">A</b> {word}' for kind, word in marks)
    terms = " ".join(
        f'<span class="term" tabindex="0" role="note" aria-label="{name}: {escape(text)}" data-tip="{escape(text)}">'
        f"{name}</span>"
        for name, text in TERMS.items()
    )
    return f'<p class="legend"><span>{examples}</span><span>Terms: {terms}</span></p>'


def _details(comparison: "Comparison") -> str:
    facts = json.dumps(comparison.to_json(), ensure_ascii=False, indent=1)
    return f"<details><summary>Numbers and passport (JSON)</summary><pre>{escape(facts)}</pre></details>"
