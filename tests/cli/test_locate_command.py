"""``locate``: a line a plate, and the file."""

import json

import numpy as np
import pytest
from PIL import Image

from lpsr.cli import main
from lpsr.data.generator import generate_photo, synthesize_photos


def call(*arguments):
    return main(["locate", *map(str, arguments)])


@pytest.fixture
def reads(monkeypatch, reader):
    monkeypatch.setattr("lpsr.cli.locate.get_reader", lambda name: reader)


@pytest.fixture
def photo(tmp_path):
    found = generate_photo(3, 1, plates=2)
    Image.fromarray(found.picture).save(tmp_path / "street.png")
    return found


def test_a_line_a_plate_and_the_file(reads, photo, tmp_path, capsys):
    Image.new("RGB", (200, 300), (90, 90, 90)).save(tmp_path / "wall.png")
    assert call(tmp_path / "street.png", tmp_path / "wall.png", "--json", tmp_path / "plates.json") == 0
    lines = capsys.readouterr().out.splitlines()
    street, wall = json.loads((tmp_path / "plates.json").read_text(encoding="utf-8"))
    assert [one["file"] for one in (street, wall)] == [str(tmp_path / name) for name in ("street.png", "wall.png")]
    assert wall["plates"] == [] and lines[-1] == f"{tmp_path / 'wall.png'}    (no plate)"
    assert len(lines) == len(street["plates"]) + 1
    scores = [one["score"] for one in street["plates"]]
    assert scores == sorted(scores, reverse=True) and all(0 < one <= 1 for one in scores)
    for plate in photo.plates:
        errors = [np.abs(np.array(one["corners"]) - plate.corners).mean() for one in street["plates"]]
        best = int(np.argmin(errors))
        assert errors[best] < 0.05 * np.ptp(plate.corners[:, 0])
        assert lines[best].split()[1:4] == ["皖A12345", "score", f"{scores[best]:.2f}"]
        printed = [tuple(map(float, point.split(","))) for point in lines[best].split()[-4:]]
        np.testing.assert_allclose(printed, street["plates"][best]["corners"], atol=0.06)
        assert street["plates"][best]["text"] == "皖A12345"


def test_a_bad_file_is_said_and_the_others_are_located(reads, photo, tmp_path, capsys):
    (tmp_path / "bad.png").write_text("no picture")
    assert (
        call(tmp_path / "bad.png", tmp_path / "gone.png", tmp_path / "street.png", "--json", tmp_path / "a.json") == 1
    )
    out, err = capsys.readouterr()
    assert "bad.png" in err and "gone.png" in err and "Traceback" not in err
    assert [one["file"] for one in json.loads((tmp_path / "a.json").read_text())] == [str(tmp_path / "street.png")]
    assert out.count("street.png") >= 2


def test_a_reader_that_does_not_exist_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        call(tmp_path, "--reader", "none")
    assert end.value.code == 2 and "none" in capsys.readouterr().err


def test_a_clip_is_followed(reads, tmp_path, capsys):
    picture = generate_photo(3, 1, size=(320, 400)).picture
    frames = [Image.fromarray(np.roll(picture, 2 * step, axis=1)) for step in range(3)]
    frames[0].save(tmp_path / "burst.gif", save_all=True, append_images=frames[1:], duration=100)
    assert call(tmp_path / "burst.gif", "--json", tmp_path / "tracks.json") == 0
    (entry,) = json.loads((tmp_path / "tracks.json").read_text(encoding="utf-8"))
    assert entry["tracks"][0]["text"] == "皖A12345" and len(entry["tracks"][0]["frames"]) >= 1
    assert "皖A12345  seen in" in capsys.readouterr().out


def test_known_corners_are_checked(reads, tmp_path, capsys):
    synthesize_photos(tmp_path / "photos", 2, 5, size=(360, 480))
    assert call(tmp_path / "photos", "--check", "--json", tmp_path / "check.json") == 0
    result = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert result["plates"] == 2 and 0 <= result["found"]["share"] <= 1
    out = capsys.readouterr().out
    assert "2 photos, 2 plates" in out and "corner error: median" in out and "false alarms" in out
    assert str(tmp_path) not in json.dumps(result)


def test_a_check_needs_one_folder_with_known_corners(reads, tmp_path, capsys):
    assert call(tmp_path, tmp_path, "--check") == 2
    assert "one folder" in capsys.readouterr().err
    assert call(tmp_path / "photo.jpg", "--check") == 2
    assert "one folder" in capsys.readouterr().err
    assert call(tmp_path, "--check") == 2
    assert "holds no plates" in capsys.readouterr().err
