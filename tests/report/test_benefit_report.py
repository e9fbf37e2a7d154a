"""What the report says of made-up pipelines: the verdict, tables, heat maps and votes."""

from dataclasses import replace

import pytest
from made_benefit import make_benefit, make_class, make_votes

from lpsr.app.words import Words
from lpsr.benefit.frames import NONE
from lpsr.benefit.result import Model, ReaderFacts
from lpsr.report.benefit import class_table, parts
from lpsr.report.benefit_verdict import verdict
from lpsr.report.build import build
from lpsr.report.rows import rows, table_rows
from lpsr.report.shapes import say

WORDS = Words("en")
GENERAL, OWN, ANY_SIZE = "paddle-onnx", "plate-hr", "plate-multiscale"


def said(benefit) -> list[str]:
    return [say(one, WORDS) for one in verdict(benefit)]


def made(general: tuple[int, int], any_size: tuple[int, int], **classes) -> object:
    """×8: plates of 520 that both readers read without and with "mse"."""
    exact = {(NONE, GENERAL): general[0], (NONE, ANY_SIZE): any_size[0]}
    exact |= {("mse", GENERAL): general[1], ("mse", ANY_SIZE): any_size[1]}
    return make_benefit({"x8": exact, **classes}, n=520)


def test_the_answer_comes_first():
    first, general, any_size, best, *_ = said(made((50, 307), (369, 310)))
    assert first == (
        "It depends on the reader. With MSE, against none: the general reader reads more plates "
        "exactly; the multi-scale reader reads fewer plates exactly."
    )
    assert general.startswith("General reader with MSE")
    assert "more plates read exactly at ×8 (+49.4 [+45.1, +53.7] points)" in general
    assert "fewer at ×8 (−11.3 [" in any_size
    # What a reader of small plates reads directly against the best of all restorations.
    assert best.startswith("At ×8, the multi-scale reader reads 71.0 % without any restoration, more than the pipeline")
    assert "the multi-scale reader after MSE, 59.6 %: +11.3 [+" in best


def test_yes_and_no():
    helped = said(made((50, 307), (50, 310)))[0]
    assert helped.startswith("Yes. With MSE, against none: the general reader reads more plates exactly;")
    assert "against none: for the general reader no difference is shown;" in said(made((50, 50), (300, 300)))[0]
    harmed = said(made((300, 100), (300, 100)))[0]
    assert harmed.startswith("No help is shown. With MSE, against none: the general reader reads fewer")


def test_equal_pipelines_are_said_not_to_be_apart():
    sentences = said(made((50, 50), (50, 52)))
    assert "no difference shown at ×8" in sentences[1] and "points, no difference shown." in sentences[3]
    assert not any("more plates" in one or "more than" in one or "fewer" in one for one in sentences)


def test_a_class_where_it_helps_and_one_where_it_harms():
    far = {(restorer, reader): 400 for restorer in (NONE, "mse") for reader in (GENERAL, ANY_SIZE)}
    sentences = said(made((50, 307), (369, 369), **{"100+": {**far, ("mse", GENERAL): 200}}))
    assert "the general reader reads more plates exactly at 1 of 2 sizes and fewer at 1" in sentences[0]
    assert "at ×8 (+49.4" in sentences[1] and "fewer at 100+ px (−38.5" in sentences[1]
    assert sentences[-2] == (
        "Of these two, the one without restoration reads more at 0 of 2 sizes and fewer at 0; at 2 no difference is "
        "shown."
    )


def test_confident_mistakes_are_told_where_there_are_any():
    benefit = make_benefit({"x8": {(NONE, GENERAL): 10, ("mse", GENERAL): 60}})
    assert not any("sure of every" in one for one in said(benefit))
    one = benefit.classes[0]
    cells = (one.cells[0], one.cells[1].model_copy(update={"outcomes": "7" * 60 + "F" * 40 + "f" * 100}))
    sentences = said(benefit.model_copy(update={"classes": (one.model_copy(update={"cells": cells}),)}))
    (found,) = [one for one in sentences if "sure of every" in one]
    assert "the general reader 0.0 % of plates without restoration and 20.0 % after MSE (+20.0 [+" in found


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (40, None),
        (39, "Few plates: at ×8 there are so few that a difference of fewer than 4 plates cannot be shown"),
        (4, "Few plates: at ×8"),
        (3, "Too few plates: at ×8 no difference can be shown, whatever is read; it takes 4 plates."),
    ],
)
def test_few_plates_are_said_to_show_little(n, sentence):
    # All of them are gained, by the only restoration.
    benefit = make_benefit({"x8": {(NONE, GENERAL): 0, ("mse", GENERAL): n}}, n=n)
    first, _, *others = said(benefit)
    few = [one for one in others if "ew plates:" in one]
    assert [one.startswith(sentence) for one in few] == ([True] if sentence else [])
    assert first.startswith("No help" if n < 4 else "Yes. With")


def test_each_size_has_its_own_number_of_plates():
    cells = {(NONE, GENERAL): 0, ("mse", GENERAL): 2}
    benefit = make_benefit({"x8": cells, "60-80": cells, "100+": cells}, n=200)
    few = {"60-80": 20, "100+": 3}
    classes = [make_class(one.name, cells, few.get(one.name, 200)) for one in benefit.classes]
    _, _, few_said, too_few_said, *_ = said(benefit.model_copy(update={"classes": classes}))
    assert few_said.startswith("Few plates: at 60–80 px there")
    assert too_few_said.startswith("Too few plates: at 100+ px no")


def test_one_reader_is_not_compared_with_itself():
    assert not any("the best pipeline" in one for one in said(make_benefit({"x8": {(NONE, "a"): 1, ("m", "a"): 90}})))


def test_readers_alone():
    benefit = make_benefit({"x8": {(NONE, "a"): 10, (NONE, "b"): 90}})
    tables, figures = parts(benefit, "benefit.json")
    assert said(benefit) == ["Nothing was restored: this only compares readers."]
    assert [one.key for one in tables] == ["benefit_exact", "benefit_class_x8"] and len(figures) == 2
    assert say(figures[0].finding, WORDS) == "5.0 % at ×8 and 5.0 % at ×8."


def test_the_tables():
    benefit = make_benefit()
    gain, exact, whole = parts(benefit, "benefit.json")[0]
    assert len(exact.rows) == len(whole.rows) == 4 * 3 and len(exact.columns) == 1 + 8
    for table in (gain, exact, whole):
        assert all(len(row.cells) == len(table.columns) - 1 for row in table.rows)
    assert [say(one, WORDS) for one in exact.columns[:4]] == [
        "Restoration → reader",
        "×8 (19 px), n\u00a0=\u00a0200",
        "×4 (38 px), n\u00a0=\u00a0200",
        "×2 (76 px), n\u00a0=\u00a0200",
    ]
    assert say(exact.rows[0].name, WORDS) == "No restoration → General reader" and exact.rows[0].colour_key == "lr"
    assert exact.rows[2].cells[0].value == pytest.approx(45.0) and exact.rows[2].colour_key == "mse"
    assert say(gain.rows[1].name, WORDS) == "MSE → General reader, against Bicubic"
    assert gain.rows[1].cells[0].value == pytest.approx(38.0)


def test_every_measure_of_a_class():
    benefit = make_benefit({"x8": {(NONE, "a"): 50, ("mse", "a"): 90}, "20-40": {(NONE, "a"): 80, ("mse", "a"): 80}})
    wrong = make_class("x8", {(NONE, "a"): 0, ("mse", "a"): 90})
    cell = wrong.cells[0].model_copy(update={"outcomes": "7" * 50 + "g" * 30 + "F" * 20 + "a" * 100, "seconds": 0.0123})
    one = wrong.model_copy(update={"cells": (cell, wrong.cells[1])})
    table = class_table(benefit.model_copy(update={"classes": (one, benefit.classes[1])}), "x8", "benefit.json")
    assert [one.value for one in table.rows[0].cells] == pytest.approx(
        [25.0, 40.0, 50.0, 100 * (350 + 180 + 100) / 1400, 10.0, 12.3]
    )
    assert "not calibrated" in say(table.finding, WORDS) and "(threads: 1)" in say(table.finding, WORDS)
    assert class_table(benefit, "20-40", "x").key == "benefit_class_20-40"


def test_a_calibrated_threshold_is_told_from_the_usual_one():
    benefit = make_benefit({"x8": {(NONE, OWN): 50}})
    facts = ReaderFacts(name=OWN, title="", engine="", threshold=0.83, calibrated=True)
    table = class_table(benefit.model_copy(update={"readers": (facts,)}), "x8", "")
    assert "HR-trained reader 0.83)" in say(table.finding, WORDS)


def test_a_heat_map_a_reader_and_its_csv():
    figures = [one for one in parts(make_benefit(), "benefit.json")[1] if one.mode == "heat"]
    assert [one.key for one in figures] == [f"benefit_heat_{name}" for name in (GENERAL, OWN, ANY_SIZE)]
    first = figures[0]
    assert [say(band.name, WORDS) for band in first.bands] == ["No restoration", "Bicubic", "MSE", "PECL-Manhattan"]
    assert first.bands[0].x == ("×8", "×4", "×2", "20–40", "40–60", "60–80", "80–100", "100+")
    header, lines = rows(first, WORDS)
    assert header[:3] == ["series", "Reduction, or LR width, px", "Read exactly, %"] and len(lines) == 4 * 8
    assert lines[16][:3] == ["MSE", "×8", 45.0] and lines[16][5] == 200
    assert "after MSE 45.0 % and 82.0 %" in say(first.finding, WORDS)


def test_votes_are_lines():
    figures = parts(make_benefit(votes=make_votes()), "benefit.json")[1]
    (found,) = [one for one in figures if one.mode == "lines"]
    assert [say(band.name, WORDS) for band in found.bands][2:] == ["MSE, majority vote", "MSE, vote by confidence"]
    assert found.bands[0].x == (1.0, 3.0, 5.0, 10.0) and found.bands[0].y == pytest.approx((10.0, 25.0, 40.0, 55.0))
    # 22 of 40 against 4 of the same 40.
    assert "No restoration, majority vote: 10.0 → 55.0 % of plates exactly over 1 → 10 frames (+45.0 [+" in say(
        found.finding, WORDS
    )


def test_the_report_has_the_section_where_there_is_a_file(made_results_of):
    report = build(made_results_of(make_benefit()))
    assert report.sections == ("does_it_help",) and report.passports["benefit.json"]["threads"] == 1
    assert report.passport(report.tables[0].source)["checkpoints"] == {"mse": "ab" * 32}
    assert all(one.source == ("benefit.json",) and "does-it-help" in one.command for one in report.tables)
    assert build(made_results_of(None)).sections == ()


@pytest.fixture
def made_results_of(made):
    return lambda benefit: replace(made.results(), benefit=benefit)


def test_titles_of_strangers_are_as_they_are():
    benefit = make_benefit({"x8": {(NONE, "own"): 5, ("m", "own"): 90}}, models=[Model(name="m", title="<b>{x}")])
    header, lines = table_rows(parts(benefit, "")[0][1], WORDS)
    assert lines[1][0] == "<b>{x} → own" and header[0] == "Restoration → reader"
    assert any("<b>{x}" in one for one in said(benefit))


def test_only_among_several_restorations_is_one_the_best():
    cells = {(NONE, GENERAL): 10, ("mse", GENERAL): 90, ("mse-long", GENERAL): 95}
    assert "With the best restoration, against none:" in said(make_benefit({"x8": cells}))[0]
