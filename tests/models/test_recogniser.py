"""The recogniser that guides a restoration: texts as classes and back, its loss, its gradient, its file."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lpsr.errors import InputError
from lpsr.models.recogniser import (
    NOTHING,
    POSITIONS,
    UNKNOWN,
    Recogniser,
    decode,
    encode,
    load_recogniser,
    recognition_loss,
)
from lpsr.models.weights import half, save_tensors

TEXTS = ["皖A12345", "沪AD12345", None]


@pytest.fixture
def recogniser():
    torch.manual_seed(0)
    return Recogniser().eval()


def test_texts_become_classes_and_come_back():
    labels = encode(TEXTS)
    assert labels.shape == (3, POSITIONS) and labels.dtype == np.int64
    assert labels[0, 7] == NOTHING and (labels[2] == UNKNOWN).all()
    logits = F.one_hot(torch.from_numpy(labels[:2]), NOTHING + 1).float()
    assert decode(logits) == TEXTS[:2]


def test_the_loss_is_the_cross_entropy_of_what_is_known():
    logits = torch.randn(3, POSITIONS, NOTHING + 1, generator=torch.Generator().manual_seed(0))
    labels = torch.from_numpy(encode(TEXTS))
    expected = F.cross_entropy(logits[:2].flatten(0, 1), labels[:2].flatten())
    assert recognition_loss(logits, labels).item() == pytest.approx(expected.item(), rel=1e-6)
    assert recognition_loss(logits[2:], labels[2:]) == 0


@pytest.mark.parametrize("size", [(8, 16), (48, 152), (200, 640)])
def test_plates_of_any_size_are_read_and_gradients_reach_every_pixel(recogniser, size):
    plates = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1), requires_grad=True)
    logits = recogniser(plates)
    assert logits.shape == (2, POSITIONS, NOTHING + 1)
    recognition_loss(logits, torch.from_numpy(encode(TEXTS[:2]))).backward()
    assert plates.grad.isfinite().all() and (plates.grad.abs().sum((0, 1)) > 0).float().mean() > 0.99


def test_a_plate_is_read_alone_as_in_a_batch(recogniser):
    plates = torch.rand(3, 3, 40, 120, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(recogniser(plates)[1:2], recogniser(plates[1:2]), rtol=1e-4, atol=1e-5)


def test_a_file_is_read_back_and_a_foreign_one_refused(recogniser, tmp_path):
    tensors = {name: tensor for name, tensor in recogniser.state_dict().items() if tensor.is_floating_point()}
    save_tensors(tmp_path / "own.safetensors", half(tensors))
    plates = torch.rand(1, 3, 40, 120, generator=torch.Generator().manual_seed(3))
    read = load_recogniser(tmp_path / "own.safetensors").eval()
    torch.testing.assert_close(read(plates), recogniser(plates), rtol=0.02, atol=0.02)

    tensors.pop("what.weight")
    save_tensors(tmp_path / "part.safetensors", tensors)
    save_tensors(tmp_path / "foreign.safetensors", {"x": torch.zeros(1)})
    for name in ("part", "foreign"):
        with pytest.raises(InputError, match="holds no recogniser"):
            load_recogniser(tmp_path / f"{name}.safetensors")
