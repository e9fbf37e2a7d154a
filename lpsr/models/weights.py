"""Tensor files: safetensors only, nothing is unpickled."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lpsr.errors import InputError
from lpsr.files import replacing


def save_tensors(path: str | Path, tensors: dict[str, Tensor], **facts: Any) -> None:
    """Write tensors and JSON-able facts in one step. Raises InputError where the file cannot be written."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, {key: json.dumps(value, ensure_ascii=False) for key, value in facts.items()})
        except SafetensorError as error:
            # A full disk among others: safetensors has one error for everything.
            raise OSError(str(error)) from error


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the facts of a safetensors file; metadata that is not JSON stays text.

    Raises InputError for a missing, foreign or damaged file.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = {key: _fact(value) for key, value in (file.metadata() or {}).items() if key != "format"}
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} is not a complete safetensors file.") from error


def _fact(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors named ``prefix.*``, with the prefix taken off."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}


def half(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float16, as checkpoints ship."""
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
