"""The project's own readers: decode against references, honesty, threads, and files that are none."""

import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from lpsr import readers
from lpsr.checkpoints import PLATE, ReaderCard, load_restorer, read_auxiliary_card, save_checkpoint, write_card
from lpsr.cli import main
from lpsr.data.generator import CLEAN, generate
from lpsr.errors import InputError
from lpsr.files import read_json, sha256, write_json
from lpsr.images import bounding_crop, save_png
from lpsr.models.plate_reader import CLASSES, SIZE, PlateReaderNetwork, fold_normalisation, load_plate_reader
from lpsr.models.restorer import to_tensor
from lpsr.models.weights import half, load_tensors, save_tensors
from lpsr.plates import ALPHABET, is_plate
from lpsr.readers import get_reader
from lpsr.readers.decode import PlateDecoder, greedy
from lpsr.readers.own import CHARACTERS, OwnReader, load, load_logits, softmax


def network(seed: int = 0) -> PlateReaderNetwork:
    """Untrained, with statistics of its own in every normalisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = PlateReaderNetwork()
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for tensor in (module.running_mean, module.weight, module.bias):
                    torch.nn.init.normal_(tensor, 0.5, 0.3)
                torch.nn.init.uniform_(module.running_var, 0.5, 2)
        torch.nn.init.normal_(made.classify.weight, 0, 2)
    return made.eval()


@pytest.fixture(scope="module")
def made() -> PlateReaderNetwork:
    return network()


@pytest.fixture
def folder(tmp_path: Path, made: PlateReaderNetwork) -> Path:
    """With the untrained reader "plate-hr"."""
    facts = dict.fromkeys(("device", "precision", "torch"), "") | {"recipe": {}, "data": [], "validation": {}}
    facts |= {"iterations": 1, "batch": 1, "seed": 0, "seconds": 0.0, "weights_dtype": "float16"}
    facts |= {"name": "plate-hr", "title": "HR-trained reader", "architecture": "crnn-ctc"}
    save_checkpoint(tmp_path, half(made.state_dict()), facts, ReaderCard)
    return tmp_path


@pytest.fixture
def calibrated(folder: Path) -> Path:
    card = read_auxiliary_card("plate-hr", folder)
    write_card(card.model_copy(update={"temperature": 4.0, "threshold": 0.2}), folder)
    return folder


def plate(index: int = 0) -> np.ndarray:
    one = generate(7, index, style=CLEAN)
    return bounding_crop(one.picture, one.corners)


def test_folding_changes_nothing_that_is_read(made):
    pictures = torch.rand(3, 3, *SIZE)
    with torch.inference_mode():
        before = made(pictures)
        after = fold_normalisation(network())(pictures)
    assert before.std() > 1
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-3)


def test_a_reading_is_the_networks_own(folder):
    # In float16, as the file has it.
    plain = load_plate_reader(folder / "plate-hr.safetensors")
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = plain(to_tensor(picture))[0]
    np.testing.assert_allclose(load_logits(folder / "plate-hr.safetensors")(picture), expected, atol=1e-3)
    reading = get_reader("plate-hr", folder=str(folder)).read(picture)
    probabilities = expected.softmax(1).numpy()
    text, confidence = greedy(probabilities, CHARACTERS)
    assert (reading.raw_text, reading.raw_confidence) == (text, pytest.approx(confidence, abs=1e-3))
    plate = PlateDecoder(CHARACTERS).decode(probabilities)
    assert reading.plate_text == plate.text
    assert reading.char_confidences == pytest.approx(plate.confidences, abs=1e-3)


def test_it_gets_rgb_and_any_array(folder):
    read = load_logits(folder / "plate-hr.safetensors")
    picture = plate()
    turned = np.ascontiguousarray(picture[..., ::-1])[..., ::-1]
    turned.flags.writeable = False
    assert turned.strides[2] < 0
    assert np.array_equal(read(turned), read(picture))
    assert not np.allclose(read(np.ascontiguousarray(picture[..., ::-1])), read(picture), atol=0.01)


def reference_greedy(path: list[int]) -> str:
    return "".join(CHARACTERS[symbol] for symbol, _ in itertools.groupby(path) if symbol)


@pytest.mark.parametrize("seed", range(5))
def test_raw_text_equals_the_plain_reference(seed, folder):
    rng = np.random.default_rng(seed)
    card = read_auxiliary_card("plate-hr", folder)
    logits = rng.normal(0, 1, (32, CLASSES))
    # Few columns, so that repeats and blanks occur.
    logits[:, rng.permutation(CLASSES)[:4]] += 5
    logits[:, 0] += 4
    reading = OwnReader(card, lambda picture: logits).read(plate())
    assert reading.raw_text == reference_greedy(logits.argmax(1).tolist()) != ""


@pytest.mark.parametrize("seed", range(4))
def test_the_plate_text_is_the_best_of_all_paths(seed, folder):
    # Seven frames, four columns that count: 4^7 paths, and no temperature changes which is best.
    columns = [0, *(1 + ALPHABET.index(one) for one in "皖A7")]
    rng = np.random.default_rng(seed)
    logits = np.full((8, CLASSES), -60.0)
    logits[:, columns] = rng.normal(0, 2, (8, len(columns)))
    best = max(
        (path for path in itertools.product(columns, repeat=8) if is_plate(reference_greedy(path))),
        key=lambda path: logits[range(8), path].sum(),
    )
    card = read_auxiliary_card("plate-hr", folder)
    for temperature in (0.5, 1, 3):
        tempered = card.model_copy(update={"temperature": temperature})
        reading = OwnReader(tempered, lambda picture: logits).read(plate())
        assert reading.plate_text == reference_greedy(best)


def test_temperature_and_threshold_are_those_of_the_card(calibrated):
    reader = load("plate-hr", calibrated)
    card = read_auxiliary_card("plate-hr", calibrated)
    plain = OwnReader(card.model_copy(update={"temperature": 1.0, "threshold": None}), reader.logits)
    mild, sure = (one.read(plate()) for one in (reader, plain))
    assert mild.plate_text == sure.plate_text
    assert mild.raw_text == sure.raw_text
    assert mild.confidence < sure.confidence
    probabilities = softmax(reader.logits(plate()), 4)
    assert mild.char_confidences == PlateDecoder(CHARACTERS).decode(probabilities).confidences
    assert (reader.threshold, plain.threshold) == (0.2, None)
    digest = card.sha256[:12]
    assert (
        reader.engine
        == mild.engine
        == f"LPSR Lab plate-hr, weights {digest}, onnxruntime {onnxruntime.__version__}, temperature 4"
    )


def test_a_reading_abstains_below_the_threshold():
    reading = readers.Reading("皖A1", "皖A12345", 0.5, (0.1, 0.2, 0.3, 0.9, 0.9, 0.9, 0.29), "engine", 0.5)
    assert reading.abstained(0.3) == "__1234_"
    assert reading.abstained(0) == "皖A12345"
    assert readers.Reading("", "", 0.0, (), "engine", 0.0).abstained(0.3) == ""


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 4, 3), (400, 3, 3), (2, 4000, 3), (1300, 4000, 3)])
def test_extreme_shapes_do_not_break(folder, shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    reading = get_reader("plate-hr", folder=str(folder)).read(picture)
    assert is_plate(reading.plate_text) and all(0 <= one <= 1 for one in reading.char_confidences)


def test_threads_read_as_one_does(folder):
    reader = load("plate-hr", folder)
    pictures = [plate(index) for index in range(4)]
    serial = [reader.logits(one) for one in pictures]
    assert all(np.abs(serial[0] - one).max() > 0.01 for one in serial[1:])
    with ThreadPoolExecutor(4) as pool:
        for found, expected in zip(pool.map(reader.logits, pictures * 3), serial * 3, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_without_weights_one_sentence_says_how_to_get_them(tmp_path):
    with pytest.raises(InputError, match=r"no plate-multiscale\.safetensors in .* pretrain-reader"):
        get_reader("plate-multiscale", folder=str(tmp_path))


def test_other_bytes_are_refused(folder):
    path = folder / "plate-hr.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="does not match the SHA-256"):
        load("plate-hr", folder)


@pytest.mark.parametrize("change", ["empty", "shape", "missing"])
def test_foreign_weights_are_refused(folder, change):
    path = folder / "plate-hr.safetensors"
    tensors, _ = load_tensors(path)
    if change == "shape":
        tensors["classify.bias"] = torch.zeros(3)
    elif change == "missing":
        del tensors["along.weight_hh_l0"]
    else:
        tensors = {"w": torch.zeros(1)}
    save_tensors(path, tensors)
    write_json(folder / "plate-hr.json", read_json(folder / "plate-hr.json") | {"sha256": sha256(path)})
    with pytest.raises(InputError, match="no plate reader"):
        load("plate-hr", folder)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"temperature": 0}, "not the card of an auxiliary"),
        ({"temperature": "hot"}, "not the card of an auxiliary"),
        ({"threshold": 2}, "not the card of an auxiliary"),
        ({"stars": 5}, "not the card of an auxiliary"),
        ({"name": "plate-multiscale"}, "the card of 'plate-multiscale'"),
        ({"architecture": "corner-heatmaps"}, "does not fit its name"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(folder, values, sentence):
    write_json(folder / "plate-hr.json", read_json(folder / "plate-hr.json") | values)
    with pytest.raises(InputError, match=sentence):
        load("plate-hr", folder)


def test_a_restoration_of_such_a_name_is_no_reader_but_still_a_checkpoint(checkpoints, capsys):
    # It was made before the readers took the name.
    for suffix in (".safetensors", ".json"):
        (checkpoints / f"mse{suffix}").rename(checkpoints / f"plate-hr{suffix}")
    write_json(checkpoints / "plate-hr.json", read_json(checkpoints / "plate-hr.json") | {"name": "plate-hr"})
    with pytest.raises(InputError, match="not the card of an auxiliary"):
        load("plate-hr", checkpoints)
    assert load_restorer("plate-hr", checkpoints).name == "plate-hr"
    assert main(["card", "plate-hr", "--checkpoints", str(checkpoints)]) == 0
    assert "license plates ×8" in (checkpoints / "plate-hr.md").read_text(encoding="utf-8")


def test_read_prints_what_is_not_trusted(calibrated, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(readers, "_loaded", {})
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", calibrated)
    save_png(tmp_path / "plate.png", plate())
    save_png(tmp_path / "dot.png", np.full((1, 1, 3), 90, np.uint8))
    arguments = [str(tmp_path / "plate.png"), str(tmp_path / "dot.png"), "--reader", "plate-hr"]
    assert main(["read", *arguments, "--json", str(tmp_path / "out.json")]) == 1
    out, err = capsys.readouterr()
    assert "dot.png is 1 × 1 pixels" in err
    head, line = out.splitlines()
    [row] = read_json(tmp_path / "out.json")
    assert "plate-hr, weights" in head
    expected = [c if value >= 0.2 else "_" for c, value in zip(row["plate_text"], row["char_confidences"], strict=True)]
    assert row["abstained"] == "".join(expected) and row["threshold"] == 0.2
    assert "_" in row["abstained"]
    assert f"{row['abstained']}  confidence" in line and f"guess {row['plate_text']}" in line
    assert main(["read", *arguments, "--model-dir", str(tmp_path)]) == 2
    assert "has its own weights" in capsys.readouterr().err


def test_no_torch_before_a_reader_is_asked_for():
    code = (
        "import sys, lpsr.readers; assert not {'torch', 'onnx', 'onnxruntime'} & {*sys.modules}; "
        "print(*lpsr.readers.READERS)"
    )
    root = Path(readers.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert {f"{PLATE}-hr", f"{PLATE}-multiscale"} < set(done.stdout.split())
