"""The page's parts without a browser."""

import base64
import dataclasses
import socket
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pytest
from gradio.state_holder import StateHolder

from lpsr.app import cards, maps_tab, session, visits
from lpsr.app.charts import TEMPLATE, heat_maps
from lpsr.app.compare_tab import take_picture
from lpsr.app.gallery import MOST, Shelf, data_uri, shelves
from lpsr.app.maps_tab import MapsTab
from lpsr.app.page import build, main
from lpsr.app.session import Choice, _usable_models, api_compare, from_entry, from_picture
from lpsr.compare import Result, compare
from lpsr.data.generator import generate
from lpsr.data.plates import Plate
from lpsr.errors import InputError
from lpsr.images import encode_png, open_picture
from lpsr.metrics.degradation import MAPS
from lpsr.readers import Reading


def reading(text, confidences=None, raw=""):
    confidences = confidences or (0.9,) * len(text)
    return Reading(raw, text, 0.9, tuple(confidences), "test", 0.9)


def kinds(html):
    return [part.split('"')[0] for part in html.split('class="chip ')[1:]]


def test_chips_are_right_or_wrong_where_the_text_is_known():
    html = cards.chips(reading("京A86P28"), "京A86P20")
    assert kinds(html) == ["right"] * 6 + ["wrong"]
    assert "6 of 7 characters right" in html


def test_a_weak_character_is_marked_even_where_it_is_right():
    html = cards.chips(reading("京A86P28", (0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.2)), "京A86P20")
    assert kinds(html) == ["right weak"] + ["right"] * 5 + ["wrong weak"]
    assert "6 of 7 characters right, 2 weak" in html


def test_chips_show_missing_and_surplus_characters_as_wrong():
    assert kinds(cards.chips(reading("京A86P20"), "京AD86P20")) == ["right"] * 2 + ["wrong"] * 6
    assert cards.chips(reading("京A86P20"), "京AD86P20").count("missing") == 1
    assert kinds(cards.chips(reading("京AD12345"), "京AD1234")) == ["right"] * 7 + ["wrong"]


def test_chips_are_sure_or_weak_where_the_text_is_unknown():
    html = cards.chips(reading("京A86P20", (0.9, 0.2, 0.9, 0.9, 0.4, 0.9, 0.9)), None)
    assert kinds(html) == ["sure", "weak", "sure", "sure", "weak", "sure", "sure"]
    assert "2 of 7 characters weak" in html


def test_nothing_read_is_said():
    assert "reads nothing" in cards.chips(reading(""), "京A86P20")
    assert cards.chips(None, "京A86P20") == ""


def test_what_comes_from_outside_is_escaped():
    evil = "<img src=x onerror=alert(1)>"
    picture = np.zeros((8, 16, 3), np.uint8)
    one = Result("mse", evil, picture, 20.0, 20.0, 0.5, 1.0, reading("京A86P20", raw=evil))
    comparison = dataclasses.replace(compare(picture, ["bicubic"]), results=(one,), text=evil)
    html = cards.results(comparison, evil, evil, [evil]) + cards.alert(evil)
    assert "<img src=x" not in html and html.count("&lt;img src=x") >= 5


def test_gains_have_a_sign_and_bicubic_is_the_reference():
    picture = np.zeros((8, 16, 3), np.uint8)
    card = lambda name, gain: cards.card(Result(name, name, picture, 20.0, 20.0, 0.5, gain), None)  # noqa: E731
    assert "+1.25" in card("mse", 1.25) and "−0.50" in card("lr", -0.5) and "+0.00" in card("mse", -0.001)
    assert "reference" in card("bicubic", 0.0)


def test_pictures_travel_lossless(tmp_path):
    picture = generate(1, 1).picture
    code = data_uri(picture).partition(",")[2]
    path = tmp_path / "plate.png"
    path.write_bytes(base64.b64decode(code))
    np.testing.assert_array_equal(open_picture(path), picture)


def test_the_shelf_spreads_over_a_large_folder_and_leaves_out_broken_files(tmp_path):
    path = tmp_path / "plate.png"
    path.write_bytes(encode_png(generate(1, 2).picture))
    plates = [Plate(path, None, None, "test") for _ in range(200)]
    plates[0] = Plate(tmp_path / "gone.png", None, None, "test")
    shelf = Shelf("real", "Real plates", plates)
    assert len(shelf.entries) == MOST and shelf.entries[-1].plate is plates[196]
    assert shelf.html.count("<button") == MOST - 1


def test_the_shipped_shelf_and_a_folder_of_real_plates(ccpd_root, monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    assert [shelf.name for shelf in shelves()] == ["rendered"] and len(shelves()[0].entries) >= 24
    real = shelves(ccpd_root)[1]
    assert len(real.entries) == MOST and {entry.plate.split for entry in real.entries} == {"test"}


def test_a_plate_of_the_shelf_is_compared_once_for_each_set_of_checkpoints(monkeypatch, tmp_path):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", tmp_path)
    notes = ["trouble"]
    monkeypatch.setattr(session, "_compare", lambda *_: (object(), tuple(notes)))
    entry = shelves()[0].entries[1]
    assert from_entry(entry) is not from_entry(entry), "trouble may pass"
    notes.clear()
    first = from_entry(entry)
    assert first is from_entry(entry) and first.text == entry.plate.text
    (tmp_path / "mse.json").touch()
    assert from_entry(entry) is not first


def test_a_large_picture_says_that_it_was_reduced():
    notes = from_picture(np.zeros((300, 1280, 3), np.uint8), "Own picture").notes
    assert any("reduced from 1280 × 300 to 640 × 144 pixels" in note for note in notes)


def test_missing_and_broken_checkpoints_leave_the_others(monkeypatch):
    def load(name):
        if name == "mse":
            raise InputError("mse.safetensors does not match.")

    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic", "mse", "pecl-manhattan"])
    monkeypatch.setattr("lpsr.checkpoints.load_restorer", load)
    models, notes = _usable_models()
    assert models == ["bicubic", "pecl-manhattan"]
    assert "checkpoint mse cannot be used" in notes[0] and "pecl-euclidean" in notes[1]


def test_a_page_without_checkpoints_shows_bicubic(monkeypatch):
    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic"])
    found = api_compare(generate(1, 3).picture)
    assert [one["name"] for one in found["models"]] == ["hr", "lr", "bicubic"]


def test_equal_uploads_are_one_file_that_both_visitors_can_read(tmp_path):
    path = tmp_path / "upload.png"
    path.write_bytes(encode_png(generate(1, 4).picture))
    np.testing.assert_array_equal(take_picture(str(path)), take_picture(str(path)))
    with pytest.raises(InputError, match="did not arrive"):
        take_picture(str(tmp_path / "gone.png"))


def test_a_visit_is_kept_while_it_is_used_and_a_call_is_not(monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    page, compare_tab = build(shelves())
    page.state_session_capacity = 10
    holder = StateHolder()
    holder.set_blocks(page)
    for name in ("old", "new", "call"):
        holder[name]
    for name in ("old", "new"):
        holder[name][compare_tab.choice._id] = Choice(None, "Own picture")
    now = datetime.now()
    holder.time_last_used["old"] = now - timedelta(minutes=29)
    visits.forget(holder, compare_tab.choice, now + timedelta(minutes=1))
    assert set(holder.session_data) == {"old", "new", "call"}
    visits.forget(holder, compare_tab.choice, now + timedelta(minutes=3))
    assert set(holder.session_data) == set(holder.time_last_used) == {"new"}
    visits.forget(holder, compare_tab.choice, now + timedelta(minutes=31))
    assert not holder.session_data and not holder.time_last_used


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


def test_a_port_that_cannot_be_served_gets_a_sentence(capsys, monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port in ("99999", str(taken.getsockname()[1])):
            assert main(["--port", port]) == 2
            shown = capsys.readouterr().err.strip()
            assert shown.startswith("app: The page cannot be served: ") and "\n" not in shown


def test_a_failed_warm_up_is_one_line(monkeypatch, caplog):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    monkeypatch.setattr("lpsr.app.compare_tab.from_entry", lambda _: 1 / 0)
    build(shelves())[1].warm_up()
    assert caplog.text.count("\n") == 1 and "division by zero" in caplog.text


def test_a_wrong_folder_gets_a_sentence(capsys, tmp_path):
    assert main(["--ccpd", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.strip() == f"app: There is no folder {tmp_path / 'none'}."
