"""The maps, without a browser."""

from functools import partial
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pytest

from lpsr.app import maps_tab
from lpsr.app.charts import TEMPLATE, heat_maps
from lpsr.app.maps_tab import MapsTab
from lpsr.data.generator import generate
from lpsr.metrics.degradation import MAPS


def test_heat_maps_share_one_scale_and_the_template():
    one = MAPS["blur"]
    figure = heat_maps([(str(i), np.zeros((16, 48), np.float32)) for i in range(5)], one, 0.5, 2, 800)
    assert len(figure.data) == 5 and {trace.coloraxis for trace in figure.data} == {"coloraxis"}
    assert figure.layout.coloraxis.cmax == 0.5 and figure.layout.template == TEMPLATE
    assert figure.layout.xaxis.title.text is None and figure.layout.xaxis5.title.text == "x, px"


@pytest.mark.parametrize("width", [320, 600, 1000, 1024, 1280, 1920])
@pytest.mark.parametrize("shape", [(64, 216), (40, 168), (8, 640), (640, 8)])
def test_heat_maps_fit_every_page_and_plate(width, shape):
    columns = 1 if width < 600 else 3 if width < 1024 else 5
    figure = heat_maps([(str(i), np.zeros(shape, np.float32)) for i in range(5)], MAPS["noise"], 5, columns, width)
    assert 100 < figure.layout.height < 2600


def test_a_large_map_is_thinned_but_keeps_its_pixels(monkeypatch):
    values = np.arange(640 * 400, dtype=np.float32).reshape(640, 400)
    trace = heat_maps([("HR", values)], MAPS["noise"], 5, 1, 1440).data[0]
    assert trace.z.shape == (320, 200) and trace.dx == trace.dy == 2
    assert trace.z[3, 5] == values[6, 10]


def drawn(width=1440, picture=None):
    choice = from_picture(generate(1, 3).picture if picture is None else picture, "Own picture")
    tab = SimpleNamespace(plots=[None] * 3)
    return partial(MapsTab._draw, tab, choice, width)


def test_means_are_given_as_csv_and_a_missing_grid_is_said(monkeypatch):
    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic"])
    heading, *figures, table = drawn(picture=np.full((32, 96, 3), 90, np.uint8))()
    assert "Own picture" in heading and len(figures) == 3
    lines = unquote(table.partition("charset=utf-8,")[2].partition('"')[0]).splitlines()
    assert lines == [
        'model,"Noise, levels","Blur, share","Compression, levels"',
        "HR,0.0000,0.0000,0.0000",
        "Bicubic,0.0000,0.0000,0.0000",
    ]
    titles = [one.text for one in figures[2].layout.annotations]
    assert all(one.endswith("no JPEG grid") for one in titles)


def test_a_fault_in_the_maps_gets_a_sentence(monkeypatch):
    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic"])
    draw = drawn()
    monkeypatch.setattr(maps_tab, "_maps", lambda *_: 1 / 0)
    heading, *figures, _ = draw()
    assert "fault in the program" in heading and figures == [None] * 3


