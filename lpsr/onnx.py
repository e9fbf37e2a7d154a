"""A checkpoint as an ONNX file, checked against PyTorch."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from lpsr import __version__
from lpsr.checkpoints import CHECKPOINTS, load_restorer, read_card
from lpsr.degrade import SCALE
from lpsr.errors import InputError
from lpsr.files import replacing
from lpsr.models.restorer import NetworkRestorer

# The oldest that PyTorch's exporter writes without conversion, so that most programs read it.
OPSET = 18
# N, h and w: that of the export, and those of the check. A plate is about 7 × 19.
EXAMPLE = 2, 4, 6
SIZES = (1, 1, 1), (1, 1, 5), (1, 7, 19), (3, 5, 13), (2, 16, 48), (1, 33, 65)
# The largest difference that passes, as a value and in 8-bit levels: rounding may fall to either side.
MOST_DIFFERENCE, MOST_LEVELS = 1e-3, 1


class Parity(NamedTuple):
    """How far ONNX Runtime is from PyTorch over pictures of all ``sizes`` (N, h, w), none of them the export's.

    Attributes:
        max_abs_difference: between output values, which go from 0 to 1.
        max_levels: between the 8-bit pictures.
    """

    max_abs_difference: float
    max_levels: int
    sizes: tuple[tuple[int, int, int], ...]


def export_onnx(name: str, path: str | Path, folder: str | Path = CHECKPOINTS) -> Parity:
    """Write a checkpoint's network to ``path``.

    The input "lr" is ``(N, 3, h, w)`` float32 RGB in [0, 1] of any N, h and w, the output "sr" ``(N, 3, 8h, 8w)``
    float32, not clamped. The file's metadata hold the name and title, the SHA-256 of the weights, scale and licence,
    and the version of this program. Takes some ten seconds and about 0.5 GB of memory, in a process of its own.

    Raises InputError where there is no such network, the file cannot be written, or ONNX Runtime differs from PyTorch
    by more than 1e-3 or one 8-bit level; then ``path`` is as it was.
    """
    restorer = load_restorer(name, folder)
    if not isinstance(restorer, NetworkRestorer):
        raise InputError(f"{name!r} is no network; name a checkpoint.")
    with replacing(path) as temporary:
        # The exporter switches oneDNN off for the whole process, which would change what other threads compute; and
        # it writes warnings wherever it can.
        done = subprocess.run(
            [sys.executable, "-m", "lpsr.onnx", name, Path(folder).resolve(), temporary.resolve()],
            capture_output=True,
            text=True,
            errors="replace",
            cwd=Path(__file__).resolve().parents[1],
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise InputError(
                f"{name} could not be exported ({reason}); the export needs the packages in requirements.txt and "
                "about 0.5 GB of memory."
            )
        parity = measure_parity(temporary, restorer.network)
        # Not "greater than": NaN is not, either.
        if not (parity.max_abs_difference <= MOST_DIFFERENCE and parity.max_levels <= MOST_LEVELS):
            raise InputError(
                f"ONNX Runtime differs from PyTorch on {name} by {parity.max_abs_difference:.1e} "
                f"({parity.max_levels} of 255 levels); install the versions in requirements.txt and export it again."
            )
    return parity


@torch.inference_mode()
def measure_parity(path: str | Path, network: torch.nn.Module) -> Parity:
    """Compare an ONNX file with the network that it was made of; a NaN or another size counts as infinitely far."""
    # Counts before the import alone; the wheel otherwise writes a device identifier to disk.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    differences, levels = [], []
    for n, height, width in SIZES:
        lr = rng.integers(0, 256, (n, 3, height, width)).astype(np.float32) / 255
        expected = network(torch.from_numpy(lr)).numpy()
        (found,) = session.run(["sr"], {"lr": lr})
        if found.shape != expected.shape or not np.isfinite(found - expected).all():
            return Parity(np.inf, 255, SIZES)
        differences.append(np.abs(found - expected).max())
        first, second = (np.rint(np.clip(one, 0, 1) * 255) for one in (found, expected))
        levels.append(np.abs(first - second).max())
    return Parity(float(max(differences)), int(max(levels)), SIZES)


def _write(name: str, folder: str, path: str) -> None:
    """What the process does: export, unchecked."""
    card = read_card(name, folder)
    n, height, width = EXAMPLE
    program = torch.onnx.export(
        load_restorer(name, folder).network,
        (torch.zeros(n, 3, height, width),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["lr"],
        output_names=["sr"],
        dynamic_shapes=({0: "n", 2: "h", 3: "w"},),
    )
    model = program.model_proto
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        # Lines of the code with their paths on this machine.
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.doc_string = f"LR (n, 3, h, w), RGB in [0, 1], to SR (n, 3, {SCALE}h, {SCALE}w), not clamped"
    facts = {"name": name, "title": card.title, "sha256": card.sha256, "scale": str(SCALE)}
    for key, value in (facts | {"licence": card.licence, "lpsr": __version__}).items():
        model.metadata_props.add(key=key, value=value)
    Path(path).write_bytes(model.SerializeToString())


if __name__ == "__main__":
    _write(*sys.argv[1:])
