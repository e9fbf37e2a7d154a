"""What the set-up form says."""

import json

import pytest
from train_plans import EN, PLANS, changed, shown

from lpsr.app.language import LANGUAGES, Words
from lpsr.app.training import form_html as html
from lpsr.app.training.values import (
    CUSTOM,
    TRIO,
    plans_of,
    preset_of,
)
from lpsr.training.estimate import Estimate
from lpsr.training.material import Found
from lpsr.training.plan import Archive, Folder, Plan
from lpsr.training.recipe import parse


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (45, "45 s"),
        (89.4, "89 s"),
        (90, "1 min 30 s"),
        (118, "2 min"),
        (128, "2 min 10 s"),
        (594, "9 min 50 s"),
        (597, "10 min"),
        (720, "12 min"),
        (89.8 * 60, "1 h 30 min"),
        (3 * 3600 + 1170, "3 h 20 min"),
        (47.9 * 3600, "47 h 54 min"),
        (40.2 * 86400, "40 days"),
    ],
)
def test_an_estimated_time_is_no_finer_than_it_is_good_for(seconds, text):
    assert html.rough(seconds, EN) == text


def test_the_estimate_names_the_stages_that_take_time_and_adds_up_a_trio():
    one = Estimate({"data": 6.0, "patches": 0.2, "embedder": 0.0, "train": 80.0, "evaluate": 30.0}, 7.2, 120.0)
    assert html.estimate([one], EN) == (
        '<p role="status">About 2 min on this machine: data 6 s, training 80 s, evaluation 30 s; '
        "7.2 iterations/s measured.</p>"
    )
    slow = one._replace(iterations_per_second=0.125)
    text = html.estimate([one, slow, slow], EN)
    assert "About 6 min on" in text and "training 4 min" in text and "0.12–7.2 iterations/s" in text
    assert "data 18 s" in text and "data 6 s" in html.estimate([one, slow, slow], EN, shared=True)


def test_the_recipe_is_the_plan_and_its_command():
    text = html.recipe([PLANS["everything else"]], EN)
    assert "python -m lpsr pipeline runs/demo-mse --generate 600" in text.replace("<span>", "").replace("</span>", "")
    start = text.rindex('tabindex="0"')
    code = text[text.index(">", start) + 1 : text.rindex("</pre>")].replace("&quot;", '"')
    assert parse(Plan, json.loads(code)) == PLANS["everything else"]
    trio = html.recipe(plans_of(shown(loss=TRIO)), EN)
    assert trio.count("python -m lpsr pipeline") == 3 and "[" in trio


def test_the_recipe_is_safe_and_does_not_say_where_uploads_lie():
    text = html.recipe([changed(data=Archive(file="/secret/place/<b>x.zip"))], EN)
    assert "secret" not in text and "<b>" not in text and "&lt;b&gt;x.zip" in text


def test_what_a_zip_holds_is_listed_and_safe():
    found = Found(
        40, 40, 30, 20, {"train": 32, "val": 4, "test": 4}, (("<i>.png", "It is <no> picture."), ("", "4 more.")), ""
    )
    text = html.unpacked(found, EN)
    assert "32 to train on, 4 to validate on, 4 to test on" in text and "30 have a known text and 20" in text
    assert "Files that cannot be used: 2" in text and "<b>&lt;i&gt;.png</b>: It is &lt;no&gt; picture." in text
    assert "<li>4 more.</li>" in text and "were opened" not in text
    part = Found(2000, 700, 0, 0, found.plates, tuple((f"{n}.txt", "no") for n in range(150)), "")
    text = html.unpacked(part, EN)
    assert "So far 700 were opened" in text and text.count("<li>") == 101 and "… and 50 more" in text
    text = html.unpacked(Found(0, 0, 0, 0, {}, (("x", "no"),), "The ZIP <has> none."), EN)
    assert "The ZIP &lt;has&gt; none." in text and 'role="alert"' in text and "to train on" not in text


def test_every_language_says_what_a_plan_comes_to():
    for language in LANGUAGES:
        words = Words(language)
        for name, plan in PLANS.items():
            text = html.about(preset_of(plan), plan, words)
            assert str(plan.settings.batch) in text, name
    assert " · &lt;b&gt; · " in html.about(CUSTOM, changed(data=Folder(folder="/x/<b>")), EN)
