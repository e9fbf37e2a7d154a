"""What was spent on the results, beside what the paper spent."""

from lpsr.report import paper
from lpsr.report.formats import count, number
from lpsr.report.selection import headline, patches_seen, trios
from lpsr.report.shapes import Finding
from lpsr.results import Results


def budget(results: Results) -> tuple[Finding, ...]:
    """One sentence for each study that answers the paper's question, then how verdicts are reached."""
    sentences = []
    for trio in headline(trios(results.runs)):
        run = max((run for runs in trio.runs.values() for run in runs.values()), key=patches_seen)
        seen = patches_seen(run)
        values = {
            "study": trio.study,
            "iterations": count(run.iterations_done),
            "batch": str(run.recipe.get("batch")),
            "patches": count(seen),
            "what": Finding("whole_plates" if run.recipe.get("patch") == "whole" else "patches"),
            "percent": number(100 * seen / (paper.ITERATIONS * paper.BATCH), 2),
            "minutes": number(run.seconds / 60, 0),
            "device": run.device,
            "seeds": str(trio.seeds),
        }
        sentences.append(Finding("budget_staged" if run.stages else "budget", values))
    return (*(sentences or [Finding("budget_unknown")]), Finding("rule"))
