"""Section *Look closely*: two pictures of a comparison laid over each other, their difference, and one zoom for all."""

from html import escape
from typing import TYPE_CHECKING

from lpsr.app.colours import colours
from lpsr.app.language import Words

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.compare import Comparison, Result

# Ends of the difference's colour scale, in 8-bit levels: the same for every pair, so that their pictures compare.
SCALES = (16, 64, 255)
_SCALE = 64
# Width over height; a picture beyond is shown whole, with space beside it.
_ASPECTS = (1.0, 5.0)
# What the script puts into the texts: they keep these in braces.
_BRACES = {
    name: f"{{{name}}}"
    for name in ("left", "right", "at", "scale", "rms", "mean", "share", "x", "y", "first", "second", "difference")
}


def html(comparison: "Comparison", words: Words) -> str:
    """The section, empty where there are not two pictures; its script takes the pictures from the cards.

    The pair it shows stands in its ``data-pair`` ("mse,hr") and, where the visitor chose it, in the page's address;
    when the pair changes, the section sends the event "lpsr:pair", which bubbles.
    """
    results = comparison.results
    if len(results) < 2:
        return ""

    def text(key: str) -> str:
        return words.html(f"closer.{key}", **_BRACES)

    def button(action: str, key: str, sign: str) -> str:
        return f'<button type="button" data-do="{action}" aria-label="{text(key)}" title="{text(key)}">{sign}</button>'

    def side(key: str) -> str:
        return (
            f'<span class="side"><select aria-label="{text(key)}">{options}</select><span class="value"></span></span>'
        )

    def view(kind: str) -> str:
        return (
            f'<canvas class="{kind}" tabindex="0" role="application" data-label="{text("alt_" + kind)}" '
            'aria-describedby="closer-hint"></canvas>'
        )

    colour = colours(result.name for result in results)
    options = "".join(
        f'<option value="{escape(one.name)}" data-value="{escape(_value(one, words))}" '
        f'data-colour="{colour[one.name]}">{escape(one.title)}</option>'
        for one in results
    )
    scales = "".join(f'<option value="{one}"{" selected" * (one == _SCALE)}>±{one}</option>' for one in SCALES)
    height, width = results[0].picture.shape[:2]
    aspect = min(max(width / height, _ASPECTS[0]), _ASPECTS[1])
    pair = escape(",".join(_default_pair([result.name for result in results])))
    return (
        f'<section class="closer" style="--aspect: {aspect:.4f}" data-default="{pair}" data-pair="{pair}">'
        f'<div class="head"><h2>{text("title")}</h2><div class="tools" role="group" aria-label="{text("zoom")}">'
        f'{button("out", "zoom_out", "−")}<output class="zoom">×1</output>{button("in", "zoom_in", "+")}'
        f'<button type="button" data-do="whole">{text("whole")}</button>'
        f'<label><input type="checkbox" class="follow"> {text("follow")}</label></div></div>'
        f'<div class="panes"><figure class="pane"><figcaption>{side("left")}{button("swap", "swap", "⇄")}'
        f"{side('right')}</figcaption>{view('pair')}"
        f'<input type="range" class="divider" min="0" max="100" step="1" value="50" aria-label="{text("divider")}" '
        f'data-value-text="{text("divided")}"><p class="readout" data-point="{text("point")}" '
        f'data-pixel="{text("pixel")}">{text("point")}</p></figure>'
        f'<figure class="pane"><figcaption><span class="what" data-text="{text("what")}"></span>'
        f'<label>{text("scale")} <select class="scale">{scales}</select></label></figcaption>{view("difference")}'
        f'<div class="ramp"><span data-text="{text("darker")}"></span><i></i>'
        f'<span data-text="{text("brighter")}"></span></div><p data-text="{text("stats")}"></p></figure></div>'
        f'<p class="hint" id="closer-hint">{text("hint")} <span class="keys">{text("keys")}</span></p></section>'
    )


def _default_pair(names: list[str]) -> tuple[str, str]:
    """MSE, or else what comes last, against HR, or else LR."""
    right = "hr" if "hr" in names else "lr"
    return next(name for name in ("mse", *reversed(names)) if name in names and name != right), right


def _value(result: "Result", words: Words) -> str:
    if result.name == "hr":
        return words("closer.original")
    return "" if result.psnr is None else f"PSNR {result.psnr:.2f} dB"
