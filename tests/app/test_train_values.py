"""The set-up form's values: to plans and back."""

import math

import pytest
from train_plans import PECL, PLANS, changed, shown

from lpsr.app.training.values import (
    CUSTOM,
    OWN,
    TRIO,
    free_name,
    names_of,
    network_of,
    plans_of,
    preset_of,
    values_of,
)
from lpsr.errors import InputError
from lpsr.losses.criterion import LossConfig
from lpsr.training.bounds import Bounds
from lpsr.training.plan import LOSSES, PRESETS, Folder, Generated, preset

NUMBERS = [
    "seed",
    "margin",
    "w_contrastive",
    "embedder_iterations",
    "count",
    "data_seed",
    "most_val",
    "most_test",
    "height",
    "width",
    "iterations",
    "batch",
    "learning_rate",
    "final_learning_rate",
    "warm_up",
    "ema",
    "validate_every",
]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_controls_show_the_plan_they_make(plan):
    assert plans_of(values_of(plan)) == [plan]


def test_a_trio_differs_in_names_and_losses_alone():
    given = shown(loss=TRIO, name="mine", form="paired", d=64, seed=5)
    plans = plans_of(given)
    assert [plan.name for plan in plans] == ["mine-mse", "mine-pecl-euclidean", "mine-pecl-manhattan"]
    assert [plan.settings.loss.kind for plan in plans] == ["mse", "pecl", "pecl"]
    assert [plan.settings.loss.distance for plan in plans[1:]] == ["euclidean", "manhattan"]
    assert [(plan.settings.loss.form, plan.settings.loss.d) for plan in plans[1:]] == [("paired", 64)] * 2
    same = [changed(plan, name="x", settings={"loss": LossConfig()}) for plan in plans]
    assert same[0] == same[1] == same[2]
    assert same[0].settings.seed == 5


def test_mse_takes_nothing_of_pecl():
    [plan] = plans_of(shown(preset("demo", "x", PECL), loss="mse", embedder=OWN))
    assert plan == preset("demo", "x")


def test_a_plan_keeps_what_no_control_shows_when_others_change():
    [plan] = plans_of(shown(PLANS["what no control shows"], iterations=9))
    assert (plan.settings.log_every, plan.settings.augment, plan.settings.iterations) == (7, False, 9)
    [plan] = plans_of(shown(PLANS["an embedder from a file"], embedder="shipped"))
    assert plan.settings.embedder is None
    [plan] = plans_of(shown(PLANS["another network"], network="small"))
    assert network_of(plan.settings) == "small"


def test_whole_plates_stay_whole_until_a_size_is_given():
    whole = PLANS["whole plates"]
    assert (values := shown(whole)).height is None and values.width is None
    [plan] = plans_of(shown(whole, height=48, width=96))
    assert plan.settings.patch == (48, 96)
    with pytest.raises(InputError, match="patch width is empty"):
        plans_of(shown(whole, height=48))


def test_a_demo_takes_loss_seed_and_name_alone():
    bounds = Bounds("demo", 1.0, 10.0, 4)
    hostile = shown(
        PLANS["everything else"],
        base=PLANS["what no control shows"],
        loss="pecl-manhattan",
        form="printed",
        seed=3,
        name="mine",
        embedder=OWN,
        data="folder",
        folder="/etc",
        init="/etc/passwd",
        network="paper",
    )
    [plan] = plans_of(hostile, "demo")
    assert plan == changed(
        preset("demo", "mine", LOSSES["pecl-manhattan"] | {"form": "printed"}),
        settings={"seed": 3, "loss": plan.settings.loss},
    )
    bounds.check(plan)
    assert plan.settings.loss.form == "printed"
    for one in plans_of(hostile._replace(loss=TRIO), "demo"):
        bounds.check(one)


def test_switched_off_there_is_no_plan():
    with pytest.raises(InputError, match="switched off"):
        plans_of(shown(), "off")


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("value", [None, -1, math.nan, math.inf, 1e300, "many", [], {}, 0.5])
def test_a_number_that_cannot_be_is_an_error(key, value):
    """Or, where half of something is possible, a plan with it."""
    given = shown(preset("demo", "x", PECL | {"weighting": "fixed"}), embedder=OWN, **{key: value})
    possible = value == 0.5 and key in ("margin", "w_contrastive", "learning_rate", "final_learning_rate", "ema")
    if possible:
        assert plans_of(given)
    else:
        with pytest.raises(InputError):
            plans_of(given)


def test_an_empty_field_is_named():
    with pytest.raises(InputError, match="iterations is empty"):
        plans_of(shown(iterations=None))
    with pytest.raises(InputError, match="patch width is empty"):
        plans_of(shown(width=None))


def test_an_empty_field_out_of_sight_does_not_matter():
    loss = LOSSES["pecl-manhattan"]
    given = shown(preset("demo", "x", loss), margin=None, weighting="uncertainty", w_contrastive=None, count=None)
    [plan] = plans_of(given._replace(data="folder", folder=" /plates "))
    assert plan.settings.loss == LossConfig(**loss, weighting="uncertainty")
    assert plan.data == Folder(folder="/plates")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"loss": "other"}, "Choose a loss"),
        ({"network": "huge"}, "Choose a network"),
        ({"network": []}, "Choose a network"),
        ({"data": "none"}, "Choose the data"),
        ({"data": "folder", "folder": "  "}, "Name a folder"),
        ({"data": "zip"}, "Bring a ZIP"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "../up"}, "name"),
        ({"name": "bicubic"}, "name"),
        ({"name": "a" * 46, "loss": TRIO}, "60 letters"),
        ({"height": 60}, "multiples of 8"),
        ({"batch": 1, "loss": "pecl-manhattan", "form": "paired"}, "batch of at least two"),
        ({"precision": "16"}, "precision"),
        ({"device": "tpu"}, "device"),
        ({"threads": 0}, "threads"),
        ({"init": ["x"]}, "init_from"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        plans_of(shown(**changes))


def test_a_preset_is_known_whatever_the_loss_seed_and_machine():
    for name in PRESETS:
        for loss in LOSSES.values():
            plan = preset(name, "x", loss)
            assert preset_of(changed(plan, settings={"seed": 9}, device="cpu", threads=2)) == name
    assert preset_of(changed(settings={"iterations": 601})) == CUSTOM
    assert preset_of(changed(settings={"log_every": 11})) == CUSTOM
    assert preset_of(changed(data=Generated(count=600, seed=2))) == CUSTOM
    assert preset_of(PLANS["an embedder of its own"]) == CUSTOM


def test_a_free_name_is_free_for_all_three():
    taken = {"demo-mse", "demo-mse-2", "demo-pecl-manhattan", "demo-2-mse"}.__contains__
    assert free_name("demo-mse", "mse", taken) == "demo-mse-3"
    assert free_name("demo", TRIO, taken) == "demo-3"
    assert free_name("demo-pecl-euclidean", "pecl-euclidean", taken) == "demo-pecl-euclidean"
    assert names_of(" x ", "mse") == {"x": "mse"}
