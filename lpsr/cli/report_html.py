"""The report as one HTML file that opens without a network: Plotly and all pictures are inside it."""

import base64
import json
from collections.abc import Iterable
from html import escape
from pathlib import Path

from plotly.offline import get_plotlyjs

from lpsr.app.results.figures import draw, report_colours
from lpsr.report.examples import Examples
from lpsr.report.formats import number
from lpsr.report.shapes import AREA, SECTIONS, Figure, Report, Table, Words, say
from lpsr.results import EXAMPLES

_STYLE = """
:root { color-scheme: light dark; --text: #1c1c1e; --aside: #5c5c64; --line: #d8d8dc; --page: #fbfbfa; }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececf0; --aside: #a6a6ae; --line: #3a3a40; --page: #161618; }
}
body { margin: 0 auto; padding: 16px; max-width: 980px; font: 15px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--page); }
h1 { font-size: 22px; } h2 { font-size: 18px; margin-top: 40px; } h3 { font-size: 15px; margin: 28px 0 4px; }
p { margin: 4px 0 8px; } li { margin: 8px 0; }
nav ul { padding-left: 18px; } a { color: inherit; }
.verdict { font-weight: 600; }
details, .aside { color: var(--aside); font-size: 13px; } pre { white-space: pre-wrap; margin: 4px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: 720px; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px 3px 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody th { font-weight: 400; border-left: 3px solid var(--model, transparent); padding-left: 6px; }
tr.published { color: var(--aside); }
.js-plotly-plot .main-svg text { fill: var(--text) !important; }
.js-plotly-plot .main-svg .hoverlayer text { fill: #fff !important; }
.js-plotly-plot .crisp { stroke: var(--aside); }
figure { margin: 0; } .names { font-size: 12px; } .names span { display: inline-block; margin-right: 14px; }
.plates { table-layout: fixed; width: 100%; }
.plates img { display: block; width: 100%; image-rendering: pixelated; }
"""
# Where names at the ends of lines leave no room, they stand below the chart.
_SCRIPT = """
const draw = () => document.querySelectorAll('.plot').forEach((plot) => {
  const { data, layout } = JSON.parse(plot.parentElement.querySelector('script').textContent);
  const width = plot.clientWidth, { meta, margin, annotations = [] } = layout;
  const narrow = meta.narrow && width - margin.l - margin.r < 260;
  const others = annotations.filter(({ name }) => name !== 'end');
  const fitted = narrow ? { ...layout, margin: { ...margin, ...meta.narrow }, annotations: others } : layout;
  plot.parentElement.querySelector('.names').replaceChildren(...narrow ? meta.names.map(([mark, colour, name]) => {
    const one = document.createElement('span'), sign = document.createElement('b');
    sign.textContent = `${mark} `;
    sign.style.color = colour;
    one.append(sign, name);
    return one;
  }) : []);
  Plotly.react(plot, data, { ...fitted, width }, { displaylogo: false });
});
draw();
let wide = innerWidth;
addEventListener('resize', () => { if (innerWidth !== wide) { wide = innerWidth; draw(); } });
"""


def page(report: Report, words: Words, examples: Examples | None, folder: Path) -> str:
    """The whole report; ``folder`` is where the pictures of figure 12 lie."""
    colours = report_colours(report)
    *budget, rule, details = (escape(say(one, words)) for one in report.budget)
    rules = f"<p>{rule}</p><details><summary>{escape(words('results.rule'))}</summary><p>{details}</p></details>"
    bodies = {"claims": "".join(f"<p>{one}</p>" for one in budget) + _claims(report, words) + rules}
    for section in SECTIONS:
        body = "".join(_table(one, report, colours, words) for one in report.tables if one.section == section)
        body += "".join(_figure(one, report, colours, words) for one in report.figures if one.section == section)
        if section == "figure_12" and examples:
            body += _examples(examples, folder, words)
        if body:
            bodies[section] = body
    titles = {section: escape(words(f"{AREA}.section_{section}")) for section in bodies}
    links = "".join(f'<li><a href="#{section}">{title}</a></li>' for section, title in titles.items())
    content = "".join(
        f'<section id="{section}"><h2>{titles[section]}</h2>{body}</section>' for section, body in bodies.items()
    )
    problems = "".join(f"<p><b>{escape(problem)}</b></p>" for problem in report.problems)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>LPSR Lab: report</title><style>{_STYLE}</style><script>{get_plotlyjs()}</script></head><body>"
        f"<h1>LPSR Lab: report</h1>{problems}<nav><ul>{links}</ul></nav>{content}"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _claims(report: Report, words: Words) -> str:
    items = "".join(
        f"<li>{escape(say(claim.statement, words))} "
        f'<span class="verdict">{escape(words(f"{AREA}.verdict_{claim.verdict}"))}</span>'
        f"<p>{escape(say(claim.finding, words))}</p>"
        f"{_made(claim.source, claim.command, report.passport(claim.source))}</li>"
        for claim in report.claims
    )
    return f"<ol>{items}</ol>"


def _figure(figure: Figure, report: Report, colours: dict[str, str], words: Words) -> str:
    # "<" would end the script.
    drawn = draw(figure, words, colours).to_json().replace("<", "\\u003c")
    title, text = (escape(say(one, words)) for one in (figure.title, figure.finding))
    return (
        f'<figure id="{escape(figure.key)}"><h3>{title}</h3><p>{text}</p>'
        f'<div class="plot" role="img" aria-label="{title}: {text}"></div><p class="names"></p>'
        f'<script type="application/json">{drawn}</script>'
        f"{_made(figure.source, figure.command, report.passport(figure.source))}</figure>"
    )


def _table(table: Table, report: Report, colours: dict[str, str], words: Words) -> str:
    head = "".join(f'<th scope="col">{escape(say(one, words))}</th>' for one in table.columns)
    rows = ""
    for row in table.rows:
        style = f' style="--model: {colours[row.colour_key]}"' if row.colour_key else ""
        cells = "".join(f"<td>{escape(say(cell.text, words))}</td>" for cell in row.cells)
        kind = ' class="published"' if row.published else ""
        rows += f'<tr{kind}><th scope="row"{style}>{escape(say(row.name, words))}</th>{cells}</tr>'
    return (
        f'<div id="{escape(table.key)}"><h3>{escape(say(table.title, words))}</h3>'
        f'<p>{escape(say(table.finding, words))}</p><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{_made(table.source, table.command, report.passport(table.source))}</div>"
    )


def _examples(examples: Examples, folder: Path, words: Words) -> str:
    """A row a plate, a column a model, each with its PSNR; all columns fit the page's width."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in examples.titles.values())
    rows = ""
    for plate in examples.plates:
        cells = ""
        for name, title in examples.titles.items():
            data = base64.b64encode((folder / plate.pictures[name]).read_bytes()).decode()
            below = f"{number(plate.psnr[name], 2)} dB" if name in plate.psnr else ""
            text = escape(f"{plate.text}, {title}")
            cells += f'<td><img src="data:image/png;base64,{data}" alt="{text}">{below}</td>'
        rows += f"<tr>{cells}</tr>"
    return (
        f"<p>{escape(words('results.pictures'))}</p>"
        f'<div class="scroll"><table class="plates"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{_made([EXAMPLES], examples.command, examples.passport)}"
    )


def _made(source: Iterable[str], command: str, passport: dict) -> str:
    """Folded: command, files and what their passports have in common."""
    facts = escape(json.dumps(passport, ensure_ascii=False, indent=1))
    return (
        f"<details><summary>Command, files, passport</summary><pre>{escape(command)}</pre>"
        f"<p>{escape(', '.join(source))}</p><pre>{facts}</pre></details>"
    )
