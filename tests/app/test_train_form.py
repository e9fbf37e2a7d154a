"""The set-up form of the training tab: its values to plans and back, what follows from them, and in a browser."""

import json
import math
import zipfile
from types import SimpleNamespace
from typing import get_args

import gradio as gr
import pytest

from lpsr.app.language import LANGUAGES, Words, translations
from lpsr.app.theme import STYLES, THEME
from lpsr.app.training import form_html as html
from lpsr.app.training import plates
from lpsr.app.training.form import Form
from lpsr.app.training.values import (
    CUSTOM,
    OWN,
    RANDOM,
    TRIO,
    Values,
    free_name,
    names_of,
    network_of,
    plans_of,
    preset_of,
    values_of,
)
from lpsr.data.generator import synthesize
from lpsr.errors import InputError
from lpsr.losses.criterion import LossConfig
from lpsr.models.network import NetworkConfig, SuperResolutionNetwork, count_parameters
from lpsr.training import estimate
from lpsr.training.bounds import Bounds
from lpsr.training.estimate import Estimate
from lpsr.training.material import Found
from lpsr.training.plan import LOSSES, NETWORKS, PRESETS, Archive, Folder, Generated, Plan, preset
from lpsr.training.recipe import Settings, parse

EN = Words()
VISITOR = SimpleNamespace(headers={})
DEMO = preset("demo", "demo-mse")
PECL = {"kind": "pecl", "distance": "euclidean", "form": "paired", "d": 64, "margin": 1.5, "weighting": "printed"}
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


def shown(plan=DEMO, **changes):
    return Values(*values_of(plan))._replace(**changes)


def changed(plan=DEMO, settings=(), **changes):
    return Plan.model_validate(plan.model_dump() | {"settings": plan.settings.model_dump() | dict(settings)} | changes)


PLANS = {
    **{f"{name}, {loss}": preset(name, "x", LOSSES[loss]) for name in PRESETS for loss in LOSSES},
    "PECL in detail": preset("lesson", "x", PECL),
    "a folder": changed(data=Folder(folder="/some/ccpd")),
    "a ZIP": changed(data=Archive(file="/uploads/some.zip")),
    "other plates": changed(data=Generated(count=77, seed=9), most_val=3, most_test=4),
    "an embedder of its own": changed(preset("demo", "x", LOSSES["pecl-manhattan"]), embedder_iterations=123),
    "an embedder from a file": changed(settings={"embedder": "/e.safetensors", "loss": LossConfig(kind="pecl")}),
    "both": changed(settings={"embedder": "/e", "loss": LossConfig(kind="pecl")}, embedder_iterations=5),
    "MSE with settings it ignores": changed(settings={"loss": LossConfig(d=64, form="printed"), "embedder": "/e"}),
    "another network": changed(settings={"network": NetworkConfig(channels=8, blocks=1, bicubic_skip=False)}),
    "from weights": changed(settings={"init_from": "/weights.safetensors"}),
    "what no control shows": changed(settings={"augment": False, "log_every": 7}),
    "everything else": changed(
        settings={
            "patch": (48, 96),
            "iterations": 5,
            "batch": 3,
            "learning_rate": 0.02,
            "final_learning_rate": 1e-5,
            "warm_up": 2,
            "ema": 0.5,
            "seed": 12,
            "precision": "32-true",
            "validate_every": 4,
        },
        device="cpu",
        threads=3,
    ),
}


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


# What the form says.


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
            text = html.about(preset_of(plan), plan, network_of(plan.settings), words)
            assert str(plan.settings.batch) in text, name
    assert "plates of &lt;b&gt;" in html.about(CUSTOM, changed(data=Folder(folder="/x/<b>")), "small", EN)


# What follows from the controls.


@pytest.fixture
def checkpoints(tmp_path, make_checkpoint, monkeypatch):
    """A folder with one checkpoint, "mse", of a tiny network."""
    import lpsr.checkpoints

    make_checkpoint(tmp_path / "checkpoints", "mse")
    monkeypatch.setattr(lpsr.checkpoints, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr(lpsr.checkpoints.list_checkpoints, "__defaults__", (tmp_path / "checkpoints",))
    return tmp_path / "checkpoints"


@pytest.fixture
def measured(monkeypatch):
    """Stands for the estimates: the plans that were measured; one with seed 13 cannot be."""
    done = []

    def known(plan, cache, plates=None):
        one = Estimate({"data": 6.0, "train": 80.0 + len(plates or ())}, 7.5, 86.0 + len(plates or ()))
        return one if plan.settings.loss in done else None

    def measure(plan, cache, plates=None):
        if plan.settings.seed == 13:
            raise InputError("There is not enough memory.")
        done.append(plan.settings.loss)

    monkeypatch.setattr(estimate, "known", known)
    monkeypatch.setattr(estimate, "measure", measure)
    return done


@pytest.fixture
def made(tmp_path, checkpoints, measured):
    """``made(mode, training)`` is a form whose runs lie in tmp_path/runs."""

    def make(mode="full", training=lambda: False):
        with gr.Blocks():
            return Form(mode, ["/plates"], tmp_path / "runs", training)

    return make


def keyed(form, answer):
    """A handler's answer by the names of the form's parts."""
    names = {one: key for key, one in form._parts.by_key.items()}
    names |= {form._parts.about: "about", form._parts.time: "time", form._parts.recipe: "recipe"}
    names |= {form.start: "start", form.message: "message", form._proposed: "proposed"}
    return {names[one]: value for one, value in answer.items()}


def show(form, given, proposed="", known_plates=()):
    return keyed(form, form.show(proposed, dict(known_plates), VISITOR, *given))


def test_the_form_opens_with_the_demo_and_stays_as_it_was_later(made):
    form = made()
    empty = [None] * len(form.controls)
    opened = keyed(form, form._open("", {}, VISITOR, *empty))
    assert [opened[key] for key in ("preset", "loss", "name", "iterations")] == ["demo", "mse", "demo-mse", 600]
    again = keyed(form, form._open("demo-mse", {}, VISITOR, *shown(iterations=7)))
    assert "iterations" not in again and again["preset"] == CUSTOM


def test_the_name_follows_preset_and_loss_until_it_is_edited(made, tmp_path):
    form = made()
    assert show(form, shown(loss="pecl-manhattan"), "demo-mse")["name"] == "demo-pecl-manhattan"
    assert show(form, shown(iterations=7), "demo-mse")["name"] == "custom-mse"
    assert show(form, shown(loss=TRIO), "demo-mse")["name"] == "demo"
    assert "name" not in show(form, shown(name="mine", loss=TRIO), "demo-mse")
    (tmp_path / "runs" / "demo-mse").mkdir(parents=True)
    answer = show(form, shown(), "demo-mse")
    assert answer["name"] == answer["proposed"] == "demo-mse-2" and answer["message"] == ""
    assert "runs/demo-mse-2" in answer["recipe"]


def test_what_is_wrong_is_said_beside_the_button(made, tmp_path):
    form = made()
    (tmp_path / "runs" / "night-mse").mkdir(parents=True)
    for given, sentence in (
        (shown(name="mse"), "run or a checkpoint mse already"),
        (shown(name="night", loss=TRIO), "run or a checkpoint night-mse already"),
        (shown(name="a b"), "letters, digits"),
        (shown(init="/no/weights"), "no file /no/weights"),
        (shown(data="zip", file="/no/upload.zip"), "no longer kept"),
        (shown(batch=0), "batch"),
    ):
        message = show(form, given)["message"]
        assert sentence in message and 'role="alert"' in message
    with pytest.raises(InputError, match="already"):
        form.check(form.plans_of(shown(name="mse")), EN)
    assert show(form, shown(batch=0))["recipe"] == ""


def test_a_gpu_that_is_not_there_cannot_be_chosen(made, monkeypatch):
    import torch

    form = made()
    for here, sentence in ((False, "no CUDA device"), (True, "")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda here=here: here)
        answer = keyed(form, form._open("", {}, VISITOR, *[None] * len(form.controls)))
        assert ("cuda" in [value for _, value in answer["device"]["choices"]]) == here
        message = show(form, shown(device="cuda"))["message"]
        assert sentence in message and bool(message) == (not here)


def test_the_button_queues_while_something_trains(made):
    assert show(made(), shown())["start"]["value"] == "Start"
    assert show(made(training=lambda: True), shown())["start"]["value"] == "Queue"


def test_a_preset_leaves_loss_name_seed_and_machine(made):
    form = made()
    given = shown(preset("demo", "mine", PECL), preset="lesson", seed=4, threads=2, iterations=9)
    answer = keyed(form, form._preset("", {}, VISITOR, *given))
    new = Values(**{key: answer[key] for key in Values._fields if key != "init"}, init=RANDOM)
    [plan] = form.plans_of(new)
    assert plan == changed(preset("lesson", "mine", PECL), settings={"seed": 4}, threads=2)


def test_a_runs_recipe_is_used_again_under_a_free_name(made, tmp_path):
    form = made()
    for name in ("night", "night-2"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    plan = changed(PLANS["everything else"], name="night-2")
    answer = keyed(form, form.fill(plan, EN))
    new = Values(**{key: answer[key] for key in Values._fields if key != "init"}, init=RANDOM)
    assert form.plans_of(new) == [changed(plan, name="night-3")]
    assert set(form.fill(plan, EN)) <= set(form.filled)


def test_another_visitors_upload_is_not_used_again(made):
    form = made()
    answer = keyed(form, form.fill(PLANS["a ZIP"], EN))
    assert answer["data"] == "zip" and "Bring a ZIP" in answer["message"]
    assert "some.zip" not in repr(answer)


def test_checkpoints_of_the_same_network_can_be_started_from(made, checkpoints, tiny_network):
    form = made()
    tiny = changed(settings={"network": NetworkConfig.model_validate(tiny_network)})
    path = str(checkpoints / "mse.safetensors")
    answer = keyed(form, form.fill(changed(tiny, settings={"init_from": path, "network": tiny.settings.network}), EN))
    assert answer["init"]["choices"] == [("random weights", RANDOM), ("mse", path)] and answer["init"]["value"] == path
    answer = keyed(form, form._preset("", {}, VISITOR, *shown(init=path, preset="lesson")))
    assert answer["init"]["choices"] == [("random weights", RANDOM)] and answer["init"]["value"] == RANDOM


def test_a_measurement_is_made_once_and_not_beside_a_training(made, measured):
    form = made()
    assert "Measure</button>" in show(form, shown())["time"]
    steps = [keyed_time(form, step) for step in form._measure(VISITOR, *shown())]
    assert "Measuring" in steps[-1] and len(measured) == 1
    assert "About 86 s" in show(form, shown())["time"]
    assert "Measuring" not in "".join(keyed_time(form, step) for step in form._measure(VISITOR, *shown()))
    assert len(measured) == 1
    busy = made(training=lambda: True)
    other = shown(loss="pecl-manhattan")
    assert "when nothing is training" in show(busy, other)["time"] and "<button" not in show(busy, other)["time"]
    list(busy._measure(VISITOR, *other))
    assert len(measured) == 1


def keyed_time(form, step):
    value = step.get(form._parts.time, "")
    return value if isinstance(value, str) else ""


def test_a_trio_is_measured_loss_by_loss(made, measured):
    form = made()
    given = shown(loss=TRIO)
    list(form._measure(VISITOR, *given))
    assert [loss.kind for loss in measured] == ["mse", "pecl", "pecl"]
    assert "About 4 min 20 s" in show(form, given)["time"]


def test_other_visitors_see_that_it_is_being_measured(made):
    form = made()
    steps = form._measure(VISITOR, *shown())
    next(steps), next(steps)
    assert "Measuring" in show(form, shown(name="other"))["time"]
    list(steps)
    assert "About" in show(form, shown())["time"]


def test_presets_alone_are_measured_unasked(made, measured):
    form = made()
    list(form._measure_preset(VISITOR, *shown(iterations=7, preset=CUSTOM)))
    assert measured == []
    list(form._measure_preset(VISITOR, *shown()))
    assert len(measured) == 1


def test_a_measurement_that_fails_says_so_and_is_over(made):
    form = made()
    last = [*form._measure(VISITOR, *shown(seed=13))][-1]
    assert "not enough memory" in last[form.message]
    assert "Measure</button>" in show(form, shown(seed=13))["time"]
    assert "batch" in [*form._measure(VISITOR, *shown(batch=0))][-1][form.message]


def test_the_plates_that_were_found_count_in_the_estimate(made, measured):
    form = made()
    list(form._measure(VISITOR, *shown()))
    given = shown(data="folder", folder="/plates")
    assert "About 86 s" in show(form, given)["time"]
    assert "About 89 s" in show(form, given, "", {"/plates": {"train": 1, "val": 2, "test": 3}})["time"]


def test_a_folder_and_a_zip_are_looked_into(plate_folder, tmp_path):
    found, counts = plates.look_into_folder(str(plate_folder), {}, VISITOR)
    assert 'role="alert"' in found and "at least 20" in found and counts == {}
    assert plates.look_into_folder("", {}, VISITOR) == ("", {})
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 no")
    *_, (found, file, counts, _, timer) = plates.look_into_zip(str(broken), {}, VISITOR)
    assert 'role="alert"' in found and file is None and not timer.active


def test_a_zip_is_kept_for_half_an_hour(tmp_path, monkeypatch):
    import os

    file = tmp_path / "x.zip"
    file.touch()
    os.utime(file, (0, 0))
    monkeypatch.setattr(plates.time, "monotonic", lambda: 100.0)
    plates.touch(str(file), 101.0, VISITOR)
    assert file.stat().st_mtime > 0
    for path, until in ((str(file), 99.0), (str(tmp_path / "gone.zip"), 101.0)):
        found, upload, timer = plates.touch(path, until, VISITOR)
        assert "no longer kept" in found and upload is None and not timer.active


def test_the_controls_offer_what_there_is(made):
    by_key = made()._parts.by_key
    offered = {key: [value for _, value in one.choices] for key, one in by_key.items() if isinstance(one, gr.Radio)}
    fields = LossConfig.model_fields
    for key in ("form", "d", "weighting"):
        assert sorted(offered[key]) == sorted(get_args(fields[key].annotation))
    assert sorted(offered["precision"]) == sorted(get_args(Settings.model_fields["precision"].annotation))
    assert offered["device"] == list(get_args(Plan.model_fields["device"].annotation))
    assert offered["network"] == list(NETWORKS)
    assert offered["preset"] == [*PRESETS, CUSTOM]
    assert offered["loss"] == [*LOSSES, TRIO]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_have_as_many_parameters_as_the_page_says(name):
    network = SuperResolutionNetwork(NetworkConfig.model_validate(NETWORKS[name]))
    for language in LANGUAGES:
        assert f"{count_parameters(network) / 1e6:.2f} M" in Words(language)(f"train_form.network_{name}")


def test_the_shares_and_the_limit_are_those_of_the_program():
    from lpsr.images import MAX_BYTES
    from lpsr.training.plan import SPLITS

    for language in LANGUAGES:
        text = Words(language)("train_form.generated_how") + Words(language)("train_form.file_how")
        assert str(MAX_BYTES // 2**20) in text
        assert all(f"{100 * share:.0f}" in text for share in SPLITS.values())


# In a browser.


@pytest.fixture
def opened(browser, made):
    """``opened(mode, **options)`` is a page with the form alone, served by this process."""
    served = []

    def open_form(mode="full", **options):
        with gr.Blocks(analytics_enabled=False) as page:
            with gr.Column(elem_id="train-side"):
                form = made(mode)
            form.listen([page.load])

            def start(*values):
                [plan] = form.plans_of(values)
                if plan.settings.seed == 99:
                    return "<p class='alert'>The queue is full.</p>"
                (form.root / plan.name).mkdir(parents=True)
                return ""

            form.follow(form.start.click(start, form.controls, form.message))
        page.launch(
            theme=THEME, css_paths=STYLES, i18n=translations(), ssr_mode=False, prevent_thread_lock=True, quiet=True
        )
        context = browser.new_context(**{"viewport": {"width": 420, "height": 900}} | options)
        served.extend((context, page))
        context.set_default_timeout(60_000)
        tab = context.new_page()
        tab.goto(page.local_url)
        if mode != "off":
            tab.wait_for_selector("#setup-time p:has-text('86')")
        return tab

    yield open_form
    for one in served:
        one.close()


def pick(page, key, value):
    page.locator(f"#setup-{key} label:has(input[value='{value}'])").click()


def unfold(page, *groups):
    for group in groups:
        page.click(f"#setup-fold-{group}")


def says(page, part, text):
    page.wait_for_selector(f"#setup-{part}:has-text('{text}')")


def test_a_changed_setting_makes_it_custom_and_back(opened):
    page = opened()
    custom = page.locator("#setup-preset label:has(input[value=custom])")
    assert (
        not custom.is_visible() and page.locator("#setup-name input, #setup-name textarea").input_value() == "demo-mse"
    )
    unfold(page, "optimiser", "recipe")
    page.fill("#setup-iterations input", "601")
    says(page, "about", "601 iterations")
    says(page, "recipe", "runs/custom-mse")
    assert custom.is_visible() and custom.locator("input").is_checked()
    pick(page, "preset", "lesson")
    says(page, "recipe", "runs/lesson-mse")
    assert page.input_value("#setup-iterations input") == "2400" and not custom.is_visible()
    says(page, "time", "About 86 s")


def test_a_name_that_is_pasted_or_emptied_is_checked(opened):
    page = opened()
    unfold(page, "recipe")
    name = page.locator("#setup-name input, #setup-name textarea")
    name.fill("mse")
    says(page, "message", "choose another name")
    name.fill("")
    says(page, "message", "letters, digits")
    name.fill("mine")
    page.wait_for_function("!document.querySelector('#setup-message .alert')")
    pick(page, "loss", "trio")
    says(page, "recipe", "runs/mine-pecl-manhattan")
    assert name.input_value() == "mine"


def test_what_has_no_effect_is_out_of_sight(opened):
    page = opened()
    assert not page.locator("#setup-fold-pecl").is_visible() and not page.locator("#setup-trio-how").is_visible()
    pick(page, "loss", "trio")
    assert page.locator("#setup-trio-how").is_visible()
    unfold(page, "pecl")
    hidden = {"margin": ("form", "paired"), "embedder-iterations": ("embedder", "own")}
    for part, (key, value) in hidden.items():
        assert not page.locator(f"#setup-{part}").is_visible()
        pick(page, key, value)
        assert page.locator(f"#setup-{part}").is_visible()
    assert page.locator("#setup-w-contrastive").is_visible()
    pick(page, "weighting", "uncertainty")
    assert not page.locator("#setup-w-contrastive").is_visible()
    pick(page, "loss", "mse")
    assert not page.locator("#setup-form").is_visible()


def test_after_a_start_the_next_name_is_proposed_and_after_a_refusal_it_stays(opened):
    page = opened()
    name = "document.querySelector('#setup-name input, #setup-name textarea').value"
    page.click("#setup-start")
    page.wait_for_function(name + " === 'demo-mse-2'")
    unfold(page, "recipe")
    page.fill("#setup-seed input", "99")
    says(page, "recipe", "seed=99")
    # That answer is the look at the name, after the refusal.
    with page.expect_response("**/run/predict"):
        page.click("#setup-start")
        says(page, "message", "The queue is full.")
    assert page.evaluate(name) == "demo-mse-2" and page.is_visible("text=The queue is full.")


def test_groups_unfold_by_keyboard_and_say_so(opened):
    page = opened()
    button, size = page.locator("#setup-fold-network"), page.locator("#setup-network")
    assert button.get_attribute("aria-expanded") == "false" and not size.is_visible()
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true" and size.is_visible()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "false" and not size.is_visible()


def test_a_zip_is_looked_into_when_it_comes(opened, tmp_path):
    folder = synthesize(tmp_path / "some", 30, 1, split={"train": 8, "val": 1, "test": 1})
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    with zipfile.ZipFile(good, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
        archive.writestr("../up.png", b"no")
        archive.writestr("<i>note</i>.txt", "no")
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("readme.txt", "no")
    page = opened()
    unfold(page, "data", "recipe")
    pick(page, "data", "zip")
    says(page, "message", "Bring a ZIP")
    page.set_input_files("#setup-file input[type=file]", good)
    says(page, "found-zip", "24 to train on, 3 to validate on, 3 to test on")
    says(page, "found-zip", "Files that cannot be used: 2")
    assert "<i>note</i>.txt" in page.locator("#setup-found-zip").text_content()
    says(page, "recipe", "--zip good.zip")
    page.wait_for_function("!document.querySelector('#setup-message .alert')")
    page.locator("#setup-file button[aria-label]").last.click()
    says(page, "message", "Bring a ZIP")
    page.set_input_files("#setup-file input[type=file]", bad)
    says(page, "found-zip", "no plate that can be used")
    says(page, "message", "Bring a ZIP")


def test_a_demo_shows_what_can_be_chosen_alone(opened):
    page = opened("demo")
    assert page.get_by_text("everyone trains the two-minute demo").is_visible()
    for part in ("preset", "fold-data", "fold-network", "fold-optimiser", "fold-machine"):
        assert not page.locator(f"#setup-{part}").is_visible()
    pick(page, "loss", "pecl-euclidean")
    unfold(page, "pecl", "recipe")
    assert page.locator("#setup-form").is_visible() and not page.locator("#setup-embedder").is_visible()
    page.fill("#setup-seed input", "7")
    says(page, "recipe", "seed=7")
    says(page, "recipe", "runs/demo-pecl-euclidean")


def test_switched_off_there_is_a_sentence_alone(opened):
    page = opened("off")
    page.wait_for_selector("text=Training is switched off")
    assert not page.locator("#setup").is_visible()


@pytest.mark.parametrize(("language", "loss"), [("en-US", "Loss"), ("zh-CN", "损失"), ("fr-FR", "Coût")])
def test_the_form_fits_a_phone_in_every_language(opened, language, loss):
    page = opened(viewport={"width": 390, "height": 844}, locale=language)
    assert page.get_by_text(loss, exact=True).first.is_visible()
    pick(page, "loss", "trio")
    unfold(page, "pecl", "data", "network", "optimiser", "machine", "recipe")
    page.wait_for_selector("#setup-recipe pre")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "train_form." not in page.inner_text("#setup")
