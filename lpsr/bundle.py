"""A comparison as files: its pictures lossless, its numbers as CSV and JSON, its sheet."""

import csv
import io
import json
import zipfile

from lpsr.compare import Comparison, Result
from lpsr.degrade import enlarge
from lpsr.images import encode_png
from lpsr.metrics.fidelity import Fidelity, fidelity
from lpsr.sheet import sheet

# Spreadsheets take a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
# The earliest that a ZIP can hold: the same comparison gives the same bytes.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def gains(comparison: Comparison) -> dict[str, Fidelity]:
    """What each picture has more than bicubic enlargement, by name (dB, dB, SSIM); empty where there is no HR."""
    measured = {
        result.name: Fidelity(result.psnr, result.psnr_y, result.ssim_y)
        for result in comparison.results
        if result.psnr is not None
    }
    if not measured:
        return {}
    reference = measured.get("bicubic") or fidelity(comparison.hr, enlarge(comparison.lr))
    return {
        name: Fidelity(*(value - base for value, base in zip(one, reference, strict=True)))
        for name, one in measured.items()
    }


def rows(comparison: Comparison) -> list[dict[str, str]]:
    """One row a picture: its numbers and readings; dB and levels to six digits, empty where None."""
    gained = gains(comparison)
    return [_row(result, comparison.text, gained.get(result.name)) for result in comparison.results]


def to_csv(comparison: Comparison) -> str:
    """``rows`` with the passport."""
    passport = json.dumps(comparison.passport, ensure_ascii=False)
    table = [{**row, "passport": passport} for row in rows(comparison)]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue()


def to_json(comparison: Comparison) -> str:
    """``Comparison.to_json`` as indented text, passport included."""
    return json.dumps(comparison.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def files(comparison: Comparison) -> dict[str, bytes]:
    """The content of each file of a comparison, by name.

    ``sheet.png``, ``comparison.csv``, ``comparison.json``, a lossless ``NAME.png`` at HR size for each picture,
    but ``lr.png`` at its own size and ``lr-enlarged.png``.
    """
    names = {result.name: result.picture for result in comparison.results if result.name != "lr"}
    lr = next(result.picture for result in comparison.results if result.name == "lr")
    pictures = {"sheet": sheet(comparison), **names, "lr": comparison.lr, "lr-enlarged": lr}
    return {
        # Excel takes UTF-8 for what it is only with its mark.
        "comparison.csv": to_csv(comparison).encode("utf-8-sig"),
        "comparison.json": to_json(comparison).encode(),
        **{f"{name}.png": encode_png(picture) for name, picture in pictures.items()},
    }


def archive(comparison: Comparison, stem: str) -> bytes:
    """A ZIP with ``files`` in a folder ``stem``; the same comparison gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files(comparison).items():
            add(bundle, f"{stem}/{name}", content)
    return buffer.getvalue()


def add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Write a file into a ZIP, so that the same content gives the same bytes."""
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # Without it, unpacking makes files that nobody may read.
    entry.external_attr = 0o644 << 16
    bundle.writestr(entry, content)


def cell(value: str | None) -> str:
    """A text for a table: on one line, and after an apostrophe where a spreadsheet would run it as a formula."""
    value = " ".join((value or "").split())
    return f"'{value}" if value.startswith(_FORMULA) else value


def _row(result: Result, text: str | None, gain: Fidelity | None) -> dict[str, str]:
    reading, rmse = result.reading, result.consistency and result.consistency.rmse
    psnr_gain, psnr_y_gain, ssim_gain = gain or (None, None, None)
    return {
        "name": cell(result.name),
        "title": cell(result.title),
        "psnr_db": _number(result.psnr),
        "psnr_gain_db": _number(psnr_gain),
        "psnr_y_db": _number(result.psnr_y),
        "psnr_y_gain_db": _number(psnr_y_gain),
        "ssim": _number(result.ssim_y),
        "ssim_gain": _number(ssim_gain),
        "consistency_rmse_levels": _number(rmse),
        "true_text": cell(text),
        "plate_text": cell(reading and reading.plate_text),
        "confidence": _number(reading and reading.confidence),
        "char_confidences": " ".join(map(_number, reading.char_confidences)) if reading else "",
        "raw_text": cell(reading and reading.raw_text),
        "raw_confidence": _number(reading and reading.raw_confidence),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
