"""The whole report from a folder's results."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lpsr.report import benefit, course, curves, dimensions, failures, reads
from lpsr.report.budget import budget
from lpsr.report.claims import claims
from lpsr.report.selection import file_of
from lpsr.report.shapes import SECTIONS, Figure, Report
from lpsr.report.tables import tables
from lpsr.results import BENEFIT, STUDIES, Results

if TYPE_CHECKING:
    from lpsr.checkpoints import Card


def build(results: Results, studies: Path = STUDIES, cards: Sequence["Card"] = ()) -> Report:
    """Claims, tables and figures, only those whose files exist.

    Args:
        studies: where baselines are looked up.
        cards: of the shipped checkpoints; without them nothing is known of their training.
    """
    passports = {f"{name}.json": one.passport for name, one in results.measurements.items()}
    passports |= {file_of(run): run.measurement.passport for run in results.runs if run.measurement}
    shown = tables(results, studies)
    if results.benefit:
        passports[BENEFIT] = results.benefit.passport
        shown += benefit.parts(results.benefit, BENEFIT)[0]
    return Report(
        budget(results),
        claims(results, cards),
        shown,
        figures(results, cards),
        passports,
        tuple(results.problems),
    )


def figures(results: Results, cards: Sequence["Card"] = ()) -> tuple[Figure, ...]:
    """Every figure whose files exist, section by section."""
    found = [figure for part in (course, curves, dimensions, failures) for figure in part.figures(results)]
    found += reads.figures(results, cards)
    if results.benefit:
        found += benefit.parts(results.benefit, BENEFIT)[1]
    return tuple(sorted(found, key=lambda figure: SECTIONS.index(figure.section)))
