"""The plates that a visitor can choose."""

import base64

import numpy as np

from lpsr.app.gallery import MOST, Shelf, caption, data_uri, shelves
from lpsr.app.language import Words, texts
from lpsr.data.generator import generate
from lpsr.data.plates import Plate
from lpsr.images import encode_png, open_picture


def test_pictures_travel_lossless(tmp_path):
    picture = generate(1, 1).picture
    code = data_uri(picture).partition(",")[2]
    path = tmp_path / "plate.png"
    path.write_bytes(base64.b64decode(code))
    np.testing.assert_array_equal(open_picture(path), picture)


def test_the_shelf_spreads_over_a_large_folder_and_leaves_out_broken_files(tmp_path):
    path = tmp_path / "plate.png"
    path.write_bytes(encode_png(generate(1, 2).picture))
    plates = [Plate(path, None, None, "test") for _ in range(200)]
    plates[0] = Plate(tmp_path / "gone.png", None, None, "test")
    shelf = Shelf("real", plates)
    assert len(shelf.entries) == MOST and shelf.entries[-1].plate is plates[196]
    assert shelf.html.count("<button") == MOST - 1
    assert 'title="real-2"' in shelf.html


def test_the_shipped_shelf_and_a_folder_of_real_plates(ccpd_root, monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    assert [shelf.name for shelf in shelves()] == ["rendered"] and len(shelves()[0].entries) >= 24
    real = shelves(ccpd_root)[1]
    assert len(real.entries) == MOST and {entry.plate.split for entry in real.entries} == {"test"}


def test_every_shipped_caption_is_translated(monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    for entry in shelves()[0].entries:
        assert all(f"gallery.{part}" in texts() for part in entry.caption.split(", ")), entry.caption
        assert caption(entry.caption, Words("en")) == entry.caption
    assert caption("somebody's own words", Words("zh")) == "somebody's own words"
