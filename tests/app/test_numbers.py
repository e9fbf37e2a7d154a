"""Chart, table and downloads of a comparison."""

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lpsr.app import numbers
from lpsr.app.language import Words, texts
from lpsr.app.link import Settings
from lpsr.app.numbers import KINDS, chart, downloads, file_of, table
from lpsr.app.session import Choice
from lpsr.bundle import gains
from lpsr.checkpoints import ORDER
from lpsr.compare import compare
from lpsr.data.generator import generate
from lpsr.degrade import PRESETS
from lpsr.metrics.fidelity import psnr
from lpsr.readers import Reading

TEXT = "皖A12345"
WORDS = Words()


@pytest.fixture
def comparison(checkpoints):
    return compare(generate(1, 3, text=TEXT).picture, text=TEXT, folder=checkpoints)


@pytest.fixture
def direct(checkpoints):
    lr = np.random.default_rng(0).integers(0, 256, (7, 19, 3), dtype=np.uint8)
    return compare(lr, direct=True, folder=checkpoints)


def read(comparison, texts=None, confidence=0.8):
    texts = texts or [TEXT] * len(comparison.results)
    results = [
        replace(one, reading=Reading("raw", text, 0.9, (0.9,) * len(text), "test", confidence))
        for one, text in zip(comparison.results, texts, strict=True)
    ]
    return replace(comparison, results=tuple(results))


def cells(html):
    """Row name -> its cells, as text."""
    rows = re.findall(r"<tr><th[^>]*>(.*?)</th>(.*?)</tr>", html.partition("<tbody>")[2])
    plain = [(name, re.findall(r"<td[^>]*>(.*?)</td>", row)) for name, row in rows]
    return {name: [re.sub(r"<span.*?</span>", "", cell) for cell in row] for name, row in plain}


def best(html):
    """Row name -> the columns where it is marked as best."""
    rows = re.findall(r"<tr><th[^>]*>(.*?)</th>(.*?)</tr>", html.partition("<tbody>")[2])
    return {name: [i for i, td in enumerate(re.findall("<td[^>]*>", row)) if "best" in td] for name, row in rows}


def titles(figure):
    return [note.text for note in figure.layout.annotations]


def dots(figure):
    return [list(trace.x) for trace in figure.data if trace.mode == "markers"]


def test_the_chart_holds_the_numbers_of_what_restores(comparison):
    figure = chart(read(comparison), WORDS)
    shown = comparison.results[2:]
    assert dots(figure) == [
        [one.psnr for one in shown],
        [one.psnr_y for one in shown],
        [one.ssim_y for one in shown],
        [0.8] * len(shown),
    ]
    assert list(figure.layout.yaxis.ticktext) == ["Bicubic", "MSE", "PECL-MANHATTAN"]
    dashed = [line.x0 for line in figure.layout.shapes if line.line.dash == "dash"]
    assert dashed == [shown[0].psnr, shown[0].psnr_y, shown[0].ssim_y, 0.8]
    dotted = [line.x0 for line in figure.layout.shapes if line.line.dash == "dot"]
    assert dotted == [0.8] and titles(figure)[3] == "Reader confidence (HR 0.80)"


def test_readings_that_are_not_there_are_said(comparison):
    assert "No readings yet" in titles(chart(comparison, WORDS))
    assert "No readings yet" not in titles(chart(read(comparison), WORDS))
    assert cells(table(comparison, WORDS))["MSE"][-1] == "–"


def test_without_hr_there_is_confidence_and_consistency_alone(direct):
    assert titles(chart(read(direct), WORDS)) == ["Reader confidence"]
    html = table(read(direct), WORDS)
    assert "dB" not in html and "yardstick" not in html
    assert [len(row) for row in cells(html).values()] == [1] * 4


@pytest.mark.parametrize(("width", "columns"), [(1440, 4), (800, 2), (390, 1)])
def test_narrow_pages_have_fewer_panels_side_by_side(comparison, width, columns):
    figure = chart(comparison, WORDS, width)
    assert len({axis.domain for axis in figure.select_xaxes()}) == columns
    assert figure.layout.height < 800


def test_the_table_holds_numbers_and_gains(comparison):
    rows = cells(table(read(comparison), WORDS))
    gained = gains(comparison)
    for result in comparison.results[3:]:
        more = gained[result.name]
        signs = ["+" if value >= 0 else "−" for value in more]
        assert rows[result.title] == [
            f"{result.psnr:.2f}",
            f"{signs[0]}{abs(more.psnr):.2f}",
            f"{result.psnr_y:.2f}",
            f"{signs[1]}{abs(more.psnr_y):.2f}",
            f"{result.ssim_y:.3f}",
            f"{signs[2]}{abs(more.ssim_y):.3f}",
            f"{result.consistency.rmse:.2f}",
            "exact, 7 of 7",
        ]
    assert rows["HR"] == ["–"] * 6 + ["0.00", "exact, 7 of 7"]
    assert rows["LR"][6] == "–" and rows["Bicubic"][1] == "–"


def test_the_best_of_each_column_is_marked_among_what_restores(comparison):
    hr, lr, bicubic, mse, manhattan = comparison.results
    near, far = (mse.consistency._replace(rmse=value) for value in (1.0, 5.0))
    results = (
        hr,
        replace(lr, psnr=99.0),
        replace(bicubic, psnr=18.0, psnr_y=19.0, ssim_y=0.5, consistency=far),
        replace(mse, psnr=22.001, psnr_y=20.0, ssim_y=0.4, consistency=near),
        replace(manhattan, psnr=22.002, psnr_y=21.0, ssim_y=0.3, consistency=far),
    )
    texts = [TEXT, TEXT, "皖A12300", "皖A12340", "皖A12300"]
    html = table(read(replace(comparison, results=results), texts), WORDS)
    # Equal as shown is equal; consistency has no best.
    assert best(html) == {"HR": [], "LR": [], "Bicubic": [4], "MSE": [0, 7], "PECL-MANHATTAN": [0, 2]}
    assert html.count(", best of its column") == 5
    alone = replace(comparison, results=results[:3])
    assert not any(best(table(alone, WORDS)).values())


def test_characters_are_counted_where_the_text_is_known(comparison):
    texts = [TEXT, "京B67890", "皖A1234", TEXT, ""]
    rows = cells(table(read(comparison, texts), WORDS))
    assert [row[-1] for row in rows.values()] == ["exact, 7 of 7", "0 of 7", "6 of 7", "exact, 7 of 7", "0 of 7"]
    assert [len(row) for row in cells(table(read(replace(comparison, text=None)), WORDS)).values()] == [7] * 5


def test_what_comes_from_outside_is_escaped(comparison):
    evil = "<img src=x onerror=alert(1)>"
    hard = replace(comparison, results=tuple(replace(one, title=evil) for one in comparison.results))
    assert "<img" not in table(hard, WORDS) and "&lt;img" in table(hard, WORDS)


def test_every_language_has_every_text(comparison):
    for language in ("zh", "fr"):
        words = Words(language)
        assert words("numbers.best") in table(read(comparison), words)
        assert downloads(words).count("<button") == 4
    fields = re.compile(r"{(\w+)")
    for key, text in texts().items():
        if key.startswith("numbers."):
            assert len({frozenset(fields.findall(one)) for one in text.values()}) == 1, key


def test_files_are_what_they_say(comparison):
    name, mime, content = file_of(comparison, "png", "lpsr-rendered-1")
    assert (name, mime) == ("lpsr-rendered-1.png", "image/png") and Image.open(io.BytesIO(content)).format == "PNG"
    name, mime, content = file_of(comparison, "csv", "x")
    assert (name, mime) == ("x.csv", "text/csv")
    assert len(list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))) == 5
    name, mime, content = file_of(comparison, "json", "x")
    assert (name, mime) == ("x.json", "application/json") and json.loads(content)["passport"]["scale"] == 8
    name, mime, content = file_of(comparison, "zip", "lpsr-own")
    assert (name, mime) == ("lpsr-own.zip", "application/zip")
    assert "lpsr-own/mse.png" in zipfile.ZipFile(io.BytesIO(content)).namelist()


def ask(choice, kind):
    return numbers._download(choice, SimpleNamespace(kind=kind), None)["file"]


def test_answers_are_numbered_and_say_what_went_wrong(comparison, monkeypatch):
    choice = Choice(comparison.hr, "rendered-3", comparison=comparison)
    first, second = ask(choice, "csv"), ask(choice, "csv")
    assert first["number"] < second["number"] and first["data"] == second["data"]
    assert first["name"] == "lpsr-rendered-3-paper.csv"
    assert ask(replace(choice, key=""), "json")["name"] == "lpsr-own-paper.json"
    night = replace(choice, settings=Settings(PRESETS["night"]))
    assert ask(night, "csv")["name"] == "lpsr-rendered-3-night.csv"
    assert "no longer kept" in ask(None, "csv")["error"]
    monkeypatch.setattr(numbers, "file_of", lambda *_: 1 / 0)
    assert "fault in the program" in ask(choice, "csv")["error"]
    assert "fault in the program" in ask(choice, "../exe")["error"]


def save(page, kind, folder):
    with page.expect_download() as waiting:
        page.click(f'.downloads button[data-kind="{kind}"]')
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_visitor_takes_everything_home(visit, tmp_path):
    page = visit("?plate=rendered-2")
    # Readings are there.
    page.wait_for_selector('#numbers-table td:has-text("of 7")')
    shown = dict(
        page.eval_on_selector_all(
            "#numbers-table tbody tr", "all => all.map(row => [row.children[0].innerText, row.children[1].innerText])"
        )
    )
    for kind in KINDS:
        assert save(page, kind, tmp_path).name == f"lpsr-rendered-2-paper.{kind}"
    again = save(page, "zip", tmp_path)
    with zipfile.ZipFile(again) as bundle:
        bundle.extractall(tmp_path)
    folder = tmp_path / "lpsr-rendered-2-paper"
    hr = np.asarray(Image.open(folder / "hr.png"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "lpsr-rendered-2-paper.csv").read_text("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["hr", "lr", "bicubic", *ORDER]
    for row in rows[2:]:
        recomputed = psnr(hr, np.asarray(Image.open(folder / f"{row['name']}.png")))
        assert abs(recomputed - float(row["psnr_db"])) < 0.005
        assert shown[row["title"]].split(",")[0].split("\n")[0] == f"{recomputed:.2f}"
    facts = json.loads((tmp_path / "lpsr-rendered-2-paper.json").read_text())
    assert facts["text"] == "沪B7K391" and facts["passport"]["checkpoints"]
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "lpsr-rendered-2-paper.png")), np.asarray(Image.open(folder / "sheet.png"))
    )
    assert page.foreign == []


# Requests wait in ``window.held`` until a test lets them go: a busy machine would miss a delay.
HELD = """() => {
  const real = window.fetch;
  window.held = [];
  window.fetch = async (...request) => {
    if (String(request[0]).includes('queue/join')) await new Promise((done) => window.held.push(done));
    return real(...request);
  };
}"""


STATE = """() => [document.querySelector('.downloads .status').textContent,
  ...['[aria-disabled]', '[aria-busy]'].map((one) => document.querySelectorAll('.downloads button' + one).length)]"""


def test_a_slow_file_is_announced_and_can_be_asked_for_again(visit):
    page = visit()
    page.wait_for_selector('#numbers-table td:has-text("of 7")')
    page.evaluate(HELD)
    for _ in range(2):
        page.focus('.downloads button[data-kind="json"]')
        with page.expect_download() as waiting:
            # Looked at in the same moment, since half a second later it says so.
            state = page.evaluate(f"() => {{ document.activeElement.click(); return ({STATE})(); }}")
            assert state == ["", 4, 0]
            page.wait_for_function(f"String(({STATE})()) === 'Making the file…,4,1'")
            page.wait_for_function("window.held.length")
            page.evaluate("window.held.splice(0).forEach((done) => done())")
        assert waiting.value.suggested_filename == "lpsr-rendered-1-paper.json"
        page.wait_for_function(f"String(({STATE})()) === ',0,0'")
        assert page.evaluate("document.activeElement.dataset.kind") == "json"


@pytest.mark.parametrize("width", [1440, 390])
def test_chart_and_table_fit_the_page(visit, width):
    page = visit(viewport={"width": width, "height": 900}, color_scheme="dark")
    page.wait_for_selector("#numbers-table td.best")
    page.wait_for_selector("#numbers-chart .points path")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#numbers-chart .main-svg").first.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    labels = page.locator("#numbers-chart .textpoint text").all()
    assert len(labels) >= 12
    for label in labels:
        spot = label.bounding_box()
        assert box["x"] <= spot["x"] and spot["x"] + spot["width"] <= box["x"] + box["width"] + 1


def test_a_chart_that_was_drawn_out_of_sight_is_as_wide_as_the_page(visit):
    page = visit()
    page.locator("button[role=tab]").nth(3).click()
    page.wait_for_selector("#numbers-chart .main-svg", state="attached")
    page.locator("button[role=tab]").first.click()
    page.wait_for_function(
        "+document.querySelector('#numbers-chart .main-svg').getAttribute('width')"
        " == document.querySelector('#numbers-chart').clientWidth"
    )
