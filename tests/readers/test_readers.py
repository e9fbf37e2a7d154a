"""The engines: against the programs they stand on, on noise, in threads, without a network, when one is missing."""

import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lpsr import readers
from lpsr.data.generator import CLEAN, generate
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade, enlarge
from lpsr.errors import InputError
from lpsr.images import bounding_crop
from lpsr.metrics.reading import judge, rates
from lpsr.plates import ALPHABET, is_plate
from lpsr.readers import CtcReader, Reading, get_reader, paddle
from lpsr.readers.weights import MODEL_NAME, onnx_file, paddle_model_folder

ENGINES = ["paddle-onnx", "rapidocr"]


def crops(count: int) -> list[tuple[str, np.ndarray]]:
    plates = [generate(7, index, style=CLEAN) for index in range(count)]
    return [(plate.text, bounding_crop(plate.picture, plate.corners)) for plate in plates]


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Sharp plates, their bicubic ×8 versions, which read badly, and odd shapes."""
    sharp = [picture for _, picture in crops(6)]
    odd = [sharp[0][:20], np.ascontiguousarray(sharp[1][:, :30]), sharp[2][:5, :9], np.zeros((60, 190, 3), np.uint8)]
    return sharp + [enlarge(degrade(picture)) for picture in sharp] + odd


@pytest.fixture(scope="module")
def paddleocr():
    with paddle_model_folder(onnx_file()) as folder:
        return paddle._recognition(MODEL_NAME, folder, "onnxruntime", paddle.ONNX_CONFIG)


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_loaded", {})


def assert_reads_as_paddleocr(pictures: list[np.ndarray], paddleocr) -> None:
    texts = set()
    for picture in pictures:
        reading = get_reader("paddle-onnx").read(picture)
        [result] = paddleocr.predict(np.ascontiguousarray(picture[..., ::-1]))
        assert reading.raw_text == result["rec_text"]
        assert reading.raw_confidence == pytest.approx(result["rec_score"], abs=1e-6)
        texts.add(reading.raw_text)
    assert len(texts) > 5


def test_raw_text_and_score_are_paddleocrs(pictures, paddleocr) -> None:
    assert_reads_as_paddleocr(pictures, paddleocr)


def test_raw_text_and_score_are_paddleocrs_on_real_plates(ccpd_root: Path, paddleocr) -> None:
    assert_reads_as_paddleocr([plate.hr() for plate in open_plates(ccpd_root, "test")[::20]], paddleocr)


def test_paddleocr_takes_the_whole_character_list(paddleocr) -> None:
    import onnxruntime

    listed = (
        onnxruntime.InferenceSession(str(onnx_file())).get_modelmeta().custom_metadata_map["character"].splitlines()
    )
    assert len(listed) == 18708
    assert paddleocr.paddlex_predictor.post_op.character == ["blank", *listed, " "]


def test_raw_text_is_rapidocrs() -> None:
    from rapidocr import RapidOCR

    program = RapidOCR(params={"Global.log_level": "critical", "Rec.model_path": str(onnx_file())})
    for _, picture in crops(6):
        output = program(np.ascontiguousarray(picture[..., ::-1]), use_det=False, use_cls=False, use_rec=True)
        reading = get_reader("rapidocr").read(picture)
        assert (reading.raw_text,) == tuple(output.txts)
        assert reading.raw_confidence == pytest.approx(output.scores[0], abs=2e-5)


def test_both_engines_agree(pictures) -> None:
    for picture in pictures:
        one, other = (get_reader(name).read(picture) for name in ENGINES)
        assert (one.raw_text, one.plate_text) == (other.raw_text, other.plate_text)
        assert one.char_confidences == pytest.approx(other.char_confidences, abs=1e-5)


@pytest.mark.parametrize("name", ENGINES)
def test_sharp_plates_are_read(name: str) -> None:
    for text, picture in crops(8):
        reading = get_reader(name).read(picture)
        assert reading.plate_text == text
        assert reading.confidence > 0.9
        assert reading.confidence == pytest.approx(np.mean(reading.char_confidences))


def test_real_plates_are_read_better_under_the_grammar(ccpd_root: Path) -> None:
    plates = open_plates(ccpd_root, "test")[::10]
    readings = [get_reader().read(plate.hr()) for plate in plates]
    pairs = list(zip(plates, readings, strict=True))
    raw = rates(judge(plate.text, reading.raw_text) for plate, reading in pairs)
    constrained = rates(judge(plate.text, reading.plate_text) for plate, reading in pairs)
    assert constrained.exact > 0.7
    assert constrained.exact > raw.exact + 0.2
    right = [c for p, r in pairs if r.plate_text == p.text for c in r.char_confidences]
    assert np.mean(right) > 0.9


@pytest.mark.parametrize("name", ENGINES)
def test_noise_is_read_with_low_confidence(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        noise = [
            rng.integers(0, 256, (48, 160, 3), dtype=np.uint8),
            enlarge(rng.integers(0, 256, (7, 20, 3), dtype=np.uint8)),
            np.full((48, 160, 3), rng.integers(0, 256), np.uint8),
        ]
        for picture in noise:
            reading = get_reader(name).read(picture)
            assert is_plate(reading.plate_text)
            assert reading.confidence < 0.1
            assert all(reading.weak())


@pytest.mark.parametrize("name", ENGINES)
def test_threads_read_as_one_does(name: str, pictures) -> None:
    reader = get_reader(name)
    serial = [reader.read(picture) for picture in pictures]
    order = [i for _ in range(3) for i in range(len(pictures))]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda i: reader.read(pictures[i]), order))
    assert parallel == [serial[i] for i in order]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("shape", [(1, 1, 3), (400, 3, 3), (2, 3000, 3)])
def test_extreme_shapes_do_not_break(name: str, shape: tuple[int, int, int]) -> None:
    assert is_plate(get_reader(name).read(np.full(shape, 90, np.uint8)).plate_text)


@pytest.mark.parametrize("picture", [np.zeros((48, 160)), np.zeros((48, 160, 3)), np.zeros((0, 9, 3), np.uint8)])
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        get_reader("rapidocr").read(picture)


def test_the_recogniser_gets_the_picture_as_it_is() -> None:
    seen = []
    characters = ["blank", *ALPHABET]

    def probabilities(picture: np.ndarray) -> np.ndarray:
        seen.append(picture)
        return np.full((20, len(characters)), 1 / len(characters))

    reader = CtcReader("name", "engine", characters, probabilities)
    reader.read(np.full((4, 5, 3), (10, 20, 30), np.uint8))
    assert seen[0][0, 0].tolist() == [10, 20, 30]
    assert reader.threshold is None


def test_a_reading_as_json() -> None:
    reading = Reading("A·1", "皖A", 0.6, (0.3, 0.9), "engine", 0.5)
    assert reading.weak() == (True, False)
    assert reading.weak(0.2) == (False, False)
    assert reading.to_json() == {
        "raw_text": "A·1",
        "plate_text": "皖A",
        "confidence": 0.6,
        "char_confidences": [0.3, 0.9],
        "engine": "engine",
        "raw_confidence": 0.5,
        "weak": [True, False],
    }
    with pytest.raises(TypeError, match="raw_confidence"):
        Reading("", "", 0.0, (), "engine")


def test_labels_say_which_program_reads() -> None:
    import onnxruntime

    assert get_reader("paddle-onnx").engine.startswith("PaddleOCR 3.")
    assert get_reader("rapidocr").engine.startswith("RapidOCR 3.")
    for name in ENGINES:
        assert get_reader(name).engine.endswith(f", onnxruntime {onnxruntime.__version__}")


def test_a_reader_is_loaded_once(nothing_loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []

    def load(**options: str) -> SimpleNamespace:
        time.sleep(0.05)
        loads.append(options)
        return SimpleNamespace(name="slow")

    monkeypatch.setitem(readers.READERS, "slow", readers.Engine("", load))
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: get_reader("slow"), range(8)))
    assert loads == [{}]
    assert all(reader is got[0] for reader in got)
    assert get_reader("slow", model_dir="a") is not got[0]
    assert loads == [{}, {"model_dir": "a"}]


def test_without_paddleocr_rapidocr_reads_and_says_so(
    nothing_loaded: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "paddleocr", None)
    with caplog.at_level(logging.WARNING):
        reader = get_reader("paddle-onnx")
    assert reader.name == "rapidocr"
    assert "paddle-onnx cannot be loaded" in caplog.text
    text, picture = crops(1)[0]
    reading = reader.read(picture)
    assert reading.plate_text == text
    assert reading.engine.startswith("RapidOCR ")
    assert reader is get_reader("rapidocr")


def test_without_any_program_one_sentence_says_so(nothing_loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paddleocr", None)
    weights = onnx_file()
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    monkeypatch.setattr(paddle, "onnx_file", lambda: weights)
    monkeypatch.setattr(readers.rapid, "onnx_file", lambda: weights)
    with pytest.raises(InputError, match="The reader rapidocr cannot be loaded"):
        get_reader("paddle-onnx")


def test_without_weights_one_sentence_says_so(nothing_loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paddle.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install rapidocr"):
        get_reader("paddle-onnx")


def test_an_unknown_reader_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="paddle-onnx, rapidocr, paddle-native"):
        get_reader("tesseract")


def test_a_model_folder_of_the_users(nothing_loaded: None) -> None:
    text, picture = crops(1)[0]
    with paddle_model_folder(onnx_file()) as folder:
        reader = get_reader("paddle-onnx", model_dir=str(folder))
    assert reader.name == "paddle-onnx"
    assert reader.read(picture).plate_text == text


def test_a_folder_that_is_no_model_is_refused_and_never_replaced(nothing_loaded: None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"inference\.yml"):
        get_reader("paddle-onnx", model_dir=str(tmp_path / "nowhere"))
    (tmp_path / "inference.yml").write_text("Global: {model_name: PP-OCRv6_small_rec}")
    (tmp_path / "inference.onnx").write_bytes(b"not a network")
    with pytest.raises(InputError, match="cannot load the recognition model"):
        get_reader("paddle-onnx", model_dir=str(tmp_path))


def test_native_says_what_it_lacks(nothing_loaded: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find_spec = paddle.importlib.util.find_spec
    monkeypatch.setattr(paddle.importlib.util, "find_spec", lambda name: None if name == "paddle" else find_spec(name))
    with pytest.raises(InputError, match="paddlepaddle"):
        get_reader("paddle-native", model_dir=str(tmp_path))
    monkeypatch.setattr(paddle.importlib.util, "find_spec", lambda name: True if name == "paddle" else find_spec(name))
    with pytest.raises(InputError, match="--model-dir"):
        get_reader("paddle-native")
    with pytest.raises(InputError, match=r"inference\.yml"):
        get_reader("paddle-native", model_dir=str(tmp_path))


def test_native_reads_one_picture_at_a_time(monkeypatch: pytest.MonkeyPatch, paddleocr) -> None:
    # Stands in for paddlepaddle, whose predictors must not be shared: the ONNX network behind a turnstile.
    inside, crowded = threading.Semaphore(1), []

    def runner(x: list[np.ndarray]) -> list[np.ndarray]:
        if not inside.acquire(blocking=False):
            crowded.append(True)
            return paddleocr.paddlex_predictor.runner(x=x)
        try:
            return paddleocr.paddlex_predictor.runner(x=x)
        finally:
            inside.release()

    own = paddleocr.paddlex_predictor
    # The module, and no package "paddlepaddle": its GPU build has another name.
    monkeypatch.setitem(sys.modules, "paddle", SimpleNamespace(__version__="9.8"))
    predictor = SimpleNamespace(pre_tfs=own.pre_tfs, post_op=own.post_op, runner=runner)
    reader = paddle._reader("paddle-native", MODEL_NAME, "paddle", SimpleNamespace(paddlex_predictor=predictor))
    text, picture = crops(1)[0]
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(reader.read, [picture] * 12))
    assert {reading.plate_text for reading in readings} == {text}
    assert not crowded
    assert readings[0].engine == f"PaddleOCR {version('paddleocr')}, {MODEL_NAME}, paddlepaddle 9.8"


OFFLINE = """
import socket, sys
attempts = []
def refuse(*args, **kwargs):
    attempts.append(args)
    raise OSError("no network in this test")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
import numpy as np
from lpsr.readers import get_reader
heavy = {"paddleocr", "paddlex", "onnxruntime", "rapidocr", "torch"} & set(sys.modules)
assert not heavy, heavy
for name in ("paddle-onnx", "rapidocr"):
    reader = get_reader(name)
    assert reader.name == name, reader.name
    reader.read(np.zeros((48, 160, 3), np.uint8))
assert not attempts, attempts
print("offline")
"""


def test_readers_need_no_network_and_leave_the_home_tidy(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PADDLE", "ORT_", "XDG_", "DISABLE_MODEL"))}
    environment = {**clean, "HOME": str(tmp_path), "PYTHONPATH": str(Path(readers.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "offline\n"
    assert not (tmp_path / ".paddlex").exists()
    assert (tmp_path / ".cache" / "lpsr-lab").is_dir()
