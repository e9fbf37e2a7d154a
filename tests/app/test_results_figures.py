"""A report's figures, drawn."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest

from lpsr.app.colours import COLOURS
from lpsr.app.results.figures import draw, report_colours
from lpsr.report.shapes import Band, Figure, Finding, Report, Row, Table

COLOUR = {"mse": "#0072B2", "pecl-manhattan": "#D55E00", "bicubic": "#CC79A7", "own": "#8A7CD0"}


def words(key, **values):
    return key.partition(".")[2] + "".join(f" {value}" for value in values.values())


def band(name="MSE", key="mse", x=(64.0, 128.0, 256.0), y=(22.0, 22.5, 22.2), spread=0.5):
    low = None if spread is None else tuple(None if one is None else one - spread for one in y)
    high = None if spread is None else tuple(None if one is None else one + spread for one in y)
    return Band(name, key, x, y, low, high, (40,) * len(x))


def figure(*bands, mode="lines", **facts):
    texts = {name: Finding(name) for name in ("title", "x", "y", "finding")}
    return Figure("key", "table_1", bands=bands, mode=mode, source=(), command="", **texts, **facts)


def drawn(*bands, **facts):
    return draw(figure(*bands, **facts), words, COLOUR)


def names(made):
    return [(mark, colour, name) for mark, colour, name in made.layout.meta["names"]]


def places(made):
    """Of the names beside the plot."""
    return [note.y for note in made.layout.annotations if note.name == "end"]


def test_it_needs_neither_gradio_nor_torch():
    code = (
        "import sys, lpsr.app.results.figures, lpsr.app.results.html, lpsr.app.words;"
        "print([one for one in ('gradio', 'torch') if one in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.strip() == "[]"


class TestLines:
    def test_a_line_has_its_interval_as_a_fill_of_its_colour(self):
        fill, line = drawn(band()).data
        assert (line.mode, line.line.color) == ("lines+markers", "#0072B2") and list(line.y) == [22.0, 22.5, 22.2]
        assert fill.fill == "toself" and fill.fillcolor == "rgba(0, 114, 178, 0.16)"
        assert list(fill.y) == pytest.approx([21.5, 22.0, 21.7, 22.7, 23.0, 22.5, None], nan_ok=True)

    def test_a_gap_parts_the_fill(self):
        fill, line = drawn(band(x=(1.0, 2.0, 3.0), y=(22.0, None, 22.2))).data
        assert list(line.y) == [22.0, None, 22.2]
        assert list(fill.x) == [1.0, 1.0, None, 3.0, 3.0, None]

    def test_without_interval_there_is_none(self):
        (line,) = drawn(band(spread=None)).data
        assert "[" not in line.hovertext[0] and "n = 40" in line.hovertext[0]

    def test_few_places_of_a_logarithm_are_its_ticks(self):
        axis = drawn(band(), log_x=True).layout.xaxis
        assert (axis.type, axis.tickvals, axis.ticktext) == ("log", (64.0, 128.0, 256.0), ("64", "128", "256"))

    def test_everything_lies_inside(self):
        for one in (drawn(band(), band("b", "own", y=(0.0, 1.0, 30.0))), drawn(band(y=(5.0,) * 3, spread=None))):
            low, high = one.layout.yaxis.range
            assert all(low < y < high or y == low == 0 for trace in one.data for y in trace.y if y is not None)
            low, high = one.layout.xaxis.range
            assert all(low < x < high for trace in one.data for x in trace.x if x is not None)

    def test_series_of_one_colour_differ_in_dash_and_mark(self):
        made = drawn(band("a"), band("b"), band("c", "own"))
        lines = [trace for trace in made.data if trace.mode != "lines"]
        assert len({(line.line.color, line.line.dash, line.marker.symbol) for line in lines}) == 3
        assert [mark for mark, _, _ in names(made)] == ["●", "■", "●"]

    def test_names_do_not_cover_each_other(self):
        made = drawn(*(band(f"run {k}", y=(22.0, 22.5, 22.2 + k / 1000)) for k in range(8)))
        inner = made.layout.height - made.layout.margin.t - made.layout.margin.b
        assert len(places(made)) == 8
        assert all((above - below) * inner >= 12 for below, above in pairwise(sorted(places(made))))

    def test_a_single_series_needs_no_name(self):
        made = drawn(band())
        assert names(made) == [] and places(made) == []

    def test_a_published_value_is_a_dotted_line_and_named(self):
        made = drawn(band(), reference=(("paper", 25.0),))
        assert list(made.data[-1].y) == [25.0, 25.0] and made.data[-1].line.dash == "dot"
        assert [name for _, _, name in names(made)] == ["MSE", "paper"] and made.layout.yaxis.range[1] > 25
        far = drawn(band(), reference=(("paper", 99.0),))
        assert far.layout.yaxis.range[1] < 30 and "↑" in far.layout.annotations[1].text

    def test_the_diagonal_lies_where_both_axes_reach(self):
        made = drawn(band(x=(20.0, 60.0, 90.0), y=(40.0, 50.0, 70.0)), diagonal=True)
        assert made.data[-1].x == made.data[-1].y and made.data[-1].y[0] == made.layout.yaxis.range[0]

    def test_changes_have_a_line_at_zero(self):
        assert drawn(band(y=(-1.0, 0.5, 1.0))).layout.yaxis.zeroline
        assert not drawn(band()).layout.yaxis.zeroline


class TestCategories:
    BINS = ("96–136", Finding("others", {"home": "皖"}))

    @pytest.mark.parametrize("mode", ["bars", "markers"])
    def test_series_stand_beside_each_other(self, mode):
        pair = band("a", x=self.BINS, y=(10.0, 20.0)), band("b", "own", x=self.BINS, y=(15.0, None))
        made = drawn(*pair, mode=mode)
        a, b = made.data
        assert all(abs(one - place) < 0.5 for trace in (a, b) for place, one in enumerate(trace.x))
        assert a.x[0] < b.x[0] and list(a.error_y.array) == list(a.error_y.arrayminus) == [0.5, 0.5]
        assert list(b.error_y.array) == [0.5, 0] and b.hovertext[1] == ""
        assert made.layout.xaxis.ticktext == ("96–136<br>n = 40", "others 皖<br>n = 40")
        assert (made.layout.yaxis.range[0] == 0) is (mode == "bars")

    def test_many_lines_of_labels_have_room(self):
        plain = drawn(band()).layout
        made = drawn(band(x=("a b c d e f g h i j k l",), y=(1.0,)), mode="bars").layout
        assert made.margin.b - plain.margin.b == made.height - plain.height > 20


class TestCrowd:
    def crowd(self):
        shipped = [band("Bicubic", "bicubic", (18.0,), (4.0,)), band("MSE", "mse", (22.0,), (30.0,))]
        runs = [band(f"run {k}", "mse", (22 + k / 10,), (30.0 + k,)) for k in range(14)]
        return drawn(*shipped, *runs, mode="markers")

    def test_the_first_of_a_colour_is_named_and_has_its_interval(self):
        made = self.crowd()
        assert [name for _, _, name in names(made)] == ["Bicubic", "MSE"]
        assert [trace.error_y.array is not None for trace in made.data] == [True, True] + [False] * 14
        assert made.data[5].hovertext[0].startswith("run 3<br>22.3<br>33")

    def test_bicubic_does_not_push_the_others_together(self):
        made = self.crowd()
        assert made.layout.yaxis.range[0] > 20 and made.layout.xaxis.range[0] > 21
        assert "Bicubic ↓" in made.layout.annotations[0].text


def test_names_are_no_html():
    made = drawn(band("<b>x", x=("<i>",), y=(1.0,)), band("b", "own", x=("<i>",), y=(1.0,)), mode="bars")
    texts = [*made.layout.xaxis.ticktext, made.data[0].name, made.data[0].hovertext[0], made.layout.annotations[0].text]
    assert all("&lt;" in text and "<b>" not in text and "<i>" not in text for text in texts)


def test_a_reader_of_the_screen_hears_title_and_finding():
    meta = json.loads(drawn(band()).to_json())["layout"]["meta"]
    assert (meta["title"], meta["text"]) == ("title", "finding")


def test_colours_are_the_models_and_the_same_throughout():
    keys = ("hr", "mse", "printed-manhattan", *(f"run {k}" for k in range(9)))
    row = replace(Row("x", ()), colour_key="flagship")
    table = Table("t", "table_1", Finding("title"), (), (row,), Finding("finding"), (), "")
    report = Report((), (), (table,), (figure(*(band("x", key) for key in keys)),), {}, ())
    found = report_colours(report, ["bicubic", "lr"])
    assert found["mse"] == COLOURS["mse"] and found["printed-manhattan"] == COLOURS["pecl-manhattan"]
    assert all(len(one) == 7 and int(one[1:], 16) >= 0 for one in found.values())
    assert set(found) == {*keys, "flagship", "bicubic", "lr"}
