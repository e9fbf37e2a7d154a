from importlib import metadata

import numpy as np
import pytest

from lpsr import __version__, passport


@pytest.fixture
def asked(monkeypatch):
    """The packages whose version was asked for, from a fresh start; paddleocr is not installed."""
    names = []

    def version(name):
        names.append(name)
        if name == "paddleocr":
            raise metadata.PackageNotFoundError(name)
        return metadata.version(name)

    monkeypatch.setattr(passport, "version", version)
    passport._installed.cache_clear()
    yield names
    passport._installed.cache_clear()


def test_packages_are_named_and_missing_ones_left_out(asked):
    found = passport.packages()
    assert found["numpy"] == np.__version__ and found["lpsr"] == __version__
    assert {"python", "torch"} <= found.keys() and "paddleocr" not in found


def test_packages_are_asked_for_once_and_every_answer_is_ones_own(asked):
    first = passport.packages()
    first["numpy"] = "mine"
    assert passport.packages()["numpy"] == np.__version__
    assert len(asked) == len(set(asked))
