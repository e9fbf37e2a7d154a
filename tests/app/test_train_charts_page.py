"""The live charts of training in a browser, on a page of their own."""

import json
from pathlib import Path

import gradio as gr
import pytest
from pages import served

from lpsr.app.language import words_for
from lpsr.app.training.charts import Charts, Named
from lpsr.training.curves import read_curves


def entries(start, stop):
    """Lines of a log, an iteration in a hundred."""
    for i in range(start, stop, 100):
        losses = {"total": 0.1 * i**-0.3, "pixel": 0.09 * i**-0.3, "contrastive": 0.3, "distance": 0.5}
        weights = {"w_pixel": 0.9, "w_contrastive": 0.1, "lr": 1e-3 / i, "iterations_per_second": 4.0}
        yield {"iteration": i, **losses, **weights}
        yield {"iteration": i, "val_psnr": 15 + i**0.2, "val_psnr_y": 16 + i**0.2}


def write(folder, start, stop, mode="w"):
    folder.mkdir(exist_ok=True)
    with open(folder / "log.jsonl", mode) as file:
        file.write("".join(json.dumps(entry) + "\n" for entry in entries(start, stop)))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def charts_address(runs):
    """In the second tab: the runs that the box names, looked at every 0.3 seconds."""

    def tick(names, shown, request: gr.Request):
        found = [Named(name, "#D55E00", read_curves(runs / name), 18.6) for name in names.split()]
        return charts.values(found, words_for(request), None, shown)

    with gr.Blocks(fill_width=True, analytics_enabled=False) as page:
        names = gr.Textbox("a", label="runs")
        with gr.Tabs():
            with gr.Tab("first"):
                gr.Markdown("nothing")
            with gr.Tab("second"):
                charts = Charts()
        gr.on([gr.Timer(0.3).tick, names.change], tick, [names, charts.shown], charts.outputs, show_progress="hidden")
    with served(page) as url:
        yield url


@pytest.fixture
def open_charts(visitor, charts_address, runs):
    """A page with both runs at 2000 iterations, the charts' tab open."""

    def open_page(prepare=lambda page: None, **options):
        for name in ("a", "b"):
            write(runs / name, 100, 2001)
        page = visitor(**{"viewport": {"width": 1300, "height": 800}} | options)
        prepare(page)
        page.goto(charts_address)
        page.get_by_role("tab", name="second").click()
        return page

    return open_page


def text(page, chart=0):
    """What a screen reader is told of a chart, once it is drawn."""
    plot = page.locator(".train-charts .plot.js-plotly-plot").nth(chart)
    plot.wait_for()
    return plot.get_attribute("aria-label")


def until(page, expression):
    page.wait_for_function(expression)


def last(page, chart=0):
    """The last iteration that a chart shows."""
    return page.evaluate(f"Array.from(document.querySelectorAll('.plot')[{chart}]._fullData[0].x).at(-1)")


def grows(page, runs, start, stop):
    """The log grows, and the charts have it."""
    write(runs / "a", start, stop, "a")
    until(page, f"Array.from(document.querySelectorAll('.plot')[5]._fullData[0].x).at(-1) === {stop - 1}")


def axes(page, chart=0):
    layout = f"document.querySelectorAll('.plot')[{chart}]._fullLayout"
    return page.evaluate(f"[{layout}.xaxis.range, {layout}.yaxis.range].map(one => one.map(Number))")


def zoom(page, chart=0):
    page.locator(".plot .nsewdrag").nth(chart).wait_for()
    box = page.locator(".plot .nsewdrag").nth(chart).bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 110, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Show the whole chart again").wait_for()


def test_all_charts_are_drawn_with_what_the_page_itself_brings(open_charts, charts_address):
    asked, wrong = [], []

    def listen(page):
        page.on("request", lambda one: asked.append(one.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))

    page = open_charts(listen)
    assert text(page).startswith("Loss: total 0.01")
    assert text(page, 5).startswith("Learning rate: ")
    assert page.locator(".train-charts .plot .scatterlayer .trace").count() == 9
    assert wrong == [] and [url for url in asked if not url.startswith((charts_address, "data:", "blob:"))] == []
    assert sum("PlotlyPlot" in url for url in asked) == 1
    assert page.locator(".train-charts .failed").inner_text() == ""


def test_the_charts_stay_and_so_does_a_visitors_zoom(open_charts, runs):
    page = open_charts()
    text(page, 5)
    page.evaluate("window.before = [...document.querySelectorAll('.plot, .plot .main-svg')]")
    whole = axes(page)
    zoom(page)
    near, other = axes(page), axes(page, 5)
    assert near[0][0] > whole[0][0] and near[0][1] < whole[0][1]
    grows(page, runs, 2100, 4001)
    assert last(page) == 4000
    assert axes(page) == near
    # The others follow the run.
    assert axes(page, 5)[0][1] > other[0][1] and axes(page, 5)[0][1] > 4000
    assert page.evaluate("window.before.length >= 12 && window.before.every(one => one.isConnected)")
    page.get_by_role("button", name="Show the whole chart again").click()
    until(page, "document.querySelector('.plot')._fullLayout.xaxis.range[1] > 4000")
    assert page.get_by_role("button", name="Show the whole chart again").count() == 0
    zoom(page)
    page.locator(".plot .nsewdrag").first.dblclick()
    until(page, "document.querySelector('.plot')._fullLayout.xaxis.range[1] > 4000")


def test_other_runs_are_shown_whole(open_charts):
    page = open_charts()
    text(page, 5)
    zoom(page)
    page.get_by_label("runs").fill("a b")
    until(page, "document.querySelector('.plot').ariaLabel.startsWith('Pixel loss: a 0.0')")
    assert page.get_by_role("button", name="Show the whole chart again").count() == 0
    assert axes(page)[0][0] == 0


def test_nothing_is_drawn_again_while_nothing_changes(open_charts):
    page = open_charts()
    text(page, 5)
    page.evaluate("""() => {
        window.changes = 0;
        new MutationObserver(all => { window.changes += all.length; })
            .observe(document.querySelector('.train-charts'), { subtree: true, childList: true, attributes: true });
    }""")
    for _ in range(3):
        page.wait_for_event("requestfinished", lambda one: one.url.endswith("queue/join?"))
    assert page.evaluate("window.changes") == 0


def test_a_hidden_tab_catches_up_when_it_is_opened(open_charts, runs):
    page = open_charts()
    text(page, 5)
    page.get_by_role("tab", name="first").click()
    page.locator(".train-charts").wait_for(state="hidden")
    write(runs / "a", 2100, 5001, "a")
    page.set_viewport_size({"width": 800, "height": 800})
    page.wait_for_timeout(1500)
    assert last(page) == 2000
    page.get_by_role("tab", name="second").click()
    until(page, "Array.from(document.querySelector('.plot')._fullData[0].x).at(-1) === 5000")
    until(page, "[...document.querySelectorAll('.plot')].every(one => one._fullLayout.width === one.clientWidth)")


@pytest.mark.parametrize(("width", "columns"), [(1300, 3), (900, 2), (390, 1)])
def test_columns_follow_the_room(open_charts, width, columns):
    page = open_charts(viewport={"width": width, "height": 800})
    text(page, 5)
    boxes = [figure.bounding_box() for figure in page.locator(".train-charts figure").all()]
    assert len({round(box["x"]) for box in boxes}) == columns
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for figure, box in zip(page.locator(".train-charts figure .main-svg:first-child").all(), boxes, strict=True):
        assert figure.bounding_box()["width"] == pytest.approx(box["width"], abs=1)


def test_a_chart_is_saved_as_a_picture(open_charts):
    page = open_charts()
    text(page, 5)
    button = page.get_by_role("button", name="Save this chart as PNG: Validation PSNR, dB")
    button.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "a-psnr.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_finger_scrolls_the_page(open_charts):
    page = open_charts(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    text(page, 5)
    assert page.evaluate("document.querySelector('.plot')._fullLayout.dragmode") is False
    button = page.locator(".train-charts [data-does=save]").first
    assert button.bounding_box()["height"] >= 28 and button.evaluate("one => getComputedStyle(one).opacity") == "1"


def test_without_plotly_it_says_so_and_tries_again(open_charts, runs):
    page = open_charts(lambda page: page.route("**/PlotlyPlot-*.js", lambda route: route.abort()))
    page.get_by_text("The charts cannot be drawn").wait_for()
    page.unroute("**/PlotlyPlot-*.js")
    write(runs / "a", 2100, 2201, "a")
    assert text(page, 5).startswith("Learning rate")
    page.get_by_text("The charts cannot be drawn").wait_for(state="detached")


def test_what_has_no_values_takes_little_room(open_charts):
    page = open_charts()
    text(page)
    boxes = {one.get_attribute("data-chart"): one.bounding_box() for one in page.locator(".train-charts figure").all()}
    # There is no run to hold it against.
    contrast = boxes.pop("contrast")
    assert contrast["height"] < 100 and all(box["height"] > 200 for box in boxes.values())
    assert contrast["y"] >= max(box["y"] for box in boxes.values())
    page.get_by_label("runs").fill("untrained")
    page.wait_for_selector(".train-charts", state="hidden")
    page.get_by_label("runs").fill("b")
    page.wait_for_selector(".train-charts .plot.js-plotly-plot")
