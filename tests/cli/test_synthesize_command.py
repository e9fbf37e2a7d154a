"""``synthesize``: folders of plates and of photos."""

import json

import numpy as np
import pytest

from lpsr.cli import main
from lpsr.data.generator import generate, generate_photo
from lpsr.data.plates import open_plates
from lpsr.images import open_picture


def call(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def test_plates(tmp_path, capsys):
    assert call("synthesize", tmp_path / "plates", "--count", 2, "--seed", 3, "--suffix", ".png") == 0
    plates = open_plates(tmp_path / "plates")
    assert [plate.text for plate in plates] == [generate(3, index).text for index in range(2)]
    assert "index.csv" in capsys.readouterr().out


def test_photos_take_every_option(tmp_path, capsys):
    options = ["--count", 2, "--seed", 3, "--plates", 2, "--size", 200, 300, "--night", "--cropped"]
    folder = tmp_path / "photos"
    assert call("synthesize", folder, "--photos", *options, "--colours", "yellow", "--suffix", ".png") == 0
    for index, entry in enumerate(json.loads((folder / "truth.json").read_text(encoding="utf-8"))):
        photo = generate_photo(
            3, index, plates=2, size=(200, 300), night=True, cropped=True, colours=["yellow"], style=None
        )
        np.testing.assert_array_equal(open_picture(folder / entry["file"]), photo.picture)
    assert "truth.json" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--plates", 9], ["--size", 10, 10], ["--province", "A"]])
def test_senseless_photos_are_refused_in_a_sentence(tmp_path, options, capsys):
    assert call("synthesize", tmp_path / "photos", "--photos", "--count", 1, *options) != 0
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
