"""The whole report from a folder's results."""

from pathlib import Path

from lpsr.report import course, curves, dimensions, failures, reads
from lpsr.report.budget import budget
from lpsr.report.claims import claims
from lpsr.report.selection import file_of
from lpsr.report.shapes import SECTIONS, Figure, Report
from lpsr.report.tables import tables
from lpsr.results import STUDIES, Results


def build(results: Results, studies: Path = STUDIES) -> Report:
    """Claims, tables and figures, only those whose files exist; ``studies`` is where baselines are looked up."""
    passports = {f"{name}.json": one.passport for name, one in results.measurements.items()}
    passports |= {file_of(run): run.measurement.passport for run in results.runs if run.measurement}
    return Report(
        budget(results),
        claims(results),
        tables(results, studies),
        figures(results),
        passports,
        tuple(results.problems),
    )


def figures(results: Results) -> tuple[Figure, ...]:
    """Every figure whose files exist, section by section."""
    found = [figure for part in (course, curves, dimensions, reads, failures) for figure in part.figures(results)]
    return tuple(sorted(found, key=lambda figure: SECTIONS.index(figure.section)))
