"""A recogniser of whole plates that gradients can pass through: which character stands at each position.

It guides the training of a restoration and scores nothing: what is scored is read by the engines in ``lpsr.readers``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.errors import InputError
from lpsr.models.embedder import BasicBlock
from lpsr.models.weights import load_tensors
from lpsr.plates import ALPHABET, LENGTHS

POSITIONS = max(LENGTHS)
# The class of a position that a shorter plate does not have, and the label of a plate whose text is unknown.
NOTHING, UNKNOWN = len(ALPHABET), -100
# Height and width that every picture is brought to, and those of the features.
_SIZE, _GRID = (32, 128), (8, 32)


class Recogniser(nn.Module):
    """Whole plates ``(N, 3, H, W)`` in [0, 1] to logits ``(N, 8, 66)``: the characters of ``ALPHABET``, or nothing.

    A few residual blocks (He et al., CVPR 2016) and, for each position, a softmax over the picture that says where to
    look: a tilted plate needs no rectification.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.blocks = nn.Sequential(BasicBlock(32, 64, 2), BasicBlock(64, 128, 2), BasicBlock(128, 192, 1))
        self.where = nn.Conv2d(192, POSITIONS, 1)
        self.place = nn.Parameter(_about_where())
        self.what = nn.Linear(192, NOTHING + 1)
        self.prior = nn.Parameter(torch.zeros(POSITIONS, NOTHING + 1))

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x.float(), _SIZE, mode="bilinear", antialias=True)
        features = self.blocks(self.stem(2 * x - 1))  # (N, 192, 8, 32)
        weights = (self.where(features).float() + self.place).flatten(2).softmax(-1)  # (N, 8, 256)
        seen = weights @ features.float().flatten(2).transpose(1, 2)  # (N, 8, 192)
        return self.what(seen).float() + self.prior


def _about_where() -> Tensor:
    """Where training begins to look for each position, as logits ``(8, 8, 32)``: seven characters side by side."""
    column = (torch.arange(_GRID[1]) + 0.5) / _GRID[1]
    centre = ((torch.arange(POSITIONS) + 0.5) / min(LENGTHS)).clamp(max=1)
    logits = -0.5 * ((column - centre[:, None]) / 0.07) ** 2
    return logits[:, None, :].expand(-1, _GRID[0], -1).clone()


def encode(texts: Sequence[str | None]) -> np.ndarray:
    """Plate texts as classes ``(N, 8)`` int64; ``UNKNOWN`` where there is no text."""
    labels = np.full((len(texts), POSITIONS), UNKNOWN, np.int64)
    for row, text in zip(labels, texts, strict=True):
        if text:
            row[:] = NOTHING
            row[: len(text)] = [ALPHABET.index(character) for character in text]
    return labels


def decode(logits: Tensor) -> list[str]:
    """The most likely text of each plate, logits ``(N, 8, 66)``."""
    return ["".join(ALPHABET[i] for i in row if i != NOTHING) for row in logits.argmax(-1).tolist()]


def recognition_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over characters, logits ``(N, 8, 66)``, labels ``(N, 8)``; 0 where every text is unknown."""
    total = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=UNKNOWN, reduction="sum")
    return total / (labels != UNKNOWN).sum().clamp(min=1)


def load_recogniser(path: str | Path) -> Recogniser:
    """The recogniser in a file of ``pretrain-recogniser``. Raises InputError for a foreign file."""
    tensors, _ = load_tensors(path)
    recogniser = Recogniser()
    try:
        recogniser.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
        missing = [name for name in recogniser.state_dict() if name not in tensors and "num_batches" not in name]
        if missing:
            raise RuntimeError(missing[0])
    except RuntimeError as error:
        raise InputError(f"{path} holds no recogniser; make one with: python -m lpsr pretrain-recogniser.") from error
    return recogniser
