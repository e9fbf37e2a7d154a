"""Looking closely: the section as HTML, and in a browser the pair, the zoom and the difference."""

import base64
import io
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from lpsr.app import closer
from lpsr.app.language import LANGUAGES, Words
from lpsr.compare import Comparison, Result
from lpsr.images import luma

EN = Words()


def comparison(*names, shape=(40, 120), psnr=20.0):
    picture = np.zeros((*shape, 3), np.uint8)
    shown = [Result(name, name.upper(), picture, None if name == "hr" else psnr) for name in names]
    return Comparison(picture[::8, ::8], tuple(shown), None, None, None, {})


def attribute(html, name):
    return unescape(re.search(rf'{name}="([^"]*)"', html)[1])


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (("hr", "lr", "bicubic", "mse", "pecl-manhattan"), "mse,hr"),
        (("lr", "bicubic", "mse"), "mse,lr"),
        (("hr", "lr", "bicubic", "mine"), "mine,hr"),
        (("hr", "lr", "bicubic"), "bicubic,hr"),
        (("hr", "lr"), "lr,hr"),
    ],
)
def test_the_default_pair_is_mse_against_hr_where_they_are_there(names, pair):
    html = closer.html(comparison(*names), EN)
    assert attribute(html, "data-default") == attribute(html, "data-pair") == pair
    assert html.count('<option value="hr"') == 2 * ("hr" in names)


def test_one_picture_is_no_pair():
    assert closer.html(comparison("lr"), EN) == ""


def test_names_and_titles_are_escaped():
    html = closer.html(comparison("hr", "lr", '<img src=x onerror="a">&'), EN)
    assert "<img" not in html and "<IMG" not in html
    assert attribute(html, "data-default") == '<img src=x onerror="a">&,hr'


def test_captions_give_the_psnr_only_where_there_is_one():
    assert 'data-value="PSNR 20.00 dB"' in closer.html(comparison("hr", "mse"), EN)
    html = closer.html(comparison("lr", "mse", psnr=None), EN)
    assert html.count('data-value=""') == 4 and "dB" not in html


@pytest.mark.parametrize(("shape", "aspect"), [((40, 120), 3), ((8, 640), 5), ((640, 8), 1)])
def test_the_views_have_the_shape_of_the_plate_within_limits(shape, aspect):
    html = closer.html(comparison("hr", "mse", shape=shape), EN)
    assert f"--aspect: {aspect}.0000" in html


def test_sentences_keep_the_same_gaps_in_every_language():
    gaps = [sorted(re.findall(r"\{\w+\}", closer.html(comparison("hr", "mse"), Words(one)))) for one in LANGUAGES]
    assert gaps[0] == gaps[1] == gaps[2] and "{difference}" in gaps[0]


# In the browser.

# Every height that the section is painted with.
HEIGHTS = """section => {
  window.heights = [];
  new ResizeObserver(() => window.heights.push(section.offsetHeight)).observe(section);
}"""


def picture(page, name):
    source = page.get_attribute(f'.card[data-model="{name}"] img.plate', "src").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))


def difference(page, left, right):
    return luma(picture(page, left)).astype(int) - luma(picture(page, right))


def sign(value, digits=0):
    return ("−" if value < 0 else "+") + f"{abs(value):.{digits}f}"


def wait_for_stats(page, left, right):
    """Until the numbers below the difference are those of these cards."""
    levels = difference(page, left, right)
    rms, mean = np.sqrt((levels**2).mean()), levels.mean()
    page.locator(".closer p", has_text=f"RMS {rms:.2f}, mean {sign(mean, 2)} levels").wait_for()
    return rms


def pair(page):
    return page.get_attribute(".closer", "data-pair")


def choose(page, side, name):
    page.locator(".closer .side select").nth(side).select_option(name)


def zoom(page):
    return float(page.inner_text(".closer .zoom")[1:])


def query(page):
    return parse_qs(urlsplit(page.url).query)


def prefer(page, preset):
    """Change the degradation, and wait for the new LR."""
    before = page.get_attribute('.card[data-model="lr"] img.plate', "src")
    page.locator("#preset label", has_text=preset).click()
    page.wait_for_function(
        "before => document.querySelector('.card[data-model=lr] img.plate').getAttribute('src') !== before", arg=before
    )


def upload(page, path, size):
    """Bring a picture, and wait until it is compared and read."""
    page.set_input_files("#upload input[type=file]", path)
    page.wait_for_selector(f'.card[data-model="hr"] img.plate[width="{size[0]}"][height="{size[1]}"]')
    page.wait_for_selector(".chip.waiting", state="detached")


def move(page, view, x, y):
    """Point at a part of a view; x, y from 0 to 1."""
    page.locator(view).scroll_into_view_if_needed()
    box = page.locator(view).bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def readout(page):
    """x, y, both colours, difference."""
    text = page.inner_text(".closer .readout").replace("−", "-")
    x, y, *rest = map(int, re.findall(r"[+-]?\d+", text))
    return x, y, rest[:3], rest[3:6], rest[6]


def test_the_difference_is_measured_as_the_library_does(visit):
    page = visit()
    rms = wait_for_stats(page, "mse", "hr")
    psnr_y = float(re.search(r"PSNR_Y (\S+) dB", page.inner_text('.card[data-model="mse"]'))[1])
    assert 20 * np.log10(255 / rms) == pytest.approx(psnr_y, abs=0.006)
    choose(page, 1, "bicubic")
    wait_for_stats(page, "mse", "bicubic")
    page.locator(".closer .scale").select_option("16")
    levels = difference(page, "mse", "bicubic")
    page.locator(
        ".closer p", has_text=f"{100 * (abs(levels) > 16).mean():.1f} % of the pixels lie beyond ±16"
    ).wait_for()
    assert page.inner_text(".closer .ramp").split() == ["−16", "left", "darker", "left", "brighter", "+16"]
    for x, y in ((0.02, 0.1), (0.5, 0.5), (0.71, 0.3), (0.99, 0.95)):
        move(page, ".closer .difference", x, y)
        column, row, left, right, level = readout(page)
        assert (column, row) == (int(x * levels.shape[1]), int(y * levels.shape[0]))
        assert left == picture(page, "mse")[row, column].tolist()
        assert right == picture(page, "bicubic")[row, column].tolist()
        assert level == levels[row, column]
    assert "MSE minus luma of Bicubic" in page.get_attribute(".closer .difference", "aria-label")
    assert page.foreign == []


def test_the_pair_is_chosen_linked_and_announced(visit):
    page = visit()
    page.evaluate("document.addEventListener('lpsr:pair', (event) => { window.heard = event.detail.join(); })")
    assert pair(page) == "mse,hr" and "pair" not in query(page)
    choose(page, 0, "pecl-manhattan")
    assert pair(page) == page.evaluate("window.heard") == query(page)["pair"][0] == "pecl-manhattan,hr"
    # What the other side shows changes places.
    choose(page, 0, "hr")
    assert pair(page) == "hr,pecl-manhattan"
    assert page.locator(".closer .side .value").all_inner_texts()[0] == "original"
    page.locator(".closer [data-do=swap]").click()
    assert pair(page) == "pecl-manhattan,hr"
    wait_for_stats(page, "pecl-manhattan", "hr")
    page.reload()
    page.wait_for_selector(".closer")
    wait_for_stats(page, "pecl-manhattan", "hr")
    assert pair(page) == "pecl-manhattan,hr"
    choose(page, 0, "mse")
    assert pair(page) == "mse,hr" and "pair" not in query(page)


@pytest.mark.parametrize("asked", ["nothing,hr", "<b>,%27", "mse", "lr,hr,mse"])
def test_a_link_with_an_unknown_pair_shows_the_default_or_what_is_known(visit, asked):
    page = visit(f"?pair={asked}")
    page.wait_for_selector(".closer")
    assert pair(page) == ("lr,hr" if asked.startswith("lr") else "mse,hr")
    wait_for_stats(page, *pair(page).split(","))


def test_pair_zoom_and_divider_stay_when_the_result_changes_and_nothing_jumps(visit):
    page = visit()
    choose(page, 0, "pecl-euclidean")
    page.locator(".closer .follow").check()
    page.locator(".closer .divider").fill("30")
    for _ in range(3):
        page.locator(".closer [data-do=in]").click()
    wait_for_stats(page, "pecl-euclidean", "hr")
    assert zoom(page) == 2.8
    page.locator(".closer").evaluate(HEIGHTS)
    prefer(page, "Night")
    wait_for_stats(page, "pecl-euclidean", "hr")
    assert pair(page) == "pecl-euclidean,hr" and zoom(page) == 2.8
    assert page.locator(".closer .follow").is_checked() and page.input_value(".closer .divider") == "30"
    assert "at 30 %" in page.get_attribute(".closer .pair", "aria-label")
    assert len(page.evaluate("[...new Set(window.heights)]")) == 1
    assert "matrix(2.8" in page.evaluate("getComputedStyle(document.querySelector('.card .plate')).transform")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    page.locator(".closer [data-do=whole]").click()
    assert zoom(page) == 1
    assert page.evaluate("getComputedStyle(document.querySelector('.card .plate')).transform") == "none"


def test_a_pair_falls_back_while_its_models_are_gone(visit, plate_file, tmp_path):
    Image.open(plate_file).resize((48, 16)).save(tmp_path / "small.png")
    page = visit()
    choose(page, 0, "pecl-manhattan")
    upload(page, tmp_path / "small.png", (48, 16))
    page.get_by_label("Already small").check()
    page.wait_for_selector('.card[data-model="hr"]', state="detached")
    page.wait_for_selector('.closer[data-pair="pecl-manhattan,lr"]')
    wait_for_stats(page, "pecl-manhattan", "lr")
    assert "dB" not in page.inner_text(".closer")
    page.get_by_label("Already small").uncheck()
    page.wait_for_selector('.closer[data-pair="pecl-manhattan,hr"]')
    wait_for_stats(page, "pecl-manhattan", "hr")


def in_view(page, view, x, y):
    """RGB of the view's canvas at a part of it."""
    return page.evaluate(
        """([view, x, y]) => {
          const canvas = document.querySelector(view);
          const [column, row] = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
          return [...canvas.getContext('2d').getImageData(column, row, 1, 1).data].slice(0, 3);
        }""",
        [view, x, y],
    )


def test_the_divider_moves_by_dragging_and_by_keys_and_parts_the_pictures(visit):
    page = visit()
    wait_for_stats(page, "mse", "hr")
    move(page, ".closer .pair", 0.5, 0.5)
    page.mouse.down()
    move(page, ".closer .pair", 0.2, 0.5)
    page.mouse.up()
    assert page.input_value(".closer .divider") == "20"
    page.focus(".closer .divider")
    page.keyboard.press("ArrowRight")
    assert page.input_value(".closer .divider") == "21"
    assert page.get_attribute(".closer .divider", "aria-valuetext") == "21 %: MSE on the left, HR on the right"
    page.mouse.move(0, 0)
    height, width = picture(page, "hr").shape[:2]
    for name, x in (("mse", 0.1), ("mse", 0.19), ("hr", 0.23), ("hr", 0.9)):
        row, column = int(0.4 * height), int(x * width)
        shown = in_view(page, ".closer .pair", (column + 0.5) / width, (row + 0.5) / height)
        assert shown == picture(page, name)[row, column].tolist()


def test_a_zoomed_view_is_moved_by_dragging_and_shows_what_the_readout_says(visit):
    page = visit()
    wait_for_stats(page, "mse", "hr")
    for _ in range(4):
        page.locator(".closer [data-do=in]").click()
    page.locator(".closer .divider").fill("0")
    move(page, ".closer .pair", 0.6, 0.5)
    before = readout(page)
    page.mouse.down()
    move(page, ".closer .pair", 0.3, 0.4)
    page.mouse.up()
    # The same pixel is still under the pointer, in both views, and the divider has not moved.
    assert readout(page) == before and page.input_value(".closer .divider") == "0"
    page.mouse.move(0, 0)
    page.locator(".closer .pair").blur()
    move(page, ".closer .difference", 0.3, 0.4)
    assert readout(page) == before
    page.mouse.move(0, 0)
    assert "Point at" in page.inner_text(".closer .readout")
    assert in_view(page, ".closer .pair", 0.3, 0.4) == before[3]


def test_keys_zoom_and_mark_pixels_and_the_view_follows(visit):
    page = visit()
    wait_for_stats(page, "mse", "hr")
    width = picture(page, "hr").shape[1]
    page.focus(".closer .difference")
    for key in ("+", "+", "-", "="):
        page.keyboard.press(key)
    assert zoom(page) == 2
    page.keyboard.press("ArrowRight")
    first = readout(page)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    assert readout(page)[:2] == (first[0] + 8, first[1] - 1)
    assert page.get_attribute(".closer .readout", "aria-live") == "polite"
    for _ in range(width // 8):
        page.keyboard.press("Shift+ArrowRight")
    assert readout(page)[0] == width - 1
    # The last column is in sight: at the right edge of the view, below the mark's frame.
    move(page, ".closer .difference", 0.998, 0.95)
    assert readout(page)[0] == width - 1
    page.keyboard.press("0")
    assert zoom(page) == 1
    page.keyboard.press("Escape")
    assert page.evaluate("!document.activeElement.matches('canvas')")


def test_the_wheel_belongs_to_the_page_until_a_view_has_the_focus(visit):
    page = visit()
    wait_for_stats(page, "mse", "hr")
    height = picture(page, "hr").shape[0]
    middle = (height // 2 + 0.5) / height
    move(page, ".closer .pair", 0.4, middle)
    top = page.evaluate("scrollY")
    page.mouse.wheel(0, -120)
    page.wait_for_function("top => scrollY < top", arg=top)
    assert zoom(page) == 1
    move(page, ".closer .pair", 0.4, middle)
    under, top = readout(page)[:2], page.evaluate("scrollY")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_function("document.querySelector('.closer .zoom').textContent === '×1.5'")
    page.mouse.down()
    page.mouse.up()
    page.mouse.wheel(0, -120)
    page.wait_for_function("document.querySelector('.closer .zoom').textContent === '×2.2'")
    # Zoomed about the pointer.
    assert readout(page)[:2] == under and page.evaluate("scrollY") == top
    # At the end of the zoom the page takes over.
    for _ in range(3):
        page.mouse.wheel(0, 120)
    page.wait_for_function("top => scrollY > top", arg=top)
    assert zoom(page) == 1


def test_two_fingers_zoom_and_one_scrolls_on_a_phone(visit):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    wait_for_stats(page, "mse", "hr")
    page.locator(".closer .pair").evaluate("view => view.scrollIntoView({ block: 'center' })")
    box = page.locator(".closer .pair").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def fingers(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    # Upright, the way in which one finger scrolls.
    fingers("touchStart", (x, y - 30), (x, y + 30))
    for step in range(1, 7):
        fingers("touchMove", (x, y - 30 - 5 * step), (x, y + 30 + 5 * step))
    fingers("touchEnd")
    assert zoom(page) == pytest.approx(2, abs=0.11)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".closer [data-do=whole]").tap()
    top = page.evaluate("scrollY")
    fingers("touchStart", (x, y))
    for step in range(1, 8):
        fingers("touchMove", (x, y - 20 * step))
    fingers("touchEnd")
    page.wait_for_function("top => scrollY > top + 50", arg=top)
    assert zoom(page) == 1


def test_a_picture_of_any_shape_can_be_looked_at(visit, tmp_path):
    page = visit()
    for size in ((320, 16), (16, 320)):
        values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / f"{size}.png")
        page.set_input_files("#upload input[type=file]", tmp_path / f"{size}.png")
        # No shape of a plate's, so that the visitor has to say that it is one.
        page.locator("[data-whole]").click()
        page.wait_for_selector(f'.card[data-model="hr"] img.plate[width="{size[0]}"][height="{size[1]}"]')
        wait_for_stats(page, "mse", "hr")
        move(page, ".closer .difference", 0.5, 0.5)
        assert readout(page)[:2] == (size[0] // 2, size[1] // 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440
        assert page.locator(".closer .pair").bounding_box()["height"] <= 0.61 * 900
    # Equal pictures under other names are another pair.
    Image.new("RGB", (96, 32), (90, 90, 90)).save(tmp_path / "flat.png")
    upload(page, tmp_path / "flat.png", (96, 32))
    choose(page, 0, "bicubic")
    page.locator(".closer p", has_text="RMS 0.00, mean +0.00 levels").wait_for()
    choose(page, 0, "lr")
    page.locator(".closer p", has_text="RMS 0.00, mean +0.00 levels").wait_for()
