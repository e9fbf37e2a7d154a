"""The page in a browser."""

import base64
import io
import re

import numpy as np
from PIL import Image

MODELS = ["hr", "lr", "bicubic", "mse", "pecl-euclidean", "pecl-manhattan"]


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
    boxes = [one.bounding_box() for one in page.locator(".card img").all()]
    assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1
    assert all(page.eval_on_selector_all(".card img", "all => all.map(one => one.alt)"))
    page.locator(".term").first.focus()
    shown = page.evaluate("getComputedStyle(document.querySelector('.term'), '::after').content")
    assert "Peak signal-to-noise" in shown
    assert page.foreign == []


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


def test_an_upload_is_compared_and_then_deleted(visit, plate_file, uploads):
    page = visit()
    before = hr(page)
    upload(page, plate_file)
    wait_for_other(page, before)
    assert models(page) == MODELS
    assert "Own picture" in page.inner_text(".heading")
    assert page.locator(".card .chip.right, .card .chip.wrong").count() == 0
    assert page.locator(".card .chip.sure, .card .chip.weak").count() >= 7
    assert page.locator('.shelf button[aria-pressed="true"]').count() == 0
    assert [path for path in uploads.rglob("*") if path.is_file()] == []


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


def test_a_webcam_picture_is_compared(visit):
    page = visit(permissions=["camera"])
    before = hr(page)
    page.get_by_label("Capture from camera").click()
    page.locator("#upload").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("() => document.querySelector('#upload video')?.videoWidth > 0")
    page.locator("#upload").get_by_label("capture photo").click()
    wait_for_other(page, before)
    assert models(page) == MODELS


def test_a_file_that_is_no_picture_gets_a_sentence_and_loses_nothing(visit, hostile, plate_file):
    page = visit()
    before = hr(page)
    for name in ("text.png", "cut.png", "empty.png", "dot.png", "huge.png"):
        path, words = hostile[name]
        upload(page, path)
        page.locator(".alert", has_text=re.compile(words)).wait_for()
        assert page.locator(".alert").count() == 1
        assert hr(page) == before and models(page) == MODELS
    upload(page, plate_file)
    wait_for_other(page, before)
    assert page.locator(".alert").count() == 0


def test_a_small_picture_is_restored_directly_without_psnr_and_a_large_one_is_not(visit, tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (8, 24, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "small.png")
    page = visit()
    before = hr(page)
    page.get_by_label("Already small").check()
    page.locator(".alert", has_text="too large to be restored directly").wait_for()
    assert models(page) == MODELS
    assert not page.get_by_label("Already small").is_checked()
    upload(page, tmp_path / "small.png")
    wait_for_other(page, before)
    page.locator(".note", has_text="already low resolution").wait_for()
    page.get_by_label("Already small").check()
    page.wait_for_selector('.card[data-model="hr"]', state="detached")
    assert models(page) == MODELS[1:]
    assert "dB" not in page.inner_text(".cards")
    assert "192 × 64" in page.get_attribute('.card[data-model="mse"] img', "alt")
    page.get_by_label("Already small").uncheck()
    page.wait_for_selector('.card[data-model="hr"]')


def text_brightness(page):
    colour = page.evaluate("getComputedStyle(document.querySelector('#map-noise .annotation-text')).fill")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_the_maps_are_drawn_for_the_compared_plate(visit):
    page = visit()
    page.get_by_role("tab", name="Degradation maps").click()
    for name in ("noise", "blur", "compression"):
        page.wait_for_selector(f"#map-{name} .heatmaplayer image")
        titles = page.locator(f"#map-{name} .annotation-text").all_text_contents()
        assert len(titles) == 5 and titles[0].startswith("HR, mean ") and "MSE" in titles[2]
    assert text_brightness(page) < 80
    assert page.foreign == []


def test_a_dark_phone_never_scrolls_sideways(visit):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("tab", name="Degradation maps").click()
    page.wait_for_selector("#map-compression .heatmaplayer image")
    assert text_brightness(page) > 180
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_visitors_never_see_each_others_plate(visit, tmp_path):
    pages, own = [visit(), visit()], []
    for shade, page in zip((60, 200), pages, strict=True):
        Image.new("RGB", (96, 32), (shade, shade, shade)).save(tmp_path / f"{shade}.png")
        own.append(hr(page))
        upload(page, tmp_path / f"{shade}.png")
    shown = [wait_for_other(page, before) for page, before in zip(pages, own, strict=True)]
    assert shown[0] != shown[1]
    for shade, page in zip((60, 200), pages, strict=True):
        page.get_by_label("Already small").check()
        page.wait_for_selector('.card[data-model="hr"]', state="detached")
        source = page.get_attribute('.card[data-model="lr"] img', "src").partition(",")[2]
        picture = Image.open(io.BytesIO(base64.b64decode(source)))
        assert picture.size == (768, 256) and picture.getpixel((5, 5)) == (shade, shade, shade)
