"""What the tests of training runs stop with and compare."""

import torch

from lpsr.files import read_json
from lpsr.models.weights import load_tensors
from lpsr.training.loop import (
    LOG,
    RUN,
    STATE,
    make_fabric,
    read_log,
)
from lpsr.training.trainer import BEST, train


def cpu():
    return make_fabric("32-true", "cpu")


def stop_after(count: int, request: str = "pause"):
    """Asks at the ``count``-th iteration of this sitting."""
    left = [count]

    def should_stop() -> str | None:
        left[0] -= 1
        return request if left[0] == 0 else None

    return should_stop


def log_of(folder) -> list[dict]:
    return [{key: value for key, value in entry.items() if "second" not in key} for entry in read_log(folder / LOG)]


def assert_same_run(first, second):
    assert log_of(first) == log_of(second)
    for name in (STATE, BEST):
        ours, theirs = load_tensors(first / name)[0], load_tensors(second / name)[0]
        assert ours.keys() == theirs.keys()
        assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    ours, theirs = read_json(first / RUN), read_json(second / RUN)
    assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def load_state(recipe, folder) -> torch.Tensor:
    train(recipe, folder)
    return load_tensors(folder / STATE)[0]["ema.output.weight"]
