"""The degradation maps: what is drawn, and how a place is marked in all of them."""

import base64
import dataclasses
import re
from types import SimpleNamespace
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

from lpsr.app import maps_tab
from lpsr.app.language import LANGUAGES, Words
from lpsr.app.link import Settings
from lpsr.app.maps_tab import CELLS, draw
from lpsr.app.session import Choice
from lpsr.compare import compare
from lpsr.data.generator import generate
from lpsr.degrade import PRESETS
from lpsr.images import open_picture, viridis
from lpsr.metrics.degradation import MAPS

PICTURE = np.ascontiguousarray(generate(5, 79).picture)


def choice_of(picture, **facts):
    return Choice(picture, comparison=compare(picture, ["bicubic"], **facts), text=facts.get("text"))


@pytest.fixture(scope="module")
def jpeg():
    """A noisy plate compressed once, so that each map has something to show."""
    noise = np.random.default_rng(0).normal(0, 3, PICTURE.shape)
    _, code = cv2.imencode(".jpg", np.clip(PICTURE + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])
    return choice_of(cv2.imdecode(code, cv2.IMREAD_COLOR), text="京A86P20")


def drawn(choice, before=None, language="en"):
    return draw(choice, before, SimpleNamespace(headers={"accept-language": language}))


def attribute(html, name):
    return re.search(rf'data-{name}="([^"]*)"', html)[1]


def cells(html):
    """(rows, maps, h, w) of what the readout shows."""
    width, height, step = (int(attribute(html, name)) for name in ("width", "height", "step"))
    values = np.frombuffer(base64.b64decode(attribute(html, "cells")), "<u2") / 100
    return values.reshape(-1, len(MAPS), -(-height // step), -(-width // step))


def images(html):
    """Pictures of the grid, row by row."""
    found = re.findall(r'<div class="maps-frame"><img src="data:image/png;base64,([^"]*)"', html)
    return [open_picture(base64.b64decode(one)) for one in found]


def expected(choice):
    shown = [result.picture for result in choice.comparison.results if result.name != "lr"]
    return shown, np.array([[one.function(picture) for one in MAPS.values()] for picture in shown])


def test_each_picture_has_its_maps_and_their_values(jpeg):
    html, _ = drawn(jpeg)
    pictures, values = expected(jpeg)
    assert values[0].any((1, 2)).all(), "the plate must show each degradation"
    np.testing.assert_allclose(cells(html), values, atol=0.00501)
    found = images(html)
    assert len(found) == 4 * len(pictures)
    for picture, one in zip(pictures, found[::4], strict=True):
        np.testing.assert_array_equal(one, picture)
    assert re.findall(r"<h3[^>]*>([^<]*)", html) == ["HR", "Bicubic"]
    means = [f"mean {mean:.2f}" for mean in values.mean((2, 3)).ravel() if mean]
    assert re.findall(r"<span>(mean [^<]*)</span>", html) == means


def test_a_column_has_one_scale_that_leaves_a_hundredth_above_it(jpeg):
    html, _ = drawn(jpeg)
    _, values = expected(jpeg)
    ends = re.findall(r"<span><i>[^<]*</i> ([^<]*)</span>", html)
    for column, one in enumerate(MAPS.values()):
        maps = values[:, column]
        top = min(max(np.percentile(maps, 99), one.range[1] / 4), one.range[1])
        assert ends[column] == f"{'≥ ' if maps.max() > top else ''}{top:.2f}"
        for row, of_map in enumerate(maps):
            np.testing.assert_array_equal(images(html)[4 * row + 1 + column], viridis(of_map, 0, top))
    assert any(end.startswith("≥") for end in ends)


def test_a_large_map_is_thinned_but_its_mean_is_not():
    large = cv2.resize(PICTURE, (640, 208), interpolation=cv2.INTER_CUBIC)
    choice = choice_of(large)
    html, _ = drawn(choice)
    _, values = expected(choice)
    assert attribute(html, "step") == "2" and cells(html).shape[2:] == (104, CELLS)
    np.testing.assert_allclose(cells(html), values[:, :, ::2, ::2], atol=0.00501)
    assert images(html)[0].shape == (208, 640, 3) and images(html)[1].shape == (104, 320, 3)
    assert f"mean {values[0, 0].mean():.2f}" in html


def test_the_longest_and_the_loudest_picture_fit():
    loud = np.zeros((16, 640, 3), np.uint8)
    loud[::2, ::2] = loud[1::2, 1::2] = 255
    choice = choice_of(loud)
    np.testing.assert_allclose(cells(drawn(choice)[0]), expected(choice)[1][:, :, ::2, ::2], atol=0.00501)
    assert cells(drawn(choice)[0]).max() > 100


def test_means_are_given_as_csv_and_a_missing_grid_is_said():
    html, _ = drawn(choice_of(np.full((32, 96, 3), 90, np.uint8)))
    lines = unquote(re.search(r'charset=utf-8,([^"]*)"', html)[1]).splitlines()
    assert lines == [
        'model,"Noise, levels","Blur, share","Compression, levels"',
        "HR,0.0000,0.0000,0.0000",
        "Bicubic,0.0000,0.0000,0.0000",
    ]
    assert html.count("<span>no JPEG grid</span>") == 2 and html.count('class="maps-here"') == 4


def test_a_picture_without_hr_has_no_row_for_it():
    html, _ = drawn(choice_of(PICTURE[:16, :48], direct=True))
    assert re.findall(r"<h3[^>]*>([^<]*)", html) == ["Bicubic"] and "restored directly" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_what_is_shown_in_the_visitors_language(language):
    degradation = PRESETS["night"]
    choice = Choice(
        PICTURE,
        "rendered-1",
        "<b>",
        "京A86P20",
        settings=Settings(degradation),
        comparison=compare(PICTURE, ["bicubic"], degradation=degradation),
    )
    html, _ = drawn(choice, language=language)
    words = Words(language)
    heading = re.search(r'<p class="heading">([^<]*)</p>', html)[1]
    assert "&lt;b&gt;" in heading and "京A86P20" in heading and words("lab.night") in heading
    for name in MAPS:
        assert words.html(f"maps.{name}_how") in html and words.html(f"maps.{name}_unit") in html
    assert not re.search(r"{\w+}", html)


def test_what_is_shown_already_is_not_drawn_again(jpeg):
    _, before = drawn(jpeg)
    assert isinstance(drawn(jpeg, before)[0], dict)
    # Readings come after the pictures.
    results = tuple(dataclasses.replace(result, psnr=0.0) for result in jpeg.comparison.results)
    read = dataclasses.replace(jpeg, comparison=dataclasses.replace(jpeg.comparison, results=results))
    assert isinstance(drawn(read, before)[0], dict)
    assert isinstance(drawn(dataclasses.replace(jpeg, text="京A86P21"), before)[0], str)
    fewer = dataclasses.replace(jpeg, comparison=dataclasses.replace(jpeg.comparison, results=results[:2]))
    assert isinstance(drawn(fewer, before)[0], str)
    assert isinstance(drawn(choice_of(jpeg.picture, text=jpeg.text), before)[0], str)


def test_without_a_plate_or_with_a_fault_there_is_a_sentence(jpeg, monkeypatch):
    for nothing in (None, Choice(PICTURE)):
        html, before = drawn(nothing)
        assert "No plate is compared yet" in html and before is None
    assert "还没有" in drawn(None, language="zh")[0]
    monkeypatch.setattr(maps_tab, "_maps", lambda *_: 1 / 0)
    html, before = drawn(jpeg)
    assert "fault in the program" in html and 'role="alert"' in html and before is None


def test_a_changed_choice_is_noticed():
    # Gradio compares hashes, so equal facts must not make one choice of two.
    first, second = Choice(PICTURE), Choice(PICTURE)
    assert hash(first) != hash(second)


def open_maps(page):
    page.get_by_role("tab", name="Maps").click()
    page.wait_for_selector("#maps .maps")


def shown(page):
    return page.locator(".maps-here").all_text_contents()


def values_at(page, x, y):
    """What the captions must show there, computed anew from the pictures on the page."""
    sources = page.eval_on_selector_all(".maps-row figure:nth-of-type(1) img", "all => all.map(one => one.src)")
    found = []
    for source in sources:
        picture = open_picture(base64.b64decode(source.partition(",")[2]))
        maps = {name: one.function(picture) for name, one in MAPS.items()}
        found += [f"{of_map[y, x]:.2f}" for name, of_map in maps.items() if name != "compression" or of_map.any()]
    return found


CROSSES = """all => all.map((frame) => {
  const [line, row] = ['::before', '::after'].map((one) => getComputedStyle(frame, one));
  return [parseFloat(line.left) / frame.clientWidth, parseFloat(row.top) / frame.clientHeight];
})"""


def test_a_place_is_marked_in_every_picture_and_map(visit):
    page = visit()
    open_maps(page)
    assert page.locator(".maps-row").count() == 6 and page.locator(".maps-means tbody tr").count() == 6
    assert page.locator("#maps .heading").inner_text().endswith("degraded by bicubic ×8")
    assert set(shown(page)) == {"–"}
    height = page.evaluate("document.documentElement.scrollHeight")
    width = int(page.get_attribute(".maps", "data-width"))
    frame = page.locator(".maps-frame").nth(9).bounding_box()
    page.mouse.move(frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] * 0.6)
    x, y = map(int, re.findall(r"\d+", page.inner_text(".maps-place")))
    assert abs(x / width - 0.3) < 0.02
    assert shown(page) == values_at(page, x, y)
    crosses = np.array(page.eval_on_selector_all(".maps-frame", CROSSES))
    assert len(crosses) == 24 and np.abs(crosses - (0.3, 0.6)).max() < 0.02
    assert page.evaluate("document.documentElement.scrollHeight") == height
    assert page.foreign == []


def test_the_arrow_keys_move_the_place_and_say_it(visit):
    page = visit()
    open_maps(page)
    width, height = (int(page.get_attribute(".maps", f"data-{name}")) for name in ("width", "height"))
    page.locator(".maps-place").focus()
    page.keyboard.press("ArrowLeft")
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight"):
        page.keyboard.press(key)
    x, y = width // 2 - 1 + 8, height // 2 - 1
    assert f"x {x}, y {y} px" in page.inner_text(".maps-place")
    assert shown(page) == values_at(page, x, y)
    said = page.locator("#maps-said", has_text=f"x {x}, y {y}")
    said.wait_for(state="attached")
    assert "HR: Noise" in said.text_content() and "PECL-Manhattan: Noise" in said.text_content()
    for _ in range(height):
        page.keyboard.press("Shift+ArrowDown")
    assert f"y {height - 1} px" in page.inner_text(".maps-place")
    page.keyboard.press("Escape")
    assert set(shown(page)) == {"–"} and page.locator(".maps.marked").count() == 0
    # A click on a map takes the keys there.
    page.locator(".maps-frame").nth(6).click(position={"x": 3, "y": 3})
    before = page.inner_text(".maps-place")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".maps-place") != before


def test_the_maps_follow_the_choice_while_they_are_open(visit):
    page = visit()
    open_maps(page)
    before = page.get_attribute(".maps", "data-cells")
    heading = page.inner_text("#maps .heading")
    page.evaluate("document.querySelectorAll('.shelf button')[3].click()")
    page.wait_for_function("before => document.querySelector('.maps').dataset.cells !== before", arg=before)
    assert page.inner_text("#maps .heading") != heading
    page.locator(".maps-place").focus()
    page.keyboard.press("ArrowLeft")
    width, height = (int(page.get_attribute(".maps", f"data-{name}")) for name in ("width", "height"))
    assert shown(page) == values_at(page, width // 2, height // 2)


def test_a_dark_phone_shows_two_by_two_and_never_scrolls_sideways(visit):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark")
    open_maps(page)
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    boxes = [one.bounding_box() for one in page.locator(".maps-row").first.locator(".maps-frame").all()]
    assert boxes[0]["y"] == boxes[1]["y"] < boxes[2]["y"] == boxes[3]["y"]
    assert boxes[0]["x"] == boxes[2]["x"] < boxes[1]["x"] == boxes[3]["x"]
    page.locator(".maps-frame").nth(3).tap()
    x, y = map(int, re.findall(r"\d+", page.inner_text(".maps-place")))
    assert shown(page) == values_at(page, x, y)
    # Names and scales stay in sight.
    page.evaluate("scrollTo(0, document.querySelectorAll('.maps-row')[3].offsetTop)")
    page.wait_for_function("document.querySelector('.maps-heads').getBoundingClientRect().top === 0")
    colour = page.evaluate("getComputedStyle(document.querySelector('.maps-row h3')).color")
    assert min(map(int, re.findall(r"\d+", colour)[:3])) > 180


def test_the_maps_speak_chinese(visit):
    page = visit(locale="zh-CN")
    page.get_by_role("tab").nth(1).click()
    page.wait_for_selector("#maps .maps")
    assert page.locator(".maps-head h2").all_inner_texts() == ["图像", "噪声", "模糊", "压缩"]
