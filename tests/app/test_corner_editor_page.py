"""The corner editor in a browser: corners moved by mouse, finger and keys, and the straightened plate."""

import re
import time

import gradio as gr
import numpy as np
import pytest

from lpsr.app.gallery import data_uri
from lpsr.app.language import Words
from lpsr.app.photo import editor
from lpsr.app.theme import STYLES, THEME
from lpsr.app.uploads import sent
from lpsr.rectify import plate_size, rectify

EN = Words()
BOX = np.array([[60, 50], [240, 50], [240, 110], [60, 110]], np.float32)
COLOURS = np.array([[[200, 40, 40], [40, 160, 60]], [[230, 190, 30], [50, 70, 200]]], np.uint8)


def quarters(size=(300, 160), box=BOX):
    """A grey picture with a plate at the box, each quarter of it in a colour of its own."""
    picture = np.full((size[1], size[0], 3), 120, np.uint8)
    (left, top), (right, bottom) = box[0].astype(int), box[2].astype(int)
    blocks = COLOURS.repeat((bottom - top) // 2, 0).repeat((right - left) // 2, 1)
    picture[top:bottom, left:right] = blocks
    return picture


class World:
    """What the server shows, what it got, and whether it answers with the corners that it got."""

    def __init__(self):
        self.show()

    def show(self, picture=None, corners=BOX, view="one", **more):
        self.picture, self.corners, self.view, self.more = picture, corners, view, more
        self.raw, self.events, self.answers = None, [], False
        if picture is None:
            self.picture = quarters()

    def html(self):
        if self.raw is not None:
            return self.raw
        size = self.picture.shape[1::-1]
        return editor.html(data_uri(self.picture), size, self.corners, EN, view=self.view, **self.more)

    def answer(self, event: gr.EventData):
        corners = editor.sent_corners(event)
        self.events.append((sent(event, "view"), corners))
        if self.answers:
            self.corners = corners
        return self.html()


@pytest.fixture(scope="module")
def served():
    """A page with nothing but the editor, asking for news all the time; its address and its world."""
    world = World()
    with gr.Blocks(analytics_enabled=False) as page:
        component = gr.HTML(js_on_load=editor.SCRIPT)
        private = {"api_visibility": "private", "show_progress": "hidden"}
        component.select(world.answer, None, component, trigger_mode="multiple", **private)
        gr.Timer(0.2).tick(world.html, None, component, **private)
        page.load(world.html, None, component, **private)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, theme=THEME, css_paths=STYLES, ssr_mode=False)
    yield url, world
    page.close()


@pytest.fixture
def edit(browser, served):
    """``edit(options, picture, corners, **more)`` opens the page on this view; gives it and the world."""
    url, world = served
    contexts = []

    def open_page(options=None, *args, **more):
        world.show(*args, **more)
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}} | (options or {}))
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda message: page.faults.append(message.text) if "js_on_load" in message.text else None)
        page.goto(url)
        page.locator(".corner-editor .size", has_text="px").wait_for()
        return page, world

    yield open_page
    for context in contexts:
        faults = [fault for page in context.pages for fault in page.faults]
        context.close()
        assert faults == []


def corners(page):
    """The corners as the handles tell them."""
    labels = page.locator(".handle").evaluate_all("all => all.map((one) => one.ariaLabel)")
    return np.array([[float(one) for one in re.findall(r"-?[\d.]+", label)] for label in labels])


def on_screen(page, handle):
    box = page.locator(".handle").nth(handle).bounding_box()
    return np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


def scale(page):
    """CSS pixels on the screen for one of the view."""
    return np.linalg.norm(on_screen(page, 0) - on_screen(page, 2)) / np.linalg.norm(corners(page)[0] - corners(page)[2])


def start(page, handle):
    page.mouse.move(*on_screen(page, handle))
    page.mouse.down()


def drag(page, handle, by):
    """Drag a handle by so many pixels of the view."""
    to = on_screen(page, handle) + np.array(by) * scale(page)
    start(page, handle)
    page.mouse.move(*to, steps=3)
    page.mouse.up()


def until(page, world, count):
    """Wait until so many events have come, and give the last one's corners."""
    end = time.monotonic() + 20
    while len(world.events) < count and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert len(world.events) == count
    return world.events[-1][1]


def quiet(page, world, count=0):
    """Two rounds with the server later, no further event has come."""
    page.wait_for_timeout(700)
    assert len(world.events) == count


def wait_for(page, expected):
    end = time.monotonic() + 20
    while time.monotonic() < end and not np.allclose(corners(page), expected, atol=0.01):
        page.wait_for_timeout(50)
    assert corners(page) == pytest.approx(np.array(expected), abs=0.01)


def straight(page):
    """The straightened plate as it is drawn."""
    width, height, values = page.locator(".straight canvas").evaluate(
        """one => [one.width, one.height,
                   [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data]]"""
    )
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def changed(base, **points):
    """The corners with some moved: ``c1=(5, -3)``."""
    moved = np.array(base, float)
    for name, by in points.items():
        moved[int(name[1])] += by
    return moved


def test_a_corner_is_dragged_and_sent_once(edit):
    page, world = edit()
    start(page, 1)
    page.mouse.move(*(on_screen(page, 1) + np.array([12, -10]) * scale(page)), steps=4)
    expected = changed(BOX, c1=(12, -10))
    assert corners(page) == pytest.approx(expected, abs=0.05)
    assert world.events == [] and page.locator(".loupe").is_visible()
    page.mouse.up()
    assert until(page, world, 1) == pytest.approx(expected, abs=0.05)
    assert world.events[0][0] == "one" and page.locator(".loupe").is_hidden()
    quiet(page, world, 1)


def test_the_inside_moves_all_four_within_limits(edit):
    page, world = edit()
    page.mouse.move(*((on_screen(page, 0) + on_screen(page, 2)) / 2))
    page.mouse.down()
    page.mouse.move(0, 0, steps=3)
    page.mouse.up()
    moved = until(page, world, 1)
    assert moved - moved[0] == pytest.approx(BOX - BOX[0], abs=0.02)
    assert (moved[0] < 0).any() and (moved[0] >= [-75, -40]).all()


def test_a_finger_drags_a_corner_on_a_phone_and_sees_it_enlarged(edit):
    page, world = edit({"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".handle").first.bounding_box()
    assert box["width"] == box["height"] == 44
    touch = page.context.new_cdp_session(page)

    def finger(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    at, step = on_screen(page, 3), scale(page)
    finger("touchStart", at)
    for part in range(1, 5):
        finger("touchMove", at + np.array([-2, 3]) * part * step)
    assert page.locator(".loupe canvas").is_visible() and page.evaluate("scrollY") == 0
    loupe = page.locator(".loupe").bounding_box()
    assert loupe["y"] + loupe["height"] < on_screen(page, 3)[1]
    finger("touchEnd")
    assert until(page, world, 1) == pytest.approx(changed(BOX, c3=(-8, 12)), abs=0.05)
    page.locator("[data-do=turn]").tap()
    assert until(page, world, 2)[0] == pytest.approx(BOX[3] + [-8, 12], abs=0.05)


def test_keys_move_by_one_ten_and_a_quarter_and_are_sent_after_a_pause(edit):
    page, world = edit()
    page.locator(".handle").nth(2).focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "Alt+ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    expected = changed(BOX, c2=(0.75, 9))
    assert corners(page).tolist() == expected.tolist()
    assert page.locator(".handle").nth(2).get_attribute("aria-label") == "Bottom right corner, x 240.75, y 119"
    assert "240.75, 119" in page.locator(".loupe").inner_text()
    assert until(page, world, 1).tolist() == expected.tolist()
    page.keyboard.press("Control+ArrowLeft")
    assert until(page, world, 2).tolist() == (expected - [1, 0]).tolist()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Escape")
    wait_for(page, expected - [1, 0])
    quiet(page, world, 2)


def test_keys_are_sent_before_the_view_changes(edit):
    page, world = edit()
    page.locator(".handle").first.focus()
    # All at once, within the pause after a key.
    page.evaluate(
        """() => {
          document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true }));
          document.querySelector('[data-do=whole]').focus();
          document.querySelector('.corner-editor').dataset.view = 'two';
        }"""
    )
    assert until(page, world, 1).tolist() == changed(BOX, c0=(0, -1)).tolist()
    assert world.events[0][0] == "one" and np.array_equal(corners(page), BOX)


def test_escape_takes_a_drag_back(edit):
    page, world = edit()
    start(page, 0)
    page.mouse.move(*(on_screen(page, 0) + 20))
    assert not np.array_equal(corners(page), BOX)
    page.keyboard.press("Escape")
    page.mouse.move(*(on_screen(page, 0) + 40))
    page.mouse.up()
    assert np.array_equal(corners(page), BOX)
    quiet(page, world)


@pytest.mark.parametrize(
    ("handle", "by", "words"),
    [(0, (220, 10), "crosses itself"), (0, (160, 50), "dented"), (1, (-178, 0), "shorter than 4 px")],
)
def test_what_can_be_no_plate_is_said_and_not_sent(edit, handle, by, words):
    page, world = edit()
    page.locator("[data-do=whole]").click()
    below = page.locator(".straight").bounding_box()
    drag(page, handle, by)
    assert words in page.locator(".fault").inner_text()
    assert page.locator(".corner-editor.wrong").count() == 1 and page.locator(".straight").bounding_box() == below
    quiet(page, world)
    drag(page, handle, (-0.9 * by[0], -by[1]))
    assert page.locator(".fault").inner_text() == "" and page.locator(".corner-editor.wrong").count() == 0
    assert until(page, world, 1)[handle] == pytest.approx(BOX[handle] + [0.1 * by[0], 0], abs=0.05)
    page.locator("[data-do=reset]").click()
    assert np.array_equal(until(page, world, 2), BOX)


def test_the_straightened_plate_is_the_pictures_own_pixels_and_turns(edit):
    page, world = edit()
    assert np.array_equal(straight(page), quarters()[50:110, 60:240])
    assert page.locator(".size").inner_text() == "180 × 60 px"
    page.locator("[data-do=turn]").click()
    assert np.array_equal(straight(page), np.rot90(quarters()[50:110, 60:240], -1))
    assert page.locator(".straight canvas").get_attribute("aria-label") == "The straightened plate, 60 × 180 px"
    assert np.array_equal(until(page, world, 1), BOX[[3, 0, 1, 2]])
    # The corners' names have moved on: the top edge is what was the left one.
    assert page.locator(".handle").first.get_attribute("aria-label") == "Top left corner, x 60, y 110"


@pytest.mark.parametrize(
    "quad",
    [
        [[70.3, 40.8], [230.1, 62.4], [221.7, 118.2], [64.9, 101.5]],
        [[-12.5, 20], [120, -6.25], [131, 40], [-8, 71]],
    ],
)
def test_the_straightened_plate_is_as_the_library_makes_it(edit, quad):
    y, x = np.mgrid[:160, :300]
    smooth = np.stack([128 + 90 * np.sin(x / 19), 128 + 90 * np.cos(y / 13), (x + y) / 2], -1).astype(np.uint8)
    quad = np.float32(quad)
    page, _ = edit(None, smooth, quad)
    theirs = rectify(smooth, quad)
    assert page.locator(".size").inner_text() == "{} × {} px".format(*plate_size(quad))
    assert straight(page).shape == theirs.shape
    assert np.abs(straight(page).astype(int) - theirs).max() <= 4


def test_a_small_plate_is_zoomed_to_and_can_be_seen_in_the_whole_view(edit):
    box = np.array([[700, 400], [740, 400], [740, 414], [700, 414]], np.float32)
    page, world = edit({"viewport": {"width": 390, "height": 844}}, quarters((1024, 768), box), box)
    assert scale(page) > 4 and page.locator("[data-do=plate]").get_attribute("aria-pressed") == "true"
    drag(page, 2, (1.5, 0.5))
    assert until(page, world, 1) == pytest.approx(changed(box, c2=(1.5, 0.5)), abs=0.06)
    page.locator("[data-do=whole]").click()
    assert scale(page) * 1024 <= 390
    # The handles lie upon each other; the nearest one is taken.
    drag(page, 0, (-9, -6))
    assert until(page, world, 2)[0] == pytest.approx(box[0] - [9, 6], abs=0.6)
    world.view = "two"
    wait_for(page, box)
    assert scale(page) * 1024 <= 390
    assert page.locator(".corner-editor .photo").bounding_box()["width"] <= 390


def test_a_scaled_page_moves_corners_by_the_right_amount(edit):
    page, world = edit()
    page.add_style_tag(content=".corner-editor { transform: scale(0.6); transform-origin: 0 0; }")
    drag(page, 2, (15, 8))
    assert until(page, world, 1) == pytest.approx(changed(BOX, c2=(15, 8)), abs=0.1)


def test_the_zoom_follows_a_corner_to_the_brink(edit):
    page, world = edit(None, np.full((1000, 1000, 3), 90, np.uint8), BOX + 400)
    page.locator("[data-do=plate]").click()
    before = scale(page)
    page.locator(".handle").nth(1).focus()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    stage = page.locator(".stage").bounding_box()
    assert on_screen(page, 1)[0] < stage["x"] + stage["width"] and scale(page) < before
    until(page, world, 1)


def test_an_answer_does_not_take_back_what_was_moved_since(edit):
    page, world = edit()
    world.answers = True
    assert page.locator(".corner-editor.moved").count() == 0
    drag(page, 1, (5, 0))
    start(page, 0)
    page.mouse.move(*(on_screen(page, 0) - 8))
    held = corners(page)
    until(page, world, 1)
    quiet(page, world, 1)
    assert np.array_equal(corners(page), held) and page.locator(".corner-editor.moved").count() == 1
    page.mouse.up()
    assert until(page, world, 2) == pytest.approx(held, abs=0.01)
    page.locator(".corner-editor:not(.moved)").wait_for()
    # Nor does an answer that is late.
    world.answers = False
    drag(page, 2, (6, 0))
    late = until(page, world, 3)
    drag(page, 2, (6, 0))
    latest = until(page, world, 4)
    world.corners = late
    quiet(page, world, 4)
    assert corners(page) == pytest.approx(latest, abs=0.01)
    # What the server moves by itself is taken.
    world.corners = BOX + 7
    wait_for(page, BOX + 7)
    quiet(page, world, 4)


def test_a_new_view_takes_the_place_of_the_old(edit):
    page, world = edit()
    drag(page, 0, (3, 3))
    until(page, world, 1)
    other = BOX + np.float32([20, 10])
    world.picture, world.corners, world.view = quarters(box=other)[..., ::-1], other, "two"
    wait_for(page, other)
    page.wait_for_function(
        "document.querySelector('.straight canvas').getContext('2d').getImageData(0, 0, 1, 1).data[2] > 150"
    )
    assert np.array_equal(straight(page), world.picture[60:120, 80:260])
    drag(page, 0, (-4, 0))
    until(page, world, 2)
    assert world.events[-1][0] == "two"
    page.locator("[data-do=reset]").click()
    assert np.array_equal(until(page, world, 3), other)
    world.raw = ""
    page.locator(".corner-editor").wait_for(state="detached")
    world.raw = None
    page.locator(".corner-editor .size", has_text="180 × 60 px").wait_for()


BROKEN = [
    "",
    "[",
    "null",
    "7",
    '{"length": 4}',
    "[[1,2],[3,4],[5,6]]",
    '[[1,2],[3,4],[5,6],["<b>",8]]',
    "[[1e999,0],[1,0],[1,1],[0,1]]",
]


def test_hostile_attributes_do_no_harm(edit):
    page, world = edit()
    good = world.html()
    hostile = [re.sub(r'data-corners="[^"]*"', f"data-corners='{one}'", good) for one in BROKEN]
    hostile += [re.sub(r'data-first="[^"]*"', f"data-first='{one}'", good) for one in BROKEN]
    hostile += [re.sub(r'data-width="\d+"', f'data-width="{one}"', good) for one in ("", "-3", "x", "1e9", "Infinity")]
    hostile += [good.replace("crosses itself", "&lt;img src=x onerror=window.harm=1&gt;")]
    hostile += [re.sub(r'<img src="[^"]*"', '<img src="data:image/png;base64,AAAA"', good)]
    for number, one in enumerate(hostile):
        world.raw = one + f'<i id="round-{number}"></i>'
        page.wait_for_selector(f"#round-{number}", state="attached")
        page.locator(".handle").first.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        page.locator("[data-do=reset]").click(force=True)
    assert page.evaluate("window.harm") is None
    world.raw = None
    world.show(view="three")
    page.wait_for_selector('.corner-editor[data-view="three"]')
    wait_for(page, BOX)
    drag(page, 0, (-5, -5))
    assert until(page, world, 1) == pytest.approx(changed(BOX, c0=(-5, -5)), abs=0.05)
