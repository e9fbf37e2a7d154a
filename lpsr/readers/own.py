"""Plate readers of our own: a CRNN with CTC, trained on HR plates alone or on plates of any size."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpsr.images import reduced
from lpsr.plates import ALPHABET
from lpsr.readers.base import CtcReader
from lpsr.readers.weights import prepare_environment

if TYPE_CHECKING:
    from lpsr.checkpoints import ReaderCard

# Of the network's columns, the first being the CTC blank.
CHARACTERS = ("", *ALPHABET)
# From a picture, ``(H, W, 3)`` uint8 RGB, to logits ``(32, 66)`` float32.
Logits = Callable[[np.ndarray], np.ndarray]
# Of the longest side, px: what is larger is averaged down to it first, which is faster and no worse for 128 columns.
_LARGEST = 1024


class OwnReader(CtcReader):
    """A ``Reader`` by a network of the project's own.

    Attributes:
        logits: of the network, without temperature.
        weights: whose they are, as ``engine`` says it but for the temperature.
    """

    def __init__(self, card: "ReaderCard", logits: Logits) -> None:
        self.logits = logits
        # The module knows its version whichever of its packages (-gpu, ...) is installed.
        runtime = f"onnxruntime {import_module('onnxruntime').__version__}"
        self.weights = f"LPSR Lab {card.name}, weights {card.sha256[:12]}, {runtime}"
        engine = f"{self.weights}, temperature {card.temperature:.4g}"
        super().__init__(card.name, engine, CHARACTERS, self._tempered, card.threshold)
        self._temperature = card.temperature

    def _tempered(self, picture: np.ndarray) -> np.ndarray:
        return softmax(self.logits(picture), self._temperature)


def load(name: str, folder: str | Path | None = None) -> OwnReader:
    """The reader called ``name`` among the checkpoints in ``folder``, those of the project where None.

    Raises InputError where its weights or card are missing, do not belong together, or are of something else.
    """
    # It imports torch, which waits until a reader is asked for: the page starts without.
    from lpsr.checkpoints import CHECKPOINTS, read_auxiliary_card, shipped_auxiliary

    folder = CHECKPOINTS if folder is None else folder
    weights = shipped_auxiliary(name, folder)
    return OwnReader(read_auxiliary_card(name, folder), load_logits(weights))


def load_logits(weights: str | Path) -> Logits:
    """The logits that the network in a file of ``pretrain-reader`` gives; safe to call from several threads. Raises
    InputError for a foreign file."""
    prepare_environment()
    import onnxruntime
    import torch
    from torch.nn import functional as F

    from lpsr.models.plate_reader import SIZE, load_plate_reader
    from lpsr.readers.onnx_model import to_onnx

    options = onnxruntime.SessionOptions()
    # Pictures are read side by side; one of them is too small to share out.
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        to_onnx(load_plate_reader(weights)), options, providers=["CPUExecutionProvider"]
    )

    def logits(picture: np.ndarray) -> np.ndarray:
        # A copy, since torch takes neither negative strides nor read-only arrays.
        pixels = torch.from_numpy(reduced(picture, _LARGEST).copy()).permute(2, 0, 1)[None]
        # Of bytes it is faster than of floats by a multiple.
        small = F.interpolate(pixels, SIZE, mode="bicubic", antialias=True)
        return session.run(None, {"plate": small.numpy()})[0]

    return logits


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities of ``(..., V)`` logits divided by ``temperature``, in float64."""
    scaled = (logits - logits.max(-1, keepdims=True)) / np.float64(temperature)
    powers = np.exp(scaled)
    return powers / powers.sum(-1, keepdims=True)
