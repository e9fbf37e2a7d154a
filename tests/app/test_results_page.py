"""Tab *Results* in a browser, on a page of its own."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from made_results import make_results, write_results
from pages import served

from lpsr.app.results.tab import ResultsTab
from lpsr.app.words import Words
from lpsr.checkpoints import ORDER
from lpsr.cli.report_html import page as report_html
from lpsr.images import save_png
from lpsr.report.build import build
from lpsr.report.examples import Example, Examples


@pytest.fixture(scope="module")
def results_address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    with gr.Blocks(fill_width=True, analytics_enabled=False) as page:
        with gr.Tabs():
            with gr.Tab("first"):
                gr.Markdown("nothing")
            with gr.Tab("second") as second:
                results = ResultsTab(second)
        results.listen()
    with pytest.MonkeyPatch.context() as patch, served(page) as url:
        patch.setattr("lpsr.results.RESULTS", folder)
        yield url


@pytest.fixture
def open_results(visitor, results_address):
    """A page with the tab open, its text there."""

    def open_page(fragment="", prepare=lambda page: None, **options):
        page = visitor(**options)
        prepare(page)
        page.goto(results_address + fragment)
        page.get_by_role("tab", name="second").click()
        page.locator(".results-body").wait_for()
        return page

    return open_page


def drawn(page, key):
    """The figure of a chart, once it is drawn."""
    figure = page.locator(f'figure[data-chart="{key}"]')
    figure.scroll_into_view_if_needed()
    figure.locator(".js-plotly-plot .main-svg").first.wait_for()
    figure.locator("[data-does=csv]").wait_for()
    return figure


def test_charts_are_drawn_when_they_come_near_and_saved(open_results, results_address):
    asked, wrong = [], []

    def listen(page):
        page.on("request", lambda one: asked.append(one.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))

    page = open_results(prepare=listen, permissions=["clipboard-read", "clipboard-write"])
    last = page.locator(".results figure[data-chart]").last
    assert last.locator(".js-plotly-plot").count() == 0
    height = page.evaluate("document.documentElement.scrollHeight")
    figure = drawn(page, last.get_attribute("data-chart"))
    # What came later had its place.
    assert abs(page.evaluate("document.documentElement.scrollHeight") - height) < 60
    plot = figure.locator(".main-svg").first.bounding_box()
    assert plot["width"] == pytest.approx(figure.locator(".plot").bounding_box()["width"], abs=1)
    assert figure.locator(".plot").get_attribute("aria-label")
    for does, begins in (("save", b"\x89PNG"), ("csv", b"\xef\xbb\xbfseries,")):
        with page.expect_download() as download:
            figure.locator(f"[data-does={does}]").click()
        assert Path(download.value.path()).read_bytes().startswith(begins)
        assert download.value.suggested_filename.startswith(f"lpsr-{last.get_attribute('data-chart')}.")
    with page.expect_download() as download:
        page.locator('[data-table="table_1"]').click()
    assert "PECL-Manhattan" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    figure.get_by_text("How it was made").click()
    figure.locator("button[data-copy]").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("python -m lpsr ")
    assert wrong == [] and [url for url in asked if not url.startswith((results_address, "data:", "blob:"))] == []


def test_contents_lead_to_a_section_and_so_does_the_address(open_results):
    page = open_results("?tab=results")
    link = page.locator('.results-contents a[href="#results-failures"]')
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#results-failures').getBoundingClientRect().top < 100")
    assert page.url.endswith("?tab=results#results-failures")
    page.wait_for_function("document.querySelector('.results-contents [aria-current]')?.hash === '#results-failures'")
    # The contents stay in sight.
    assert 0 <= page.locator(".results-contents").bounding_box()["y"] < 100
    other = open_results("#results-confidence")
    other.wait_for_function("Math.abs(document.querySelector('#results-confidence').getBoundingClientRect().top) < 100")


def test_a_phone_has_legends_and_never_scrolls_sideways(open_results):
    page = open_results(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark", locale="fr-FR"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    figure = page.locator('figure[data-chart="exact_by_width"]')
    figure.scroll_into_view_if_needed()
    figure.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert figure.locator(".plot-legend li").all_inner_texts()[1:] == ["■ Bicubic", "■ MSE", "■ PECL-Manhattan"]
    # Names at the ends have given way.
    notes = figure.locator(".annotation").all_text_contents()
    assert not any("MSE" in note for note in notes)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_report_stays_when_the_tab_is_opened_again(open_results):
    page = open_results()
    figure = drawn(page, "exact_by_width")
    page.evaluate("window.before = document.querySelector('.results-body')")
    page.get_by_role("tab", name="first").click()
    page.set_viewport_size({"width": 1000, "height": 900})
    page.get_by_role("tab", name="second").click()
    figure.scroll_into_view_if_needed()
    page.wait_for_function(
        """() => {
          const plot = document.querySelector('[data-chart="exact_by_width"] .plot');
          return plot.clientWidth > 0 && plot._fullLayout.width === plot.clientWidth;
        }"""
    )
    assert page.evaluate("window.before.isConnected")


def test_all_pictures_of_the_file_are_in_sight(visitor, tmp_path):
    """Figure 12 of the verb's HTML, of all that ships."""
    names = ("hr", "lr", "bicubic", *ORDER)
    for name in names:
        save_png(tmp_path / f"{name}.png", np.zeros((80, 264, 3), np.uint8))
    psnr = dict.fromkeys(names[2:], 20.0)
    plate = Example(number=1, text="京A86P20", pictures={name: f"{name}.png" for name in names}, psnr=psnr)
    examples = Examples(command="", passport={}, titles={name: name.upper() for name in names}, plates=[plate])
    text = report_html(build(make_results()), Words(), examples, tmp_path)
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    page = visitor()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator(".plates img").count() == len(names)
    scroll = page.locator("#figure_12 .scroll")
    assert scroll.evaluate("(one) => one.scrollWidth - one.clientWidth") == 0
