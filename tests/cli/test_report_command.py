"""The verb ``report``."""

import csv
import re

import pytest

from lpsr.cli import main
from lpsr.results import Measurement, Plates, Scores, write_measurement

N = 40


@pytest.fixture
def results(tmp_path):
    """MSE, and PECL that is 0.3 dB better on every plate; titles that HTML and Markdown must not take for their own."""
    levels = [20 + k / 10 for k in range(N)]

    def scores(title, gain):
        read = [k % 3 == 0 for k in range(N)]
        return Scores(
            title=title,
            sha256="0" * 64,
            psnr=[one + gain for one in levels],
            psnr_y=[one + gain for one in levels],
            ssim=[0.5] * N,
            confidence=[0.5 + k / 100 for k in range(N)],
            right=[7 if one else 3 for one in read],
            exact=read,
            exact_raw=read,
            province=read,
            exact_without_province=read,
        )

    plates = Plates(
        width=[80 + k for k in range(N)],
        height=[48] * N,
        characters=[7] * N,
        province=["皖"] * N,
        brightness=[None] * N,
        blurriness=[None] * N,
        kind=[""] * N,
    )
    models = {"mse": scores("<b>M|SE</b>", 0.0), "pecl-manhattan": scores("PECL-Manhattan", 0.3)}
    passport = {"data": "made up", "split": "test", "n": N, "checkpoints": dict.fromkeys(models, "0" * 64)}
    found = Measurement(
        command="python -m lpsr evaluate --results test", passport=passport, plates=plates, models=models
    )
    write_measurement("test", found, tmp_path / "results")
    return tmp_path / "results"


def test_it_prints_markdown(results, capsys):
    assert main(["report", "--results", str(results)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# LPSR Lab: report\n")
    assert "**PECL (Manhattan) beats MSE in PSNR.** *not shown at this budget* Shipped checkpoints, whose cards" in text
    assert re.search(r"<details><summary>Verdicts in detail</summary>\n\n\w.+\n\n</details>\n", text)
    assert "**d = 128 is the best dimension of the embedding.** *not measured*" in text
    assert "+0.300 [+0.300, +0.300] dB" in text
    assert "`python -m lpsr evaluate --results test`" in text and "- data: made up" in text
    assert r"\<b>M\|SE\</b>" in text and "<b>" not in text.replace(r"\<b>", "")
    grid = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in grid}) == 1


def test_nothing_measured_is_said_and_no_error(tmp_path, capsys):
    assert main(["report", "--results", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.count("*not measured*") == 6 and "Table 1" not in text


def test_a_folder_that_is_none_is_refused(tmp_path, capsys):
    assert main(["report", "--results", str(tmp_path / "none")]) == 2
    assert "There is no folder of results" in capsys.readouterr().err


def test_out_holds_the_report_and_a_csv_a_figure(results, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["report", "--results", str(results), "--out", str(out)]) == 0
    files = {path.name for path in out.iterdir()}
    assert {"report.md", "report.html", "table_1.csv", "psnr_exact.csv", "exact_by_width.csv"} <= files
    said = capsys.readouterr().out
    assert all(name in said for name in files)
    with open(out / "exact_by_width.csv", encoding="utf-8-sig", newline="") as file:
        header, *lines = csv.reader(file)
    assert header[:2] == ["series", f"Width of HR, px (n = {N})"] and len(lines) == 2 * 4
    markdown = (out / "report.md").read_text(encoding="utf-8")
    assert {*re.findall(r"\[CSV\]\((.*?)\)", markdown)} == {name for name in files if name.endswith(".csv")}


def test_the_html_needs_no_network_and_is_escaped(results, tmp_path):
    assert main(["report", "--results", str(results), "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    # Plotly's own code is the first script; what follows is of the report.
    body = text[text.rindex("<body>") :]
    assert not re.search(r'(src|href)="(?!#|data:)', body) and "<script src" not in text
    assert body.count('class="plot"') == body.count('type="application/json"') > 4
    assert "&lt;b&gt;M|SE&lt;/b&gt;" in body and "<b>M|SE" not in body
    assert len(re.findall(r"<h2>", body)) == len(re.findall(r'<li><a href="#', body))


def test_a_broken_file_is_told_and_the_rest_shown(results, capsys):
    (results / "other.json").write_text("{")
    (results / "examples.json").write_text("{")
    assert main(["report", "--results", str(results)]) == 1
    text = capsys.readouterr().out
    assert "> other.json is cut off" in text and "> " in text and "examples.json is not valid JSON" in text
    assert "PECL-Manhattan minus MSE" in text


def test_the_cards_of_the_checkpoints_are_asked(results, make_checkpoint, tmp_path, capsys):
    digests = [make_checkpoint(tmp_path / "own", name).sha256 for name in ("mse", "pecl-manhattan")]
    text = (results / "test.json").read_text(encoding="utf-8")
    for digest in digests:
        text = text.replace(f'"sha256": "{"0" * 64}"', f'"sha256": "{digest}"', 1)
    (results / "test.json").write_text(text, encoding="utf-8")
    assert main(["report", "--results", str(results), "--checkpoints", str(tmp_path / "own")]) == 0
    assert "**PECL (Manhattan) beats MSE in PSNR.** *reproduced* Shipped checkpoints: " in capsys.readouterr().out


def test_examples_are_made_and_shown(results, checkpoints, tmp_path, capsys):
    assert main(["report", "--results", str(results), "--checkpoints", str(checkpoints), "--examples", "1"]) == 0
    assert "plates: 1" in capsys.readouterr().out
    assert main(["report", "--results", str(results), "--out", str(tmp_path / "out")]) == 0
    body = (tmp_path / "out" / "report.html").read_text(encoding="utf-8").rpartition("<body>")[2]
    assert body.count("data:image/png;base64,") == 5
    assert "Generated plates, so that nobody&#x27;s plate is shown" in body
    assert "Figure 12" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [["--examples", "1", "--out", "x"], ["--examples", "0"]])
def test_options_that_do_not_belong_together(options, capsys):
    try:
        status = main(["report", *options])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert capsys.readouterr().err.startswith("lpsr: ")
