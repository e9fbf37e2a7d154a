"""The architectures a checkpoint can name."""

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, Discriminator, Tag
from torch import nn

from lpsr.models.compact import CompactConfig, CompactNetwork
from lpsr.models.network import NetworkConfig, SuperResolutionNetwork


class Architecture(NamedTuple):
    """A network class and the configuration it is built from."""

    config: type[BaseModel]
    network: type[nn.Module]


ARCHITECTURES = {
    "pecl": Architecture(NetworkConfig, SuperResolutionNetwork),
    "compact": Architecture(CompactConfig, CompactNetwork),
}


def architecture_of(config: BaseModel) -> str:
    """The key of ``ARCHITECTURES`` that a configuration belongs to."""
    return next(name for name, one in ARCHITECTURES.items() if isinstance(config, one.config))


def build(config: BaseModel) -> nn.Module:
    """The untrained network of a configuration, its weights from PyTorch's generator."""
    return ARCHITECTURES[architecture_of(config)].network(config)


def _tag(value: Any) -> str:
    """Which configuration a recipe's ``network`` is; without ``architecture`` the paper's, as in older files."""
    named = value.get("architecture", "pecl") if isinstance(value, dict) else getattr(value, "architecture", "pecl")
    return f"network[{named}]"


# The configuration of any network that can be trained.
AnyNetworkConfig = Annotated[
    Annotated[NetworkConfig, Tag("network[pecl]")] | Annotated[CompactConfig, Tag("network[compact]")],
    Discriminator(
        _tag,
        custom_error_type="architecture",
        custom_error_message="leave architecture out for the paper's network, or set it to compact",
    ),
]
