"""Train the recogniser that guides a restoration (loss.kind=guided): which character stands where on a whole plate.

  python -m lpsr pretrain-recogniser runs/recogniser --data DIR

writes runs/recogniser/recogniser.safetensors, which `train --recogniser` takes. It scores nothing: figures come from
the OCR engines alone. Ctrl-C stops, the same command continues.
"""

import argparse

from lpsr.cli.runs import add_run_arguments, execute, recipe_values
from lpsr.errors import InputError

NAME = "pretrain-recogniser"
HELP = "train the recogniser that guides a restoration; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument("--iterations", type=int, help="optimiser steps (default: 4000)")
    parser.add_argument("--batch", type=int, help="plates a step (default: 32)")
    parser.add_argument("--learning-rate", type=float, help="AdamW's, at the start of the cosine (default: 0.001)")
    parser.add_argument("--seed", type=int, help="of weights and plates")


def run(args: argparse.Namespace) -> int:
    """Train. Returns 1 where the run was stopped before its end, else 0."""
    from lpsr.training.recipe import RecogniserRecipe, parse
    from lpsr.training.recogniser import pretrain_recogniser

    values = recipe_values(args, {}, ("iterations", "batch", "learning_rate", "seed"))
    if not values.get("data"):
        raise InputError("There is nothing to train on; name a folder with --data.")
    return execute(args, parse(RecogniserRecipe, values), pretrain_recogniser)
