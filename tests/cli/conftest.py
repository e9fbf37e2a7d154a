"""What the tests of several verbs share."""

import pytest

from lpsr import readers
from lpsr.cli import main
from lpsr.readers import Reading


class Reader:
    engine = "test reader 1.0"

    def read(self, picture):
        return Reading("皖A12345", "皖A12345", 0.5, (0.5,) * 7, self.engine, raw_confidence=0.25)


@pytest.fixture
def measure(plate_folder, checkpoints, monkeypatch):
    """``measure(verb, *arguments)`` on generated plates, tiny checkpoints and a reader that reads one text."""
    monkeypatch.setattr(readers, "get_reader", lambda name: Reader())

    def call(verb, *arguments) -> int:
        options = [verb, "--data", plate_folder, "--checkpoints", checkpoints, *arguments]
        return main([str(option) for option in options])

    return call
