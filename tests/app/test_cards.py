"""A comparison as HTML."""

import dataclasses
import html as markup
import re

import numpy as np
import pytest

from lpsr.app import cards
from lpsr.app.language import LANGUAGES, Words
from lpsr.app.link import Settings
from lpsr.app.session import Choice
from lpsr.compare import Result, compare
from lpsr.degrade import PRESETS
from lpsr.readers import Reading

EN = Words()
PICTURE = np.zeros((8, 16, 3), np.uint8)


def reading(text, confidences=None, raw=""):
    confidences = confidences or (0.9,) * len(text)
    return Reading(raw, text, 0.9, tuple(confidences), "test", 0.9)


def kinds(html):
    return [part.split('"')[0] for part in html.split('class="chip ')[1:]]


def chips(one, text):
    return cards.chips(one, text, EN)


@pytest.fixture(scope="module")
def comparison():
    return compare(PICTURE, ["bicubic"])


def test_chips_are_right_or_wrong_where_the_text_is_known():
    html = chips(reading("京A86P28"), "京A86P20")
    assert kinds(html) == ["right"] * 6 + ["wrong"]
    assert "6 of 7 characters right" in html


def test_a_weak_character_is_marked_even_where_it_is_right():
    html = chips(reading("京A86P28", (0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.2)), "京A86P20")
    assert kinds(html) == ["right weak"] + ["right"] * 5 + ["wrong weak"]
    assert "6 of 7 characters right, 2 weak" in html


def test_chips_show_missing_and_surplus_characters_as_wrong():
    assert kinds(chips(reading("京A86P20"), "京AD86P20")) == ["right"] * 2 + ["wrong"] * 6
    assert chips(reading("京A86P20"), "京AD86P20").count("missing") == 1
    assert kinds(chips(reading("京AD12345"), "京AD1234")) == ["right"] * 7 + ["wrong"]


def test_chips_are_sure_or_weak_where_the_text_is_unknown():
    html = chips(reading("京A86P20", (0.9, 0.2, 0.9, 0.9, 0.4, 0.9, 0.9)), None)
    assert kinds(html) == ["sure", "weak", "sure", "sure", "weak", "sure", "sure"]
    assert "2 of 7 characters weak" in html


def test_what_is_below_the_readers_threshold_is_left_open():
    one = reading("京A86P28", (0.9, 0.7, 0.9, 0.9, 0.4, 0.9, 0.7))
    html = cards.chips(one, "京A86P20", EN, 0.8)
    assert kinds(html) == ["right", "open", "right", "right", "open", "right", "open"]
    assert "reads 京_86_2_, 4 of 7 characters right, 0 weak, 3 left open" in html
    assert "it would guess A, confidence 0.70 below 0.80" in html and ">A<" not in html
    assert kinds(cards.chips(one, None, EN, 0.8)).count("open") == 3
    assert "open" in kinds(cards.legend(True, EN, 0.8)) and "open" not in kinds(cards.legend(True, EN))


def test_the_heading_names_the_reader(comparison):
    passport = {**comparison.passport, "reader": '<CRNN "1">'}
    read = dataclasses.replace(comparison, reader="plate-hr", passport=passport)
    html = cards.results(Choice(PICTURE, comparison=read), EN)
    assert 'title="&lt;CRNN &quot;1&quot;&gt;">read by the HR-trained reader</span>' in html
    assert "read by" not in cards.results(Choice(PICTURE, comparison=comparison), EN)


def test_nothing_read_is_said():
    assert "reads nothing" in chips(reading(""), "京A86P20")
    assert chips(None, "京A86P20") == ""


def test_what_comes_from_outside_is_escaped(comparison):
    evil = "<img src=x onerror=alert(1)>"
    one = Result("mse", evil, PICTURE, 20.0, 20.0, 0.5, 1.0, None, reading("京A86P20", raw=evil))
    comparison = dataclasses.replace(comparison, results=(one,), text=evil)
    notes = (("note_checkpoint", {"name": evil}),)
    choice = Choice(PICTURE, evil, evil, settings=Settings(models=(evil,)), comparison=comparison, notes=notes)
    html = cards.results(choice, EN) + cards.alert(evil)
    assert "<img src=x" not in html and html.count("&lt;img src=x") >= 5


def test_gains_have_a_sign_and_bicubic_is_the_reference(comparison):
    def card(name, gain):
        return cards.card(Result(name, name, PICTURE, 20.0, 20.0, 0.5, gain), comparison, EN, "#000000")

    assert "+1.25" in card("mse", 1.25) and "−0.50" in card("lr", -0.5) and "+0.00" in card("mse", -0.001)
    assert "reference" in card("bicubic", 0.0)


def test_readings_to_come_hold_their_place(comparison):
    choice = Choice(PICTURE, comparison=comparison)
    waiting = cards.results(choice, EN, pending=True)
    assert waiting.count('class="chip waiting"') == 7 * 3 and "reading…" in waiting
    assert "waiting" not in cards.results(choice, EN)


def test_the_address_of_the_result_names_plate_and_settings(comparison):
    settings = Settings(PRESETS["night"], ("mse",))
    html = cards.results(Choice(PICTURE, "rendered-3", settings=settings, comparison=comparison), EN)
    query = markup.unescape(re.search('data-query="(.*?)"', html)[1])
    assert query == "plate=rendered-3&preset=night&models=mse" and "Copy link" in html
    own = cards.results(Choice(PICTURE, settings=settings, comparison=comparison), EN)
    assert 'data-query=""' in own and "Copy link" not in own


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_result_is_in_the_visitors_language(comparison, language):
    html = cards.results(Choice(PICTURE, "rendered-1", "night, lit plate", comparison=comparison), Words(language))
    heading = re.search("<p class=.heading.*?</p>", html)[0]
    assert {"en": "night, lit plate", "zh": "夜间, 车牌灯照明", "fr": "nuit, plaque éclairée"}[language] in heading
    assert {"en": "reference", "zh": "基准", "fr": "référence"}[language] in html


def test_the_lr_plate_is_shown_at_its_true_size(comparison):
    html = cards.results(Choice(PICTURE, comparison=comparison), EN)
    assert re.search(r'class="true-size"><img [^>]*width="2" height="1"', html)


def test_every_alert_is_announced_anew():
    assert cards.alert("x") != cards.alert("x")
