"""Write a checkpoint as an ONNX file, for programs without PyTorch.

  python -m lpsr onnx mse mse.onnx

Input "lr" is (N, 3, h, w) float32 RGB in [0, 1] of any size, output "sr" is (N, 3, 8h, 8w), not clamped. Before the
file is there, ONNX Runtime must give what PyTorch gives, on several sizes.
"""

import argparse

from lpsr.cli.arguments import add_checkpoints

NAME = "onnx"
HELP = "write a checkpoint as an ONNX file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the checkpoint")
    parser.add_argument("file", metavar="FILE", help="where to write it, as in mse.onnx")
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    from pathlib import Path

    from lpsr.checkpoints import CHECKPOINTS
    from lpsr.onnx import export_onnx

    parity = export_onnx(args.name, args.file, args.checkpoints or CHECKPOINTS)
    sizes = ", ".join(f"{n} × {height} × {width}" for n, height, width in parity.sizes)
    print(f"{args.file}: {Path(args.file).stat().st_size / 1e6:.1f} MB")
    print(
        f"Differs from PyTorch by {parity.max_abs_difference:.1e} at most, 8-bit pictures by {parity.max_levels} of "
        f"255 levels (N × h × w: {sizes})."
    )
