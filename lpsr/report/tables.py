"""Table 1 beside the paper's, and a table for each study: its runs against its baseline."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lpsr.report import paper
from lpsr.report.claims import SMALLEST, commands, judge
from lpsr.report.formats import cell, change, level, number, percent, signed
from lpsr.report.selection import (
    SHIPPED,
    TITLES,
    caption,
    comparable,
    differences,
    file_of,
    loss_of,
    opponent,
    scores_of,
    shipped,
    study_of,
)
from lpsr.report.settings import settings_apart, shared_settings
from lpsr.report.shapes import Cell, Finding, Row, Table, sentences
from lpsr.report.statistics import Estimate, mean, median, ratio, reported, share
from lpsr.results import STUDIES, Measurement, Results, RunRecord, Scores

_RATES = ("exact", "exact_without_province", "ge6", "ge5")
_PAPER = {"bicubic": paper.BICUBIC, "pecl-manhattan": paper.PECL}


def tables(results: Results, studies: Path = STUDIES) -> tuple[Table, ...]:
    """Those whose files exist."""
    test = shipped(results)
    by_study: dict[str, list[RunRecord]] = defaultdict(list)
    for run in results.runs:
        if run.measurement:
            by_study[run.study].append(run)
    found = [_study(name, runs, studies) for name, runs in by_study.items() if len(runs) > 1]
    return (*([_table_1(test)] if test else ()), *(table for table in found if table))


def known(column: Sequence[float | None] | None) -> np.ndarray | None:
    """The entries that are known; None where none is."""
    values = [float(one) for one in column or () if one is not None]
    return np.array(values) if values else None


def characters(scores: Scores, measurement: Measurement, group: Iterable[int] | None = None) -> Estimate | None:
    """Share of characters in place in the plate text, of all plates or of those in ``group`` whose text is known."""
    if scores.right is None:
        return None
    right, totals = scores.right, measurement.plates.characters
    pairs = [(right[k], totals[k]) for k in (range(len(totals)) if group is None else group) if right[k] is not None]
    return ratio(*zip(*pairs, strict=True)) if pairs else None


def _table_1(test: Measurement) -> Table:
    rows = []
    for name, scores in test.models.items():
        if published := _PAPER.get(name):
            rows.append(_published(published))
        rows.append(Row(caption(name, scores), _measured(scores, test), name))
    shown = [one for name, one in _PAPER.items() if name in test.models]
    # The paper's others stand below ours, in its order.
    rows += [_published(one) for one in paper.TABLE if one not in shown]
    columns = ("model", "psnr", "psnr_y", "ssim", "confidence", *_RATES, "characters")
    return Table(
        "table_1",
        "table_1",
        Finding("table_1"),
        tuple(Finding(f"column_{name}") for name in columns),
        tuple(rows),
        _beside(test),
        (f"{SHIPPED}.json",),
        test.command,
    )


def _published(one: paper.Published) -> Row:
    name = f"{one.name} ({one.parameters})" if one.parameters else one.name
    cells = [
        Cell(f"{number(value, digits)} ± {number(spread, 2)}", value, spread=spread)
        for (value, spread), digits in ((one.psnr, 2), (one.psnr_y, 2), (one.confidence, 3))
    ]
    nothing = Cell("–")
    unknown = [nothing] * (len(_RATES) + 1)
    return Row(Finding("name_paper", {"name": name}), (cells[0], cells[1], nothing, cells[2], *unknown), published=True)


def _measured(scores: Scores, test: Measurement) -> tuple[Cell, ...]:
    cells = []
    columns = ((scores.psnr, 2), (scores.psnr_y, 2), (scores.ssim, 3), (scores.confidence, 3))
    for column, digits in columns:
        if column is None:
            cells.append(Cell("–"))
            continue
        found = reported(column)
        spread = float(np.std(column))
        shown, _, between = level(found, digits).partition(" ")
        cells.append(Cell(f"{shown} ± {number(spread, digits)} {between}", found.value, found.low, found.high, spread))
    for rate in (*(_rate(scores, name) for name in _RATES), characters(scores, test)):
        cells.append(cell(rate and percent(rate), 1))
    return tuple(cells)


def _rate(scores: Scores, name: str) -> Estimate | None:
    """Share of plates read wholly right, right but for the province, or with so many characters in place."""
    right = known(scores.right if name in ("ge6", "ge5") else getattr(scores, name))
    if right is None:
        return None
    return share(right >= int(name[2:]) if name in ("ge6", "ge5") else right)


def _beside(test: Measurement) -> Finding:
    """How far the best checkpoint is from the paper's, and where bicubic stands."""
    trained = {name: reported(one.psnr) for name, one in test.models.items() if one.psnr and name != "bicubic"}
    if not trained:
        return Finding("table_1_plates", {"n": str(test.passport.get("n"))})
    best = max(trained, key=lambda name: trained[name].value)
    values = {
        "best": test.models[best].title,
        "psnr": number(trained[best].value, 2),
        "gap": signed(trained[best].value - paper.PECL.psnr[0], 2),
        "paper": number(paper.PECL.psnr[0], 2),
        "n": str(len(test.plates.width)),
    }
    return Finding("table_1_best", values)


def _study(name: str, runs: Sequence[RunRecord], studies: Path) -> Table | None:
    ordered, baseline = study_of(name, runs, studies)
    if baseline is None:
        return None
    ordered = [run for run in ordered if comparable(run.measurement, baseline.measurement)]
    rows, gains, shared = [], {}, shared_settings(ordered)
    for run in [baseline, *(run for run in ordered if run is not baseline)]:
        rival = opponent(run, baseline, ordered)
        pair = [(scores_of(run), scores_of(rival))]
        psnr = None if run is rival else differences(pair, "psnr")
        same_reader = comparable(run.measurement, rival.measurement, readings=True)
        exact = differences(pair, "exact") if run is not rival and same_reader else None
        if psnr is not None:
            gains[run.name] = median(psnr)
        own = scores_of(run)
        read, confidence = known(own.exact), known(own.confidence)
        apart = ", ".join(
            f"{key} {value}" for key, value in settings_apart(run, rival).items() if shared.get(key) != value
        )
        cells = (
            Cell(apart or ("–" if run is not rival else Finding("baseline"))),
            cell(median(own.psnr), 2),
            cell(gains.get(run.name), 3, difference=True),
            cell(None if confidence is None else median(confidence), 3),
            cell(None if read is None else percent(share(read)), 1),
            cell(None if exact is None else percent(mean(exact)), 1, difference=True),
        )
        rows.append(Row(run.name, cells, _colour(run)))
    if len(rows) < 2:
        return None
    columns = ("run", "settings", "psnr", "psnr_gain", "confidence", "exact", "exact_gain")
    return Table(
        f"study_{name}",
        "studies",
        Finding("study", {"study": name}),
        tuple(Finding(f"column_{column}") for column in columns),
        tuple(rows),
        _summary(gains, baseline, shared),
        tuple(map(file_of, ordered)),
        commands(ordered),
    )


def _colour(run: RunRecord) -> str:
    """The model's whose loss it has; a run of another name has its own."""
    return run.name if run.name in TITLES else loss_of(run).model


def _summary(gains: dict[str, Estimate], baseline: RunRecord, shared: dict[str, str]) -> Finding:
    """Which runs gain, which lose, which are not told apart from the baseline; what all PECL runs have in common."""
    if not gains:
        return Finding("no_results")
    verdicts = {name: judge(gain, SMALLEST["psnr"]) for name, gain in gains.items()}
    better = [name for name, verdict in verdicts.items() if verdict == "reproduced"]
    worse = [name for name, gain in gains.items() if judge(_turned(gain), SMALLEST["psnr"]) == "reproduced"]
    best, worst = (which(gains, key=lambda name: gains[name].value) for which in (max, min))
    values = {
        "baseline": baseline.name,
        "better": str(len(better)),
        "worse": str(len(worse)),
        "rest": str(len(gains) - len(better) - len(worse)),
        "best": best,
        "best_gain": change(gains[best], 3),
        "worst": worst,
        "worst_gain": change(gains[worst], 3),
    }
    summary = Finding("study_summary", values)
    if not shared:
        return summary
    common = ", ".join(f"{key} {value}" for key, value in shared.items())
    return sentences([summary, Finding("study_shared", {"settings": common})])


def _turned(gain: Estimate) -> Estimate:
    return gain._replace(value=-gain.value, low=-gain.high, high=-gain.low)
