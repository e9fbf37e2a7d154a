"""A comparison as one labelled picture for print, after figure 12 of the paper."""

import re
from functools import lru_cache
from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lpsr.compare import Comparison, Result
from lpsr.data.generator.glyphs import character_mask
from lpsr.degrade import Degradation
from lpsr.evidence import Verdict
from lpsr.metrics.reading import marks
from lpsr.plates import ALPHABET, PROVINCES

WARNING = "A restoration is a guess that fits the LR picture. It must not be used to identify a vehicle."

# Pixels. A picture is enlarged by a whole factor until it is so wide, as long as it is not higher than the limit.
_WIDTH, _HEIGHT_LIMIT = 400, 480
_MARGIN, _GAP, _ROW_GAP = 36, 32, 30
_LARGE, _NORMAL, _SMALL = 26, 21, 17
_BLACK, _GREY = (20, 20, 22), (92, 92, 100)
_RIGHT, _WRONG, _WEAK = (0, 122, 88), (181, 74, 0), (213, 94, 0)
# Shapes are drawn so much finer, then reduced: Pillow draws none with smooth edges.
_FINE = 4
_CHIP = 24, 36

# What Pillow's own font has. A few more signs, and a box for the rest, are strokes (x, y, x, y) in heights of a line.
_LATIN = re.compile(r"([ -~·°±…’“”]+)")
_DASH = [(0.04, 0.62, 0.52, 0.62)]
_SIGNS = {"×": [(0.08, 0.42, 0.48, 0.82), (0.08, 0.82, 0.48, 0.42)], "−": _DASH, "–": _DASH}
_BOX = [(0.08, 0.2, 0.48, 0.2), (0.48, 0.2, 0.48, 0.95), (0.48, 0.95, 0.08, 0.95), (0.08, 0.95, 0.08, 0.2)]
_SIGN_WIDTH = 0.56


def sheet(comparison: Comparison) -> np.ndarray:
    """Every picture of a comparison at equal size with its numbers, on white, ``(H, W, 3)`` uint8.

    Pictures are enlarged by one whole factor (nearest neighbour), so that no pixel of theirs is invented. A reading is
    a row of cells: right is outlined, wrong is filled and underlined, weak is dashed. The text is English and needs no
    font of the system.
    """
    height, width = comparison.results[0].picture.shape[:2]
    factor = max(min(ceil(_WIDTH / width), _HEIGHT_LIMIT // height), 1)
    panels = [_panel(result, comparison, factor) for result in comparison.results]
    columns = {2: 2, 4: 2, 7: 4, 8: 4}.get(len(panels), 3)
    inner = columns * panels[0].width + (columns - 1) * _GAP
    heading, footer = _heading(comparison, factor, inner), _footer(comparison, inner)
    rows = ceil(len(panels) / columns)
    tops = [_MARGIN + heading.height + row * (panels[0].height + _ROW_GAP) for row in range(rows + 1)]
    page = Image.new("RGB", (inner + 2 * _MARGIN, tops[-1] + footer.height + _MARGIN), "white")
    page.paste(heading, (_MARGIN, _MARGIN))
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        page.paste(panel, (_MARGIN + column * (panel.width + _GAP), tops[row]))
    page.paste(footer, (_MARGIN, tops[-1]))
    return np.asarray(page)


def _panel(result: Result, comparison: Comparison, factor: int) -> Image.Image:
    """A picture and its caption."""
    picture = Image.fromarray(result.picture)
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    lr = Image.fromarray(comparison.lr)
    name_height = max(32, lr.height + 8)
    width = max(picture.width, _WIDTH)
    panel = Image.new("RGB", (width, picture.height + 8 + name_height + _CHIP[1] + 34), "white")
    panel.paste(picture)

    y = picture.height + 8
    numbers = "original" if result.name == "hr" else ""
    if result.psnr is not None:
        numbers = f"{result.psnr:.2f} dB" + (f"  {_gain(result)}" if result.name != "bicubic" else "")
    left = _write_right(panel, y, numbers, _NORMAL)
    end = _write(panel, 0, y, _shorten(result.title, _NORMAL, left - 20), _NORMAL, bold=True)
    if result.name == "lr":
        panel.paste(lr, (end + 14, y + (24 - min(lr.height, 24)) // 2))
        _write(panel, end + 24 + lr.width, y + 3, "true size", _SMALL, _GREY)

    y += name_height
    if result.reading is not None:
        for number, (character, kind) in enumerate(marks(result.reading, comparison.text)):
            panel.paste(_chip(character, kind), (number * (_CHIP[0] + 3), y))
    if result.ssim_y is not None:
        _write_right(panel, y + 6, f"SSIM {result.ssim_y:.3f}", _NORMAL)

    y += _CHIP[1] + 6
    if result.consistency is not None:
        left = _write_right(panel, y, f"consistency {result.consistency.rmse:.2f}", _SMALL, _GREY)
    if result.reading is not None:
        confidence = f" ({result.reading.raw_confidence:.2f})"
        room = left - _length(f"raw {confidence}", _SMALL) - 20
        raw = _shorten(result.reading.raw_text or "nothing", _SMALL, room)
        _write(panel, 0, y, f"raw {raw}{confidence}", _SMALL, _GREY)
    return panel


def _gain(result: Result) -> str:
    gain = round(result.gain, 2)
    return f"{'+' if gain >= 0 else '−'}{abs(gain):.2f}"


def _heading(comparison: Comparison, factor: int, width: int) -> Image.Image:
    lr_height, lr_width = comparison.lr.shape[:2]
    if comparison.hr is None:
        title = f"LR {lr_width} × {lr_height} px, restored directly"
    else:
        title = f"HR {comparison.hr.shape[1]} × {comparison.hr.shape[0]} px, LR {lr_width} × {lr_height} px"
    how = "none; the picture was low resolution as it came, so there is no HR to compare with"
    if comparison.degradation is not None:
        how = _describe(comparison.degradation)
    lines = [f"Degradation: {how}."]
    if comparison.reduced_from:
        lines.append("The picture was reduced from {} × {} px first.".format(*comparison.reduced_from))
    if factor > 1:
        lines.append(f"All pictures enlarged ×{factor} by nearest neighbour.")
    image = Image.new("RGB", (width, 400), "white")
    end = _write(image, 0, 0, title, _LARGE, bold=True)
    if comparison.text is not None:
        end = _write(image, end, 0, "    true text ", _LARGE, _GREY)
        for character in comparison.text:
            image.paste(_chip(character, "plain"), (end, -4))
            end += _CHIP[0] - 5
    return image.crop((0, 0, width, _paragraph(image, 38, " ".join(lines), _SMALL, _GREY) + 18))


def _describe(one: Degradation) -> str:
    parts, size = [f"{one.kernel} ×{one.scale}"], "HR px" if one.blur_at == "before" else "LR px"
    if one.blur:
        parts.append(f"Gaussian blur (s.d. {one.blur:g} {size}) {one.blur_at} downscaling")
    if one.motion >= 1:
        parts.append(f"motion blur ({one.motion:g} {size}, {one.angle:g}°) {one.blur_at} downscaling")
    if one.noise:
        parts.append(f"noise (s.d. {one.noise:g} levels, seed {one.seed}) {one.noise_at} downscaling")
    if one.jpeg is not None:
        parts.append(f"JPEG (quality {one.jpeg}) {one.jpeg_at} downscaling")
    return ", ".join(parts)


def _footer(comparison: Comparison, width: int) -> Image.Image:
    """What the marks mean, the warning, the passport in short."""
    image = Image.new("RGB", (width, 600), "white")
    legend = (("right", "right"), ("right weak", "right, but weak"), ("wrong", "wrong"), ("wrong weak", "and weak"))
    if comparison.text is None:
        legend = (("sure", "confident"), ("weak", "weak"))
    y = end = 0
    read = any(result.reading is not None for result in comparison.results)
    if read:
        for kind, meaning in legend:
            image.paste(_chip("A", kind), (end, y))
            end = _write(image, end + _CHIP[0] + 8, y + 9, meaning, _SMALL, _GREY) + 28
        y += 50
    terms = "PSNR in dB over RGB, with the gain over bicubic; SSIM on luma. " if comparison.hr is not None else ""
    terms += (
        "Consistency: root mean square distance in 8-bit levels between the picture, degraded again, and LR; 0 "
        "contradicts no pixel of LR. "
    )
    if read:
        terms += "Cells: the best text that has the form of a plate. Raw: the reader's own text and its confidence."
    y = _paragraph(image, y, terms, _SMALL, _GREY)
    y = _paragraph(image, y, _passport(comparison), _SMALL, _GREY) + 10
    if comparison.verdict is not None and comparison.verdict.supports:
        y = _paragraph(image, y, _evidence(comparison), _NORMAL)
    return image.crop((0, 0, width, _paragraph(image, y, WARNING, _NORMAL, bold=True)))


def _evidence(comparison: Comparison) -> str:
    """Which characters are reliable, and on what that rests."""
    verdict, kinds = comparison.verdict, {"reliable": "Reliable", "guess": "guesses", "unsupported": "disputed"}
    found = {kind: [one.character or "–" for one in verdict.supports if one.status == kind] for kind in kinds}
    found["reliable"] = found["reliable"] or ["no character"]
    parts = [f"{kinds[kind]}: {' '.join(characters)}" for kind, characters in found.items() if characters]
    deciding = {name for name, _, _ in verdict.supports[0].readings}
    if len(deciding) < len(comparison.restorations):
        titles = ", ".join(one.title for one in comparison.restorations if one.name in deciding)
        parts.append(f"decided by {titles} alone")
    return "; ".join(parts) + ". " + _measured(verdict)


def _measured(verdict: Verdict) -> str:
    """What "reliable" rests on."""
    facts = verdict.measured
    if facts is None:
        return "Nothing was measured for a picture like this, so no character counts as reliable."
    where = f"on {facts['plates']} plates (split {facts['split']})"
    if not facts["n"]:
        return f"Measured {where}: no confidence told right from wrong well enough."
    share, low, high = (100 * facts[key] for key in ("share", "low", "high"))
    return f"Measured {where}: of {facts['n']} reliable characters {share:.1f} % [{low:.1f}, {high:.1f}] were right."


def _passport(comparison: Comparison) -> str:
    facts = comparison.passport
    checkpoints = ", ".join(f"{name} {digest[:12]}" for name, digest in facts["checkpoints"].items()) or "none"
    versions = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    return f"Reader: {facts['reader'] or 'none'}. Checkpoints (SHA-256): {checkpoints}. Versions: {versions}."


def _paragraph(
    image: Image.Image, y: int, text: str, size: int, colour: tuple[int, ...] = _BLACK, bold: bool = False
) -> int:
    """Write ``text`` in as many lines as the width takes; returns where the next paragraph begins."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}".lstrip()
        if line and _length(longer, size) > image.width:
            _write(image, 0, y, line, size, colour, bold)
            line, y = word, y + round(size * 1.4)
        else:
            line = longer
    _write(image, 0, y, line, size, colour, bold)
    return y + round(size * 1.4) + 4


def _shorten(text: str, size: int, width: float) -> str:
    """``text``, cut where it is wider."""
    if _length(text, size) <= width:
        return text
    while text and _length(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def _write_right(image: Image.Image, y: int, text: str, size: int, colour: tuple[int, ...] = _BLACK) -> int:
    """Write ``text`` up to the right edge; returns where it begins."""
    left = image.width - ceil(_length(text, size))
    _write(image, left, y, text, size, colour)
    return left


def _write(
    image: Image.Image,
    x: float,
    y: int,
    text: str,
    size: int,
    colour: tuple[int, ...] = _BLACK,
    bold: bool = False,
) -> int:
    """Write ``text`` with its line's top at ``y``; returns where it ends. What has no shape becomes a box."""
    draw, weight = ImageDraw.Draw(image), size / 60 * bold
    for number, run in enumerate(_LATIN.split(text)):
        if number % 2:
            draw.text((x, y), run, colour, _font(size), stroke_width=weight)
            x += _font(size).getlength(run)
            continue
        for character in run:
            mask = _sign(character, size)
            image.paste(colour, (round(x), y), mask)
            x += mask.width
    return ceil(x)


def _length(text: str, size: int) -> float:
    parts = _LATIN.split(text)
    return sum(map(_font(size).getlength, parts[1::2])) + sum(_sign(one, size).width for one in "".join(parts[::2]))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=256)
def _sign(character: str, size: int) -> Image.Image:
    """The mask of a character that the font lacks."""
    if character in PROVINCES:
        mask = Image.new("L", (size, round(size * 1.2)))
        mask.paste(Image.fromarray(character_mask(character, size - 2, size - 2)), (1, round(size * 0.2)))
        return mask
    fine = Image.new("L", (round(size * _SIGN_WIDTH) * _FINE, size * _FINE * 6 // 5))
    for stroke in _SIGNS.get(character, _BOX):
        ImageDraw.Draw(fine).line([one * size * _FINE for one in stroke], 255, round(size * _FINE / 12))
    return fine.reduce(_FINE)


@lru_cache(maxsize=512)
def _chip(character: str, kind: str) -> Image.Image:
    """One cell of a reading; ``kind`` as ``marks`` gives it, or "plain" for a character without a border."""
    width, height = (side * _FINE for side in _CHIP)
    wrong, weak = kind.startswith("wrong"), kind.endswith("weak")
    colour = _RIGHT if kind.startswith("right") else _WEAK if kind == "weak" else _GREY
    chip = Image.new("RGB", (width, height), _WRONG if wrong else "white")
    if kind != "plain":
        border = Image.new("L", (width, height))
        box = 0, 0, width - 1, height - 1
        if weak or not wrong:
            ImageDraw.Draw(border).rounded_rectangle(box, 0 if wrong else 6 * _FINE, outline=255, width=6 + 4 * wrong)
        if weak:
            # Diagonal stripes cut an outline into dashes on all four sides.
            stripes = np.add.outer(np.arange(height), np.arange(width)) // (3 * _FINE) % 2
            border = Image.fromarray(np.asarray(border) * stripes.astype(np.uint8))
        chip.paste((255, 255, 255) if wrong else colour, mask=border)
    mask = _sign(character, 20 * _FINE)
    if character in ALPHABET:
        mask = Image.fromarray(character_mask(character, 12 * _FINE, 22 * _FINE))
    place = (width - mask.width) // 2, (height - mask.height - 2 * _FINE * wrong) // 2
    chip.paste((255, 255, 255) if wrong else _BLACK, place, mask)
    if wrong:
        ImageDraw.Draw(chip).rectangle((4 * _FINE, height - 5 * _FINE, width - 4 * _FINE, height - 4 * _FINE), "white")
    return chip.reduce(_FINE)
