"""What follows from the set-up form's controls."""

from typing import get_args

import gradio as gr
import pytest
from train_plans import EN, PECL, PLANS, VISITOR, changed, shown

from lpsr.app.language import LANGUAGES, Words
from lpsr.app.training import plates
from lpsr.app.training.values import (
    CUSTOM,
    RANDOM,
    TRIO,
    Values,
)
from lpsr.errors import InputError
from lpsr.losses.criterion import LossConfig
from lpsr.models.network import NetworkConfig, SuperResolutionNetwork, count_parameters
from lpsr.training.plan import LOSSES, NETWORKS, PRESETS, Plan, preset
from lpsr.training.recipe import Settings


def keyed(form, answer):
    """A handler's answer by the names of the form's parts."""
    names = {one: key for key, one in form._parts.by_key.items()}
    names |= {form._parts.about: "about", form._parts.time: "time", form._parts.recipe: "recipe"}
    names |= {form.start: "start", form.message: "message", form._proposed: "proposed"}
    return {names[one]: value for one, value in answer.items()}


def show(form, given, proposed="", known_plates=()):
    return keyed(form, form.show(proposed, dict(known_plates), VISITOR, *given))


def test_the_form_opens_with_the_demo_and_stays_as_it_was_later(make_form):
    form = make_form()
    empty = [None] * len(form.controls)
    opened = keyed(form, form._open("", {}, VISITOR, *empty))
    assert [opened[key] for key in ("preset", "loss", "name", "iterations")] == ["demo", "mse", "demo-mse", 600]
    again = keyed(form, form._open("demo-mse", {}, VISITOR, *shown(iterations=7)))
    assert "iterations" not in again and again["preset"] == CUSTOM


def test_the_name_follows_preset_and_loss_until_it_is_edited(make_form, tmp_path):
    form = make_form()
    assert show(form, shown(loss="pecl-manhattan"), "demo-mse")["name"] == "demo-pecl-manhattan"
    assert show(form, shown(iterations=7), "demo-mse")["name"] == "custom-mse"
    assert show(form, shown(loss=TRIO), "demo-mse")["name"] == "demo"
    assert "name" not in show(form, shown(name="mine", loss=TRIO), "demo-mse")
    (tmp_path / "runs" / "demo-mse").mkdir(parents=True)
    answer = show(form, shown(), "demo-mse")
    assert answer["name"] == answer["proposed"] == "demo-mse-2" and answer["message"] == ""
    assert "runs/demo-mse-2" in answer["recipe"]


def test_what_is_wrong_is_said_beside_the_button(make_form, tmp_path):
    form = make_form()
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


def test_a_gpu_that_is_not_there_cannot_be_chosen(make_form, monkeypatch):
    import torch

    form = make_form()
    for here, sentence in ((False, "no CUDA device"), (True, "")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda here=here: here)
        answer = keyed(form, form._open("", {}, VISITOR, *[None] * len(form.controls)))
        assert ("cuda" in [value for _, value in answer["device"]["choices"]]) == here
        message = show(form, shown(device="cuda"))["message"]
        assert sentence in message and bool(message) == (not here)


def test_the_button_queues_while_something_trains(make_form):
    assert show(make_form(), shown())["start"]["value"] == "Start"
    assert show(make_form(training=lambda: True), shown())["start"]["value"] == "Queue"


def test_a_preset_leaves_loss_name_seed_and_machine(make_form):
    form = make_form()
    given = shown(preset("demo", "mine", PECL), preset="lesson", seed=4, threads=2, iterations=9)
    answer = keyed(form, form._preset("", {}, VISITOR, *given))
    new = Values(**{key: answer[key] for key in Values._fields if key != "init"}, init=RANDOM)
    [plan] = form.plans_of(new)
    assert plan == changed(preset("lesson", "mine", PECL), settings={"seed": 4}, threads=2)


def test_a_runs_recipe_is_used_again_under_a_free_name(make_form, tmp_path):
    form = make_form()
    for name in ("night", "night-2"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    plan = changed(PLANS["everything else"], name="night-2")
    answer = keyed(form, form.fill(plan, EN))
    new = Values(**{key: answer[key] for key in Values._fields if key != "init"}, init=RANDOM)
    assert form.plans_of(new) == [changed(plan, name="night-3")]
    assert set(form.fill(plan, EN)) <= set(form.filled)


def test_another_visitors_upload_is_not_used_again(make_form):
    form = make_form()
    answer = keyed(form, form.fill(PLANS["a ZIP"], EN))
    assert answer["data"] == "zip" and "Bring a ZIP" in answer["message"]
    assert "some.zip" not in repr(answer)


def test_checkpoints_of_the_same_network_can_be_started_from(make_form, one_checkpoint, tiny_network):
    form = make_form()
    tiny = changed(settings={"network": NetworkConfig.model_validate(tiny_network)})
    path = str(one_checkpoint / "mse.safetensors")
    answer = keyed(form, form.fill(changed(tiny, settings={"init_from": path, "network": tiny.settings.network}), EN))
    assert answer["init"]["choices"] == [("random weights", RANDOM), ("mse", path)] and answer["init"]["value"] == path
    answer = keyed(form, form._preset("", {}, VISITOR, *shown(init=path, preset="lesson")))
    assert answer["init"]["choices"] == [("random weights", RANDOM)] and answer["init"]["value"] == RANDOM


def test_a_measurement_is_made_once_and_not_beside_a_training(make_form, measured):
    form = make_form()
    assert "Measure</button>" in show(form, shown())["time"]
    steps = [keyed_time(form, step) for step in form._measure(VISITOR, *shown())]
    assert "Measuring" in steps[-1] and len(measured) == 1
    assert "About 86 s" in show(form, shown())["time"]
    assert "Measuring" not in "".join(keyed_time(form, step) for step in form._measure(VISITOR, *shown()))
    assert len(measured) == 1
    busy = make_form(training=lambda: True)
    other = shown(loss="pecl-manhattan")
    assert "when nothing is training" in show(busy, other)["time"] and "<button" not in show(busy, other)["time"]
    list(busy._measure(VISITOR, *other))
    assert len(measured) == 1


def keyed_time(form, step):
    value = step.get(form._parts.time, "")
    return value if isinstance(value, str) else ""


def test_a_trio_is_measured_loss_by_loss(make_form, measured):
    form = make_form()
    given = shown(loss=TRIO)
    list(form._measure(VISITOR, *given))
    assert [loss.kind for loss in measured] == ["mse", "pecl", "pecl"]
    # The plates are rendered once.
    assert "About 4 min 10 s" in show(form, given)["time"] and "data 6 s" in show(form, given)["time"]


def test_other_visitors_see_that_it_is_being_measured(make_form):
    form = make_form()
    steps = form._measure(VISITOR, *shown())
    next(steps), next(steps)
    assert "Measuring" in show(form, shown(name="other"))["time"]
    list(steps)
    assert "About" in show(form, shown())["time"]


def test_presets_alone_are_measured_unasked(make_form, measured):
    form = make_form()
    list(form._measure_preset(VISITOR, *shown(iterations=7, preset=CUSTOM)))
    assert measured == []
    list(form._measure_preset(VISITOR, *shown()))
    assert len(measured) == 1


def test_a_measurement_that_fails_says_so_and_is_over(make_form):
    form = make_form()
    last = [*form._measure(VISITOR, *shown(seed=13))][-1]
    assert "not enough memory" in last[form.message]
    assert "Measure</button>" in show(form, shown(seed=13))["time"]
    assert "batch" in [*form._measure(VISITOR, *shown(batch=0))][-1][form.message]


def test_the_plates_that_were_found_count_in_the_estimate(make_form, measured):
    form = make_form()
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


def test_the_controls_offer_what_there_is(make_form):
    by_key = make_form()._parts.by_key
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
    from lpsr.training.bounds import MOST_UPLOAD
    from lpsr.training.plan import SPLITS

    for language in LANGUAGES:
        text = Words(language)("train_form.generated_how") + Words(language)("train_form.file_how")
        assert f" {MOST_UPLOAD // 2**30} G" in text.replace("\xa0", " ")
        assert all(f"{100 * share:.0f}" in text for share in SPLITS.values())


@pytest.mark.parametrize(("mode", "looks"), [("full", True), ("demo", False)])
def test_a_demo_looks_into_no_folder_and_no_zip_whatever_is_sent(make_form, mode, looks):
    with gr.Blocks() as page:
        make_form(mode).listen([page.load])
    bound = {one.fn for one in page.fns.values()}
    assert (plates.look_into_folder in bound) is (plates.look_into_zip in bound) is looks
