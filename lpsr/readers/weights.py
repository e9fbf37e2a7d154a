"""The recogniser's weights on this computer, and the surroundings that its programs need to stay offline and tidy."""

import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from lpsr.errors import InputError

MODEL_NAME = "PP-OCRv6_small_rec"
# Channels, height and least width of the network's input, and the greatest width, to which wider pictures are squeezed.
INPUT_SHAPE = (3, 48, 320)
MAX_WIDTH = 3200


def prepare_environment() -> None:
    """Settings that count only before onnxruntime and paddlex are imported; what the user has set stays."""
    # The wheel otherwise writes a device identifier to disk.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # PaddleX otherwise makes ~/.paddlex and asks model hosts whether they can be reached.
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    if "PADDLE_PDX_CACHE_HOME" not in os.environ:
        os.environ["PADDLE_PDX_CACHE_HOME"] = str(_cache_folder())


def _cache_folder() -> Path:
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lpsr-lab" / "paddlex"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):
        # No home, or one that cannot be written to, as in many containers.
        pass
    return Path(tempfile.mkdtemp(prefix="lpsr-paddlex-"))


def onnx_file() -> Path:
    """The PP-OCRv6 small recogniser (Apache-2.0) in the rapidocr wheel. Raises InputError where it is missing."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("The reader's weights come with the package rapidocr, which is missing; pip install rapidocr.")
    path = Path(spec.submodule_search_locations[0]) / "models" / "PP-OCRv6_rec_small.onnx"
    if not path.is_file():
        raise InputError(
            f"rapidocr {version('rapidocr')} does not hold {path.name}; install the version in requirements.txt."
        )
    return path


@contextmanager
def paddle_model_folder(onnx: Path) -> Iterator[Path]:
    """A temporary folder with ``onnx`` in the form PaddleOCR loads: ``inference.onnx`` and ``inference.yml``."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    transforms = [
        {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
        {"RecResizeImg": {"image_shape": list(INPUT_SHAPE)}},
    ]
    config = {
        "Global": {"model_name": MODEL_NAME},
        "PreProcess": {"transform_ops": transforms},
        # One text where all are single characters: PaddleOCR takes it apart, and YAML reads it 0.35 s sooner.
        "PostProcess": {
            "name": "CTCLabelDecode",
            "character_dict": "".join(characters) if all(len(c) == 1 for c in characters) else characters,
        },
    }
    with tempfile.TemporaryDirectory(prefix="lpsr-reader-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            (folder / "inference.onnx").symlink_to(onnx)
        except (OSError, NotImplementedError):
            shutil.copyfile(onnx, folder / "inference.onnx")
        # JSON is YAML.
        (folder / "inference.yml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        yield folder
