"""What several test files share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lpsr.checkpoints import Card, save_checkpoint
from lpsr.data.generator import synthesize
from lpsr.losses.criterion import LossConfig
from lpsr.models.network import NetworkConfig, SuperResolutionNetwork

TINY = {"channels": 8, "blocks": 1, "growth": 4, "dense_layers": 2, "reduction": 4, "upsample_channels": [8, 8, 8]}


@pytest.fixture(scope="session")
def ccpd_root() -> Path:
    """The folder of real CCPD crops that CCPD_ROOT names; skips where there is none."""
    # Without the variable, a copy kept beside the checkout serves.
    default = Path(__file__).resolve().parents[2] / "shared" / "ccpd"
    root = Path(os.environ.get("CCPD_ROOT") or default)
    if not (root / "index.csv").is_file():
        pytest.skip(f"real CCPD plates are not at {root}; set CCPD_ROOT to run this test")
    return root


@pytest.fixture(scope="session")
def plate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve generated plates: 6 train, 3 val, 3 test."""
    return synthesize(tmp_path_factory.mktemp("data") / "plates", 12, 3, split={"train": 2, "val": 1, "test": 1})


@pytest.fixture(scope="session")
def tiny_network() -> dict:
    """Arguments of a network of some thousand parameters."""
    return TINY


@pytest.fixture(scope="session")
def make_checkpoint() -> Callable[..., Card]:
    """``make_checkpoint(folder, name, seed=0, **facts)`` writes a tiny untrained checkpoint and returns its card."""

    def make(folder: Path, name: str, seed: int = 0, **facts) -> Card:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = SuperResolutionNetwork(NetworkConfig.model_validate(TINY))
        weights = {key: tensor.half() for key, tensor in network.state_dict().items()}
        usual = {
            "name": name,
            "title": name.upper(),
            "architecture": "pecl",
            "arguments": TINY,
            "loss": LossConfig(),
            "recipe": {},
            "stages": [],
            "data": [],
            "iterations": 1,
            "batch": 1,
            "seed": seed,
            "device": "CPU",
            "threads": 1,
            "precision": "32-true",
            "seconds": 1.0,
            "torch": torch.__version__,
            "kept_iteration": 1,
            "weights_dtype": "float16",
            "validation": {},
        }
        return save_checkpoint(folder, weights, usual | facts)

    return make


@pytest.fixture
def checkpoints(tmp_path: Path, make_checkpoint: Callable[..., Card]) -> Path:
    """A folder with the checkpoints "mse" and "pecl-manhattan"."""
    make_checkpoint(tmp_path / "checkpoints", "mse", 1)
    make_checkpoint(tmp_path / "checkpoints", "pecl-manhattan", 2)
    return tmp_path / "checkpoints"
