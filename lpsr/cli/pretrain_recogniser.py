"""Train the recogniser of the losses that read (guided, lcofl, confidence): which character stands where on a plate.

  python -m lpsr pretrain-recogniser runs/recogniser --data DIR

writes runs/recogniser/recogniser.safetensors, which `train --recogniser` takes. It scores nothing: figures come from
the OCR engines alone. Ctrl-C stops, the same command continues.
"""

import argparse

from lpsr.cli.runs import add_pretraining, execute, pretraining_values

NAME = "pretrain-recogniser"
HELP = "train the recogniser that guides a restoration; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pretraining(parser, 32, "plates")


def run(args: argparse.Namespace) -> int:
    """Train. Returns 1 where the run was stopped before its end, else 0."""
    from lpsr.training.recipe import RecogniserRecipe, parse
    from lpsr.training.recogniser import pretrain_recogniser

    then = "train NEW --data DIR --recogniser RUN/recogniser.safetensors --set patch=whole --set loss.kind=lcofl"
    return execute(args, parse(RecogniserRecipe, pretraining_values(args)), pretrain_recogniser, then)
