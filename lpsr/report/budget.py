"""What was spent on the results, beside what the paper spent."""

from lpsr.report import paper
from lpsr.report.formats import count, number
from lpsr.report.selection import headline, patches_seen, trios
from lpsr.report.shapes import Finding
from lpsr.results import Results, RunRecord


def budget(results: Results) -> tuple[Finding, ...]:
    """One sentence for each study that answers the paper's question, then how verdicts are reached, in short and in
    detail."""
    sentences = []
    for trio in headline(trios(results.runs)):
        run = max((run for runs in trio.runs.values() for run in runs.values()), key=patches_seen)
        seen = patches_seen(run)
        percent = 100 * seen / (paper.ITERATIONS * paper.BATCH)
        values = {
            "study": trio.study,
            "iterations": count(run.iterations_done),
            "batch": str(run.recipe.get("batch")),
            "patches": count(seen),
            "what": _what(run),
            "percent": number(percent, 2 if percent >= 0.1 else 4),
            "minutes": number(run.seconds / 60, 0),
            "device": run.device,
            "seeds": str(trio.seeds),
        }
        sentences.append(Finding("budget_staged" if run.stages else "budget", values))
    return (*(sentences or [Finding("budget_unknown")]), Finding("rule"), Finding("rule_details"))


def _what(run: RunRecord) -> Finding:
    """What a run and its earlier stages were trained on."""
    recipes = [run.recipe, *(stage.get("recipe") or {} for stage in run.stages)]
    whole = [recipe.get("patch") == "whole" for recipe in recipes]
    return Finding("whole_plates" if all(whole) else "patches_and_plates" if any(whole) else "patches")
