"""What a report is made of: numbers with their intervals, and sentences as keys with values.

Sentences are in ``results_report.json`` of the page's locales, so that every face says the same in its own language:
``say(text, words)`` with ``words(key, **values) -> str`` (the page's ``Words``; the verb's English).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal

AREA = "results_report"

# In the order they are shown; the title of each is the text "section_NAME".
SECTIONS = (
    "table_1",
    "figure_6",
    "figures_8_9",
    "figures_10_11",
    "figure_12",
    "psnr_reads",
    "does_it_help",
    "confidence",
    "failures",
    "studies",
    "equation_17",
)

Verdict = Literal["reproduced", "not_reproduced", "not_shown", "not_measured"]


@dataclass(frozen=True)
class Finding:
    """A sentence or phrase: a key of the area's texts, and what is put in (numbers are formatted already)."""

    key: str
    values: "dict[str, str | Finding]" = field(default_factory=dict)


# Names that need no translation are plain.
Text = str | Finding
Words = Callable[..., str]


def say(text: Text, words: Words) -> str:
    """The text in the language of ``words``; plain, so it must be escaped in HTML."""
    if isinstance(text, str):
        return text
    return words(f"{AREA}.{text.key}", **{name: say(value, words) for name, value in text.values.items()})


def sentences(parts: Sequence[Finding]) -> Finding:
    """Sentences as one text."""
    return reduce(lambda first, second: Finding("two_sentences", {"first": first, "second": second}), parts)


def listed(parts: Sequence[Finding]) -> Finding:
    """Phrases as a list within a sentence."""
    return reduce(lambda first, second: Finding("two_phrases", {"first": first, "second": second}), parts)


@dataclass(frozen=True)
class Band:
    """One series of a figure.

    Attributes:
        colour_key: the checkpoint (or run) whose colour it has.
        x: numbers, or categories, each once, in order.
        y: values; None interrupts a line.
        low, high: ends of the 95 % interval; both None where there is none, single Nones where a point has none.
        n: how many plates (of curves: runs) each point stands on.
    """

    name: Text
    colour_key: str
    x: tuple[float | Text, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] | None
    high: tuple[float | None, ...] | None
    n: tuple[int, ...]


@dataclass(frozen=True)
class Figure:
    """A chart without its drawing.

    Attributes:
        key: unique in a report; also the name of its CSV.
        section: one of ``SECTIONS``.
        x, y: axis titles with units.
        mode: "lines" (bands as translucent fills), "markers" or "bars" (intervals as error bars), or "heat" (a row a
            band, a column a category, y in %).
        reference: published values, horizontal lines: name and y.
        diagonal: whether the line y = x belongs to it.
        source: result files, relative to the folder of results.
        command: what makes those files again, a line a command.
    """

    key: str
    section: str
    title: Finding
    bands: tuple[Band, ...]
    x: Finding
    y: Finding
    mode: Literal["lines", "markers", "bars", "heat"]
    finding: Finding
    source: tuple[str, ...]
    command: str
    log_x: bool = False
    reference: tuple[tuple[Text, float], ...] = ()
    diagonal: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what is shown, and the numbers behind it where it is a number.

    Attributes:
        low, high: ends of the 95 % interval.
        spread: standard deviation over plates.
    """

    text: Text
    value: float | None = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Row:
    """A row; ``published`` says that its numbers are the paper's, ``colour_key`` is None where it has no colour."""

    name: Text
    cells: tuple[Cell, ...]
    colour_key: str | None = None
    published: bool = False


@dataclass(frozen=True)
class Table:
    """A table; ``columns`` are headings with units: first that of the rows' names, then one a cell."""

    key: str
    section: str
    title: Finding
    columns: tuple[Finding, ...]
    rows: tuple[Row, ...]
    finding: Finding
    source: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Claim:
    """A claim of the paper and what became of it; the verdict's words are the text "verdict_" + verdict."""

    key: str
    statement: Finding
    verdict: Verdict
    finding: Finding
    source: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Report:
    """Everything that is shown, in order; ``passports`` by source file; ``problems`` are sentences about bad files."""

    budget: tuple[Finding, ...]
    claims: tuple[Claim, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    passports: dict[str, dict[str, Any]]
    problems: tuple[str, ...]

    @property
    def sections(self) -> tuple[str, ...]:
        """Those that have something to show; figure 12 is not among them, its pictures are ``lpsr.report.examples``."""
        shown = {one.section for one in (*self.tables, *self.figures)}
        return tuple(section for section in SECTIONS if section in shown)

    def passport(self, source: Iterable[str]) -> dict[str, Any]:
        """What the passports of several files have in common, and the checkpoints of all of them."""
        known = [self.passports[name] for name in source if name in self.passports]
        common = {
            key: value for key, value in (known or [{}])[0].items() if all(one.get(key) == value for one in known)
        }
        checkpoints = {name: digest for one in known for name, digest in (one.get("checkpoints") or {}).items()}
        return common | ({"checkpoints": checkpoints} if checkpoints else {})
