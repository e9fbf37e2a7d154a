"""A reader of plates of our own: CRNN with CTC, from a picture of a plate to a distribution over characters a frame."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lpsr.errors import InputError
from lpsr.models.embedder import BasicBlock
from lpsr.models.weights import load_tensors
from lpsr.plates import ALPHABET

# Height and width that every picture is brought to; a frame is four columns of it.
SIZE, FRAMES = (32, 128), 32
# Of the logits: the CTC blank, then ALPHABET.
BLANK, CLASSES = 0, 1 + len(ALPHABET)


class PlateReaderNetwork(nn.Module):
    """Plates ``(N, 3, H, W)`` in [0, 1] to logits ``(N, 32, 66)``: a frame's blank and the characters of ``ALPHABET``.

    Residual blocks (He et al., CVPR 2016) down to one row of frames, and a bidirectional LSTM along them, as in Shi,
    Bai & Yao, "An End-to-End Trainable Neural Network for Image-based Sequence Recognition" (TPAMI 2017).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.blocks = nn.Sequential(BasicBlock(24, 48, 2), BasicBlock(48, 96, 2), BasicBlock(96, 160, (2, 1)))
        self.column = nn.Sequential(nn.Conv2d(160, 160, (4, 1), bias=False), nn.BatchNorm2d(160), nn.ReLU())
        self.along = nn.LSTM(160, 128, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.2)
        self.classify = nn.Linear(256, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != SIZE:
            x = F.interpolate(x.float(), SIZE, mode="bicubic", antialias=True)
        frames = self.column(self.blocks(self.stem(2 * x - 1)))[:, :, 0]  # (N, 160, 32)
        with torch.autocast(x.device.type, enabled=False):
            seen, _ = self.along(frames.float().transpose(1, 2))  # (N, 32, 256)
            return self.classify(self.drop(seen))


def fold_normalisation(network: PlateReaderNetwork) -> PlateReaderNetwork:
    """The network with every batch normalisation folded into its convolution: what it reads stays, it cannot be trained
    any more."""
    for part in (network.stem, network.column):
        part[0], part[1] = fuse_conv_bn_eval(part[0], part[1]), nn.Identity()
    for block in network.blocks:
        block.conv1, block.bn1 = fuse_conv_bn_eval(block.conv1, block.bn1), nn.Identity()
        block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
        block.downsample = fuse_conv_bn_eval(*block.downsample)
    return network


def encode(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Plate texts as CTC targets: their classes one after another ``(ΣL,)`` and their lengths ``(N,)``, int64."""
    classes = [1 + ALPHABET.index(character) for text in texts for character in text]
    return torch.tensor(classes), torch.tensor([len(text) for text in texts])


def ctc_loss(logits: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    """Mean CTC loss of a character in nats (Graves et al., ICML 2006), logits ``(N, T, 66)``; see ``encode``."""
    frames = torch.full((logits.shape[0],), logits.shape[1])
    log_probabilities = logits.float().log_softmax(2).transpose(0, 1)
    # CUDA's takes no targets of the CPU.
    return F.ctc_loss(log_probabilities, targets.to(logits.device), frames, lengths, BLANK, zero_infinity=True)


def load_plate_reader(path: str | Path) -> PlateReaderNetwork:
    """The network in a file of ``pretrain-reader``, ready to read. Raises InputError for a foreign file."""
    tensors, _ = load_tensors(path)
    network = PlateReaderNetwork()
    try:
        missing, _ = network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
        if missing := [name for name in missing if "num_batches" not in name]:
            raise RuntimeError(missing[0])
    except RuntimeError as error:
        raise InputError(f"{path} holds no plate reader; make one with: python -m lpsr pretrain-reader.") from error
    return network.eval()
