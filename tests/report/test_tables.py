"""Table 1, the studies' tables, and both as rows."""

import json

import numpy as np
import pytest

from lpsr.app.words import Words
from lpsr.metrics.fidelity import summarise
from lpsr.report.rows import csv_text, rows, table_rows
from lpsr.report.shapes import Band, Figure, Finding, say
from lpsr.report.tables import tables

WORDS = Words("en")


def shown(row):
    return [say(row.name, WORDS), *(say(cell.text, WORDS) for cell in row.cells)]


def test_table_1_has_ours_beside_the_papers(made):
    models = {"bicubic": made.scores("Bicubic"), "pecl-manhattan": made.scores("PECL-Manhattan", 1.0)}
    (table,) = tables(made.results(models=models))
    names = [say(row.name, WORDS) for row in table.rows]
    assert names[:4] == ["Bicubic, paper", "Bicubic", "PECL, Manhattan (2 M), paper", "PECL-Manhattan"]
    assert len(names) == 8 + 2 and all(len(row.cells) + 1 == len(table.columns) for row in table.rows)
    assert [row.published for row in table.rows] == [True, False, True, False, *[True] * 6]
    expected = summarise(models["bicubic"].psnr)
    cell = table.rows[1].cells[0]
    assert [cell.value, cell.spread, cell.low, cell.high] == [expected["median"], expected["std"], *expected["ci95"]]
    assert shown(table.rows[0])[1:3] == ["18.53 ± 2.78", "18.70 ± 2.82"]
    # 7 characters in place or 5: ≥ 6 is exact, ≥ 5 is all.
    exact, but_province, ge6, ge5, characters = table.rows[1].cells[4:]
    share = np.mean(models["bicubic"].exact)
    assert [one.value for one in (exact, but_province, ge6, ge5)] == pytest.approx([100 * share] * 3 + [100])
    assert characters.value == pytest.approx(100 * share + (1 - share) * 500 / 7)
    assert "PECL-Manhattan has the highest median PSNR" in say(table.finding, WORDS)
    assert table.source == ("test.json",)


def test_a_study_against_its_baseline(made, tmp_path):
    study = {"name": "s", "baseline": "base", "runs": [{"name": "base"}, {"name": "worse"}, {"name": "better"}]}
    (tmp_path / "s.json").write_text(json.dumps(study))
    runs = [
        made.run("s", "better", gain=0.3, noise=0.02, ema=0.0),
        made.run("s", "worse", gain=-0.3, noise=0.02, patch="whole"),
        made.run("s", "base"),
        made.run("s", "z-worst", gain=-0.5, noise=0.02, batch=16),
        made.run("s", "z-same", gain=0.05, noise=0.02, batch=64),
    ]
    (table,) = tables(made.results(runs), tmp_path)
    assert [row.name for row in table.rows] == ["base", "worse", "better", "z-worst", "z-same"]
    base, worse, better = map(shown, table.rows[:3])
    assert base[1] == "baseline" and base[3] == "–"
    assert worse[1] == "patch whole" and worse[3].startswith("−0.")
    assert better[1] == "ema 0" and better[3].startswith("+0.")
    gain = table.rows[2].cells[2]
    apart = np.subtract(runs[0].measurement.models["better"].psnr, runs[2].measurement.models["base"].psnr)
    assert gain.value == np.median(apart) and gain.low < gain.value < gain.high
    text = say(table.finding, WORDS)
    assert (
        "Against base: 1 gain PSNR, 2 lose, 1 cannot" in text
        and "Greatest: better" in text
        and "least: z-worst" in text
    )


def test_runs_are_compared_with_the_baseline_of_their_seed(made, tmp_path):
    runs = made.trio("s", (1, 2))
    runs = [run if run.name != "mse-2" else made.run("s", "mse-2", seed=2, gain=5.0, noise=0.05) for run in runs]
    (table,) = tables(made.results(runs), tmp_path)
    gains = {row.name: row.cells[2].value for row in table.rows}
    assert gains["manhattan-1"] == pytest.approx(0.3, abs=0.05)
    assert gains["manhattan-2"] == pytest.approx(-4.7, abs=0.05)
    assert gains["mse-2"] is None
    assert "All its PECL runs have: d 128, form attract" in say(table.finding, WORDS)


def test_a_study_without_a_file_is_compared_with_its_mse_run(made, tmp_path):
    runs = [made.run("own", "a", "manhattan", gain=0.2), made.run("own", "b")]
    (tmp_path / "own.json").write_text("[]")
    (table,) = tables(made.results(runs), tmp_path)
    assert [row.name for row in table.rows] == ["b", "a"]
    assert tables(made.results(runs[:1]), tmp_path) == ()


def test_other_losses_are_no_mse(made, tmp_path):
    runs = [made.run("s", "a", kind="guided"), made.run("s", "z")]
    (table,) = tables(made.results(runs), tmp_path)
    assert [shown(row)[:2] for row in table.rows] == [["z", "baseline"], ["a", "loss guided"]]


def test_rows_of_a_figure():
    band = Band("A, B", "mse", (1.0, 2.0), (20.123456, None), (19.0, None), (21.0, None), (5, 0))
    finding = Finding("baseline")
    figure = Figure(
        "k",
        "figure_6",
        finding,
        (band,),
        Finding("axis_d"),
        Finding("axis_psnr"),
        "lines",
        finding,
        (),
        "",
        reference=((Finding("paper_value"), 25.13),),
    )
    text = csv_text(*rows(figure, WORDS))
    assert text.splitlines() == [
        'series,Dimension d of the embedding,"PSNR_RGB, dB",95 % low,95 % high,n',
        '"A, B",1,20.1235,19.0,21.0,5',
        '"A, B",2,,,,0',
        '"paper: PECL, Manhattan, d = 128",,25.13,,,',
    ]


def test_rows_of_a_table(made):
    (table,) = tables(made.results(models={"bicubic": made.scores("=cmd()")}))
    header, lines = table_rows(table, WORDS)
    assert len({len(header), *map(len, lines)}) == 1
    assert header[1:5] == [f"PSNR_RGB, dB{more}" for more in ("", ", standard deviation", ", 95 % low", ", 95 % high")]
    assert lines[0][1:5] == [18.53, 2.78, "", ""]
    assert "'=cmd()" in csv_text(header, lines)
