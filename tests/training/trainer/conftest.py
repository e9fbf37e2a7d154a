"""Recipes of a tiny network on generated plates."""

import pytest
import torch

from lpsr.models.embedder import ResNet18
from lpsr.models.weights import save_tensors
from lpsr.training.recipe import Recipe, parse


@pytest.fixture(scope="module")
def make_recipe(plate_folder, tiny_network):
    def make(**values) -> Recipe:
        usual = {
            "data": [{"folder": str(plate_folder)}],
            "validation": {"folder": str(plate_folder), "split": "val", "limit": 2},
            "network": tiny_network,
            "patch": [32, 32],
            "batch": 2,
            "iterations": 10,
            "learning_rate": 2e-3,
            "precision": "32-true",
            "ema": 0.9,
            "log_every": 3,
            "validate_every": 4,
        }
        return parse(Recipe, {**usual, **values})

    return make


@pytest.fixture(scope="session")
def embedder(tmp_path_factory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("embedder") / "embedder.safetensors"
    save_tensors(path, ResNet18(1000).state_dict())
    return str(path)
