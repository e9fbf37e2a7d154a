"""Figures and tables as plain rows, for CSV and Markdown."""

import csv
import io
from typing import Any

from lpsr.report.shapes import Cell, Figure, Table, Words, say


def rows(figure: Figure, words: Words) -> tuple[list[str], list[list[Any]]]:
    """Header and a row for each point of each series, published values last; what is not known is empty."""
    x, y = say(figure.x, words), say(figure.y, words)
    header = ["series", x, y, "95 % low", "95 % high", "n"]
    found: list[list[Any]] = []
    for band in figure.bands:
        lows, highs = (ends or (None,) * len(band.x) for ends in (band.low, band.high))
        for place, value, low, high, n in zip(band.x, band.y, lows, highs, band.n, strict=True):
            where = f"{place:.7g}" if isinstance(place, float | int) else say(place, words)
            found.append([say(band.name, words), where, *map(_plain, (value, low, high)), n])
    found += [[say(name, words), "", value, "", "", ""] for name, value in figure.reference]
    return header, found


def table_rows(table: Table, words: Words) -> tuple[list[str], list[list[Any]]]:
    """Header and rows; a column of numbers has its standard deviation and the ends of its interval beside it."""
    header, found = [say(table.columns[0], words)], [[say(row.name, words)] for row in table.rows]
    for number, column in enumerate(table.columns[1:]):
        cells = [row.cells[number] for row in table.rows]
        name = say(column, words)
        parts = _parts(cells)
        header += [name + after for _, after in parts] or [name]
        for row, cell in zip(found, cells, strict=True):
            row += [_plain(getattr(cell, part)) for part, _ in parts] or [say(cell.text, words)]
    return header, found


def _parts(cells: list[Cell]) -> list[tuple[str, str]]:
    """The numbers that cells of a column have, as field and what follows the heading."""
    known = (("value", ""), ("spread", ", standard deviation"), ("low", ", 95 % low"), ("high", ", 95 % high"))
    return [(name, after) for name, after in known if any(getattr(cell, name) is not None for cell in cells)]


def _plain(value: float | None) -> float | str:
    return "" if value is None else round(value, 4)


def csv_text(header: list[str], lines: list[list[Any]]) -> str:
    """As CSV; a text that a spreadsheet would take for a formula is quoted by an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_safe(value) for value in line] for line in lines)
    return text.getvalue()


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r") else value
