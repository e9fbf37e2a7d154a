"""Does restoration help reading? Pipelines by classes as tables and heat maps, and votes over frames."""

from collections.abc import Sequence
from dataclasses import replace

from lpsr.benefit.frames import NONE, VoteCurve
from lpsr.benefit.gains import best_restoration, difference, gains
from lpsr.benefit.result import SCALES, Benefit, ClassResult
from lpsr.report.benefit_verdict import (
    class_title,
    clauses,
    estimate,
    points,
    reader_title,
    restorer_title,
    verdict,
)
from lpsr.report.formats import cell, number, percent
from lpsr.report.shapes import Band, Cell, Figure, Finding, Row, Table, sentences
from lpsr.report.statistics import Estimate

SECTION = "does_it_help"
# Plain enlargement: what a restoration adds beyond a larger picture.
BICUBIC = "bicubic"
_MEASURES = ("exact", "ge6", "ge5", "characters", "false_confident", "milliseconds")


def parts(benefit: Benefit, source: str) -> tuple[tuple[Table, ...], tuple[Figure, ...]]:
    """Tables and figures; ``source`` is the result's file, relative to the folder of results."""
    tables = [_exact(benefit, source), class_table(benefit, benefit.classes[0].name, source)]
    if benefit.models:
        tables.insert(0, _gains(benefit, source))
    readers = [reader.name for reader in benefit.readers]
    figures = [_heat(benefit, reader, source) for reader in readers]
    for reader in readers:
        if curves := [curve for curve in benefit.votes or () if curve.reader == reader]:
            figures.append(_votes(benefit, reader, curves, source))
    return tuple(tables), tuple(figures)


def class_table(benefit: Benefit, name: str, source: str) -> Table:
    """Every measure of every pipeline in one class."""
    one = next(one for one in benefit.classes if one.name == name)
    rows = []
    for reader in benefit.readers:
        for restorer in benefit.restorers:
            found = one.cell(restorer, reader.name)
            shares = (found.exact, found.ge6, found.ge5, one.characters_right(found), found.false_confident)
            milliseconds = 1000 * found.seconds
            cells = [*(cell(estimate(share), 1) for share in shares), Cell(number(milliseconds, 1), milliseconds)]
            rows.append(_row(benefit, restorer, reader.name, cells))
    thresholds = [
        Finding(
            "benefit_threshold" if reader.calibrated else "benefit_threshold_usual",
            {"reader": reader_title(reader.name), "threshold": number(reader.threshold, 2)},
        )
        for reader in benefit.readers
    ]
    values = {"n": str(one.n), "width": str(one.width), "thresholds": clauses(thresholds)}
    values["threads"] = str(benefit.passport.get("threads", "–"))
    return Table(
        f"benefit_class_{name}",
        SECTION,
        Finding("benefit_class", {"class": class_title(name)}),
        (Finding("column_pipeline"), *(Finding(f"column_{measure}") for measure in _MEASURES)),
        tuple(rows),
        Finding("benefit_class_found", values),
        (source,),
        benefit.command,
    )


def _gains(benefit: Benefit, source: str) -> Table:
    """What each reader's best restoration adds to none, and to bicubic, by class; its finding is the verdict."""
    bases = [NONE, *(model.name for model in benefit.models if model.name == BICUBIC)]
    rows = []
    for reader in (reader.name for reader in benefit.readers):
        best = best_restoration(benefit, reader)
        for base in bases:
            if base == best:
                continue
            found = [percent(Estimate(*one.difference[:4])) for one in gains(benefit, reader, base)]
            row = _row(benefit, best, reader, [cell(one, 1, difference=True) for one in found])
            over = {"pipeline": row.name, "base": restorer_title(benefit, base)}
            rows.append(replace(row, name=Finding("benefit_over_none" if base == NONE else "benefit_over", over)))
    return Table(
        "benefit_gain",
        SECTION,
        Finding("benefit_gain"),
        (Finding("column_pipeline"), *map(_heading, benefit.classes)),
        tuple(rows),
        sentences(verdict(benefit)),
        (source,),
        benefit.command,
    )


def _exact(benefit: Benefit, source: str) -> Table:
    """How often each pipeline reads plates exactly, by class."""
    rows = [
        _row(
            benefit,
            restorer,
            reader.name,
            [cell(estimate(one.cell(restorer, reader.name).exact), 1) for one in benefit.classes],
        )
        for reader in benefit.readers
        for restorer in benefit.restorers
    ]
    return Table(
        "benefit_exact",
        SECTION,
        Finding("benefit_exact"),
        (Finding("column_pipeline"), *map(_heading, benefit.classes)),
        tuple(rows),
        Finding("benefit_exact_found", {"n": str(benefit.passport.get("n"))}),
        (source,),
        benefit.command,
    )


def _heading(one: ClassResult) -> Finding:
    values = {"class": class_title(one.name), "width": str(one.width), "n": str(one.n)}
    return Finding("column_scale" if one.name in SCALES else "column_width", values)


def _row(benefit: Benefit, restorer: str, reader: str, cells: Sequence[Cell]) -> Row:
    values = {"restorer": restorer_title(benefit, restorer), "reader": reader_title(reader)}
    return Row(Finding("benefit_pipeline", values), tuple(cells), _colour(restorer))


def _colour(restorer: str) -> str:
    """What is read as it is has the colour of LR."""
    return "lr" if restorer == NONE else restorer


def _heat(benefit: Benefit, reader: str, source: str) -> Figure:
    """A row a restoration, a column a class."""
    classes = benefit.classes
    bands = []
    for restorer in benefit.restorers:
        found = [estimate(one.cell(restorer, reader).exact) for one in classes]
        columns = zip(*((one.value, one.low, one.high, one.n) for one in found), strict=True)
        names = tuple(class_title(one.name).removesuffix(" px") for one in classes)
        bands.append(Band(restorer_title(benefit, restorer), _colour(restorer), names, *columns))
    best = best_restoration(benefit, reader)
    ends = {"first": classes[0], "last": classes[-1]}
    values = {key: class_title(one.name) for key, one in ends.items()}
    for name, restorer in (("without", NONE), ("with", best)):
        if restorer:
            values |= {f"{key}_{name}": _rate(one, restorer, reader) for key, one in ends.items()}
    if best:
        values["model"] = restorer_title(benefit, best)
    return Figure(
        f"benefit_heat_{reader}",
        SECTION,
        Finding("benefit_heat", {"reader": reader_title(reader)}),
        tuple(bands),
        Finding("axis_class"),
        Finding("axis_exact"),
        "heat",
        Finding("benefit_heat_found" if best else "benefit_heat_alone", values),
        (source,),
        benefit.command,
    )


def _rate(one: ClassResult, restorer: str, reader: str) -> str:
    return number(100 * one.cell(restorer, reader).exact.share, 1)


def _votes(benefit: Benefit, reader: str, curves: Sequence[VoteCurve], source: str) -> Figure:
    """Exact rate against the number of frames, a line a restoration and vote."""
    bands, said = [], []
    for curve in curves:
        found = [estimate(share) for share in curve.exact]
        columns = zip(*((one.value, one.low, one.high, one.n) for one in found), strict=True)
        values = {"restorer": restorer_title(benefit, curve.restorer), "vote": Finding(f"vote_{curve.vote}")}
        name = Finding("benefit_vote_series", values)
        bands.append(Band(name, _colour(curve.restorer), tuple(map(float, curve.frames)), *columns))
        values |= {"first": number(found[0].value, 1), "last": number(found[-1].value, 1)}
        values |= {
            "few": str(curve.frames[0]),
            "many": str(curve.frames[-1]),
            "gain": points(difference(curve.hits[-1], curve.hits[0])),
        }
        if curve.vote == curves[0].vote:
            said.append(Finding("benefit_votes_found", values))
    return Figure(
        f"benefit_votes_{reader}",
        SECTION,
        Finding("benefit_votes", {"reader": reader_title(reader)}),
        tuple(bands),
        Finding("axis_frames"),
        Finding("axis_exact"),
        "lines",
        sentences(said),
        (source,),
        benefit.command,
    )
