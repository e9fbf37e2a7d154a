"""Pipeline runs of a tiny network on generated plates."""

import shutil
from pathlib import Path

import pytest
import torch
from pipeline_runs import FakeReader, values

from lpsr.files import write_json
from lpsr.training import embedder, pipeline, stages
from lpsr.training.pipeline import run_pipeline
from lpsr.training.plan import Plan
from lpsr.training.recipe import parse
from lpsr.training.runs import SHARED
from lpsr.training.status import PLAN


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(stages, "get_reader", FakeReader)
    monkeypatch.setattr(pipeline, "_PATIENCE", 0.1)
    monkeypatch.setattr(embedder, "_VALIDATION_BATCHES", 1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def published(tmp_path, monkeypatch, make_checkpoint) -> Path:
    """Where checkpoints go; one that ships is there."""
    folder = tmp_path / "published"
    make_checkpoint(folder, "mse")
    monkeypatch.setattr(stages, "CHECKPOINTS", folder)
    return folder


@pytest.fixture(scope="session")
def plates(tmp_path_factory) -> Path:
    """What the data stage makes."""
    folder = tmp_path_factory.mktemp("plates")
    stages.prepare(parse(Plan, values("x")).data, folder / "x", folder / SHARED)
    return folder / SHARED


@pytest.fixture
def new(tmp_path, plates, published):
    """``new(name, **settings)`` submits a run; its plates are there already."""

    def make(name: str, more: dict | None = None, **settings) -> Path:
        root = tmp_path / "runs"
        if not (root / SHARED).exists():
            shutil.copytree(plates, root / SHARED)
        write_json(
            root / name / PLAN, parse(Plan, {**values(name, **settings), **(more or {})}).model_dump(mode="json")
        )
        return root / name

    return make


@pytest.fixture
def whole(new) -> Path:
    """A run that nothing disturbed."""
    folder = new("whole")
    assert run_pipeline(folder).state == "done"
    return folder
