"""The embedder: torchvision's ResNet-18 by names and numbers, and its files."""

import pytest
import torch
from torch.nn import functional as F

from lpsr.errors import InputError
from lpsr.models.embedder import MEAN, STD, Embedder, ResNet18, load_embedder, projection_keys
from lpsr.models.network import count_parameters
from lpsr.models.weights import save_tensors


@pytest.fixture(scope="module")
def backbone() -> ResNet18:
    torch.manual_seed(0)
    backbone = ResNet18(1000)
    for module in backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # As after training: statistics that do something.
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return backbone.eval()


def torchvision_resnet18() -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision.models.resnet18().state_dict()."""

    def normalisation(name, channels):
        values = {f"{name}.{key}": (channels,) for key in ("weight", "bias", "running_mean", "running_var")}
        return values | {f"{name}.num_batches_tracked": ()}

    shapes = {"conv1.weight": (64, 3, 7, 7), **normalisation("bn1", 64)}
    before = 64
    for stage, channels in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            name, inputs = f"layer{stage}.{block}", channels if block else before
            shapes |= {f"{name}.conv1.weight": (channels, inputs, 3, 3), **normalisation(f"{name}.bn1", channels)}
            shapes |= {f"{name}.conv2.weight": (channels, channels, 3, 3), **normalisation(f"{name}.bn2", channels)}
            if inputs != channels:
                shapes |= {f"{name}.downsample.0.weight": (channels, inputs, 1, 1)}
                shapes |= normalisation(f"{name}.downsample.1", channels)
        before = channels
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def reference(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """He et al.'s ResNet-18, written from the state dict alone."""

    def normalise(x, name):
        values = (state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        mean, variance, weight, bias = (value[:, None, None] for value in values)
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    x = (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    x = F.relu(normalise(F.conv2d(x, state["conv1.weight"], stride=2, padding=3), "bn1"))
    x = F.max_pool2d(x, 3, 2, 1)
    for stage in (1, 2, 3, 4):
        for block in (0, 1):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = F.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            y = F.conv2d(F.relu(normalise(y, f"{name}.bn1")), state[f"{name}.conv2.weight"], padding=1)
            if stride == 2:
                x = F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=2)
                x = normalise(x, f"{name}.downsample.1")
            x = F.relu(normalise(y, f"{name}.bn2") + x)
    return F.adaptive_avg_pool2d(x, 1).flatten(1) @ state["fc.weight"].T + state["fc.bias"]


def test_names_and_shapes_are_torchvisions(backbone):
    state = backbone.state_dict()
    assert len(state) == 122
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == torchvision_resnet18()


def test_it_has_the_published_number_of_parameters(backbone):
    assert count_parameters(backbone) == 11_689_512


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_the_forward_pass_is_resnet_18(backbone, size):
    x = torch.rand(2, 3, *size)
    assert torch.allclose(backbone(x), reference(backbone.state_dict(), x), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_embeddings_have_unit_length(backbone):
    embeddings = Embedder(backbone)(torch.rand(3, 3, 64, 64))
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(3), atol=1e-5)


def test_a_file_with_the_layer_to_d_gives_that_layer(backbone, tmp_path):
    weight, bias = projection_keys(64)
    tensors = {name: tensor.half() for name, tensor in backbone.state_dict().items() if "fc" not in name}
    layer = {weight: torch.rand(64, 512), bias: torch.rand(64)}
    other = dict(zip(projection_keys(128), (torch.rand(128, 512), torch.rand(128)), strict=True))
    save_tensors(tmp_path / "e.safetensors", tensors | layer | other)
    loaded = load_embedder(tmp_path / "e.safetensors", 64).backbone
    assert torch.equal(loaded.fc.weight, layer[weight]) and torch.equal(loaded.fc.bias, layer[bias])
    assert torch.equal(loaded.conv1.weight, backbone.conv1.weight.half().float())


def test_imagenet_weights_get_a_random_layer_that_the_seed_decides(backbone, tmp_path):
    save_tensors(tmp_path / "imagenet.safetensors", backbone.state_dict())
    random_state = torch.random.get_rng_state()
    first, again, other = (load_embedder(tmp_path / "imagenet.safetensors", 256, seed).backbone for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert first.fc.weight.shape == (256, 512)
    assert torch.equal(first.fc.weight, again.fc.weight)
    assert not torch.equal(first.fc.weight, other.fc.weight)
    assert torch.equal(first.layer4[1].conv2.weight, backbone.layer4[1].conv2.weight)


def test_a_foreign_file_is_refused(tmp_path):
    save_tensors(tmp_path / "foreign.safetensors", {"conv1.weight": torch.rand(64, 3, 7, 7)})
    with pytest.raises(InputError, match="holds no ResNet-18"):
        load_embedder(tmp_path / "foreign.safetensors", 64)
    with pytest.raises(InputError, match="There is no file"):
        load_embedder(tmp_path / "missing.safetensors", 64)
