"""Tab *Results*: its text, and what the browser is sent."""

import json
import re
import shutil
from html import unescape
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from made_results import write_results
from PIL import Image

from lpsr.app import page as page_module
from lpsr.app.language import LANGUAGES, Words
from lpsr.app.results import html, tab
from lpsr.app.results.tab import content
from lpsr.report.build import build
from lpsr.report.shapes import Cell, Claim, Finding, Report, Row, Table
from lpsr.results import read_results


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "results")


def examples(folder, **changes):
    """Figure 12, of one plate."""
    (folder / "examples").mkdir(exist_ok=True)
    names = ("hr", "lr", "mse")
    for name in names:
        Image.fromarray(np.zeros((8, 24, 3), np.uint8)).save(folder / "examples" / f"1-{name}.png")
    value = {
        "command": "python -m lpsr report --examples 1",
        "passport": {"n": 1},
        "titles": {"hr": "HR", "lr": "LR", "mse": "MSE <b>"},
        "plates": [
            {
                "number": 1,
                "text": "京A86P20",
                "pictures": {name: f"examples/1-{name}.png" for name in names[::-1]},
                "psnr": {"mse": 18.912},
            }
        ],
    }
    (folder / "examples.json").write_text(json.dumps(value | changes))


def shown(folder, language="en"):
    return json.loads(content(folder, Words(language)))


def sections(text):
    return re.findall(r'<section id="results-(\w+)">', text)


def show(key, language="en"):
    return tab._show(key, SimpleNamespace(headers={"accept-language": language}))


class TestContent:
    def test_claims_come_first_and_each_section_is_in_the_contents(self, folder):
        text = shown(folder)["html"]
        assert sections(text)[:2] == ["claims", "table_1"] and "figure_12" not in sections(text)
        assert re.findall(r'href="#results-(\w+)"', text) == sections(text)

    def test_every_chart_has_its_place_and_numbers(self, folder):
        value = shown(folder)
        report = build(read_results(folder))
        assert re.findall(r'data-chart="([^"]+)"', value["html"]) == list(value["figures"])
        assert set(value["figures"]) == {figure.key for figure in report.figures}
        assert set(value["csv"]) == {*value["figures"], *(table.key for table in report.tables)}
        assert value["csv"]["table_1"].count("\n") > 5
        assert all(figure["layout"]["meta"]["title"] and figure["data"] for figure in value["figures"].values())

    def test_commands_files_and_passport_are_with_each(self, folder):
        text = shown(folder)["html"]
        made = text.count("<details><summary>How it was made")
        assert made > len(shown(folder)["figures"])
        assert "<span>python -m lpsr evaluate </span><span>--data DIR </span>" in text
        assert "<li>test.json</li>" in text and "<dt>split</dt><dd>test</dd>" in text
        # What was not measured can be made.
        assert "How to make it" in text and "study dimensions" in text

    def test_it_is_in_every_language(self, folder):
        texts = {shown(folder, language)["html"] for language in LANGUAGES}
        assert len(texts) == len(LANGUAGES) and all("results.made" not in text for text in texts)

    def test_a_new_file_is_seen_and_the_rest_kept(self, folder):
        before = content(folder, Words())
        assert content(folder, Words()) is before
        (folder / "runs" / "headline--mse.json").unlink()
        assert content(folder, Words()) != before

    def test_a_file_that_is_being_written_is_not_seen(self, folder):
        before = content(folder, Words())
        for part in (folder, folder / "runs"):
            (part / ".test.abcd1234.json").write_text('{"kind": ')
        assert content(folder, Words()) is before
        tab._kept.clear()
        assert content(folder, Words()) == before

    def test_a_chart_has_a_description_before_it_is_drawn(self, folder):
        value = shown(folder)
        alts = re.findall('<div class="plot" role="img" aria-label="([^"]+)">', value["html"])
        assert [unescape(one).partition(":")[0] for one in alts] == [
            figure["layout"]["meta"]["title"].partition(":")[0] for figure in value["figures"].values()
        ]

    def test_a_broken_file_is_said_and_loses_nothing_else(self, folder):
        (folder / "broken.json").write_text('{"kind": "<script>')
        (folder / "examples.json").write_text("[]")
        text = shown(folder)["html"]
        assert re.findall(r'<p class="note">(\w+\.json)', text) == ["broken.json", "examples.json"]
        assert "<script" not in text and "table_1" in sections(text)

    @pytest.mark.parametrize("there", [True, False])
    def test_without_results_it_says_how_to_make_them(self, tmp_path, there):
        folder = tmp_path / "none"
        if there:
            folder.mkdir()
        value = shown(folder)
        assert value["figures"] == {} and sections(value["html"]) == []
        assert "There are no result files yet" in value["html"] and "evaluate" in value["html"]
        # A line a command.
        commands = re.search("<pre.*?>(.*)</pre>", value["html"], re.S).group(1)
        assert all(line.startswith("<span>python -m lpsr ") for line in commands.splitlines())

    def test_figure_12_has_a_row_a_plate(self, folder):
        examples(folder)
        text = shown(folder)["html"]
        assert "figure_12" in sections(text) and text.count("data:image/png;base64,") == 3
        assert re.findall('alt="(.*?), 京A86P20"', text) == ["HR", "LR", "MSE &lt;b&gt;"]
        assert 'aria-label="Plate 京A86P20"' in text and "<b>MSE &lt;b&gt;</b> <span>18.91 dB</span>" in text

    def test_pictures_elsewhere_are_not_read(self, folder):
        examples(folder)
        value = json.loads((folder / "examples.json").read_text())
        value["plates"][0]["pictures"]["hr"] = "../secret.png"
        (folder / "examples.json").write_text(json.dumps(value))
        text = shown(folder)["html"]
        assert "figure_12" not in sections(text) and "base64" not in text and "secret" in text


class TestHtml:
    def report(self, **parts):
        empty = {"budget": (Finding("rule"), Finding("rule_details")), "claims": (), "tables": (), "figures": ()}
        return Report(**empty | parts, passports={}, problems=())

    def test_a_verdict_has_a_mark_and_words(self):
        claim = Claim("c", Finding("claim_reached"), "not_reproduced", Finding("no_results"), (), "python -m lpsr")
        text = html.page(self.report(claims=(claim,)), {}, Words())
        assert '<li class="not_reproduced"><b class="results-verdict"><i aria-hidden="true">✕</i>' in text
        assert "<span>not reproduced</span>" in text

    def test_cells_show_value_interval_and_words(self):
        cells = (Cell("22.93 ± 2.36 [22.64, 23.19]", 22.93, 22.64, 23.19), Cell("–"), Cell("loss <b>, d 64"))
        rows = (Row("own", cells, "mse"), Row("theirs", (Cell("25.13 ± 2.46", 25.13), *cells[1:]), None, True))
        columns = tuple(Finding(f"column_{name}") for name in ("model", "psnr", "ssim", "settings"))
        table = Table("t", "table_1", Finding("table_1"), columns, rows, Finding("no_results"), (), "")
        text = html.page(self.report(tables=(table,)), {"mse": "#0072B2"}, Words())
        assert "<td>22.93 ± 2.36<small>[22.64, 23.19]</small></td><td>–</td>" in text
        assert '<td class="words">loss &lt;b&gt;, d 64</td>' in text
        assert '<th scope="row" class="model" style="--model: #0072B2">own</th>' in text
        assert '<tr class="published"><th scope="row">theirs</th><td>25.13 ± 2.46</td>' in text
        assert re.findall(r'<th scope="col"( class="words")?>', text) == ["", "", "", ' class="words"']


class TestShow:
    @pytest.fixture(autouse=True)
    def results(self, folder, monkeypatch):
        monkeypatch.setattr("lpsr.results.RESULTS", folder)
        return folder

    def test_nothing_is_sent_again_while_no_file_has_changed(self, results):
        waiting, sent, key = show("")
        assert waiting == "" and json.loads(sent)["figures"]
        assert all(one == gr.skip() for one in show(key))
        assert show(key, "fr")[2] != key
        (results / "runs" / "headline--mse.json").unlink()
        assert show(key)[2] != key

    def test_a_fault_is_said(self, monkeypatch):
        monkeypatch.setattr(tab, "content", lambda *values: 1 / 0)
        message, sent, key = show("")
        assert "because of a fault" in message and sent == gr.skip() and key == ""


def test_an_address_opens_the_tab():
    opened = page_module._tab(SimpleNamespace(query_params={"tab": "results"}))
    assert opened.selected == "results"
