"""What the paper claims, and whether it reproduces: verdicts computed from 95 % intervals.

An interval over plates alone (one run of each loss) knows nothing of the chance in training, so it is widened by the
smallest gain that counts. ``reproduced``: it lies above 0. ``not_reproduced``: it excludes that smallest gain.
Else ``not_shown``: this budget does not tell. What has no result files is ``not_measured``.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lpsr.report import paper
from lpsr.report.cards import card_of, where_shipped
from lpsr.report.formats import change, count, level, number, percent
from lpsr.report.selection import (
    EUCLIDEAN,
    MANHATTAN,
    MSE,
    PAPER_D,
    SHIPPED,
    TITLES,
    Trio,
    differences,
    distances,
    file_of,
    headline,
    loss_of,
    measured,
    paired,
    patches_seen,
    scores_of,
    shipped,
    sweeps,
    trios,
)
from lpsr.report.shapes import Claim, Finding, Verdict, listed, sentences
from lpsr.report.statistics import Estimate, mean, median, reported
from lpsr.results import Results, RunRecord, Scores

if TYPE_CHECKING:
    from lpsr.checkpoints import Card

# dB, and confidence in [0, 1].
SMALLEST = {"psnr": 0.1, "confidence": 0.01}
EVALUATE = "python -m lpsr evaluate --data CCPD --results test"
STUDY = "python -m lpsr study {} --data CCPD:0.85 --data GENERATED:0.15 --measure CCPD"


def claims(results: Results, cards: Sequence["Card"] = ()) -> tuple[Claim, ...]:
    """The claims, in the paper's order of importance; ``cards`` are those of the shipped checkpoints."""
    found = trios(measured(results.runs))
    read = trios(measured(results.runs, readings=True))
    return (
        _better("pecl_psnr", MANHATTAN, MSE, "psnr", found, results, cards),
        _better("manhattan_psnr", MANHATTAN, EUCLIDEAN, "psnr", found, results, cards),
        _best_dimension(found),
        _better("pecl_confidence", MANHATTAN, MSE, "confidence", read, results, cards),
        _reached(found, results),
        _printed(found),
    )


def judge(estimate: Estimate, smallest: float) -> Verdict:
    """The verdict on "is greater" from an estimated difference; ``smallest`` is the gain that counts."""
    unknown = smallest if estimate.runs == 1 else 0.0
    if estimate.low - unknown > 0:
        return "reproduced"
    return "not_reproduced" if estimate.high + unknown < smallest else "not_shown"


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """That of a claim which needs all of them."""
    verdicts = set(verdicts)
    for one in ("not_reproduced", "not_shown", "reproduced"):
        if one in verdicts:
            return one
    return "not_measured"


def not_measured(key: str, command: str) -> Claim:
    """A claim without result files, and what would make them."""
    return Claim(key, Finding(f"claim_{key}"), "not_measured", Finding("no_results"), (), command)


def where(trio: Trio, seeds: int) -> Finding:
    """Which study, with how many seeds and iterations."""
    run = next(iter(trio.runs[MSE].values()))
    values = {"study": trio.study, "iterations": count(run.iterations_done), "batch": str(run.recipe.get("batch"))}
    return Finding("where_seeds" if seeds > 1 else "where_study", {**values, "seeds": str(seeds)})


def commands(runs: Iterable[RunRecord]) -> str:
    """Those that made the runs, each once."""
    return "\n".join(dict.fromkeys(run.command for run in runs))


class _Evidence(NamedTuple):
    where: Finding
    pairs: list[tuple[Scores, Scores]]
    source: tuple[str, ...]
    command: str
    # Whether the loss alone can have made the difference.
    alike: bool = True


def _evidence(
    model: str, baseline: str, found: Sequence[Trio], results: Results, cards: Sequence["Card"]
) -> list[_Evidence]:
    """Where two models can be compared: the study with most seeds, the longest, the shipped checkpoints."""
    evidence = []
    for trio in headline([trio for trio in found if trio.pairs(model, baseline)]):
        pairs = trio.pairs(model, baseline)
        runs = [run for pair in pairs for run in pair]
        scores = [(scores_of(own), scores_of(other)) for own, other in pairs]
        evidence.append(_Evidence(where(trio, len(pairs)), scores, tuple(map(file_of, runs)), commands(runs)))
    test = shipped(results)
    if test and model in test.models and baseline in test.models:
        scores = [(test.models[model], test.models[baseline])]
        place, alike = where_shipped(*(card_of(name, test, cards) for name in (model, baseline)))
        evidence.append(_Evidence(place, scores, (f"{SHIPPED}.json",), test.command, alike))
    return evidence


def _better(
    key: str,
    model: str,
    baseline: str,
    column: str,
    found: Sequence[Trio],
    results: Results,
    cards: Sequence["Card"],
) -> Claim:
    """A claim that a model has more of something than another."""
    verdict: Verdict | None = None
    said, source, command = [], [], []
    for one in _evidence(model, baseline, found, results, cards):
        gains = differences(one.pairs, column)
        if gains is None:
            continue
        gain = median(gains)
        verdict = verdict or (judge(gain, SMALLEST[column]) if one.alike else "not_shown")
        values = {"where": one.where, "model": TITLES[model], "baseline": TITLES[baseline], "n": str(gain.n)}
        said.append(Finding(f"gain_{column}", {**values, "gain": change(gain, 3)}))
        if column == "confidence" and (exact := differences(one.pairs, "exact")) is not None:
            said.append(Finding("gain_exact", {"gain": change(percent(mean(exact)), 1)}))
        source += one.source
        command += one.command.splitlines()
    if verdict is None:
        return not_measured(key, STUDY.format("seeds"))
    files, lines = tuple(dict.fromkeys(source)), "\n".join(dict.fromkeys(command))
    return Claim(key, Finding(f"claim_{key}"), verdict, sentences(said), files, lines)


def _best_dimension(found: Sequence[Trio]) -> Claim:
    """d = 128 against each other d, Manhattan; it is the best only where all of the paper's were tried."""
    key = "best_dimension"
    for sweep in sweeps(found):
        if PAPER_D not in sweep:
            continue
        own = sweep[PAPER_D].runs.get(MANHATTAN, {})
        against = {d: paired(own, trio.runs.get(MANHATTAN, {})) for d, trio in sweep.items() if d != PAPER_D}
        gains = {
            d: median(differences([(scores_of(a), scores_of(b)) for a, b in pairs], "psnr"))
            for d, pairs in against.items()
            if pairs
        }
        if not gains:
            continue
        runs = [run for pairs in against.values() for pair in pairs for run in pair]
        parts = listed([Finding("against_d", {"d": str(d), "gain": change(gain, 3)}) for d, gain in gains.items()])
        place = where(sweep[PAPER_D], max(gain.runs for gain in gains.values()))
        verdict = together(judge(gain, SMALLEST["psnr"]) for gain in gains.values())
        if verdict == "reproduced" and not {*paper.DIMENSIONS} <= {PAPER_D, *gains}:
            verdict = "not_shown"
        return Claim(
            key,
            Finding(f"claim_{key}"),
            verdict,
            Finding("gain_dimension", {"where": place, "parts": parts, "n": str(next(iter(gains.values())).n)}),
            tuple(dict.fromkeys(map(file_of, runs))),
            commands(runs),
        )
    return not_measured(key, STUDY.format("dimensions"))


def _reached(found: Sequence[Trio], results: Results) -> Claim:
    """The paper's medians, 25.13 dB and 25.92 dB in luma."""
    key, test = "reached", shipped(results)
    if test and MANHATTAN in test.models:
        place, columns = Finding("where_shipped"), [test.models[MANHATTAN]]
        source, command = (f"{SHIPPED}.json",), test.command
    else:
        longest = next((trio for trio in headline(found)[::-1] if MANHATTAN in trio.runs), None)
        if longest is None:
            return not_measured(key, EVALUATE)
        runs = list(longest.runs[MANHATTAN].values())
        place, columns = where(longest, len(runs)), list(map(scores_of, runs))
        source, command = tuple(map(file_of, runs)), commands(runs)
    psnr, psnr_y = (reported([getattr(one, name) for one in columns]) for name in ("psnr", "psnr_y"))
    targets = ((psnr, paper.PECL.psnr[0]), (psnr_y, paper.PECL.psnr_y[0]))
    values = {"where": place, "model": TITLES[MANHATTAN], "psnr": level(psnr, 2), "psnr_y": level(psnr_y, 2)}
    said = [Finding("level", values)]
    if test and "bicubic" in test.models:
        said.append(
            Finding(
                "bicubic_here",
                {"paper": number(paper.BICUBIC.psnr[0], 2), "psnr": level(reported(test.models["bicubic"].psnr), 2)},
            )
        )
    verdict: Verdict = "not_shown"
    if all(one.value >= target for one, target in targets):
        verdict = "reproduced"
    elif any(one.high < target for one, target in targets) and full_budget(results.runs):
        verdict = "not_reproduced"
    return Claim(key, Finding(f"claim_{key}"), verdict, sentences(said), source, command)


def full_budget(runs: Sequence[RunRecord]) -> bool:
    """Whether a PECL-Manhattan run has seen as many patches as the paper's; without records none is known to."""
    enough = paper.ITERATIONS * paper.BATCH
    return any(patches_seen(run) >= enough for trio in trios(runs) for run in trio.runs.get(MANHATTAN, {}).values())


def _printed(found: Sequence[Trio]) -> Claim:
    """Training on equation 17 as it stands against MSE; the paper's distance decides."""
    key = "printed_helps"
    said, runs, verdicts = [], [], {}
    for trio in (trio for trio in found if trio.loss.form == "printed"):
        for model in (MANHATTAN, EUCLIDEAN):
            pairs = trio.pairs(model, MSE)
            if not pairs:
                continue
            gain = median(differences([(scores_of(a), scores_of(b)) for a, b in pairs], "psnr"))
            verdicts.setdefault(model, judge(gain, SMALLEST["psnr"]))
            values = {"where": where(trio, len(pairs)), "model": TITLES[model], "baseline": TITLES[MSE]}
            said.append(Finding("gain_psnr", {**values, "gain": change(gain, 3), "n": str(gain.n)}))
            said += _distance(pairs[0][0])
            runs += [run for pair in pairs for run in pair]
    if not said:
        return not_measured(key, STUDY.format("forms"))
    verdict = verdicts.get(MANHATTAN) or verdicts[EUCLIDEAN]
    files = tuple(dict.fromkeys(map(file_of, runs)))
    return Claim(key, Finding(f"claim_{key}"), verdict, sentences(said), files, commands(runs))


def _distance(run: RunRecord) -> list[Finding]:
    """Where D between SR and HR began and ended: means over a twentieth of what was logged."""
    known = list(distances(run).values())
    if not known:
        return []
    few = max(1, len(known) // 20)
    ends = {"first": np.mean(known[:few]), "last": np.mean(known[-few:])}
    norm = "ℓ2" if loss_of(run).model == EUCLIDEAN else "ℓ1 / √d"
    return [Finding("distance_path", {"norm": norm, **{name: number(float(value), 2) for name, value in ends.items()}})]
