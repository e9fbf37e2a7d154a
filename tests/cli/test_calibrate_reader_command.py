"""``calibrate-reader``: a reader's temperature and threshold, chosen, checked, and put on its card."""

import numpy as np
import pytest

from lpsr import readers
from lpsr.checkpoints import ReaderCard, read_auxiliary_card, save_checkpoint
from lpsr.cli import main
from lpsr.data.plates import CROPS, open_plates
from lpsr.errors import InputError
from lpsr.files import read_json
from lpsr.model_card import model_card
from lpsr.models.plate_reader import CLASSES
from lpsr.models.weights import half
from lpsr.plates import ALPHABET
from lpsr.reader_calibration import SCALES, calibrate_reader
from lpsr.readers import Reading
from lpsr.readers.own import OwnReader, load

FACTS = {
    "name": "plate-hr",
    "title": "HR-trained reader",
    "architecture": "crnn-ctc",
    "recipe": {},
    "data": [],
    "iterations": 1,
    "batch": 1,
    "seed": 0,
    "device": "CPU",
    "precision": "32-true",
    "seconds": 0.0,
    "torch": "",
    "weights_dtype": "float16",
    "validation": {},
    "sha256": "0" * 64,
}


@pytest.fixture
def folder(tmp_path):
    """With an untrained reader "plate-hr"."""
    from lpsr.models.plate_reader import PlateReaderNetwork

    facts = {key: value for key, value in FACTS.items() if key != "sha256"}
    save_checkpoint(tmp_path / "readers", half(PlateReaderNetwork().state_dict()), facts, ReaderCard)
    return tmp_path / "readers"


def overconfident(plates):
    """Logits of one character a frame: sure of HR plates, and right; of reduced ones too sure, and mostly wrong."""
    texts = {plate.cut(crop).tobytes(): plate.text for plate in plates for crop in CROPS}

    def logits(picture):
        text = texts.get(picture.tobytes())
        shown = text or "皖A00000"
        found = np.zeros((32, CLASSES), np.float32)
        found[:, 0] = 12
        for place, character in enumerate(shown):
            found[4 * place, 1 + ALPHABET.index(character)] = 24 if text else 13
        return found

    return logits


def test_what_is_found_is_what_was_put_in(plate_folder):
    plates, check = open_plates(plate_folder, "train"), open_plates(plate_folder, "test")
    reader = OwnReader(ReaderCard.model_validate(FACTS), overconfident([*plates, *check]))
    seen = []
    found = calibrate_reader(
        plates, check, reader, data="plates", splits=("train", "test"), progress=lambda *of: seen.append(of)
    )
    assert seen[-1] == (9, 9) and len(seen) == 9
    for measured, n in ((found.chosen, 6), (found.checked, 3)):
        assert measured.plates == n
        assert {share.right for share in measured.exact["hr"].values()} == {n}
        assert {share.right for share in measured.exact["x8"].values()} == {0}
        assert measured.trust["hr"].right == 1 and measured.trust["x2"].right < 0.6
        assert measured.trust["all"].characters == sum(measured.trust[name].characters for name in SCALES)
    pooled = found.chosen.trust["all"]
    assert found.temperature != pytest.approx(1, abs=0.02)
    assert pooled.error < pooled.error_before
    # What is read on reduced plates is hardly ever right, and less sure: it is not printed.
    assert pooled.score > pooled.score_before
    assert found.chosen.trust["x8"].abstained == 1 and found.chosen.trust["hr"].abstained == 0
    assert pooled.coverage[-1] == 1 and pooled.risk[-1] == pytest.approx(1 - pooled.right)
    assert found.passport["reader"] == reader.weights and "temperature" not in reader.weights


def test_a_reader_of_others_is_measured_as_it_is(plate_folder):
    class Fixed:
        name = engine = "fixed"
        threshold = None

        def read(self, picture):
            return Reading("", "皖A12345", 0.25, (0.25,) * 7, self.engine, 0.0)

    plates = open_plates(plate_folder, "val")
    found = calibrate_reader(plates, (), Fixed(), data="plates", splits=("val", ""))
    trust = found.chosen.trust["all"]
    assert found.temperature is None and found.checked is None
    right = np.mean([[one == plate.text[i] for i, one in enumerate("皖A12345")] for plate in plates])
    assert trust.right == pytest.approx(right)
    assert trust.error == trust.error_before == pytest.approx(abs(0.25 - right))
    assert (found.threshold > 0.25) == (3 * right < 1)


def test_plates_of_unknown_text_and_none_are_refused(plate_folder):
    from dataclasses import replace

    reader = OwnReader(ReaderCard.model_validate(FACTS), lambda picture: np.zeros((32, CLASSES)))
    plates = open_plates(plate_folder, "val")
    with pytest.raises(InputError, match="no plates"):
        calibrate_reader([], plates, reader, data="", splits=("", ""))
    with pytest.raises(InputError, match="known text"):
        calibrate_reader(plates, [replace(plates[0], text=None)], reader, data="", splits=("", ""))


def test_the_card_takes_it(plate_folder, folder, tmp_path, capsys):
    options = ["plate-hr", "--data", plate_folder, "--split", "val", "--check", "test", "--checkpoints", folder]
    options += ["--json", tmp_path / "found.json", "--update"]
    assert main(["calibrate-reader", *map(str, options)]) == 0
    out = capsys.readouterr().out
    found = read_json(tmp_path / "found.json")
    card = read_auxiliary_card("plate-hr", folder)
    assert (card.temperature, card.threshold) == (found["temperature"], found["threshold"])
    assert card.test["exact"] == found["checked"]["exact"]
    assert (card.test["passport"]["split"], card.test["passport"]["n"]) == ("test", 3)
    assert card.calibration["chosen"]["trust"] == found["chosen"]["trust"]
    assert f"temperature {card.temperature:.3f}, threshold {card.threshold:g}" in out
    assert out.count("val, x8") == out.count("test, x8") == 2
    assert card.calibration["command"] == (
        "python -m lpsr calibrate-reader plate-hr --data plates --split val --check test --checkpoints readers --update"
    )
    assert str(tmp_path) not in (folder / "plate-hr.json").read_text(encoding="utf-8")
    words = (folder / "plate-hr.md").read_text(encoding="utf-8")
    assert words == model_card(card)
    assert "| HR | " in words and "| LR, ×8 | " in words and "Passport of these numbers" in words
    assert 'split: "test"' in words and "exact_match" in words
    reader = load("plate-hr", folder)
    assert reader.threshold == card.threshold and f"temperature {card.temperature:.4g}" in reader.engine
    # Once more it finds the same, whatever stands on the card.
    assert main(["calibrate-reader", *map(str, options)]) == 0
    assert read_auxiliary_card("plate-hr", folder) == card


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["plate-hr", "--update"], "give --check"),
        (["paddle-onnx", "--update", "--check", "test"], "has no card"),
        (["plate-hr", "--update", "--check", "test", "--limit", "2"], "leave --limit or --update out"),
        (["plate-hr", "--check", "val"], "two splits"),
        (["plate-hr", "--split", "all", "--check", "test"], "two splits"),
        (["plate-other"], r"no plate-other.safetensors"),
        (["tesseract"], "There is no reader 'tesseract'"),
    ],
)
def test_what_cannot_be_measured_is_said(plate_folder, folder, capsys, options, sentence):
    assert main(["calibrate-reader", *options, "--data", str(plate_folder), "--checkpoints", str(folder)]) == 2
    assert sentence in capsys.readouterr().err


def test_without_update_the_card_stays(plate_folder, folder, tmp_path, monkeypatch, capsys):
    before = (folder / "plate-hr.json").read_bytes()
    monkeypatch.setattr(readers, "get_reader", lambda name: pytest.fail("another reader was loaded"))
    arguments = ["plate-hr", "--data", str(plate_folder), "--checkpoints", str(folder)]
    arguments += ["--limit", "2", "--json", str(tmp_path / "found.json")]
    assert main(["calibrate-reader", *arguments]) == 0
    assert (folder / "plate-hr.json").read_bytes() == before
    found = read_json(tmp_path / "found.json")
    assert found["chosen"]["plates"] == 2 and "--limit 2" in found["command"]
    out = capsys.readouterr().out
    assert "--check test --update puts temperature and threshold on its card" in out
    assert "Chosen on few plates (2; at least 100 are advised): temperature and threshold are largely chance." in out
    monkeypatch.setattr("lpsr.cli.calibrate_reader._FEW", 2)
    assert main(["calibrate-reader", *arguments]) == 0
    assert "few plates" not in capsys.readouterr().out
