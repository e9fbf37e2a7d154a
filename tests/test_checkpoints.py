"""Checkpoints: what fits is loaded, what does not is refused with a sentence."""

import json
import pickle

import numpy as np
import pytest
import torch

from lpsr.checkpoints import (
    AUXILIARIES,
    WeightsCard,
    known_models,
    list_checkpoints,
    load_restorer,
    read_card,
    save_checkpoint,
    shipped_auxiliary,
    write_card,
)
from lpsr.errors import InputError
from lpsr.files import sha256
from lpsr.models.network import NetworkConfig, SuperResolutionNetwork
from lpsr.models.restorer import NetworkRestorer
from lpsr.models.weights import half, load_tensors, save_tensors, with_prefix, without_prefix

LR = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def edit(folder, checkpoint, **values):
    path = folder / f"{checkpoint}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values), encoding="utf-8")


def rehash(folder, name):
    edit(folder, name, sha256=sha256(folder / f"{name}.safetensors"))


def test_a_checkpoint_restores_what_was_saved(checkpoints, tiny_network):
    card = read_card("mse", checkpoints)
    network = SuperResolutionNetwork(NetworkConfig.model_validate(tiny_network))
    tensors, _ = load_tensors(checkpoints / "mse.safetensors")
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    restorer = load_restorer("mse", checkpoints)
    assert restorer.name == "mse"
    assert np.array_equal(restorer.restore(LR), NetworkRestorer(network, "mse").restore(LR))
    assert card.sha256 == sha256(checkpoints / "mse.safetensors")
    other = load_restorer("pecl-manhattan", checkpoints).restore(LR)
    assert not np.array_equal(other, restorer.restore(LR))


def test_a_restorer_is_kept_in_memory_until_its_file_changes(checkpoints, make_checkpoint):
    first = load_restorer("mse", checkpoints)
    assert load_restorer("mse", checkpoints) is first
    make_checkpoint(checkpoints, "mse", 3)
    second = load_restorer("mse", checkpoints)
    assert not np.array_equal(first.restore(LR), second.restore(LR))


def test_bicubic_needs_no_checkpoint(tmp_path):
    assert load_restorer("bicubic", tmp_path).name == "bicubic"
    assert known_models(tmp_path) == ["bicubic"]
    assert known_models(tmp_path / "missing") == ["bicubic"]


def test_the_order_is_the_headline_three_then_by_name(checkpoints, make_checkpoint):
    for name in ("zebra", "pecl-euclidean", "alpha"):
        make_checkpoint(checkpoints, name)
    assert known_models(checkpoints) == ["bicubic", "mse", "pecl-euclidean", "pecl-manhattan", "alpha", "zebra"]
    restorer = load_restorer("alpha", checkpoints)
    assert (restorer.title, restorer.sha256) == ("ALPHA", sha256(checkpoints / "alpha.safetensors"))


def test_a_card_survives_being_written(checkpoints):
    card = read_card("mse", checkpoints).model_copy(update={"test": {"psnr": {"median": 22.5}}})
    write_card(card, checkpoints)
    assert read_card("mse", checkpoints) == card


def test_other_bytes_are_refused(checkpoints):
    path = checkpoints / "mse.safetensors"
    load_restorer("mse", checkpoints)  # what is in memory does not vouch for the file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="does not match the SHA-256 of its card"):
        load_restorer("mse", checkpoints)


@pytest.mark.parametrize(
    "tensors",
    [{"foreign": torch.zeros(3)}, {"output.weight": torch.zeros(3, 5, 3, 3)}],
)
def test_other_tensors_are_refused(checkpoints, tensors):
    kept = load_tensors(checkpoints / "mse.safetensors")[0] if "output.weight" in tensors else {}
    save_tensors(checkpoints / "mse.safetensors", kept | tensors)
    rehash(checkpoints, "mse")
    with pytest.raises(InputError, match="does not fit the architecture"):
        load_restorer("mse", checkpoints)


def test_other_arguments_are_refused(checkpoints, tiny_network):
    for arguments in ({**tiny_network, "blocks": 2}, {**tiny_network, "depth": 2}):
        edit(checkpoints, "mse", arguments=arguments)
        with pytest.raises(InputError, match="does not fit the architecture"):
            load_restorer("mse", checkpoints)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), b"", b"\x89PNG\r\n", b"\xff" * 64])
def test_nothing_but_safetensors_is_opened(checkpoints, content):
    (checkpoints / "mse.safetensors").write_bytes(content)
    rehash(checkpoints, "mse")
    with pytest.raises(InputError, match="not a complete safetensors file"):
        load_restorer("mse", checkpoints)


def test_missing_weights_are_said(checkpoints):
    (checkpoints / "mse.safetensors").unlink()
    with pytest.raises(InputError, match="are missing"):
        load_restorer("mse", checkpoints)
    assert known_models(checkpoints) == ["bicubic", "pecl-manhattan"]


def test_an_unknown_name_is_answered_with_the_known_ones(checkpoints):
    with pytest.raises(InputError, match=r"no checkpoint 'vgg' .* bicubic, mse, pecl-manhattan"):
        load_restorer("vgg", checkpoints)


@pytest.mark.parametrize("name", ["../mse", "../checkpoints/mse", "/etc/passwd", "", ".", ".."])
def test_a_name_is_no_path(checkpoints, name):
    (checkpoints / "inner").mkdir()
    with pytest.raises(InputError, match="no checkpoint"):
        load_restorer(name, checkpoints / "inner" if name == "../mse" else checkpoints)


def test_an_absolute_path_is_no_name(checkpoints, tmp_path):
    with pytest.raises(InputError, match="no checkpoint"):
        load_restorer(str(checkpoints / "mse"), tmp_path)


@pytest.mark.parametrize(
    "name", ["../outside", "a/b", "", ".hidden", "bicubic", "hr", "lr", "lr-enlarged", "evidence", "a b"]
)
def test_a_checkpoint_cannot_be_saved_under_such_a_name(tmp_path, make_checkpoint, name):
    with pytest.raises(InputError, match="name"):
        make_checkpoint(tmp_path / "checkpoints", name)
    assert not any(tmp_path.rglob("*.safetensors"))


def test_a_card_of_another_version_or_name_is_refused(checkpoints):
    edit(checkpoints, "mse", stars=5)
    with pytest.raises(InputError, match=r"not a card this version understands \(stars"):
        read_card("mse", checkpoints)
    edit(checkpoints, "pecl-manhattan", name="mse")
    with pytest.raises(InputError, match="the card of 'mse'"):
        read_card("pecl-manhattan", checkpoints)


@pytest.mark.parametrize(
    "content", ["{", "[1, 2]", '"text"', "{}", '{"architecture": "vgg"}', "null", '{"architecture": []}']
)
def test_a_broken_card_does_not_hide_the_others(checkpoints, content):
    (checkpoints / "mse.json").write_text(content, encoding="utf-8")
    assert [card.name for card in list_checkpoints(checkpoints)] == ["pecl-manhattan"]


def test_a_card_of_an_unknown_architecture_is_refused(checkpoints):
    edit(checkpoints, "mse", architecture="vgg")
    with pytest.raises(InputError, match="architecture"):
        load_restorer("mse", checkpoints)


def test_half_precision_leaves_whole_numbers_alone():
    tensors = half({"w": torch.tensor([1.5]), "count": torch.tensor([70000])})
    assert tensors["w"].dtype == torch.float16
    assert tensors["count"].tolist() == [70000]


def test_prefixes_come_off_as_they_went_on():
    tensors = {"a.b": torch.ones(1)}
    assert without_prefix("x", with_prefix("x", tensors) | {"xy.c": torch.zeros(1)}) == tensors


def test_a_card_that_cannot_be_made_leaves_the_old_checkpoint_whole(checkpoints):
    before = load_restorer("mse", checkpoints).restore(LR)
    weights, _ = load_tensors(checkpoints / "mse.safetensors")
    facts = read_card("mse", checkpoints).model_dump(exclude={"sha256"}) | {"kept_iteration": None}
    with pytest.raises(InputError, match="kept_iteration"):
        save_checkpoint(checkpoints, {name: tensor + 1 for name, tensor in weights.items()}, facts)
    assert np.array_equal(load_restorer("mse", checkpoints).restore(LR), before)


def test_weights_that_a_reader_needs_are_asked_for_by_their_verb(tmp_path):
    for name, verb in (("embedder", "pretrain-embedder"), ("plate-hr", "pretrain-reader")):
        with pytest.raises(InputError, match=rf"no {name}\.safetensors in .*python -m lpsr {verb}\."):
            shipped_auxiliary(name, tmp_path)


@pytest.mark.parametrize("name", AUXILIARIES)
def test_no_network_takes_the_name_of_what_restores_nothing(checkpoints, name):
    weights, _ = load_tensors(checkpoints / "mse.safetensors")
    facts = read_card("mse", checkpoints).model_dump(exclude={"sha256"}) | {"name": name}
    with pytest.raises(InputError, match="does not fit"):
        save_checkpoint(checkpoints, weights, facts)
    assert not (checkpoints / f"{name}.safetensors").exists()
    with pytest.raises(InputError, match="does not fit"):
        save_checkpoint(checkpoints, weights, {**facts, "name": "mse"}, WeightsCard)


def test_a_network_of_another_scale_is_refused(checkpoints, tiny_network):
    config = NetworkConfig.model_validate(tiny_network | {"upsample_channels": [8, 8]})
    save_tensors(checkpoints / "mse.safetensors", SuperResolutionNetwork(config).state_dict())
    edit(checkpoints, "mse", arguments=config.model_dump(mode="json"))
    rehash(checkpoints, "mse")
    with pytest.raises(InputError, match="restores ×4"):
        load_restorer("mse", checkpoints)
