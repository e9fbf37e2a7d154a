"""The plate reader's network: shapes, its loss against enumeration, targets, and files that are none."""

import itertools
import math

import pytest
import torch

from lpsr.errors import InputError
from lpsr.models.network import count_parameters
from lpsr.models.plate_reader import BLANK, CLASSES, FRAMES, PlateReaderNetwork, ctc_loss, encode, load_plate_reader
from lpsr.models.weights import save_tensors
from lpsr.plates import ALPHABET


@pytest.fixture(scope="module")
def network() -> PlateReaderNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PlateReaderNetwork().eval()


@pytest.mark.parametrize("size", [(32, 128), (7, 19), (1, 1), (90, 300)])
def test_pictures_of_any_size_become_frames(network, size):
    with torch.inference_mode():
        assert network(torch.rand(2, 3, *size)).shape == (2, FRAMES, CLASSES)
    assert 0.9e6 < count_parameters(network) < 1.1e6


def likelihood(logits: torch.Tensor, text: str, symbols: list[int]) -> float:
    """Of a text, from the definition: the sum over all its paths."""
    probabilities = logits.softmax(1)
    wanted = [1 + ALPHABET.index(character) for character in text]
    return sum(
        math.prod(probabilities[frame, symbol].item() for frame, symbol in enumerate(path))
        for path in itertools.product(symbols, repeat=len(logits))
        if [symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK] == wanted
    )


def test_the_loss_is_that_of_all_paths():
    texts = ("A7", "皖A7", "77")
    symbols = [BLANK, *(1 + ALPHABET.index(one) for one in "皖A7")]
    logits = torch.full((3, 6, CLASSES), -40.0)
    logits[:, :, symbols] = 2 * torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1))
    expected = [-math.log(likelihood(one, text, symbols)) / len(text) for one, text in zip(logits, texts, strict=True)]
    assert ctc_loss(logits, *encode(texts)).item() == pytest.approx(sum(expected) / 3, rel=1e-4)


def test_a_text_that_fits_in_no_path_costs_nothing():
    logits = torch.zeros(1, 3, CLASSES, requires_grad=True)
    loss = ctc_loss(logits, *encode(["皖A12345"]))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_targets_stand_one_behind_the_other():
    classes, lengths = encode(["皖A1", "9"])
    assert classes.tolist() == [1 + ALPHABET.index(one) for one in "皖A19"] and lengths.tolist() == [3, 1]
    with pytest.raises(ValueError):
        encode(["警"])


def test_what_was_saved_is_loaded_and_nothing_else(network, tmp_path):
    state = network.state_dict()
    save_tensors(tmp_path / "whole.safetensors", state)
    loaded = load_plate_reader(tmp_path / "whole.safetensors")
    assert not loaded.training
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())
    for name, tensors in {"part": dict(list(state.items())[3:]), "other": {"w": torch.zeros(2)}}.items():
        save_tensors(tmp_path / f"{name}.safetensors", tensors)
        with pytest.raises(InputError, match="holds no plate reader"):
            load_plate_reader(tmp_path / f"{name}.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="not a complete safetensors file"):
        load_plate_reader(tmp_path / "broken.safetensors")
