"""How verbs that measure lay out what they print."""


def aligned(rows: list[list[str]]) -> str:
    """A heading and rows as text: names to the left, values to the right."""
    names, *columns = zip(*rows, strict=True)
    widths = [max(map(len, column)) for column in columns]
    names = [name.ljust(max(map(len, names))) for name in names]
    cells = [[cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True)] for row in rows]
    return "\n".join("  ".join([name, *row]) for name, row in zip(names, cells, strict=True))
