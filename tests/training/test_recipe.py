"""Recipes: frozen, complete, and strict about what they are given."""

import json

import pytest
from pydantic import ValidationError

from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.training.recipe import DataSource, EmbedderRecipe, Recipe, Settings, load_recipe, parse

DATA = {"data": [{"folder": "plates"}]}


def test_the_defaults_are_the_papers():
    recipe = parse(Recipe, DATA)
    assert (recipe.patch, recipe.batch, recipe.iterations, recipe.learning_rate) == ((64, 64), 128, 1_000_000, 1e-4)
    assert recipe.loss.kind == "mse" and recipe.loss.margin == 2 and recipe.network.scale == 8


def test_a_recipe_is_frozen():
    recipe = parse(Recipe, DATA)
    with pytest.raises(ValidationError):
        recipe.batch = 3
    with pytest.raises(ValidationError):
        recipe.loss.d = 64


def test_a_recipe_survives_json(tmp_path):
    recipe = parse(Recipe, {**DATA, "loss": {"kind": "pecl", "d": 512}, "validation": {"folder": "v", "split": "val"}})
    write_json(tmp_path / "recipe.json", recipe.model_dump(mode="json"))
    assert load_recipe(tmp_path / "recipe.json") == recipe
    embedder = parse(EmbedderRecipe, DATA)
    assert parse(EmbedderRecipe, json.loads(embedder.model_dump_json())) == embedder


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 3}, "no setting 'epochs'"),
        ({"loss": {"lambda": 3}}, "no setting 'loss.lambda'"),
        ({"network": {"depth": 3}}, "no setting 'network.depth'"),
        ({"data": [{"folder": "a", "weight": 1}]}, "no setting 'data.0.weight'"),
        ({"data": []}, "data: "),
        ({"data": [{"folder": "a", "share": 0}]}, "data.0.share: "),
        ({"iterations": 0}, "iterations: "),
        ({"batch": "many"}, 'batch: .*"many"'),
        ({"patch": [60, 64]}, r"patch: patch sides must be multiples of 8 .*\[60, 64\]"),
        ({"patch": [64]}, "patch"),
        ({"patch": "half"}, r"patch: .*tuple \(it was \"half\"\)"),
        ({"ema": 1.0}, "ema: "),
        ({"learning_rate": -1}, "learning_rate: "),
        ({"precision": "16-mixed"}, "precision: "),
        ({"loss": {"form": "repel"}}, "loss.form: "),
        ({"seed": 2**63}, "seed: "),
        ({"data": [{"folder": "a", "share": float("inf")}]}, "data.0.share: "),
        ({"network": {"upsample_channels": [8, 8]}}, "must restore ×8, not ×4"),
        ({"loss": {"kind": "pecl", "form": "paired"}, "batch": 1}, "batch of at least two"),
        ({"validation": {"folder": "plates", "split": "train"}}, "split 'train' of the same folder"),
    ],
)
def test_an_impossible_setting_is_one_sentence(values, words):
    with pytest.raises(InputError, match=words) as error:
        parse(Recipe, {**DATA, **values})
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize("values", [[1, 2], None, "mse", {}])
def test_what_is_no_recipe_is_refused(values):
    with pytest.raises(InputError):
        parse(Recipe, values)


def test_the_embedders_patch_is_checked_alike():
    with pytest.raises(InputError, match="multiples of 8"):
        parse(EmbedderRecipe, {**DATA, "patch": [0, 64]})


def test_data_is_labelled_by_its_name_or_its_folders():
    assert DataSource(folder="/somewhere/ccpd").label == "ccpd"
    assert DataSource(folder="/somewhere/ccpd", name="CCPD").label == "CCPD"


def test_a_bad_file_is_said(tmp_path):
    (tmp_path / "recipe.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="not valid JSON"):
        load_recipe(tmp_path / "recipe.json")


@pytest.mark.parametrize("model", [Recipe, EmbedderRecipe])
def test_validation_takes_split_val_where_none_is_named(model):
    assert parse(model, {**DATA, "validation": {"folder": "plates"}}).validation.split == "val"
    assert parse(model, {**DATA, "validation": {"folder": "plates", "split": "test"}}).validation.split == "test"
    assert parse(model, DATA).validation is None


def test_an_embedder_trained_beside_whole_plates_sees_parts_of_them():
    assert Settings(patch="whole").embedder_patch == EmbedderRecipe(**DATA).patch
    assert Settings(patch=(48, 96)).embedder_patch == (48, 96)
