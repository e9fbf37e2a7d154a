import os
import resource

import pytest
import torch
from safetensors.torch import save_file

from lpsr.errors import InputError
from lpsr.models.weights import load_tensors, save_tensors


def test_tensors_and_facts_are_read_back(tmp_path):
    save_tensors(tmp_path / "a.safetensors", {"x": torch.arange(4.0)}, name="皖", loss={"p": 2, "ema": None})
    tensors, facts = load_tensors(tmp_path / "a.safetensors")
    assert torch.equal(tensors["x"], torch.arange(4.0))
    assert facts == {"name": "皖", "loss": {"p": 2, "ema": None}}


def test_a_full_disk_is_a_sentence_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"x": torch.ones(2)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"^Cannot write .*a\.safetensors: .*\.$") as error:
            save_tensors(path, {"x": torch.ones(5000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(error.value)
    assert torch.equal(load_tensors(path)[0]["x"], torch.ones(2)) and os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("text", ["someone", "", "[" * 100_000])
def test_metadata_of_others_stays_text(tmp_path, text):
    save_file({"x": torch.ones(2)}, tmp_path / "a.safetensors", {"author": text, "format": "pt", "n": "3"})
    tensors, facts = load_tensors(tmp_path / "a.safetensors")
    assert facts == {"author": text, "n": 3} and torch.equal(tensors["x"], torch.ones(2))


def test_what_is_no_tensor_file_is_a_sentence(tmp_path):
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"x": torch.ones(5000)})
    for content in (b"", b"no tensors", path.read_bytes()[:-8]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a complete safetensors file"):
            load_tensors(path)
    with pytest.raises(InputError, match="no file"):
        load_tensors(tmp_path / "no.safetensors")
