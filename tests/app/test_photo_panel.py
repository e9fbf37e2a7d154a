"""The photo panel: from a photo to a plate in Compare, corrected, cut otherwise, exchanged."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lpsr.app.language import LANGUAGES, Words
from lpsr.app.photo import bar, panel
from lpsr.app.photo.state import DOUBTFUL, Photo
from lpsr.app.session import Choice
from lpsr.data.generator import generate_photo
from lpsr.evidence import Share
from lpsr.locate import View
from lpsr.readability import Rates, Readability, WidthClass
from lpsr.rectify import plate_size

CORNERS = np.float32([[20, 20], [120, 24], [118, 60], [18, 56]])
PICTURE = np.random.default_rng(1).integers(0, 256, (90, 150, 3), dtype=np.uint8)


def choice_of(*views, direct=False):
    photo = Photo(views or (View(PICTURE, CORNERS, 0.95, "皖A12345"),))
    return Choice(photo.cut()[0] if photo.ready else None, photo=photo, direct=direct)


def event(**data):
    return SimpleNamespace(_data=data)


@pytest.fixture
def measured(monkeypatch):
    """``measured(direct, restored)``: exact rates of a class from 8 px on, of 100 plates."""

    def rates(right):
        share = Share(n=100, right=right, share=right / 100, low=right / 100, high=right / 100)
        return Rates(exact=share, characters=share)

    def set_(direct, restored):
        of = WidthClass(low=8, high=None, direct=rates(direct), restored=rates(restored))
        found = Readability(command="", passport={}, model="<mse>", classes=[of])
        monkeypatch.setattr("lpsr.readability.load_readability", lambda: found)

    monkeypatch.setattr("lpsr.readability.load_readability", lambda: None)
    return set_


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_comes_from_outside_is_escaped(language, measured):
    measured(10, 80)
    views = [View(PICTURE, CORNERS, 0.9, "<img src=x>")] * 2
    html = bar.html(choice_of(*views), Words(language))
    assert "<img src=x>" not in html and "<mse>" not in html and "&lt;mse&gt;" in html


@pytest.mark.parametrize(
    ("direct", "restored", "sentence"),
    [(90, 85, "Readable as it is."), (10, 80, "Restoration helps"), (2, 3, "Hardly any such plate")],
)
def test_what_to_expect_is_said_with_its_numbers(measured, direct, restored, sentence):
    measured(direct, restored)
    html = bar.html(choice_of(), Words())
    assert sentence in html and f"{direct} % read right as they are ({direct}–{direct} %, n = 100)" in html
    assert ("data-direct" in html) is (direct == 10)
    assert "data-direct" not in bar.html(choice_of(direct=True), Words())


def test_without_a_measurement_nothing_is_expected(measured):
    html = bar.html(choice_of(), Words())
    assert '<span class="advice"></span>' in html and '<p class="rates"></p>' in html
    assert re.search(r"100 × 36 px, worth about \d+ px", html)


@pytest.mark.parametrize(("score", "open_"), [(None, True), (DOUBTFUL - 0.01, True), (DOUBTFUL, False)])
def test_it_unfolds_by_itself_where_a_plate_is_doubtful(measured, score, open_):
    html = bar.html(choice_of(View(PICTURE, CORNERS, score)), Words())
    assert f'data-open="{str(open_).lower()}"' in html
    assert ("data-whole" in html) is (score is None)


def test_a_plate_of_a_photo_is_chosen_only_where_there_is_one():
    photo = choice_of(*[View(PICTURE, CORNERS, 0.9)] * 2).photo
    for data in ({}, {"plate": 2}, {"plate": -1}, {"plate": 0}, {"plate": True}, {"plate": "1"}, {"plate": 1.0}):
        assert panel._pressed(photo, event(**data)) is None
    assert panel._pressed(photo, event(plate=1)).which == 1
    assert panel._pressed(photo, SimpleNamespace(_data=None)) is None


def test_corners_of_another_view_are_not_taken():
    photo = choice_of().photo
    corners = CORNERS.tolist()
    assert panel._placed(photo, event(corners=corners, view="0-0")) is None
    assert panel._placed(photo, event(corners=corners[:3], view=photo.name)) is None
    moved = (CORNERS + 1).tolist()
    np.testing.assert_array_equal(panel._placed(photo, event(corners=moved, view=photo.name)).corners, CORNERS + 1)


def test_the_editor_is_sent_only_what_it_does_not_show(measured):
    choice = choice_of()
    first = panel._show(choice, None, None)
    assert "corner-editor" in first[2] and first[3] == (choice.photo.name, 0)
    moved = Choice(choice.picture, photo=choice.photo.place(CORNERS + 1))
    assert "corner-editor" not in panel._show(moved, first[3], None)[2]
    assert "corner-editor" in panel._show(Choice(choice.picture, photo=moved.photo.place_around()), first[3], None)[2]
    assert panel._show(Choice(choice.picture), first[3], None)[:3:2] == ("", "")
    assert panel._show(None, None, None)[3] == panel._show(None, None, None)[0]


def test_corners_far_from_the_view_are_not_taken():
    photo = choice_of().photo
    for far in ([[-151, 0], [120, 0], [120, 90], [0, 90]], [[0, 0], [120, 0], [120, 181], [0, 90]], [[None, 0]] * 4):
        assert panel._placed(photo, event(corners=far, view=photo.name)) is None


def test_a_plate_on_its_side_is_said(measured):
    measured(90, 85)
    side = Photo((View(PICTURE, np.float32([[60, 80], [60, 10], [85, 10], [85, 80]]), 0.95),), how="box")
    assert "leaves it turned" in bar.html(Choice(side.cut()[0], photo=side), Words())
    assert "leaves it turned" not in bar.html(choice_of(), Words())
    straight = replace(side, how="straight")
    assert "leaves it turned" not in bar.html(Choice(straight.cut()[0], photo=straight), Words())
    # Corners that begin at the wrong one make it taller than wide; what to expect of that was not measured.
    tall = choice_of().photo.place(np.roll(CORNERS, 1, axis=0))
    html = bar.html(Choice(tall.cut()[0], photo=tall), Words())
    assert "Taller than wide" in html and "read right as they are" not in html and "Readable" not in html
    assert "data-direct" not in html


# In the browser.


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """A photo with two plates, and its file."""
    photo = generate_photo(3, 1, plates=2)
    path = tmp_path_factory.mktemp("photos") / "street.png"
    Image.fromarray(photo.picture).save(path)
    return photo, path


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    """A photo without a plate."""
    path = tmp_path_factory.mktemp("photos") / "wall.png"
    Image.fromarray(np.tile(np.linspace(60, 180, 300, dtype=np.uint8)[:, None, None], (1, 400, 3))).save(path)
    return path


def upload(page, path, photo=True):
    page.set_input_files("#upload input[type=file]", path)
    if photo:
        page.wait_for_selector("#photo .photo-bar")


def size(page):
    """Of the HR picture: width and height."""
    return tuple(int(page.get_attribute('.card[data-model="hr"] img', name)) for name in ("width", "height"))


def source(page):
    return page.get_attribute('.card[data-model="hr"] img', "src")


def wait_for_other(page, before):
    page.wait_for_function(
        "before => (document.querySelector('.card[data-model=hr] img')?.src ?? before) !== before", arg=before
    )
    page.wait_for_selector(".card .chip.waiting", state="detached")
    return source(page)


def passport(page):
    page.wait_for_selector('.downloads button[data-kind="json"]')
    with page.expect_download() as waiting:
        page.click('.downloads button[data-kind="json"]')
    return json.loads(waiting.value.path().read_text(encoding="utf-8-sig"))["passport"]


def drag(page, corner, x, y):
    handle = page.locator(".corner-editor .handle").nth(corner)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] + x, at[1] + y, steps=4)
    page.mouse.up()


def numbers(page):
    return page.locator(".card .line:not(.minor) .psnr").all_inner_texts()


def test_a_photo_is_reduced_to_its_plate_and_compared(visit, street):
    photo, path = street
    page = visit()
    before = source(page)
    upload(page, path)
    wait_for_other(page, before)
    best = page.locator('.plates button[aria-pressed="true"] small').inner_text().split()[0]
    plate = next(one for one in photo.plates if one.text == best)
    assert np.abs(np.array(size(page)) - plate_size(plate.corners)).max() < 12
    assert "Own picture" in page.inner_text(".heading") and "plate=" not in page.url
    assert page.locator("#photo-inside").is_hidden()
    first = page.locator(".card").first.bounding_box()
    assert first["y"] + first["height"] < 700
    assert passport(page)["crop"].startswith("straightened by homography, corners found, ")


def test_a_corner_that_is_moved_gives_other_numbers_and_reset_the_first_again(visit, street):
    page = visit()
    before = source(page)
    upload(page, street[1])
    before = wait_for_other(page, before)
    first = numbers(page)
    page.get_by_role("button", name="Correct the corners").click()
    drag(page, 2, 60, 30)
    after = wait_for_other(page, before)
    assert numbers(page) != first and size(page) != (0, 0)
    assert "Corners set by hand" in page.inner_text(".photo-bar .facts")
    assert "placed by hand" in passport(page)["crop"]
    page.locator('.corner-editor [data-do="reset"]').click()
    assert wait_for_other(page, after) == before and numbers(page) == first


def test_the_way_it_is_cut_can_be_chosen(visit, street):
    page = visit()
    before = source(page)
    upload(page, street[1])
    before = wait_for_other(page, before)
    page.get_by_role("button", name="Correct the corners").click()
    width, height = map(int, re.search(r"(\d+) × (\d+) px", page.inner_text(".photo-bar .facts")).groups())
    assert size(page) == (width // 8 * 8, height // 8 * 8)
    page.get_by_role("radio", name="the upright box").check()
    box = wait_for_other(page, before)
    page.locator(".photo-bar .facts", has_text="cut as an upright box").wait_for()
    assert passport(page)["crop"].startswith("axis-aligned box of the corners, found;")
    page.get_by_role("radio", name="the straightened plate").check()
    assert wait_for_other(page, box) == before


def test_another_plate_can_be_chosen(visit, street):
    page = visit()
    before = source(page)
    upload(page, street[1])
    before = wait_for_other(page, before)
    buttons = page.locator(".plates button")
    read = [text.split()[0] for text in buttons.locator("small").all_inner_texts()]
    assert {one.text for one in street[0].plates} <= set(read)
    page.get_by_role("button", name="Correct the corners").click()
    shown = page.get_attribute(".corner-editor img", "src")
    first = [one.get_attribute("aria-pressed") for one in buttons.all()].index("true")
    buttons.nth(1 - first).click()
    other = wait_for_other(page, before)
    assert buttons.nth(1 - first).get_attribute("aria-pressed") == "true"
    page.wait_for_function("shown => document.querySelector('.corner-editor img').src !== shown", arg=shown)
    assert page.locator("#photo-inside").is_visible()
    buttons.nth(first).click()
    assert wait_for_other(page, other) == before


def test_where_no_plate_is_found_the_corners_are_asked_for(visit, wall):
    page = visit()
    upload(page, wall)
    page.locator(".photo-bar [role=alert]", has_text="No plate found").wait_for()
    assert page.locator(".corner-editor").is_visible() and page.locator(".card").count() == 0
    assert page.locator("#verdict section, #closer section").count() == 0
    # Where the plate is has yet to be seen; and of nothing there are no numbers.
    assert page.get_attribute('[data-do="whole"]', "aria-pressed") == "true"
    assert page.locator(".numbers-how").first.is_hidden() and page.locator("#numbers-chart").is_hidden()
    page.locator("#preset").get_by_text("Night").click()
    page.wait_for_timeout(300)
    drag(page, 0, -20, -10)
    page.wait_for_selector('.card[data-model="hr"]')
    assert page.locator(".alert").count() == 0 and "Night" in page.inner_text(".heading")
    assert page.locator("#numbers-chart").is_visible()
    before = source(page)
    page.reload()
    page.wait_for_selector("section.result .card")
    upload(page, wall)
    page.get_by_role("button", name="The whole picture is the plate").click()
    page.wait_for_selector('.card[data-model="hr"]')
    assert source(page) != before and size(page) == (400, 296)


def test_a_plate_of_the_shelf_hides_the_panel(visit, street):
    page = visit()
    before = source(page)
    upload(page, street[1])
    before = wait_for_other(page, before)
    page.locator(".shelf button").nth(3).click()
    wait_for_other(page, before)
    page.wait_for_selector(".photo-bar", state="detached")
    assert page.locator("#photo").is_hidden()


def test_a_small_plate_is_restored_directly(visit, street, tmp_path):
    photo = Image.fromarray(street[0].picture)
    photo.resize((photo.width // 3, photo.height // 3), Image.Resampling.BICUBIC).save(tmp_path / "small.png")
    page = visit()
    before = source(page)
    upload(page, tmp_path / "small.png")
    wait_for_other(page, before)
    page.get_by_role("button", name="Restore it directly").click()
    page.wait_for_selector('.card[data-model="hr"]', state="detached")
    assert page.get_by_label("Already small").is_checked()
    page.wait_for_selector(".photo-bar [data-direct]", state="detached")
    assert passport(page)["crop"].startswith("straightened by homography, corners found, ")


def test_a_photo_is_never_another_visitors(visit, street):
    mine, other = visit(), visit()
    before = source(other)
    upload(mine, street[1])
    mine.wait_for_selector(".plates button")
    other.locator(".shelf button").nth(2).click()
    wait_for_other(other, before)
    assert other.locator(".photo-bar").count() == 0 and other.locator("#photo-editor section").count() == 0
    mine.reload()
    mine.wait_for_selector("section.result .card")
    assert mine.locator(".photo-bar").count() == 0


def test_a_dark_phone_never_scrolls_sideways(visit, street):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark")
    upload(page, street[1])
    page.get_by_role("button", name="Correct the corners").tap()
    page.wait_for_selector(".corner-editor .handle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
