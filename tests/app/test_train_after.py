"""What came of a run."""

import json
import re
from html import unescape

import pytest

from lpsr.app.language import LANGUAGES, Words
from lpsr.app.training import after
from lpsr.app.training.downloads import downloads
from lpsr.checkpoints import load_restorer, read_card
from lpsr.data.plates import open_plates
from lpsr.evaluation import evaluate
from lpsr.readers import Reading
from lpsr.training.plan import Folder, preset
from lpsr.training.status import CHECKPOINT, EVALUATION

WORDS = Words()
HOSTILE = '"><script>alert(1)</script>'


class Reads:
    """Reads the same of every picture."""

    name = engine = "test"
    threshold = None

    def read(self, picture):
        return Reading("A", "皖A12345", 0.9, (0.9,) * 7, "test", 0.8)


@pytest.fixture(scope="module")
def result(tmp_path_factory, plate_folder, make_checkpoint):
    """An evaluation of bicubic, a shipped checkpoint, and the run "mine", with readings."""
    folder = tmp_path_factory.mktemp("weights")
    make_checkpoint(folder, "mine")
    models = ["bicubic", "mse", load_restorer("mine", folder)]
    return evaluate(open_plates(plate_folder, "test"), models, data="plates", split="test", reader=Reads())


@pytest.fixture
def generated_run(make_done_run, result):
    return make_done_run(result)


def plain(html):
    return unescape(re.sub("<[^>]*>", "", html))


def rows(html):
    """Name of a row -> its cells, as text."""
    found = re.findall(r"<tr[^>]*><th[^>]*>(.*?)</th>(.*?)</tr>", html.partition("<tbody>")[2])
    return {plain(name): [plain(cell) for cell in re.findall("<td>(.*?)</td>", row)] for name, row in found}


def facts(html):
    return {plain(key): plain(value) for key, value in re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", html)}


def test_the_table_holds_the_scores(generated_run, result):
    html = after.table(generated_run, WORDS)
    titles = ["Bicubic", read_card("mse").title, "minethis run"]
    assert list(rows(html)) == titles
    for name, title in zip(("bicubic", "mse", "mine"), titles, strict=True):
        one, cells = result["models"][name], rows(html)[title]
        for cell, (key, digits) in zip(cells, (("psnr", 2), ("psnr_y", 2), ("ssim", 3)), strict=False):
            low, high = (f"{end:.{digits}f}".replace("-", "−") for end in one[key]["ci95"])
            median = f"{one[key]['median']:.{digits}f}".replace("-", "−")
            assert cell == f"{median} ± {one[key]['std']:.{digits}f}[{low}, {high}]"
        assert cells[3].startswith("0.800 ± 0.000")
        low, high = (f"{100 * end:.1f}" for end in one["exact_ci95"])
        shares = [f"{100 * one[key]:.1f}" for key in ("ge6", "ge5", "char_accuracy")]
        assert cells[4:] == [f"{100 * one['exact']:.1f}[{low}, {high}]", *shares]
    assert html.count("class=own") == 1 and "n = 3 plates" in html


def test_the_table_says_what_its_numbers_are_worth(make_done_run, result):
    generated = after.table(make_done_run(result), WORDS)
    assert "3 generated plates" in generated and "nothing about real plates" in generated
    plan = preset("demo", "mine", {"kind": "mse"})
    folder = after.table(make_done_run(result, plan=plan.model_copy(update={"data": Folder(folder="/a/b")})), WORDS)
    assert "other plates than the paper" in folder and "generated" not in plain(folder)
    assert "stopped early" not in generated
    assert "iteration 250 of 600" in after.table(make_done_run(result, early=True), WORDS)


def test_the_passport_is_folded_below(generated_run, result):
    folded = re.search("<details data-key=.*?</details>", after.table(generated_run, WORDS))[0]
    shown = facts(folded)
    assert shown["kernel"] == result["passport"]["kernel"] and shown["jpeg_quality"] == "–"
    assert all(digest in shown["checkpoints"] for digest in result["passport"]["checkpoints"].values())


def test_without_readings_those_columns_are_empty(make_done_run, plate_folder):
    scores = evaluate(open_plates(plate_folder, "test")[:2], ["bicubic"], data="plates", split="test")
    html = after.table(make_done_run(scores), WORDS)
    assert rows(html)["Bicubic"][3:] == ["–"] * 5 and "not scored" in html


def test_a_checkpoint_that_is_gone_keeps_its_row(make_done_run, result):
    models = {"gone-<b>": result["models"]["mse"], "mine": result["models"]["mine"]}
    assert next(iter(rows(after.table(make_done_run({**result, "models": models}), WORDS)))) == "gone-<b>"


def test_what_is_not_there_is_not_shown(make_done_run):
    run = make_done_run(made=False)
    assert after.table(run, WORDS) == after.card(run, WORDS) == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"models": {"mine": {"psnr": 3}}, "passport": {}}', '{"models": 1'])
def test_a_damaged_evaluation_is_told(make_done_run, text):
    run = make_done_run(made=False)
    (run.folder / EVALUATION).write_text(text)
    assert "damaged" in after.table(run, WORDS)


def test_the_card_is_readable(make_done_run):
    run = make_done_run()
    html = after.card(run, WORDS)
    shown = facts(html)
    assert shown["Loss"].startswith("PECL-Manhattan (attract") and shown["Trained on"] == "generated, 1\u202f480 plates"
    assert (
        shown["Iterations"].startswith("600; kept: those of iteration 500") and shown["Training time"] == "2 min 05 s"
    )
    assert shown["Validation"] == "PSNR 21.50 dB, PSNR_Y 22.25 dB, medians over 24 plates"
    text = unescape(re.search("<pre.*?>(.*?)</pre>", html, re.DOTALL)[1])
    assert json.loads(text) == json.loads((run.folder / CHECKPOINT / "mine.json").read_text())


def test_a_damaged_card_is_told_without_paths(make_done_run):
    run = make_done_run()
    (run.folder / CHECKPOINT / "mine.json").write_text("{")
    assert "damaged" in after.card(run, WORDS) and str(run.folder) not in after.card(run, WORDS)


def test_hostile_names_are_escaped(make_done_run, result):
    models = {HOSTILE: result["models"]["mse"], "bicubic": result["models"]["bicubic"]}
    run = make_done_run({"passport": {**result["passport"], HOSTILE: HOSTILE}, "models": models}, name=HOSTILE)
    html = after.table(run, WORDS) + downloads(run, WORDS)
    assert "<script" not in html and html.count("&lt;script&gt;") >= 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_has_words_in_every_language(make_done_run, result, language):
    words = Words(language)
    run = make_done_run(result, early=True)
    shown = after.table(run, words) + downloads(run, words) + after.card(run, words).partition("<pre")[0]
    assert "{" not in shown and plain(shown).count("mine") >= 2
