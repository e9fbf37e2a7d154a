"""Where the plates fail: exact reads and PSNR by width, brightness, blurriness and province."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lpsr.report.formats import level, percent
from lpsr.report.reads import subject
from lpsr.report.selection import SHIPPED, caption, shipped
from lpsr.report.shapes import Band, Figure, Finding, Text
from lpsr.report.statistics import Estimate, bins, median, share
from lpsr.results import Measurement, Results, Scores

QUARTERS = 4
# A province of fewer plates is one of the others.
FEW = 10

Group = tuple[Text, NDArray[np.intp]]


def figures(results: Results) -> list[Figure]:
    """Two a factor, of the shipped checkpoints; a factor that is not known for at least two groups is left out."""
    test = shipped(results)
    if test is None:
        return []
    found = []
    for factor in ("width", "brightness", "blurriness", "province"):
        groups = _provinces(test) if factor == "province" else _quarters(test, factor)
        if len(groups) > 1:
            found += [figure for metric in ("exact", "psnr") if (figure := _figure(test, factor, groups, metric))]
    return found


def _quarters(test: Measurement, factor: str) -> list[Group]:
    """Groups of about equally many plates, named by their least and greatest value."""
    values = np.array([np.nan if one is None else one for one in getattr(test.plates, factor)], np.float64)
    return [(f"{values[group].min():g}–{values[group].max():g}", group) for group in bins(values, QUARTERS)]


def _provinces(test: Measurement) -> list[Group]:
    """The provinces with ``FEW`` plates and more, the most frequent first, then all but that one together."""
    provinces = test.plates.province
    counts = Counter(one for one in provinces if one)
    if not counts:
        return []
    home = counts.most_common(1)[0][0]
    groups: list[Group] = [
        (name, np.flatnonzero([one == name for one in provinces]))
        for name, count in counts.most_common()
        if count >= FEW or name == home
    ]
    others = np.flatnonzero([one is not None and one != home for one in provinces])
    return [*groups, (Finding("others", {"home": home}), others)] if others.size else groups


def _figure(test: Measurement, factor: str, groups: Sequence[Group], metric: str) -> Figure | None:
    bands, of = [], {}
    for name, scores in test.models.items():
        points = [_estimate(scores, metric, group) for _, group in groups]
        if not any(points):
            continue
        of[name] = [(label, one) for (label, _), one in zip(groups, points, strict=True) if one]
        bands.append(
            Band(
                caption(name, scores),
                name,
                tuple(label for label, _ in groups),
                tuple(one and one.value for one in points),
                tuple(one and one.low for one in points),
                tuple(one and one.high for one in points),
                tuple(one.n if one else 0 for one in points),
            )
        )
    name = subject(test)
    if name not in of:
        return None
    known = sum(one is not None for one in getattr(test.plates, factor))
    return Figure(
        f"{metric}_by_{factor}",
        "failures",
        Finding(f"{metric}_by_{factor}"),
        tuple(bands),
        Finding(f"axis_{factor}", {"n": str(known)}),
        Finding(f"axis_{metric}"),
        "bars" if metric == "exact" else "markers",
        _found(test.models[name].title, of[name], metric),
        (f"{SHIPPED}.json",),
        test.command,
    )


def _found(model: str, points: Sequence[tuple[Text, Estimate]], metric: str) -> Finding:
    """The two groups furthest apart among those whose intervals do not meet."""
    apart = [(low, high) for low in points for high in points if low[1].high < high[1].low]
    if not apart:
        return Finding("failures_none", {"model": model})
    least, most = max(apart, key=lambda pair: pair[1][1].value - pair[0][1].value)
    digits = 1 if metric == "exact" else 2
    values = {"model": model, "least": least[0], "most": most[0]}
    values |= {"least_n": str(least[1].n), "most_n": str(most[1].n)}
    values |= {"least_value": level(least[1], digits), "most_value": level(most[1], digits)}
    return Finding(f"failures_{metric}", values)


def _estimate(scores: Scores, metric: str, group: NDArray[np.intp]) -> Estimate | None:
    column = getattr(scores, metric)
    if column is None:
        return None
    values = [float(column[k]) for k in group if column[k] is not None]
    if not values:
        return None
    return percent(share(values)) if metric == "exact" else median(values)
