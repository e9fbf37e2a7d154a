"""``degrade`` and ``restore``: pictures in, PNG files out."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from lpsr.checkpoints import load_restorer
from lpsr.cli import main
from lpsr.cli.files import output_names
from lpsr.degrade import PAPER, PRESETS, Degradation, degrade, enlarge
from lpsr.images import open_picture, save_png


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in (("a.png", (40, 96)), ("inner/b.png", (33, 81))):
        save_png(tmp_path / "in" / name, rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    return tmp_path / "in"


def call(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def test_degrade_makes_the_papers_lr_pictures(folder, tmp_path, capsys):
    assert call("degrade", folder, "--output", tmp_path / "lr") == 0
    for name in ("a.png", "inner/b.png"):
        lr = open_picture(tmp_path / "lr" / name.split("/")[-1])
        assert np.array_equal(lr, degrade(open_picture(folder / name)))
    assert [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()] == ["12 × 5", "10 × 4"]


def test_degrade_passes_every_option_on(folder, tmp_path):
    degradation = Degradation(4, "area", 1.5, 3.0, -20.0, 6.0, 50, "after", "before", "before", 9)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(degradation).items()]
    assert call("degrade", folder / "a.png", "--output", tmp_path / "lr", *options) == 0
    expected = degrade(open_picture(folder / "a.png"), degradation)
    assert np.array_equal(open_picture(tmp_path / "lr" / "a.png"), expected)


def test_degrade_takes_a_preset_and_what_is_given_beside_it(folder, tmp_path):
    for number, (options, expected) in enumerate(
        [
            (("--preset", "cctv"), PRESETS["cctv"]),
            (
                ("--preset", "cctv", "--noise", 0, "--blur-at", "after"),
                replace(PRESETS["cctv"], noise=0, blur_at="after"),
            ),
            (("--motion", 9), replace(PAPER, motion=9)),
        ]
    ):
        out = tmp_path / str(number)
        assert call("degrade", folder / "a.png", "--output", out, *options) == 0
        assert np.array_equal(open_picture(out / "a.png"), degrade(open_picture(folder / "a.png"), expected))


def test_restore_writes_a_picture_for_each_model(folder, tmp_path, checkpoints):
    out = tmp_path / "sr"
    assert call("restore", folder / "a.png", "--output", out, "--checkpoints", checkpoints) == 0
    assert {path.name for path in out.iterdir()} == {"a.bicubic.png", "a.mse.png", "a.pecl-manhattan.png"}
    lr = open_picture(folder / "a.png")
    assert np.array_equal(open_picture(out / "a.bicubic.png"), enlarge(lr))
    assert np.array_equal(open_picture(out / "a.mse.png"), load_restorer("mse", checkpoints).restore(lr))


def test_restore_degrades_hr_pictures_first(folder, tmp_path):
    assert call("restore", folder, "--output", tmp_path / "sr", "--models", "bicubic", "--degrade") == 0
    for name in ("a.png", "inner/b.png"):
        sr = open_picture(tmp_path / "sr" / f"{name.split('/')[-1][0]}.bicubic.png")
        assert np.array_equal(sr, enlarge(degrade(open_picture(folder / name))))


def test_restore_in_tiles(folder, tmp_path, checkpoints):
    options = ("--models", "mse", "--checkpoints", checkpoints, "--tile", 12, "--overlap", 5)
    assert call("restore", folder / "a.png", "--output", tmp_path, *options) == 0
    expected = load_restorer("mse", checkpoints, tile=12, overlap=5).restore(open_picture(folder / "a.png"))
    assert np.array_equal(open_picture(tmp_path / "a.mse.png"), expected)


@pytest.mark.parametrize(("tile", "overlap"), [(12, 12), (4, 0), (12, -1)])
def test_impossible_tiles_are_refused(folder, tmp_path, checkpoints, capsys, tile, overlap):
    options = ("--models", "mse", "--checkpoints", checkpoints, "--tile", tile, f"--overlap={overlap}")
    try:
        status = call("restore", folder, "--output", tmp_path / "sr", *options)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert capsys.readouterr().err.startswith("lpsr: ")
    assert not (tmp_path / "sr").exists()


@pytest.mark.parametrize("verb", ["degrade", "restore"])
def test_a_bad_file_does_not_stop_the_others(folder, tmp_path, capsys, verb):
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "empty.png").write_bytes(b"")
    save_png(folder / "tiny.png", np.zeros((4, 4, 3), np.uint8))
    save_png(folder / "huge.png", np.zeros((600, 600, 3), np.uint8))
    options = ("--models", "bicubic") if verb == "restore" else ()
    assert call(verb, tmp_path / "nowhere.png", folder, "--output", tmp_path / "out", *options) == 1
    out, err = capsys.readouterr()
    complaints = err.splitlines()
    assert all(complaint.startswith("lpsr: ") for complaint in complaints)
    # degrade takes the huge one, restore the tiny one.
    unusable = ["nowhere", "bad", "empty", "tiny" if verb == "degrade" else "huge"]
    assert len(complaints) == 4
    assert all(name in line.replace(str(tmp_path), "") for name, line in zip(unusable, complaints, strict=True))
    assert len(out.splitlines()) == 3


def test_a_name_of_dots_stays_inside_the_output_folder():
    files = [Path("...png"), Path("..png"), Path(".png"), Path("a.png")]
    assert output_names(files) == ["picture..", "picture.", ".png", "a"]


def test_files_of_one_name_do_not_overwrite_each_other(folder, tmp_path):
    save_png(folder / "other" / "a.png", np.zeros((40, 96, 3), np.uint8))
    assert call("degrade", folder, "--output", tmp_path / "lr") == 0
    assert len(list((tmp_path / "lr").iterdir())) == 3
