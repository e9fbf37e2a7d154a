"""Heat maps of a report, drawn."""

import json

from made_benefit import make_benefit

from lpsr.app.results.figures import draw
from lpsr.app.results.heat import ROW
from lpsr.app.words import Words
from lpsr.report.benefit import parts
from lpsr.report.shapes import Band, Figure, Finding

TEXTS = {name: Finding(name) for name in ("title", "x", "y", "finding")}


def words(key, **values):
    return key.partition(".")[2]


def heat(*bands):
    return draw(Figure("key", "does_it_help", bands=bands, mode="heat", source=(), command="", **TEXTS), words, {})


def band(name="a", y=(12.4, 99.6), x=("×8", "20–40")):
    return Band(name, name, x, y, tuple(one - 1 for one in y), tuple(one + 1 for one in y), (520, 65))


def test_a_row_a_series_and_a_column_a_category():
    made = heat(band(), band("b", (0.0, 50.0)))
    (cells,) = made.data
    assert [list(row) for row in cells.z] == [[12.4, 99.6], [0.0, 50.0]] and (cells.zmin, cells.zmax) == (0, 100)
    assert [list(row) for row in cells.text] == [["12", "100"], ["0", "50"]]
    assert list(made.layout.yaxis.ticktext) == ["a", "b"] and made.layout.yaxis.autorange == "reversed"
    # A wide heading has two lines, so that eight fit a phone.
    assert list(made.layout.xaxis.ticktext) == ["×8", "20–<br>40"]
    assert cells.hovertext[0][1] == "a<br>20–40<br>99.6 [98.6, 100.6]<br>n = 65"


def test_it_is_as_high_as_it_has_rows_and_leaves_room_for_their_names():
    short, long = heat(band()), heat(*(band(f"{k} with a long name") for k in range(5)))
    assert long.layout.height - short.layout.height == 4 * ROW and long.layout.margin.l > short.layout.margin.l + 60


def test_what_is_not_known_is_empty():
    (cells,) = heat(Band("a", "a", ("×8",), (None,), None, None, (0,))).data
    assert cells.text[0][0] == cells.hovertext[0][0] == ""


def test_names_are_no_html():
    made = heat(band("<b>x", x=("<i>", "y")))
    (cells,) = made.data
    texts = [*made.layout.xaxis.ticktext, *made.layout.yaxis.ticktext, cells.hovertext[0][0]]
    assert all("<b>" not in text and "<i>" not in text for text in texts)


def test_cells_let_the_colour_of_text_stand_out():
    """The darkest cell over either page, against that page's text, has a contrast of 4.5 : 1."""
    (cells,) = heat(band()).data
    red, green, blue, alpha = (float(one) for one in cells.colorscale[-1][1][5:-1].split(","))
    for page, text in (((255, 255, 255), (31, 41, 55)), ((11, 15, 25), (243, 244, 246))):
        over = [alpha * a + (1 - alpha) * b for a, b in zip((red, green, blue), page, strict=True)]
        high, low = sorted((luminance(over), luminance(text)), reverse=True)
        assert (high + 0.05) / (low + 0.05) > 4.5


def luminance(colour) -> float:
    parts = [one / 255 for one in colour]
    parts = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_the_real_ones_are_drawn_in_every_language():
    figures = [one for one in parts(make_benefit(), "")[1] if one.mode == "heat"]
    for language in ("en", "zh", "fr"):
        for one in figures:
            meta = json.loads(draw(one, Words(language), {}).to_json())["layout"]["meta"]
            assert meta["title"] and meta["text"] and meta["names"] == [] and "narrow" not in meta
