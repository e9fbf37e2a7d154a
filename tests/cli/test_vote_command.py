"""``vote``: a folder of frames, character by character."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lpsr.cli import main
from lpsr.data.generator import CLEAN, generate, generate_photo, just
from lpsr.data.plates import open_plates
from lpsr.images import save_png
from lpsr.readers import Reading
from lpsr.rectify import rectify

TEXT = "京A12345"


def call(*arguments):
    return main(["vote", *map(str, arguments)])


class ByShade:
    """Reads a text by the picture's first pixel: its red names the text, its green the confidence in percent."""

    name, engine = "shade", "shade reader"
    texts = (TEXT, "京A12845", "京AD12345", "")

    threshold = None

    def __init__(self):
        self.shapes = []

    def read(self, picture):
        self.shapes.append(picture.shape)
        # Restored pictures have other shades.
        text, sure = self.texts[picture[0, 0, 0] % 4], min(float(picture[0, 0, 1]), 100) / 100
        return Reading(text, text, sure if text else 0.0, (sure,) * len(text), self.engine, 1.0)


@pytest.fixture
def reader(monkeypatch):
    found = ByShade()
    monkeypatch.setattr("lpsr.cli.vote.get_reader", lambda name: found)
    return found


@pytest.fixture
def folder(tmp_path):
    """Small cut plates, read by their shade: twice the truth, once a wrong digit, once another length, once nothing."""
    inside = tmp_path / "frames"
    inside.mkdir()
    for number, (text, sure) in enumerate([(0, 90), (1, 40), (0, 80), (2, 30), (3, 0)], 8):
        save_png(inside / f"{number}.png", np.full((16, 48, 3), (text, sure, 0), np.uint8))
    return inside


def test_frames_places_and_the_voted_text(reader, folder, tmp_path, capsys):
    assert call(folder, "--text", TEXT, "--weights", "majority", "--json", tmp_path / "vote.json") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "Reader: shade reader" in out and "Frames with the plate: 5" in out
    names = [line.split()[0] for line in lines if ".png" in line]
    # By their numbers, not their names' letters.
    assert names == ["8.png", "9.png", "10.png", "11.png", "12.png"]
    assert next(line for line in lines if line.startswith("11.png")).split()[1:5] == ["京AD12345", "no", "0.30", "48"]
    assert next(line for line in lines if line.startswith("8.png")).split()[1:5] == [TEXT, "yes", "0.90", "48"]
    assert next(line for line in lines if line.startswith("12.png")).split()[1:4] == ["(no", "text)", "no"]
    assert "place 5: 3 66.7 %  8 33.3 %" in lines
    assert "place 1: 京 100.0 %" in lines
    assert f"voted: {TEXT}  confidence 0.68" in lines
    assert f"true:  {TEXT}  exact; 2 of 5 frames alone are exact" in lines
    found = json.loads((tmp_path / "vote.json").read_text(encoding="utf-8"))
    assert (found["reader"], found["weights"], found["truth"]) == ("shade reader", "majority", TEXT)
    assert [one["frame"] for one in found["frames"]] == names
    assert {(one["width"], one["height"]) for one in found["frames"]} == {(48, 16)}
    (one,) = found["votes"]
    assert (one["model"], one["text"]) == ("none", TEXT)
    assert one["places"][4]["characters"] == [["3", pytest.approx(2 / 3)], ["8", pytest.approx(1 / 3)]]
    assert one["counted"] == [True, True, True, False, False]
    assert [reading["plate_text"] for reading in one["readings"]] == [TEXT, "京A12845", TEXT, "京AD12345", ""]


def test_a_vote_that_is_wrong_says_how_far(reader, folder, capsys):
    assert call(folder, "--text", "京 A·99945") == 0
    assert "true:  京A99945  4 of 7 characters in place; 0 of 5 frames alone are exact" in capsys.readouterr().out


def test_a_vote_for_each_model(reader, folder, checkpoints, tmp_path, capsys):
    wide = np.full((60, 500, 3), (0, 90, 0), np.uint8)
    save_png(folder / "9.png", wide[:, :170])
    options = ["--checkpoints", checkpoints, "--json", tmp_path / "vote.json"]
    assert call(folder, "--model", "none", "bicubic", "mse", "bicubic", *options) == 0
    out = capsys.readouterr().out
    assert out.index("As they are:") < out.index("Restored by bicubic:") < out.index("Restored by mse:")
    found = json.loads((tmp_path / "vote.json").read_text(encoding="utf-8"))
    assert [one["model"] for one in found["votes"]] == ["none", "bicubic", "mse"]
    assert (128, 384, 3) in reader.shapes
    # What is larger than plates that are restored is reduced before.
    assert max(shape[1] for shape in reader.shapes) == 8 * 128


def test_a_frame_of_another_plate_is_named(reader, folder, tmp_path, capsys):
    reader.texts = (TEXT, "粤BF9876", "京AD12345", "")
    options = [folder, "--weights", "majority", "--json", tmp_path / "vote.json"]
    assert call(*options) == 0
    # The frame read as another plate is not sure (40 %).
    assert "another plate" not in capsys.readouterr().out
    for number in (12, 13, 14):
        save_png(folder / f"{number}.png", np.full((16, 48, 3), (0, 90, 0), np.uint8))
    save_png(folder / "9.png", np.full((16, 48, 3), (1, 60, 0), np.uint8))
    assert call(*options) == 0
    assert "May show another plate: 9.png (no character" in capsys.readouterr().out
    (one,) = json.loads((tmp_path / "vote.json").read_text(encoding="utf-8"))["votes"]
    assert one["strangers"] == ["9.png"]
    # It is unsure to a reader that has another threshold.
    reader.threshold = 0.65
    assert call(*options) == 0
    assert "another plate" not in capsys.readouterr().out


def test_a_broken_frame_is_named_and_the_rest_counts(reader, folder, capsys):
    (folder / "10.png").write_bytes((folder / "8.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("no picture")
    assert call(folder) == 1
    out, err = capsys.readouterr()
    assert "10.png" in err and "damaged" in err and "Traceback" not in err and "notes.txt" not in err
    assert "Frames with the plate: 4" in out and "place 5: 3 69.2 %  8 30.8 %" in out


def test_a_picture_without_a_plate_is_named_and_the_rest_counts(reader, folder, capsys):
    Image.new("RGB", (200, 300), (90, 90, 90)).save(folder / "wall.png")
    assert call(folder) == 1
    out, err = capsys.readouterr()
    assert "wall.png" in err and "not found" in err
    assert "Frames with the plate: 5" in out


@pytest.mark.parametrize("broken", [False, True])
def test_a_folder_without_a_plate_is_refused(reader, tmp_path, capsys, broken):
    inside = tmp_path / "frames"
    inside.mkdir()
    if broken:
        (inside / "a.png").write_text("no picture")
    assert call(inside) == 2
    err = capsys.readouterr().err
    assert ("No frame shows a plate" if broken else "holds no pictures") in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "hello"], "hello"),
        (["--text", ""], "no text of a Chinese plate"),
        (["--model", "nonesuch"], "nonesuch"),
        (["--model", "../mse"], "../mse"),
    ],
)
def test_what_cannot_be_used_is_said(reader, folder, capsys, arguments, message):
    assert call(folder, *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_path_that_does_not_exist_is_said(reader, tmp_path, capsys):
    assert call(tmp_path / "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err


class OneText(ByShade):
    def read(self, picture):
        return Reading(TEXT, TEXT, 0.95, (0.95,) * 7, self.engine, 1.0)


@pytest.fixture
def one_text(monkeypatch):
    monkeypatch.setattr("lpsr.cli.vote.get_reader", lambda name: OneText())


def test_photos_are_located_and_a_close_crop_is_straightened(one_text, tmp_path, capsys):
    inside = tmp_path / "frames"
    inside.mkdir()
    street = generate_photo(3, 1, size=(320, 400)).picture
    for step in range(2):
        save_png(inside / f"photo {step}.png", np.roll(street, 2 * step, axis=1))
    shown = generate(1, 0, text=TEXT, style=replace(CLEAN, width=just(110)))
    save_png(inside / "plate.png", rectify(shown.picture, shown.corners))
    assert call(inside, "--json", tmp_path / "vote.json") == 0
    frames = json.loads((tmp_path / "vote.json").read_text(encoding="utf-8"))["frames"]
    assert [one["frame"] for one in frames] == ["photo 0.png", "photo 1.png", "plate.png"]
    # The plate in the photo, not the photo.
    assert all(20 < one["width"] < 320 for one in frames)


def test_a_clip(one_text, tmp_path, capsys):
    picture = generate_photo(3, 1, size=(320, 400)).picture
    frames = [Image.fromarray(np.roll(picture, 2 * step, axis=1)) for step in range(3)]
    frames[0].save(tmp_path / "burst.gif", save_all=True, append_images=frames[1:], duration=100)
    assert call(tmp_path / "burst.gif") == 0
    out = capsys.readouterr().out
    assert "frame 0 " in out and f"voted: {TEXT}" in out


def test_one_picture_is_no_vote(plate_folder, capsys):
    picture = open_plates(plate_folder, "val")[0].path
    assert main(["vote", str(picture)]) == 2
    assert "is one picture and no vote" in capsys.readouterr().err
