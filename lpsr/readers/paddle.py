"""PaddleOCR's text recognition: on ONNX Runtime with the weights at hand, or on paddlepaddle with the user's model."""

import importlib.util
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lpsr.errors import InputError
from lpsr.readers.base import CtcReader
from lpsr.readers.weights import MODEL_NAME, onnx_file, paddle_model_folder, prepare_environment

# One thread a session is faster than several on plates; without memory patterns, which ONNX Runtime keeps for every
# width it meets, a long-running process does not grow.
ONNX_CONFIG = {"intra_op_num_threads": 1, "inter_op_num_threads": 1, "enable_mem_pattern": False}


def load_onnx(model_dir: str | Path | None = None) -> CtcReader:
    """PaddleOCR on ONNX Runtime, PP-OCRv6 small; no paddlepaddle, no download.

    ``model_dir``: another recogniser in PaddleOCR's form, ``inference.onnx`` with ``inference.yml``.
    Raises InputError where that folder cannot be used.
    """
    prepare_environment()
    if model_dir is not None:
        return _from_user("paddle-onnx", Path(model_dir), "onnxruntime", ONNX_CONFIG)
    with paddle_model_folder(onnx_file()) as folder:
        recognition = _recognition(MODEL_NAME, folder, "onnxruntime", ONNX_CONFIG)
    return _reader("paddle-onnx", MODEL_NAME, "onnxruntime", recognition)


def load_native(model_dir: str | Path | None = None) -> CtcReader:
    """PaddleOCR on paddlepaddle, with a recogniser in ``model_dir`` (``inference.yml``, ``inference.json``, ...).

    Raises InputError where paddlepaddle is not installed or the folder is missing or cannot be used.
    """
    prepare_environment()
    if importlib.util.find_spec("paddle") is None:
        raise InputError("The reader paddle-native needs the package paddlepaddle; install it, or choose paddle-onnx.")
    if model_dir is None:
        raise InputError("The reader paddle-native needs the folder of a PaddleOCR recognition model (--model-dir).")
    return _from_user("paddle-native", Path(model_dir), "paddle", None)


def _from_user(name: str, folder: Path, engine: str, config: dict[str, Any] | None) -> CtcReader:
    import yaml

    try:
        settings = yaml.safe_load((folder / "inference.yml").read_text(encoding="utf-8"))
        model = settings["Global"]["model_name"]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise InputError(f"{folder} is no PaddleOCR model: its inference.yml is missing or names no model.") from error
    try:
        return _reader(name, model, engine, _recognition(model, folder, engine, config))
    except Exception as error:
        # PaddleOCR raises whatever it meets in a damaged or foreign model; the user chose the folder and is told.
        raise InputError(f"PaddleOCR cannot load the recognition model in {folder}: {error}") from error


def _recognition(model: str, folder: Path, engine: str, config: dict[str, Any] | None) -> Any:
    from paddleocr import TextRecognition

    # Without ``device`` PaddleOCR looks for GPUs through every framework it finds.
    return TextRecognition(model_name=model, model_dir=str(folder), engine=engine, engine_config=config, device="cpu")


def _reader(name: str, model: str, engine: str, recognition: Any) -> CtcReader:
    # The modules know their version whichever of their packages (-gpu, ...) is installed.
    runtime = f"{'onnxruntime' if engine == 'onnxruntime' else 'paddlepaddle'} {import_module(engine).__version__}"
    label = f"PaddleOCR {version('paddleocr')}, {model}, {runtime}"
    predictor = recognition.paddlex_predictor
    # ONNX Runtime sessions may be shared by threads, paddlepaddle predictors may not.
    guard = nullcontext() if engine == "onnxruntime" else threading.Lock()
    return CtcReader(name, label, predictor.post_op.character, _probabilities(predictor, guard))


def _probabilities(predictor: Any, guard: AbstractContextManager) -> Callable[[np.ndarray], np.ndarray]:
    """The steps of PaddleOCR's ``predict`` up to the network's output, which ``predict`` itself does not return."""

    def probabilities(picture: np.ndarray) -> np.ndarray:
        # The PP-OCR recognisers were trained on OpenCV's channel order.
        pictures = predictor.pre_tfs["Read"](imgs=[np.ascontiguousarray(picture[..., ::-1])])
        batch = predictor.pre_tfs["ToBatch"](imgs=predictor.pre_tfs["ReisizeNorm"](imgs=pictures))
        with guard:
            return predictor.runner(x=batch)[0][0]

    return probabilities
