"""The architectures a checkpoint can name."""

from typing import NamedTuple

from pydantic import BaseModel
from torch import nn

from lpsr.models.network import NetworkConfig, SuperResolutionNetwork


class Architecture(NamedTuple):
    """A network class and the configuration it is built from."""

    config: type[BaseModel]
    network: type[nn.Module]


ARCHITECTURES = {
    "pecl": Architecture(NetworkConfig, SuperResolutionNetwork),
}
