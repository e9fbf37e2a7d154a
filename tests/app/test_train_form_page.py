"""The set-up form in a browser."""

import zipfile
from contextlib import ExitStack

import gradio as gr
import pytest
from pages import served

from lpsr.data.generator import synthesize


@pytest.fixture
def opened(visitor, make_form):
    """``opened(mode, **options)`` is a page with the form alone."""
    pages = ExitStack()

    def open_form(mode="full", **options):
        with gr.Blocks(analytics_enabled=False) as page:
            with gr.Column(elem_id="train-side"):
                form = make_form(mode)
            form.listen([page.load])

            def start(*values):
                [plan] = form.plans_of(values)
                if plan.settings.seed == 99:
                    return "<p class='alert'>The queue is full.</p>"
                (form.root / plan.name).mkdir(parents=True)
                return ""

            form.follow(form.start.click(start, form.controls, form.message))
        tab = visitor(**{"viewport": {"width": 420, "height": 900}} | options)
        tab.goto(pages.enter_context(served(page)))
        if mode != "off":
            tab.wait_for_selector("#setup-time p:has-text('86')")
        return tab

    with pages:
        yield open_form


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
