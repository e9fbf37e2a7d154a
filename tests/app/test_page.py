"""The page in a browser."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

MODELS = ["hr", "lr", "bicubic", "mse", "pecl-euclidean", "pecl-manhattan", "mse-long"]


def models(page):
    return page.eval_on_selector_all(".card", "cards => cards.map(one => one.dataset.model)")


def hr(page):
    return page.get_attribute('.card[data-model="hr"] img', "src")


def upload(page, path):
    page.set_input_files("#upload input[type=file]", path)


def wait_for_other(page, before):
    page.wait_for_function(
        "before => (document.querySelector('.card[data-model=hr] img')?.src ?? before) !== before",
        arg=before,
    )
    return hr(page)


def test_it_opens_with_a_plate_compared_and_nothing_to_scroll(visit):
    page = visit()
    assert models(page) == MODELS
    lines = page.locator(".card .line:not(.minor)").all_inner_texts()
    assert "original" in lines[0] and "reference" in lines[2]
    assert all(re.search(r"\d+\.\d\d dB", line) for line in lines[1:])
    assert page.locator(".card .chip.right").count() >= 5
    assert page.locator(".shelf button").count() >= 24
    assert page.locator('.shelf button[aria-pressed="true"]').count() == 1
    assert page.locator(".card").last.bounding_box()["y"] + page.locator(".card").last.bounding_box()["height"] <= 900
    boxes = [one.bounding_box() for one in page.locator(".card .plate").all()]
    assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1
    assert all(page.eval_on_selector_all(".card img", "all => all.map(one => one.alt)"))
    assert page.foreign == []


TIP = """term => {
  const tip = getComputedStyle(term, '::after');
  const holder = getComputedStyle(term).position === 'static' ? term.offsetParent : term;
  const box = holder.getBoundingClientRect();
  const left = box.left + parseFloat(tip.left) + new DOMMatrix(tip.transform === 'none' ? '' : tip.transform).m41;
  const padding = tip.boxSizing === 'border-box' ? 0 : parseFloat(tip.paddingLeft) + parseFloat(tip.paddingRight);
  return [tip.content, left, left + parseFloat(tip.width) + padding];
}"""


@pytest.mark.parametrize("width", [1440, 390])
def test_every_term_is_explained_on_the_screen(visit, width):
    page = visit(viewport={"width": width, "height": 900})
    for term in page.locator(".term").all():
        term.focus()
        content, left, right = term.evaluate(TIP)
        assert len(content) > 20 and left >= 0 and right <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "Peak signal-to-noise" in page.locator(".term").first.get_attribute("data-tip")
    page.locator(".term").first.focus()
    page.keyboard.press("Escape")
    assert page.evaluate("!document.activeElement.matches('.term')")


def test_another_plate_changes_the_result_and_the_address(visit):
    page = visit()
    before = hr(page)
    page.locator(".shelf button").nth(4).focus()
    page.keyboard.press("Enter")
    after = wait_for_other(page, before)
    assert page.locator(".shelf button").nth(4).get_attribute("aria-pressed") == "true"
    assert "plate=rendered-5" in page.url
    page.reload()
    page.wait_for_selector("section.result .card")
    assert hr(page) == after


def test_an_upload_is_compared(visit, plate_file):
    page = visit()
    before = hr(page)
    upload(page, plate_file)
    wait_for_other(page, before)
    assert models(page) == MODELS
    assert "Own picture" in page.inner_text(".heading")
    assert page.locator(".card .chip.right, .card .chip.wrong").count() == 0
    page.wait_for_selector(".card .chip.sure, .card .chip.weak")
    assert page.locator(".card .chip.sure, .card .chip.weak").count() >= 7
    assert page.locator('.shelf button[aria-pressed="true"]').count() == 0


def test_a_picture_can_be_pasted(visit, plate_file):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    before = hr(page)
    page.evaluate(
        """async bytes => navigator.clipboard.write(
             [new ClipboardItem({'image/png': new Blob([new Uint8Array(bytes)], {type: 'image/png'})})])""",
        list(plate_file.read_bytes()),
    )
    page.get_by_label("Paste from clipboard").click()
    wait_for_other(page, before)


def test_in_a_webcam_picture_the_plate_is_looked_for(visit):
    page = visit(permissions=["camera"])
    page.get_by_label("Capture from camera").click()
    page.locator("#upload").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("() => document.querySelector('#upload video')?.videoWidth > 0")
    page.locator("#upload").get_by_label("capture photo").click()
    page.wait_for_selector("#photo .photo-bar")


def test_a_file_that_is_no_picture_gets_a_sentence_and_loses_nothing(visit, hostile, plate_file):
    page = visit()
    before = hr(page)
    for name in ("text.png", "cut.png", "empty.png", "dot.png", "huge.png"):
        path, words = hostile[name]
        upload(page, path)
        page.locator(".alert", has_text=re.compile(words)).wait_for()
        assert page.locator(".alert").count() == 1
        assert hr(page) == before and models(page) == MODELS
    number = page.get_attribute(".alert", "data-number")
    upload(page, hostile["huge.png"][0])
    page.locator(f".alert:not([data-number='{number}'])").wait_for()
    upload(page, plate_file)
    wait_for_other(page, before)
    assert page.locator(".alert").count() == 0


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "small.png"
    values = np.random.default_rng(0).integers(0, 255, (8, 24, 3), dtype=np.uint8)
    Image.fromarray(values).save(path)
    return path


def test_a_small_picture_is_restored_directly_without_psnr_and_a_large_one_is_not(visit, small_file, tmp_path):
    page = visit()
    before = hr(page)
    box = page.get_by_label("Already small")
    upload(page, small_file)
    before = wait_for_other(page, before)
    page.locator(".note", has_text="already low resolution").wait_for()
    page.wait_for_selector(".chip.waiting", state="detached")
    box.check()
    page.wait_for_selector('.card[data-model="hr"]', state="detached")
    assert models(page) == MODELS[1:]
    assert "dB" not in page.inner_text(".cards")
    assert "192 × 64" in page.get_attribute('.card[data-model="mse"] img', "alt")
    box.uncheck()
    page.wait_for_selector('.card[data-model="hr"]')
    assert page.locator(".plate.reduced").count() == 0
    Image.new("RGB", (640, 320)).save(tmp_path / "large.png")
    upload(page, tmp_path / "large.png")
    wait_for_other(page, before)
    page.wait_for_selector(".plate.reduced")
    # Not check(), which expects that the box stays ticked.
    box.click()
    page.locator(".alert", has_text="too large to be restored directly").wait_for()
    page.wait_for_function("!document.querySelector('#direct input').checked")
    assert models(page) == MODELS


def test_the_box_can_be_ticked_before_the_upload_and_leaves_the_shelf_alone(visit, small_file):
    page = visit()
    before = hr(page)
    box = page.get_by_label("Already small")
    box.check()
    page.locator(".shelf button").nth(3).click()
    wait_for_other(page, before)
    assert models(page) == MODELS and box.is_checked() and page.locator(".alert").count() == 0
    upload(page, small_file)
    page.wait_for_selector('.card[data-model="hr"]', state="detached")
    assert models(page) == MODELS[1:] and box.is_checked()
    page.locator(".shelf button").nth(3).click()
    page.wait_for_selector('.card[data-model="hr"]')
    assert box.is_checked()


def test_a_dark_phone_never_scrolls_sideways(visit):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_visitors_never_see_each_others_plate(visit, tmp_path):
    pages, own = [visit(), visit()], []
    for shade, page in zip((60, 200), pages, strict=True):
        Image.new("RGB", (96, 32), (shade, shade, shade)).save(tmp_path / f"{shade}.png")
        own.append(hr(page))
    for shade, page in zip((60, 200), pages, strict=True):
        upload(page, tmp_path / f"{shade}.png")
    shown = [wait_for_other(page, before) for page, before in zip(pages, own, strict=True)]
    assert shown[0] != shown[1]
    for shade, page in zip((60, 200), pages, strict=True):
        page.get_by_label("Already small").check()
        page.wait_for_selector('.card[data-model="hr"]', state="detached")
        source = page.get_attribute('.card[data-model="lr"] img', "src").partition(",")[2]
        picture = Image.open(io.BytesIO(base64.b64decode(source)))
        assert picture.size == (768, 256) and picture.getpixel((5, 5)) == (shade, shade, shade)


def test_the_address_names_a_tab_and_a_visitor_who_goes_elsewhere_at_once_stays_there(visitor, address):
    page = visitor()
    page.goto(f"{address}?tab=maps")
    page.wait_for_selector('[role="tab"][data-tab-id="maps"][aria-selected="true"]')
    page.click('[role="tab"][data-tab-id="compare"]')
    # Longer than it is asked for.
    page.wait_for_timeout(1500)
    assert page.locator('[role="tab"][aria-selected="true"]').get_attribute("data-tab-id") == "compare"
