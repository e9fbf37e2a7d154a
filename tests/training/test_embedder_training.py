"""Pre-training of the embedder."""

import math
import shutil

import numpy as np
import pytest
import torch

from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.models.embedder import load_embedder
from lpsr.models.weights import load_tensors
from lpsr.plates import ALPHABET
from lpsr.training import embedder
from lpsr.training.embedder import (
    DIMENSIONS,
    WEIGHTS,
    CharacterClassifier,
    presence_loss,
    presence_scores,
    pretrain_embedder,
)
from lpsr.training.loop import LOG, RUN, STATE, read_log
from lpsr.training.recipe import EmbedderRecipe, parse


@pytest.fixture
def folder(tmp_path):
    """Removed at once: the state of a ResNet-18 has 130 MB."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture
def recipe(plate_folder, monkeypatch) -> EmbedderRecipe:
    monkeypatch.setattr(embedder, "_VALIDATION_BATCHES", 1)
    values = {
        "data": [{"folder": str(plate_folder)}],
        "validation": {"folder": str(plate_folder), "split": "val"},
        "patch": [32, 32],
        "batch": 2,
        "iterations": 4,
        "log_every": 2,
        "validate_every": 4,
        "precision": "32-true",
    }
    return parse(EmbedderRecipe, values)


def test_presence_loss_by_hand():
    # Two sets of logits, one patch, three characters; the second label is unknown.
    logits = torch.tensor([[[0.0, 50.0, 2.0]], [[1.0, -50.0, 0.0]]])
    labels = torch.tensor([[1.0, float("nan"), 0.0]])
    expected = (math.log(2) + math.log1p(math.e**2) + math.log1p(math.e**-1) + math.log(2)) / 4
    assert presence_loss(logits, labels).item() == pytest.approx(expected, rel=1e-5)


def test_unknown_labels_give_no_loss_and_no_gradient():
    logits = torch.randn(4, 2, 65, requires_grad=True)
    loss = presence_loss(logits, torch.full((2, 65), float("nan")))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_scores_by_hand():
    labels = np.full((2, 65), np.nan, np.float32)
    labels[0, :4], labels[1, :2] = [1, 1, 0, 0], [1, 0]

    class Sampler:
        def labelled_batch(self, iteration, places):
            return np.zeros((len(places), 8, 8, 3), np.uint8), labels

    class Model(torch.nn.Module):
        def forward(self, x):
            says = torch.full((4, 2, 65), 1.0)  # also where nothing is known
            says[:, 0, 1] = says[:, 0, 3] = says[:, 1, 1] = -1
            return says

    scores = presence_scores(Model(), Sampler(), 2, torch.device("cpu"))
    # Claimed and known: (0, 0), (0, 2), (1, 0), of which (0, 2) is wrong; shown: (0, 0), (0, 1), (1, 0).
    assert scores == pytest.approx({"val_precision": 2 / 3, "val_recall": 2 / 3})


def test_the_classifier_reads_every_d_off_the_unit_embedding(folder):
    torch.manual_seed(0)
    model = CharacterClassifier().eval()
    x = torch.rand(2, 3, 32, 32)
    embedder.save_tensors(folder / WEIGHTS, model.export())
    with torch.no_grad():
        logits = model(x)
        assert logits.shape == (4, 2, len(ALPHABET))
        for number, d in enumerate(DIMENSIONS):
            embedding = load_embedder(folder / WEIGHTS, d).eval()(x)
            assert embedding.shape == (2, d)
            expected = model.heads[number](model.gains[number] * embedding)
            assert torch.allclose(logits[number], expected, atol=1e-4)


def test_a_run_learns_resumes_and_can_be_used(recipe, folder, monkeypatch):
    whole = pretrain_embedder(recipe, folder / "whole")
    answers = iter([None, None, "pause"])
    stopped = pretrain_embedder(recipe, folder / "parts", should_stop=lambda: next(answers))
    assert (stopped["done"], stopped["iteration"]) == (False, 3)
    run = pretrain_embedder(recipe, folder / "parts")
    assert run["done"] and run == read_json(folder / "parts" / RUN)
    assert {**run, "seconds": 0} == {**whole, "seconds": 0}
    assert {"val_precision", "val_recall"} <= run.keys()
    logs = [
        [{key: value for key, value in entry.items() if "second" not in key} for entry in read_log(folder / name / LOG)]
        for name in ("whole", "parts")
    ]
    assert logs[0] == logs[1] and len(logs[0]) == 3
    assert logs[0][1]["loss"] < logs[0][0]["loss"]
    for name in (STATE, WEIGHTS):
        ours, theirs = (load_tensors(folder / part / name)[0] for part in ("whole", "parts"))
        assert ours.keys() == theirs.keys()
        assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    # A finished run stays finished, and says so again.
    again = pretrain_embedder(recipe, folder / "parts")
    assert again["done"] and again["val_recall"] == run["val_recall"]
    with pytest.raises(InputError, match="another recipe"):
        pretrain_embedder(recipe.model_copy(update={"seed": 1}), folder / "parts")


def test_a_folder_of_other_things_is_refused(recipe, folder):
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no run"):
        pretrain_embedder(recipe, folder)
