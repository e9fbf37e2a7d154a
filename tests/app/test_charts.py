"""Panels of dots."""

from itertools import pairwise

import pytest

from lpsr.app.charts import TEMPLATE, Dots, dot_panels

ROWS = [("Bicubic", "#CC79A7"), ("MSE", "#0072B2")]
LINE = (18.0, "#CC79A7", "dash")


def panel(values=(18.0, 22.5), lines=(LINE,), **options):
    return Dots("PSNR, dB", values, lines, 2, **options)


def markers(figure):
    return [trace for trace in figure.data if trace.mode == "markers"]


def test_each_dot_is_where_its_value_is_and_labelled():
    figure = dot_panels(ROWS, [panel(), panel((17.0, None))], 2, "nothing")
    first, second = markers(figure)
    assert list(first.x) == [18.0, 22.5] and list(first.y) == [0, 1]
    assert list(first.marker.color) == ["#CC79A7", "#0072B2"]
    assert list(second.x) == [17.0] and list(second.y) == [0]
    assert [list(trace.text) for trace in figure.data if trace.mode == "text"] == [["18.00", "22.50"], ["17.00"]]
    assert list(figure.layout.yaxis.ticktext) == ["Bicubic", "MSE"]
    # The first row is the topmost.
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.layout.template == TEMPLATE


def test_the_reference_is_a_dashed_line_that_dots_are_tied_to():
    figure = dot_panels(ROWS, [panel(), panel(lines=())], 2, "nothing")
    assert [(line.x0, line.x1, line.line.dash) for line in figure.layout.shapes] == [(18.0, 18.0, "dash")]
    assert [list(trace.x) for trace in figure.data if trace.mode == "lines"] == [[18.0, 18.0], [18.0, 22.5]]


def test_everything_lies_inside_its_axis():
    for one in (panel(), panel((25.0, 26.0)), panel((20.0, 20.0), ()), panel((0.4, 0.9), (), limits=(0.0, 1.0))):
        figure = dot_panels(ROWS, [one], 1, "nothing")
        low, high = figure.layout.xaxis.range
        places = [x for trace in figure.data for x in trace.x]
        assert all(low < x < high for x in places)
        assert all(low < shape.x0 < high for shape in figure.layout.shapes)


def test_a_panel_without_values_says_so():
    figure = dot_panels(ROWS, [panel(), panel((None, None), ())], 2, "nothing yet")
    assert [note.text for note in figure.layout.annotations] == ["PSNR, dB", "PSNR, dB", "nothing yet"]
    assert figure.layout.xaxis2.showticklabels is False and figure.layout.xaxis.showticklabels


@pytest.mark.parametrize(("columns", "rows"), [(4, 1), (2, 2), (1, 4)])
def test_panels_fill_rows(columns, rows):
    figure = dot_panels(ROWS, [panel()] * 4, columns, "nothing")
    tops = sorted({axis.domain for axis in figure.select_yaxes()})
    assert len(tops) == rows
    for below, above in pairwise(tops):
        # Room for the axis of one and the title of the next, in pixels.
        inner = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
        assert (above[0] - below[1]) * inner == pytest.approx(64)


def test_names_are_short_and_no_html():
    figure = dot_panels([("<b>" + "x" * 60, "#000000")], [panel((1.0,), ())], 1, "nothing")
    name = figure.layout.yaxis.ticktext[0]
    assert name.startswith("&lt;b&gt;x") and name.endswith("…") and len(name) < 30
    assert "<b>" not in markers(figure)[0].hovertemplate[0]
