"""What the tests of several verbs share."""

import os
import signal

import pytest

from lpsr import readers
from lpsr.cli import main
from lpsr.readers import Reading


class Reader:
    engine = "test reader 1.0"
    threshold = None

    def read(self, picture):
        return Reading("皖A12345", "皖A12345", 0.5, (0.5,) * 7, self.engine, raw_confidence=0.25)


@pytest.fixture
def reader():
    """One that reads one text."""
    return Reader()


@pytest.fixture
def after_steps(monkeypatch):
    """``after_steps(count, action)``: ``action()`` once a training has taken so many steps; a list that grows by one
    with each."""
    from lpsr.training import trainer

    update = trainer.update_average

    def begin(count, action):
        steps = []

        def step(*arguments):
            update(*arguments)
            steps.append(len(steps))
            if len(steps) == count:
                action()

        monkeypatch.setattr(trainer, "update_average", step)
        return steps

    return begin


@pytest.fixture
def interrupt_after(after_steps):
    """``interrupt_after(count, number=SIGINT)``: what Ctrl-C (or another signal) does after so many steps; otherwise as
    ``after_steps``. Whoever handled the signals before must do so afterwards."""
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    yield lambda count, number=signal.SIGINT: after_steps(count, lambda: os.kill(os.getpid(), number))
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.fixture
def measure(plate_folder, checkpoints, reader, monkeypatch):
    """``measure(verb, *arguments)`` on generated plates, tiny checkpoints and a reader that reads one text."""
    monkeypatch.setattr(readers, "get_reader", lambda name: reader)

    def call(verb, *arguments) -> int:
        options = [verb, "--data", plate_folder, "--checkpoints", checkpoints, *arguments]
        return main([str(option) for option in options])

    return call
