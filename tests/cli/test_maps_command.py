import argparse

import numpy as np
import pytest

from lpsr.cli import maps
from lpsr.cli.files import pictures
from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.images import open_picture, save_png
from lpsr.metrics.degradation import MAPS


def run(*arguments):
    parser = argparse.ArgumentParser()
    maps.add_arguments(parser)
    return maps.run(parser.parse_args(list(map(str, arguments))))


def picture(seed=0, height=24, width=48):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_help_is_a_phrase_like_the_other_verbs():
    assert maps.HELP[0].islower() and not maps.HELP.endswith(".")


def test_every_map_is_written_as_values_and_as_a_picture(tmp_path, capsys):
    save_png(tmp_path / "plate.png", picture())
    assert run(tmp_path / "plate.png", "--output", tmp_path / "out", "--json", tmp_path / "means.json") == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == sorted(f"plate.{name}.{kind}" for name in MAPS for kind in ("npy", "png"))
    report = read_json(tmp_path / "means.json")
    table = capsys.readouterr().out
    for name, one in MAPS.items():
        values = np.load(tmp_path / "out" / f"plate.{name}.npy")
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, one.function(picture()))
        assert open_picture(tmp_path / "out" / f"plate.{name}.png").shape == (24, 48, 3)
        assert report["pictures"][0][name] == pytest.approx(values.mean())
        assert report["maps"][name] == {"unit": one.unit, "range": list(one.range)}
        assert f"{values.mean():.3f}" in table and one.title in table


def test_colours_follow_the_maps_common_range(tmp_path):
    save_png(tmp_path / "flat.png", np.full((16, 16, 3), 90, np.uint8))
    save_png(tmp_path / "loud.png", picture())
    run(tmp_path, "--output", tmp_path / "out")
    lowest, highest = (68, 1, 84), (253, 231, 36)
    assert np.abs(open_picture(tmp_path / "out" / "flat.noise.png")[0, 0].astype(int) - lowest).max() <= 2
    assert np.abs(open_picture(tmp_path / "out" / "loud.noise.png")[0, 0].astype(int) - highest).max() <= 2


def test_a_bad_file_is_a_sentence_and_the_others_are_done(tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    save_png(tmp_path / "good.png", picture())
    out = tmp_path / "out"
    assert run(tmp_path / "bad.png", tmp_path / "good.png", "--output", out, "--json", tmp_path / "m.json") == 1
    error = capsys.readouterr().err
    assert error.startswith("lpsr: bad.png is not a picture") and error.count("\n") == 1
    assert (out / "good.noise.npy").is_file() and not (out / "bad.noise.npy").exists()
    assert len(read_json(tmp_path / "m.json")["pictures"]) == 1


def test_pictures_of_the_same_name_do_not_overwrite_each_other(tmp_path):
    for seed, name in enumerate(("a/plate.png", "b/plate.png", "c/plate.png")):
        save_png(tmp_path / name, picture(seed))
    assert run(tmp_path / "a", tmp_path / "b", tmp_path / "c", "--output", tmp_path / "out") == 0
    values = [np.load(path) for path in sorted((tmp_path / "out").glob("*.noise.npy"))]
    assert len(values) == 3 and len({one.tobytes() for one in values}) == 3


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        run(tmp_path / "no.png", "--output", tmp_path / "out")


def test_folders_stand_for_their_pictures(tmp_path):
    for name in ("b.png", "a.PNG", "sub/c.png", ".hidden/d.png", ".e.png"):
        save_png(tmp_path / name, picture())
    (tmp_path / "notes.txt").touch()
    expected = [tmp_path / name for name in ("a.PNG", "b.png", "sub/c.png")]
    assert pictures([tmp_path]) == expected
    assert pictures([tmp_path / "b.png", tmp_path]) == [expected[1], expected[0], expected[2]]
    assert pictures([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_no_pictures_is_a_sentence(tmp_path):
    for paths, words in (
        ([tmp_path], "holds no pictures"),
        ([tmp_path / "no"], "no file or folder"),
        ([], "No pictures"),
    ):
        with pytest.raises(InputError, match=words):
            pictures(paths)
