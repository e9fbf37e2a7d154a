"""A report as HTML: what reproduces, then section by section tables and places for charts."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lpsr.app import passports
from lpsr.app.copied import command_html, copied
from lpsr.app.words import Words
from lpsr.report.shapes import AREA, SECTIONS, Cell, Claim, Figure, Finding, Report, Row, Table, say

# Of verdicts; their words stand beside them.
_MARKS = {"reproduced": "✓", "not_reproduced": "✕", "not_shown": "≈", "not_measured": "–"}
_WORDS = ' class="words"'
# Where a cell's interval begins, which has a line of its own.
_ASIDE = re.compile(r" (?=\[)")


def page(report: Report, colours: Mapping[str, str], words: Words, pictures: str = "") -> str:
    """The whole report.

    Args:
        colours: "#rrggbb" by the rows' keys (``figures.report_colours``).
        pictures: figure 12 as HTML; empty where there is none.
    """
    shown = [one for one in SECTIONS if one in report.sections or (pictures and one == "figure_12")]
    links = "".join(
        f'<li><a href="#results-{section}">{words.html(f"{AREA}.section_{section}")}</a></li>'
        for section in ("claims", *shown)
    )
    parts = [_claims(report, words)]
    for section in shown:
        items = pictures if section == "figure_12" else ""
        items += "".join(table_item(one, report, colours, words) for one in report.tables if one.section == section)
        items += "".join(figure_item(one, report, words) for one in report.figures if one.section == section)
        parts.append(_section(section, f'<div class="results-items">{items}</div>', words))
    title = words.html("results.contents")
    return (
        f'<nav class="results-contents" aria-label="{title}"><b>{title}</b><ol>{links}</ol></nav>'
        f'<div class="results-body">{_problems(report)}{"".join(parts)}</div>'
    )


def nothing(report: Report, words: Words) -> str:
    """What is said where there are no results: how to make them."""
    commands = "\n".join(dict.fromkeys(claim.command for claim in report.claims))
    return (
        f'<div class="results-body">{_problems(report)}<p class="results-none">{words.html("results.none")}</p>'
        f"{copied(words('results.command'), command_html(commands), words)}</div>"
    )


def made(source: Sequence[str], command: str, passport: Mapping[str, Any], words: Words) -> str:
    """Folded: the commands that make it (again), the files it is made from and their passport."""
    title = words.html("results.made" if source else "results.make")
    line = copied(words("results.command"), command_html(command), words)
    files = "".join(f"<li>{escape(one)}</li>" for one in source)
    listed = f'<p>{words.html("results.files")}</p><ul class="results-files">{files}</ul>' if files else ""
    known = f"<p>{words.html('results.passport')}</p>{passports.facts(passport)}" if passport else ""
    return f"<details><summary>{title}</summary>{line}{listed}{known}</details>"


def _section(key: str, content: str, words: Words) -> str:
    title = words.html(f"{AREA}.section_{key}")
    return f'<section id="results-{key}"><h2 tabindex="-1">{title}</h2>{content}</section>'


def _problems(report: Report) -> str:
    return "".join(f'<p class="note">{escape(problem)}</p>' for problem in report.problems)


def _claims(report: Report, words: Words) -> str:
    *budget, rule, details = (escape(say(one, words)) for one in report.budget)
    spent = "".join(f"<p>{sentence}</p>" for sentence in budget)
    claims = "".join(_claim(claim, report, words) for claim in report.claims)
    return _section(
        "claims",
        f'<div class="results-budget">{spent}</div><ul class="results-claims">{claims}</ul>'
        f'<div class="results-rule"><p>{rule}</p>'
        f"<details><summary>{words.html('results.rule')}</summary><p>{details}</p></details></div>",
        words,
    )


def _claim(claim: Claim, report: Report, words: Words) -> str:
    verdict = words.html(f"{AREA}.verdict_{claim.verdict}")
    return (
        f'<li class="{claim.verdict}"><b class="results-verdict"><i aria-hidden="true">{_MARKS[claim.verdict]}</i>'
        f"<span>{verdict}</span></b><div><h3>{escape(say(claim.statement, words))}</h3>"
        f"{_evidence(claim.finding, words)}{_made(claim, report, words)}</div></li>"
    )


def _evidence(finding: Finding, words: Words) -> str:
    """A line for each sentence."""
    if finding.key == "two_sentences":
        return "".join(_evidence(one, words) for one in finding.values.values())
    return f'<p class="results-finding">{escape(say(finding, words))}</p>'


def figure_item(figure: Figure, report: Report, words: Words) -> str:
    """A place for a chart, with its heading, and what it was made from."""
    alt = escape(f"{say(figure.title, words)}: {say(figure.finding, words)}")
    return (
        f'<figure class="results-item" data-chart="{escape(figure.key)}">{_head(figure, words)}'
        f'<div><div class="plot" role="img" aria-label="{alt}"></div></div>'
        f'<div class="results-foot">{_made(figure, report, words)}<div class="plot-buttons"></div></div></figure>'
    )


def table_item(table: Table, report: Report, colours: Mapping[str, str], words: Words) -> str:
    """A table with its heading, and what it was made from."""
    title = escape(say(table.title, words))
    wordy = [False, *(any(map(_wordy, cells)) for cells in zip(*(row.cells for row in table.rows), strict=True))]
    head = "".join(
        f'<th scope="col"{_WORDS * of_words}>{escape(say(one, words))}</th>'
        for one, of_words in zip(table.columns, wordy, strict=True)
    )
    body = "".join(_row(row, colours, words) for row in table.rows)
    save = words.html("plots.csv_hint")
    return (
        f'<div class="results-item results-wide">{_head(table, words)}'
        f'<div class="results-scroll" role="region" tabindex="0" aria-label="{title}"><table>'
        f'<caption class="unseen">{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<div class="results-foot">{_made(table, report, words)}<div class="plot-buttons">'
        f'<button type="button" data-table="{escape(table.key)}" title="{save}" aria-label="{save}: {title}">'
        f"{words.html('plots.csv')}</button></div></div></div>"
    )


def _row(row: Row, colours: Mapping[str, str], words: Words) -> str:
    kind = ' class="published"' if row.published else ""
    colour = f' class="model" style="--model: {colours[row.colour_key]}"' if row.colour_key else ""
    cells = "".join(_cell(cell, words) for cell in row.cells)
    return f'<tr{kind}><th scope="row"{colour}>{escape(say(row.name, words))}</th>{cells}</tr>'


def _wordy(cell: Cell) -> bool:
    """Whether it is text, and not a number or a dash."""
    return cell.value is None and cell.text != "–"


def _cell(cell: Cell, words: Words) -> str:
    value, *aside = _ASIDE.split(say(cell.text, words))
    if cell.value is None:
        return f"<td{_WORDS * _wordy(cell)}>{escape(' '.join([value, *aside]))}</td>"
    return f"<td>{escape(value)}{''.join(f'<small>{escape(one)}</small>' for one in aside)}</td>"


def _head(one: Figure | Table, words: Words) -> str:
    return f"<div><h3>{escape(say(one.title, words))}</h3>{_evidence(one.finding, words)}</div>"


def _made(one: Claim | Figure | Table, report: Report, words: Words) -> str:
    return made(one.source, one.command, report.passport(one.source), words)
