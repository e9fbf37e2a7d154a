"""The embedder of equations 15 and 16: ResNet-18 with a linear layer to d values, L2-normalised.

The keys of the state dict are torchvision's, so the published ImageNet weights load as they are (all but ``fc``).
The network follows He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lpsr.errors import InputError
from lpsr.models.weights import load_tensors

# What torchvision's ImageNet weights were trained with; ours keep it, so that both can be used alike.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int | tuple[int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + identity)


class ResNet18(nn.Module):
    """Picture ``(N, 3, H, W)`` in [0, 1] to ``(N, outputs)``; ImageNet normalisation is applied inside."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.fc = nn.Linear(512, outputs)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def features(self, x: Tensor) -> Tensor:
        """The 512 pooled features before the last layer, ``(N, 512)``."""
        x = (x - self.mean) / self.std
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))  # (N, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512, H/32, W/32)
        return x.mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))


class Embedder(nn.Module):
    """``(N, 3, H, W)`` in [0, 1] to ``(N, d)`` float32 of unit ℓ2 length."""

    def __init__(self, backbone: ResNet18) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.backbone(x).float(), dim=1)


def projection_keys(d: int) -> tuple[str, str]:
    """Names of the linear layer to ``d`` values in an embedder file, which carries one for each d."""
    return f"fc{d}.weight", f"fc{d}.bias"


def load_embedder(path: str | Path, d: int, seed: int = 0) -> Embedder:
    """The embedder in a safetensors file: one of ``pretrain-embedder``, or torchvision's ImageNet ResNet-18
    converted to safetensors.

    A file that carries no linear layer to ``d`` values (ImageNet's has one to 1000 classes) gets a random one, drawn
    from ``seed``: the paper replaces the last layer and says no more. Raises InputError for a foreign file.
    """
    tensors, _ = load_tensors(path)
    weight, bias = projection_keys(d)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = ResNet18(d)
    state = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith("fc")}
    if weight in tensors:
        state |= {"fc.weight": tensors[weight].float(), "fc.bias": tensors[bias].float()}
    else:
        state |= {f"fc.{name}": tensor for name, tensor in backbone.fc.state_dict().items()}
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path} holds no ResNet-18 with torchvision's names and shapes.") from error
    return Embedder(backbone)
