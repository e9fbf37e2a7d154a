"""The evidence as HTML, and in a browser the characters that it draws from the cards."""

import base64
import re
from dataclasses import replace
from html import unescape

import cv2
import numpy as np
import pytest

from lpsr.app import batch_html, cards, verdict
from lpsr.app.colours import colours
from lpsr.app.language import LANGUAGES, Words
from lpsr.app.theme import STYLES, script
from lpsr.compare import Comparison, Result
from lpsr.data.generator import generate
from lpsr.data.layout import character_boxes
from lpsr.degrade import PAPER, degrade
from lpsr.evidence import Calibration, Measured, PresetCalibration, Share, Support, Verdict
from lpsr.images import crop_to_multiple, open_picture, viridis
from lpsr.metrics.consistency import Consistency
from lpsr.metrics.reading import wilson_interval
from lpsr.readers import Reading

EN = Words()
TEXT = "京A86P20"
PLATE = generate(4, 1, text=TEXT)
HR = crop_to_multiple(PLATE.picture)
LR = degrade(HR, PAPER)
NAMES = ("hr", "lr", "bicubic", "mse", "pecl-manhattan")


def share(n, right):
    low, high = wilson_interval(right, n)
    return Share(n=n, right=right, share=right / n if n else None, low=low, high=high)


def facts(reliable=(1023, 999), whole=(41, 36), whole_but_province=(92, 81)):
    """As the calibration gives them, of 520 plates."""
    shares = {name: share(0, 0) for name, field in Measured.model_fields.items() if field.annotation is Share}
    shares |= {"reliable": share(*reliable), "whole": share(*whole), "whole_but_province": share(*whole_but_province)}
    measured = Measured.model_construct(split="test", plates=520, characters=3640, coverage=0.28, **shares)
    presets = {"paper": PresetCalibration.model_construct(checked=measured)}
    return Calibration.model_construct(target=0.95, presets=presets).facts("paper")


FACTS = facts()


def reading(text):
    return Reading("", text, 0.9, tuple(0.91 + i / 100 for i in range(len(text))), "test", 0.9)


def results(texts=None):
    """A picture for each name, none like another; ``texts`` are read in them."""
    shown = []
    for i, name in enumerate(NAMES):
        residual = None if name == "lr" else np.full(LR.shape[:2], 4.0 * i, np.float32)
        fit = None if residual is None else Consistency(4.0 * i, residual)
        read = None if texts is None else reading(texts[i])
        shown.append(Result(name, name.upper(), np.roll(HR, i, axis=2) // (i + 1), consistency=fit, reading=read))
    return tuple(shown)


def supports(*columns):
    """From (status, what "mse" reads, what "pecl-manhattan" reads); the first has no threshold."""
    return tuple(
        Support((("mse", one, 0.9), ("pecl-manhattan", other, 0.8)), one, 0.8, status, 0.995 if i else None)
        for i, (status, one, other) in enumerate(columns)
    )


def judged(statuses="rrgurrr", measured=FACTS, reason="", inconsistent=()):
    names = {"r": "reliable", "g": "guess", "u": "unsupported"}
    found = supports(*((names[s], c, "X" if s == "u" else c) for s, c in zip(statuses, TEXT, strict=True)))
    return Verdict("".join(one.character for one in found), found, measured, reason, inconsistent, (15, 52))


def comparison(texts=(TEXT,) * 5, found=None, **changes):
    one = Comparison(LR, results(texts), PAPER, TEXT, PLATE.corners, {}, verdict=found)
    return replace(one, **changes)


def plain(html):
    return unescape(re.sub("<[^>]*>", "", html))


def skeleton(html):
    return {tag: html.count(f"<{tag}") for tag in ("tr", "td", "th", "canvas", "figure", "img", "input")}


def test_the_shape_of_a_tile_is_its_status_and_is_said():
    html = verdict.html(comparison(found=judged("rgurrrr")), EN)
    row = html.partition('class="tiles">')[2].partition("</p>")[0]
    assert re.findall(r'class="tile (\w+)"[^>]*>(.)<', row) == [
        ("reliable", "京"),
        ("guess", "A"),
        ("unsupported", "?"),
        *[("reliable", one) for one in "6P20"],
    ]
    assert plain(row).startswith("京 (reliable) A (guess) ? (disputed) 6 (reliable)")


def test_what_is_reliable_guessed_and_disputed_is_said():
    found = plain(verdict.html(comparison(found=judged("rrgurrr")), EN))
    assert "5 of 7 characters can be relied on. On this plate 5 of those 5 are right." in found
    assert "Guesses: no. 3 (8). Disputed: no. 4 (6/X)." in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_not_all_restorations_decide_those_that_do_are_named(language):
    words = Words(language)
    one = comparison(found=judged())
    told = words("verdict.rests", names="MSE" + words("verdict.comma") + "PECL-MANHATTAN")
    assert told not in plain(verdict.html(one, words))
    more = replace(one, results=(*one.results, replace(one.results[-1], name="mse-long", title="MSE-long")))
    html = verdict.html(more, words)
    assert told in plain(html) and html.count('<tr class="decides"') == 2
    assert told in plain(batch_html.detail(more, ["plate"], 0, words))


def test_right_is_counted_by_position_and_only_where_the_text_is_known():
    other = comparison(found=judged("rrrrgrr"), text="沪A86P21")
    assert "On this plate 4 of those 6 are right." in plain(verdict.html(other, EN))
    assert "On this plate" not in verdict.html(replace(other, text=None), EN)
    assert "On this plate" not in verdict.html(comparison(found=judged("ggggggg")), EN)


def test_a_reading_that_ends_early_is_a_dash():
    found = Verdict("京", supports(("reliable", "京", "京"), ("unsupported", "", "0")), FACTS, "", ())
    html = plain(verdict.html(comparison(found=found), EN))
    assert "1 of 2 characters can be relied on." in html and "no. 2 (–/0)" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_measurement_is_told(language):
    words = Words(language)
    told = plain(verdict.html(comparison(found=judged()), words))
    for number in ("520", "97.7%", "96.5%", "98.4%", "1023", "95%"):
        assert number in told
    never = plain(verdict.html(comparison(found=judged("ggggggg", facts(*[(0, 0)] * 3))), words))
    assert words("verdict.never", **FACTS) in never
    # For which pictures.
    assert words("verdict.holds") in told and words("verdict.holds") in never


@pytest.mark.parametrize("language", LANGUAGES)
def test_plates_reliable_but_for_the_province_are_told_of_on_such_plates_only(language):
    words = Words(language)
    part = words("verdict.whole_but_province", **FACTS)
    assert "88%" in part and "92" in part
    for statuses, told in (("grrrrrr", True), ("urrrrrr", True), ("rrrrrrr", False), ("grrrrrg", False)):
        assert (part in plain(verdict.html(comparison(found=judged(statuses)), words))) == told
    assert part not in plain(verdict.html(comparison(found=judged("grrrrrr", facts(whole_but_province=(0, 0)))), words))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guess_says_what_it_fell_short_of(language):
    words = Words(language)

    def feet(found):
        row = verdict.html(comparison(found=found), words).partition("<tfoot>")[2].partition("</tfoot>")[0]
        # In the tile's title, for the ear, and for the eye.
        return [
            re.findall('title="([^"]*)".*<span class="unseen"> \\((.*)\\) .*>([^<]+)</span>', one)[0]
            for one in row.split("</td>")[:-1]
        ]

    never, below = words("verdict.guess_never"), words("verdict.guess_below", threshold="0.995")
    assert "0.995" in below
    plainly = [words(f"verdict.{one}") for one in ("reliable", "guess", "unsupported")]
    assert feet(judged("ggrurrr"))[:4] == [(one,) * 3 for one in (never, below, plainly[0], plainly[2])]
    assert feet(judged("ggggggg", None, "direct"))[:2] == [(plainly[1],) * 3] * 2


@pytest.mark.parametrize("reason", ["direct", "missing", "degradation", "checkpoints", "reader", "size", "length"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_measurement_the_reason_is_told(reason, language):
    words = Words(language)
    html = plain(verdict.html(comparison(found=judged("ggguggg", None, reason)), words))
    assert words(f"verdict.why_{reason}", narrowest=15, widest=52) in html and words("verdict.ban") in html
    assert words("verdict.holds") not in html


def test_the_ban_falls_only_where_every_character_is_reliable():
    ban = EN("verdict.ban")
    assert ban in verdict.html(comparison(found=judged("rrrrrrg")), EN)
    assert ban in verdict.html(comparison(found=judged("rrrrrru")), EN)
    assert ban in verdict.html(comparison((TEXT,) * 5), EN)
    assert ban in verdict.html(comparison(found=judged("rrrrrrr", facts(whole=(0, 0)))), EN)
    html = plain(verdict.html(comparison(found=judged("rrrrrrr")), EN))
    assert ban not in html and html.count("88% were wholly right (74% to 95%, n = 41): a lead, not proof.") == 1


def test_columns_follow_the_longest_text_and_boxes_the_true_one():
    html = verdict.html(comparison([TEXT, TEXT, TEXT, "京AD12345", TEXT]), EN)
    assert html.count('<th scope="col"') == 8
    # Behind the last true character there is nothing to cut.
    assert html.count("<canvas") == 7 * len(NAMES) + len(NAMES)
    boxes = character_boxes(TEXT, PLATE.corners, HR.shape[1::-1]).tolist()
    assert f'data-boxes="{boxes}"' in html
    assert "–, missing" in plain(verdict.html(comparison([TEXT[:5]] * 5), EN))
    heads = re.findall(r"<span>(.)</span></label>", html)
    assert "".join(heads) == TEXT + "–"


def test_positions_are_assumed_where_the_corners_are_unknown():
    html = verdict.html(comparison(corners=None, text=None), EN)
    assert EN("verdict.assumed") in html and EN("verdict.assumed") not in verdict.html(comparison(), EN)
    height, width = HR.shape[:2]
    whole = [(0, 0), (width, 0), (width, height), (0, height)]
    assert f'data-boxes="{character_boxes(TEXT, whole, (width, height)).tolist()}"' in html
    # A text that no plate has says nothing about positions.
    assert f'data-boxes="{character_boxes(TEXT, PLATE.corners, (width, height)).tolist()}"' in verdict.html(
        comparison(text="AB"), EN
    )


def test_readings_to_come_hold_their_place():
    before = verdict.html(comparison(None), EN, pending=True)
    after = verdict.html(comparison(found=judged()), EN)
    assert skeleton(before) == skeleton(after)
    assert before.count('class="tile"') == 2 * len(TEXT) and EN("verdict.pending") in before
    assert 'aria-busy="true"' in before and 'aria-busy="false"' in after


def test_without_a_reader_nothing_is_claimed():
    html = verdict.html(comparison(None), EN)
    assert EN("verdict.no_reader") in html and EN("verdict.pending") not in html
    assert "confidence " not in plain(html).replace(EN("verdict.how"), "").replace(EN("verdict.means_guess"), "")
    unread = comparison([""] * 5, Verdict("", (), None, "missing", ()))
    assert EN("verdict.unread") in verdict.html(unread, EN)


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_fewer_than_two_checkpoints_nothing_can_agree(language):
    words = Words(language)
    agreement = [words(f"verdict.means_{one}") for one in ("reliable", "guess", "unsupported")]
    nothing, one_only = Verdict("", (), None, "checkpoints", ()), judged("ggggggg", None, "checkpoints")
    for found, shown, key in ((nothing, 3, "no_checkpoint"), (None, 3, "no_checkpoint"), (one_only, 4, "alone")):
        one = comparison(found=found)
        html = plain(verdict.html(replace(one, results=one.results[:shown]), words))
        assert words(f"verdict.{key}") in html and words("verdict.ban") in html
        assert not any(said in html for said in (*agreement, words("verdict.unread"), words("verdict.no_reader")))
        assert words("verdict.why_checkpoints") not in html
        assert (words("verdict.decide") in html) == (shown == 4)
    html = plain(verdict.html(comparison(found=judged()), words))
    assert all(said in html for said in (*agreement, words("verdict.decide")))


def test_confidences_near_1_are_told_apart():
    sure = replace(reading(TEXT), char_confidences=(0.9999, 0.9948, 0.995, 0.99, 0.9899, 0.29, 1.0))
    shown = tuple(replace(one, reading=sure) for one in results())
    html = verdict.html(comparison(found=judged(), results=shown), EN)
    texts = ["0.999", "0.994", "0.995", "0.990", "0.98", "0.29", "1.000"]
    assert re.findall(r'<small aria-hidden="true">([\d.]+)<', html) == texts * len(NAMES)
    assert all(f"confidence {one}" in html for one in texts)


def test_each_cell_has_its_character_mark_and_confidence():
    html = verdict.html(comparison([TEXT, "京A86P2S", TEXT, TEXT, TEXT], judged()), EN)
    rows = html.partition("<tbody>")[2].partition("</tbody>")[0].split("</tr>")[:-1]
    assert [re.findall(r'class="chip (\w+)" title="[^"]*">(.)<', row) for row in rows[:2]] == [
        [("right", one) for one in TEXT],
        [("right", one) for one in TEXT[:6]] + [("wrong", "S")],
    ]
    assert "S, wrong, confidence 0.97" in plain(rows[1])
    decides = re.findall(r'<tr class="(\w*)"', html)
    assert decides == ["", "", "", "decides", "decides"]
    # Opened at what is in doubt: the fourth.
    assert re.findall(r'value="(\d)" aria-label="[^"]*" checked', html) == ["3"]


def test_maps_share_one_scale_and_name_their_number():
    html = verdict.html(comparison(found=judged(inconsistent=("mse",))), EN)
    fits = html.partition('class="fits">')[2]
    found = re.findall(r'base64,([^"]*)" alt="([^"]*)"', fits)
    assert [alt.split(" ")[0] for _, alt in found] == ["LR:", "HR:", "BICUBIC:", "MSE:", "PECL-MANHATTAN:"]
    pictures = [decoded(f",{code}") for code, _ in found]
    np.testing.assert_array_equal(pictures[0], LR)
    for picture, value in zip(pictures[1:], (0, 8, 12, 16), strict=True):
        np.testing.assert_array_equal(picture, viridis(np.full(LR.shape[:2], value), 0, 16))
    assert "0.00 levels · yardstick" in fits and "12.00 levels" in fits and "16 of 255 levels" in fits
    assert fits.count("contradicts its LR picture") == 1
    assert "contradicts" in fits.partition(">MSE<")[2].partition("</figure>")[0]


def test_a_perfect_fit_has_a_scale_too():
    perfect = tuple(replace(one, consistency=Consistency(0.0, np.zeros(LR.shape[:2]))) for one in results())
    assert "1 of 255 levels" in verdict.html(comparison(None, results=perfect), EN)


def test_restored_directly_there_is_no_yardstick():
    html = verdict.html(
        comparison(found=judged("ggggggg", None, "direct"), degradation=None, results=results((TEXT,) * 5)[1:]), EN
    )
    assert EN("verdict.read_fit_direct") in plain(html) and "yardstick<" not in html
    # With no model chosen LR stands alone.
    html = verdict.html(comparison(None, degradation=None, results=results()[1:2]), EN)
    assert html.count("<canvas") == len(TEXT) + 1


def test_what_comes_from_outside_is_escaped():
    evil = '"><img src=x onerror=alert(1)>'
    shown = tuple(replace(one, title=evil, name=evil if i == 3 else one.name) for i, one in enumerate(results()))
    found = Verdict("<b", supports(("guess", "<", "<"), ("unsupported", "<", evil)), None, "missing", (evil,))
    html = verdict.html(comparison(found=found, results=shown, text="<script>"), EN)
    assert "<img src=x" not in html and "<script" not in html and "&lt;img src=x" in html


# In a browser.


@pytest.fixture
def show(browser):
    """Cards and section in a page of their own, as Gradio would run its code; the section's code is told of changes."""
    contexts = []

    def load(one, width=1440):
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        colour = colours(NAMES)
        plates = "".join(cards.card(result, one, EN, colour[result.name]) for result in one.results)
        style = "".join(path.read_text() for path in STYLES)
        page.set_content(
            f'<style>{style}</style><section class="result"><div class="cards">{plates}</div></section>'
            f'<div id="verdict">{verdict.html(one, EN)}</div>'
        )
        page.evaluate(
            """code => Function('element', 'watch', code)(
                 document.querySelector('#verdict'), (_, changed) => { window.changed = changed; })""",
            script("verdict"),
        )
        page.wait_for_function("[...document.querySelectorAll('img.plate')].every((one) => one.complete)")
        return page

    yield load
    for context in contexts:
        context.close()


def pixels(page, selector):
    """What a canvas holds, ``(h, w, 3)`` uint8."""
    return decoded(page.locator(selector).evaluate("(one) => one.toDataURL()"))


def decoded(uri):
    return open_picture(base64.b64decode(uri.partition(",")[2]))


def cut(one, row, position):
    left, top, right, bottom = character_boxes(TEXT, PLATE.corners, HR.shape[1::-1])[position]
    return one.results[row].picture[top:bottom, left:right]


def in_cell(row, position):
    return f'.matrix tbody tr:nth-child({row + 1}) td[data-at="{position}"] canvas'


def in_strip(row):
    return f".strip figure:nth-child({row + 1}) canvas"


def test_every_character_is_cut_from_its_picture(show):
    one = comparison(found=judged())
    page = show(one)
    drawn = page.locator(".matrix canvas").evaluate_all("(all) => all.map((one) => one.toDataURL())")
    assert len(drawn) == len(NAMES) * len(TEXT)
    for i, code in enumerate(drawn):
        np.testing.assert_array_equal(decoded(code), cut(one, *divmod(i, len(TEXT))))
    for row in range(len(NAMES)):
        np.testing.assert_array_equal(pixels(page, in_strip(row)), cut(one, row, 3))


def test_a_column_is_selected_by_click_and_by_arrow_keys(show):
    one = comparison([TEXT, "京A86P2S", TEXT, TEXT, TEXT], judged())
    page = show(one)
    assert page.locator(".strip .selected").inner_text() == "Character 4"
    page.locator(in_cell(2, 6)).click()
    assert page.locator(".strip .selected").inner_text() == "Character 7"
    np.testing.assert_array_equal(pixels(page, in_strip(4)), cut(one, 4, 6))
    assert page.locator(".strip figure:nth-child(2) .chip").inner_text().startswith("S")
    page.locator(".matrix input:checked").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    np.testing.assert_array_equal(pixels(page, in_strip(1)), cut(one, 1, 4))
    assert page.evaluate("document.activeElement.value") == "4"
    assert page.locator('.matrix .selected:not([data-at="4"])').count() == 0
    # One stop for Tab, whatever the number of columns.
    assert page.locator(".matrix input").count() == 7 and page.locator(".matrix input:checked").count() == 1


def test_the_selection_stays_when_the_section_changes(show):
    page = show(comparison(None))
    page.locator(in_cell(0, 5)).click()
    html = verdict.html(comparison(found=judged()), EN)
    page.evaluate("(html) => { document.querySelector('#verdict').innerHTML = html; window.changed(); }", html)
    assert page.locator(".strip .selected").inner_text() == "Character 6"
    assert page.locator(".strip figure:nth-child(1) .chip").inner_text().startswith("2")


def test_sentences_to_come_have_the_room_of_those_before(show):
    page = show(comparison(found=judged("gugugug")), width=390)
    height = "document.querySelector('.findings').offsetHeight"
    before = page.evaluate(height)
    html = verdict.html(comparison(None), EN, pending=True)
    page.evaluate("(html) => { document.querySelector('#verdict').innerHTML = html; window.changed(); }", html)
    assert page.locator(".verdict").get_attribute("aria-busy") == "true" and page.evaluate(height) == before


def test_cards_that_change_later_are_drawn_again(show):
    page = show(comparison(found=judged()))
    other = cv2.flip(HR, 1)
    page.evaluate(
        "(uri) => { document.querySelector('.card[data-model=mse] img.plate').src = uri; }", cards.data_uri(other)
    )
    left, top, right, bottom = character_boxes(TEXT, PLATE.corners, HR.shape[1::-1])[2]
    expected = other[top:bottom, left:right]
    page.wait_for_function("document.querySelector('.card[data-model=mse] img.plate').complete")
    page.wait_for_timeout(100)
    np.testing.assert_array_equal(pixels(page, in_cell(3, 2)), expected)


def test_eight_columns_fit_a_phone(show):
    page = show(comparison([TEXT, "京AD12345", TEXT, TEXT, TEXT], judged()), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
