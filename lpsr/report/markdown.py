"""The report as Markdown, in English."""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence

from lpsr.report.examples import Examples
from lpsr.report.formats import number
from lpsr.report.shapes import AREA, SECTIONS, Figure, Report, Table, Text, Words, say


def markdown(report: Report, words: Words, examples: Examples | None = None, files: Collection[str] = ()) -> str:
    """The whole report; ``files`` are names of CSV files beside it, to which figures and tables of that key link."""
    *budget, rule, details = report.budget
    parts = ["# LPSR Lab: report", *(f"> {_plain(problem)}" for problem in report.problems)]
    parts += [f"## {words(f'{AREA}.section_claims')}", *(_text(one, words) for one in budget), _claims(report, words)]
    parts += [
        _text(rule, words),
        f"<details><summary>{words('results.rule')}</summary>",
        _text(details, words),
        "</details>",
    ]
    for section in SECTIONS:
        items = [_table(one, words, files) for one in report.tables if one.section == section]
        items += [_figure(one, words, files) for one in report.figures if one.section == section]
        if section == "figure_12" and examples:
            items.append(_examples(examples))
        if items:
            parts += [f"## {words(f'{AREA}.section_{section}')}", *items]
    passports = {**report.passports, **({"examples.json": examples.passport} if examples else {})}
    if passports:
        parts += ["## Passports", *_passports(passports)]
    return "\n\n".join(parts) + "\n"


def _claims(report: Report, words: Words) -> str:
    lines = [
        f"- **{_text(claim.statement, words)}** *{words(f'{AREA}.verdict_{claim.verdict}')}* "
        f"{_text(claim.finding, words)}  \n  {_made(claim.source, claim.command, '  ')}"
        for claim in report.claims
    ]
    return "\n".join(lines)


def _table(table: Table, words: Words, files: Collection[str]) -> str:
    head = [_text(column, words) for column in table.columns]
    rows = [[_text(row.name, words), *(_text(cell.text, words) for cell in row.cells)] for row in table.rows]
    grid = "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])
    return (
        f"### {_text(table.title, words)}\n\n{_text(table.finding, words)}\n\n{grid}\n\n"
        f"{_made(table.source, table.command)}{_linked(table.key, files)}"
    )


def _figure(figure: Figure, words: Words, files: Collection[str]) -> str:
    return (
        f"### {_text(figure.title, words)}\n\n{_text(figure.finding, words)}\n\n"
        f"{_made(figure.source, figure.command)}{_linked(figure.key, files)}"
    )


def _examples(examples: Examples) -> str:
    """PSNR of each restored plate."""
    models = [name for name in examples.titles if name in examples.plates[0].psnr]
    lines = [["Plate", *(f"{examples.titles[name]}, dB" for name in models)], ["---"] * (1 + len(models))]
    lines += [[str(one.number), *(number(one.psnr[name], 2) for name in models)] for one in examples.plates]
    grid = "\n".join(f"| {' | '.join(map(_plain, line))} |" for line in lines)
    return f"{grid}\n\n{_made(('examples.json',), examples.command)}"


def _made(source: Sequence[str], command: str, indent: str = "") -> str:
    """Files and command, each on lines of their own."""
    lines = [f"`{line}`" for line in command.splitlines()]
    files = [f"From {', '.join(map(_plain, source))}."] if source else []
    return f"  \n{indent}".join([*files, *lines])


def _linked(key: str, files: Collection[str]) -> str:
    return f"  \n[CSV]({key}.csv)" if f"{key}.csv" in files else ""


def _passports(passports: dict[str, dict]) -> list[str]:
    """Each different one, with the files that it is the passport of; checkpoints of all of them."""
    alike: dict[str, list[str]] = defaultdict(list)
    for file, passport in passports.items():
        alike[json.dumps({key: value for key, value in passport.items() if key != "checkpoints"})].append(file)
    parts = []
    for facts, files in alike.items():
        lines = [f"- {key}: {_fact(value)}" for key, value in json.loads(facts).items()]
        weights = {name: one for file in files for name, one in (passports[file].get("checkpoints") or {}).items()}
        lines.append(f"- checkpoints: {_fact(weights)}")
        parts.append(f"{', '.join(map(_plain, files))}:\n\n" + "\n".join(lines))
    return parts


def _fact(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_plain(str(key))} {_plain(str(one)[:12])}" for key, one in value.items()) or "none"
    return "none" if value is None else _plain(str(value))


def _text(text: Text, words: Words) -> str:
    return _plain(say(text, words))


def _plain(text: str) -> str:
    """Without what Markdown would take for its own."""
    for sign in "\\|<*`":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
