"""What the page computes for a visitor."""

import dataclasses

import numpy as np
import pytest

from lpsr.app import session
from lpsr.app.gallery import shelves
from lpsr.app.link import Settings
from lpsr.app.session import Choice, compared, shipped_models
from lpsr.data.generator import generate
from lpsr.degrade import PAPER, PRESETS, degrade
from lpsr.errors import InputError
from lpsr.readers import Reading


@pytest.fixture
def entry(monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    return shelves()[0].entries[1]


@pytest.fixture
def bicubic_alone(monkeypatch):
    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic"])


def test_a_plate_of_the_shelf_is_compared_once_for_each_set_of_checkpoints(monkeypatch, tmp_path, entry):
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", tmp_path)
    notes = [("note_reader", {})]
    monkeypatch.setattr(
        session, "compared", lambda one: dataclasses.replace(one, comparison=object(), notes=tuple(notes))
    )
    monkeypatch.setattr(session, "read", lambda one: one)
    assert session.first(entry) is not session.first(entry), "trouble may pass"
    notes.clear()
    first = session.first(entry)
    assert first is session.first(entry) and first.text == entry.plate.text
    assert session.choose(entry) is first
    assert session.choose(entry, Settings(PRESETS["night"])).comparison is None
    (tmp_path / "mse.json").touch()
    assert session.first(entry) is not first


def test_settings_reach_the_comparison(bicubic_alone, entry):
    choice = compared(session.choose(entry, Settings(PRESETS["cctv"])))
    comparison = choice.comparison
    np.testing.assert_array_equal(comparison.lr, degrade(comparison.hr, PRESETS["cctv"]))
    assert comparison.text == entry.plate.text and comparison.corners is not None
    assert [result.reading for result in comparison.results] == [None] * 3


def test_a_large_picture_says_that_it_was_reduced(bicubic_alone):
    notes = dict(compared(Choice(np.zeros((300, 1280, 3), np.uint8))).notes)
    assert notes["note_reduced"] == {"before": "1280 × 300", "width": 640, "height": 144}


def test_a_small_picture_is_asked_about_and_a_direct_one_is_not(bicubic_alone):
    small = Choice(generate(1, 3).picture[:16, :48])
    assert "note_small" in dict(compared(small).notes)
    assert "note_small" not in dict(compared(dataclasses.replace(small, key="rendered-1")).notes)
    direct = dataclasses.replace(small, direct=True)
    assert "note_small" not in dict(compared(direct).notes)
    night = dataclasses.replace(direct, settings=Settings(PRESETS["night"]))
    assert "note_direct" in dict(compared(night).notes) and "note_direct" not in dict(compared(direct).notes)


def test_missing_and_broken_checkpoints_leave_the_others(monkeypatch):
    def load(name):
        if name == "mse":
            raise InputError("mse.safetensors does not match.")

    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic", "mse", "pecl-manhattan"])
    monkeypatch.setattr("lpsr.checkpoints.load_restorer", load)
    models, notes = session.usable_models(None)
    assert models == ["bicubic", "pecl-manhattan"]
    assert notes == [("note_checkpoint", {"name": "mse"}), ("note_missing", {"names": "pecl-euclidean, mse-long"})]
    assert shipped_models() == ["mse", "pecl-manhattan"]


def test_chosen_models_are_compared_in_the_order_of_the_page(monkeypatch):
    monkeypatch.setattr("lpsr.checkpoints.known_models", lambda: ["bicubic", "mse", "a", "b"])
    monkeypatch.setattr("lpsr.checkpoints.load_restorer", lambda name: None)
    models, notes = session.usable_models(("b", "mse", "gone"))
    assert models == ["bicubic", "mse", "b"] and notes == [("note_missing", {"names": "gone"})]
    assert session.usable_models(()) == (["bicubic"], [])


def test_without_a_reader_the_pictures_stay_and_a_note_says_so(monkeypatch, bicubic_alone, caplog):
    def fail(name):
        raise InputError("The reader cannot be loaded.")

    monkeypatch.setattr("lpsr.readers.get_reader", fail)
    choice = session.read(compared(Choice(generate(1, 3).picture)))
    assert choice.notes[-1] == ("note_reader", {}) and len(choice.comparison.results) == 3
    assert caplog.text.count("\n") == 1


def test_the_default_settings_are_the_papers():
    assert Choice(np.zeros((8, 8, 3), np.uint8)).settings == Settings() == Settings(PAPER, None)


class Reader:
    def __init__(self, name, threshold=None):
        self.name, self.engine, self.threshold = name, f"{name}, fake", threshold

    def read(self, picture):
        return Reading("", "京A86P20", 0.9, (0.9,) * 7, self.engine, 0.9)


@pytest.fixture
def readers(monkeypatch):
    """Readers that are here, by name."""
    here = {"paddle-onnx": Reader("paddle-onnx"), "plate-hr": Reader("plate-hr", 0.8)}

    def get(name):
        if name not in here:
            raise InputError(f"There is no file /srv/{name}.")
        return here[name]

    monkeypatch.setattr("lpsr.readers.get_reader", get)
    return here


def test_another_reader_reads_the_same_pictures_again(entry, bicubic_alone, readers):
    choice = session.read(compared(session.choose(entry, Settings(reader="paddle-onnx"))))
    again = session.afresh(choice, Settings(reader="plate-hr"))
    assert again.unread and not choice.unread
    assert all(one.reading is None for one in again.comparison.results) and again.comparison.verdict is None
    read = session.read(again)
    pairs = zip(choice.comparison.results, read.comparison.results, strict=True)
    assert all(one.picture is other.picture and one.psnr == other.psnr for one, other in pairs)
    assert (read.comparison.reader, read.comparison.threshold) == ("plate-hr", 0.8) and not read.unread
    assert read.comparison.passport["reader"] == "plate-hr, fake"


def test_a_reader_that_cannot_be_loaded_is_replaced_and_said(entry, bicubic_alone, readers, caplog):
    choice = session.read(compared(session.choose(entry, Settings(reader="plate-multiscale"))))
    assert choice.comparison.reader == "paddle-onnx"
    assert choice.notes[-1] == ("note_engine", {"name": "plate-multiscale"}) and "/srv" in caplog.text
    assert session.afresh(choice, Settings(reader="plate-hr")).notes == choice.notes[:-1]
    readers.clear()
    alone = session.read(session.afresh(choice, Settings()))
    assert alone.notes[-1] == ("note_reader", {}) and not alone.unread and not alone.comparison.reader


def test_a_kept_plate_is_not_restored_again_for_another_reader(monkeypatch, tmp_path, entry, bicubic_alone, readers):
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", tmp_path)
    monkeypatch.setattr(session, "usable_models", lambda chosen: (["bicubic"], []))
    first = session.first(entry)
    other = session.choose(entry, Settings(reader="plate-hr"))
    assert other.unread and other.comparison.results[0].picture is first.comparison.results[0].picture
    assert session.choose(entry, Settings(models=("mse",), reader="plate-hr")).comparison is None
