"""Say what reproduces and what does not, from the result files alone.

  python -m lpsr report
  python -m lpsr report --out report
  python -m lpsr report --examples 6

Prints the report as Markdown. With --out DIR it is written as DIR/report.md with a CSV file for each figure and table,
and as DIR/report.html with interactive charts, which needs no network. A figure without its files does not appear:
`evaluate --results test` measures the shipped checkpoints, `study` trains and measures what the ablations need.
--examples N restores the first N plates of the gallery for figure 12 and writes them among the results.
"""

import argparse

from lpsr.cli.arguments import add_checkpoints, whole_number

NAME = "report"
HELP = "what reproduces and what does not, from the result files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", metavar="DIR", help="folder of result files (default: assets/results, or LPSR_RESULTS)"
    )
    parser.add_argument("--out", metavar="DIR", help="write report.md, report.html and CSV files into this folder")
    parser.add_argument(
        "--examples", type=whole_number(1), metavar="N", help="only make figure 12, of N plates of the gallery"
    )
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> int:
    """Report, or make figure 12. Returns 1 where a result file could not be used, else 0."""
    from pathlib import Path

    from lpsr.errors import InputError
    from lpsr.results import RESULTS

    folder = args.results or RESULTS
    if not Path(folder).is_dir():
        raise InputError(f"There is no folder of results {folder}; `evaluate --results` and `study` make one.")
    if args.examples:
        if args.out:
            raise InputError("--examples only makes figure 12; leave --out out and report afterwards.")
        return _examples(args.examples, folder, args.checkpoints)
    return _report(folder, args.out, args.checkpoints)


def _examples(count: int, folder: str, checkpoints: str | None) -> int:
    from lpsr.checkpoints import CHECKPOINTS
    from lpsr.cli.progress import Progress
    from lpsr.report.restored import make_examples

    made = make_examples(count, folder, checkpoints=checkpoints or CHECKPOINTS, progress=Progress("plates"))
    print(f"{folder}/examples.json: plates: {len(made.plates)}; {', '.join(made.titles.values())}.")
    return 0


def _report(folder: str, out: str | None, checkpoints: str | None) -> int:
    from dataclasses import replace
    from pathlib import Path

    from lpsr.app.words import Words
    from lpsr.checkpoints import CHECKPOINTS, list_checkpoints
    from lpsr.errors import InputError
    from lpsr.files import write_bytes
    from lpsr.report.build import build
    from lpsr.report.examples import read_examples
    from lpsr.report.markdown import markdown
    from lpsr.report.rows import csv_text, rows, table_rows
    from lpsr.results import read_results

    words = Words()
    report = build(read_results(folder), cards=list_checkpoints(checkpoints or CHECKPOINTS))
    try:
        examples = read_examples(folder)
    except InputError as error:
        examples, report = None, replace(report, problems=(*report.problems, str(error)))
    if out is None:
        print(markdown(report, words, examples), end="")
        return 1 if report.problems else 0
    # Plotly is needed here alone.
    from lpsr.cli.report_html import page

    files = {f"{figure.key}.csv": csv_text(*rows(figure, words)) for figure in report.figures}
    files |= {f"{table.key}.csv": csv_text(*table_rows(table, words)) for table in report.tables}
    files["report.html"] = page(report, words, examples, Path(folder))
    files["report.md"] = markdown(report, words, examples, files)
    for name, text in files.items():
        # Spreadsheets take UTF-8 for what it is only with its mark.
        write_bytes(Path(out) / name, text.encode("utf-8-sig" if name.endswith(".csv") else "utf-8"))
    print(f"{out}: {', '.join(files)}")
    return 1 if report.problems else 0
