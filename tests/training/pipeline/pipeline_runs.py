"""What the tests of pipeline runs make and compare."""

from pathlib import Path

import torch

from lpsr.models.weights import load_tensors
from lpsr.readers import Reading
from lpsr.training.loop import LOG, STATE, read_log
from lpsr.training.pipeline import run_pipeline

TINY = {"channels": 8, "blocks": 1, "growth": 4, "dense_layers": 2, "reduction": 4, "upsample_channels": [8, 8, 8]}


class FakeReader:
    name = engine = "test reader"
    threshold = None

    def read(self, picture):
        return Reading("", "皖A12345", 0.5, (0.5,) * 7, self.engine, 0.5)


def values(name: str, **settings) -> dict:
    usual = {
        "network": TINY,
        "patch": [32, 32],
        "batch": 2,
        "iterations": 6,
        "learning_rate": 2e-3,
        "precision": "32-true",
        "ema": 0.9,
        "log_every": 2,
        "validate_every": 4,
    }
    return {
        "name": name,
        "data": {"kind": "generated", "count": 50},
        "settings": {**usual, **settings},
        "most_val": 2,
        "most_test": 2,
        "device": "cpu",
    }


class Asks:
    """Asks for something once, at the ``count``-th question within a stage."""

    def __init__(self, request: str, stage: str, count: int = 1) -> None:
        self.request, self.stage, self.left = request, stage, count
        self.now = ""
        self.stages: list[str] = []

    def report(self, name, stage, entry) -> None:
        self.now = name
        if entry is None and stage.state == "running" and name not in self.stages:
            self.stages.append(name)

    def __call__(self) -> str | None:
        if self.now == self.stage:
            self.left -= 1
        return self.request if self.left == 0 and self.now == self.stage else None

    def run(self, folder: Path):
        return run_pipeline(folder, should_stop=self, report=self.report)


def log_of(folder: Path) -> list[dict]:
    entries = read_log(folder / "train" / LOG)
    return [{key: value for key, value in entry.items() if "second" not in key} for entry in entries]


def assert_same_weights(first: Path, second: Path) -> None:
    ours, theirs = (folder / "checkpoint" / f"{folder.name}.safetensors" for folder in (first, second))
    assert ours.read_bytes() == theirs.read_bytes()
    ours, theirs = (load_tensors(folder / "train" / STATE)[0] for folder in (first, second))
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    assert log_of(first) == log_of(second)
