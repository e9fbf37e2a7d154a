"""The degradation's controls and the picker, in a browser."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from lpsr.checkpoints import ORDER
from lpsr.degrade import PRESETS, Degradation, degrade

DONE = "!document.querySelector('.chip.waiting') && document.querySelector('.heading').textContent.includes(%r)"
SHOWN = "all => all.map(one => one.dataset.model)"


def heading(page, words):
    """Wait until the result is that of a degradation and everything is read."""
    page.wait_for_function(DONE % words)


def picture(page, selector):
    code = page.get_attribute(selector, "src").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(code))))


def assert_degraded(page, degradation):
    hr, lr = picture(page, '.card[data-model="hr"] .plate'), picture(page, ".true-size img")
    np.testing.assert_array_equal(lr, degrade(hr, degradation))


def slide(page, name, value):
    """Drag, as far as the browser is concerned."""
    page.locator(f"#{name} input[type=range]").fill(str(value))


def test_a_preset_changes_lr_and_every_restoration(visit):
    page = visit()
    before = page.get_attribute('.card[data-model="mse"] .plate', "src")
    page.get_by_label("Night").check()
    heading(page, "Night: bicubic ×8, blur σ 2 px before, noise σ 8 after, JPEG quality 70 after")
    assert_degraded(page, PRESETS["night"])
    assert page.get_attribute('.card[data-model="mse"] .plate', "src") != before
    assert page.locator("#blur input[type=range]").input_value() == "2"
    assert "preset=night" in page.url
    page.locator(".shelf button").nth(2).click()
    page.wait_for_function("location.search.includes('rendered-3')")
    heading(page, "Night")
    assert_degraded(page, PRESETS["night"])


def test_the_result_follows_the_sliders_without_a_button(visit):
    page = visit()
    page.locator("#adjust").click()
    assert page.locator("#adjust").get_attribute("aria-expanded") == "true"
    for value in (1, 2, 3):
        slide(page, "blur", value)
    heading(page, "own degradation: bicubic ×8, blur σ 3 px before")
    slide(page, "noise", 5)
    heading(page, "noise σ 5 after")
    page.locator("#jpeg-at").get_by_text("before", exact=True).click()
    heading(page, "JPEG quality 50 before")
    page.locator("#noise-at").get_by_text("before", exact=True).click()
    heading(page, "noise σ 5 before")
    page.locator("#kernel input").click()
    page.get_by_role("option", name="Lanczos").click()
    heading(page, "Lanczos")
    own = Degradation(kernel="lanczos", blur=3, noise=5, noise_at="before", jpeg=50, jpeg_at="before")
    assert_degraded(page, own)
    assert page.locator("#preset input:checked").count() == 0
    page.get_by_label("Paper").check()
    heading(page, "px, bicubic ×8")
    assert_degraded(page, Degradation())
    assert page.locator("#preset input:checked").count() == 1 and "?plate=rendered-1" in page.url


def test_a_link_opens_plate_degradation_and_checkpoints_again(visit):
    page = visit("?plate=rendered-4&blur=1.5&jpeg=30&models=mse,extra-2")
    heading(page, "own degradation: bicubic ×8, blur σ 1.5 px before, JPEG quality 30 after")
    assert page.eval_on_selector_all(".card", SHOWN) == ["hr", "lr", "bicubic", "mse", "extra-2"]
    assert page.locator('.shelf button[data-plate="rendered-4"]').get_attribute("aria-pressed") == "true"
    assert page.locator("#jpeg input[type=range]").input_value() == "30"
    again = visit(page.url.partition("/?")[2] and "?" + page.url.partition("?")[2])
    heading(again, "own degradation: bicubic ×8, blur σ 1.5 px before, JPEG quality 30 after")
    for name in ("lr", "mse", "extra-2"):
        selector = f'.card[data-model="{name}"] .plate'
        assert page.get_attribute(selector, "src") == again.get_attribute(selector, "src")


@pytest.mark.parametrize("query", ["?preset=fog", "?blur=1e9", "?noise=x", "?models=a,b,c,d,e,f,g"])
def test_a_link_that_cannot_be_used_gets_a_sentence_and_the_papers_degradation(visit, query):
    page = visit(query)
    page.locator(".alert", has_text="The link's settings could not be used").wait_for()
    assert "bicubic ×8" in page.inner_text(".heading")


def test_presets_and_sliders_agree_with_the_result_however_fast_they_are_moved(visit):
    page = visit()
    page.locator("#adjust").click()
    slide(page, "noise", 3)
    page.get_by_label("Night").check()
    heading(page, "Night")
    assert page.locator("#preset input:checked").input_value() == "night"
    page.get_by_label("CCTV").check()
    page.wait_for_function("document.querySelector('#blur input[type=range]').value === '1'")
    slide(page, "noise", 5)
    heading(page, "area mean ×8, blur σ 1 px before, noise σ 5 after, JPEG quality 35 after")
    assert page.locator("#preset input:checked").count() == 0
    for name, value in (("blur", "1"), ("noise", "5"), ("jpeg", "35")):
        assert page.locator(f"#{name} input[type=range]").input_value() == value


def test_a_link_may_go_beyond_the_sliders(visit):
    page = visit("?blur=12")
    heading(page, "blur σ 12 px")
    page.locator("#adjust").click()
    slide(page, "noise", 3)
    heading(page, "blur σ 12 px before, noise σ 3 after")


def test_an_emptied_field_counts_as_the_least(visit):
    page = visit("?noise=3")
    page.locator("#adjust").click()
    page.locator("#noise input[type=number]").fill("")
    heading(page, "px, bicubic ×8")
    assert page.locator(".toast-body").count() == 0


def test_a_link_to_a_plate_that_is_not_here_says_so(visit):
    page = visit("?plate=real-3")
    page.locator(".alert", has_text="There is no plate real-3 here").wait_for()
    page.wait_for_function("location.search === '?plate=rendered-1'")


def test_the_link_can_be_copied(visit):
    page = visit("?plate=rendered-2", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_picker_shows_every_card_and_takes_up_to_six(visit):
    page = visit()
    page.locator("#choose").click()
    lines = page.locator("#models label").all_inner_texts()
    assert len(lines) == 8 and lines[0].startswith("MSE (mse): loss MSE · 0 iterations · cpu · not tested yet")
    for number in (1, 2):
        page.locator("#models label").nth(3 + number).click()
        page.wait_for_selector(f'.card[data-model="extra-{number}"]')
    page.locator("#models label").nth(6).click()
    page.locator(".alert", has_text="At most 6 checkpoints").wait_for()
    page.wait_for_function("document.querySelectorAll('#models input:checked').length === 6")
    expected = ["hr", "lr", "bicubic", *ORDER, "extra-1", "extra-2"]
    assert page.eval_on_selector_all(".card", SHOWN) == expected
    colours = page.eval_on_selector_all(".card", "all => all.map(one => one.style.getPropertyValue('--model'))")
    assert len(set(colours)) == len(colours)
    for number in range(6):
        page.locator("#models label").nth(number).click()
    page.wait_for_function("document.querySelectorAll('.card').length === 3")
    assert re.search("models=(&|$)", page.url) or "models=" in page.url


def test_the_page_speaks_chinese(visit):
    page = visit(locale="zh-CN")
    assert page.get_by_role("tab", name="对比").is_visible()
    assert "双三次 ×8" in page.inner_text(".heading") and "真实文本" in page.inner_text(".heading")
    assert page.get_by_label("夜间").count() == 1
    assert "__i18n__" not in page.inner_text("body")


def test_controls_work_by_keyboard(visit):
    page = visit()
    page.locator("#preset input").nth(1).focus()
    page.keyboard.press("Space")
    heading(page, "Night")
    page.locator("#adjust").focus()
    page.keyboard.press("Enter")
    page.locator("#noise input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    heading(page, "noise σ 9 after")


def test_controls_fit_a_phone(visit):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.locator("#adjust").tap()
    page.locator("#choose").tap()
    assert page.locator("#jpeg").is_visible() and page.locator("#models").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_another_reader_reads_the_same_pictures_and_claims_nothing(visit):
    page = visit("?preset=night")
    heading(page, "read by PaddleOCR")
    before = [picture(page, f'.card[data-model="{name}"] .plate') for name in ("lr", "mse")]
    page.locator("#reader input").click()
    page.get_by_role("option", name="HR-trained reader").click()
    heading(page, "read by the HR-trained reader")
    for name, old in zip(("lr", "mse"), before, strict=True):
        np.testing.assert_array_equal(picture(page, f'.card[data-model="{name}"] .plate'), old)
    assert "reader=plate-hr" in page.url and "preset=night" in page.url
    assert page.locator(".tile.reliable").count() == page.locator(".meanings .tile.reliable").count()
    page.reload()
    page.wait_for_selector("section.result .card")
    heading(page, "read by the HR-trained reader")
    assert page.locator("#reader input").input_value() == "HR-trained reader"
