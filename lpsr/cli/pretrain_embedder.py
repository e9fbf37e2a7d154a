"""Train the embedder of PECL: a ResNet-18 that learns which characters a patch shows.

  python -m lpsr pretrain-embedder runs/embedder --data DIR

writes runs/embedder/embedder.safetensors, which `train --embedder` takes. It carries a linear layer for each embedding
size d (64, 128, 256, 512). Ctrl-C stops, the same command continues.
"""

import argparse

from lpsr.cli.runs import add_run_arguments, execute, recipe_values
from lpsr.errors import InputError

NAME = "pretrain-embedder"
HELP = "train the embedder on which characters a patch shows; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument("--iterations", type=int, help="optimiser steps (default: 4000)")
    parser.add_argument("--batch", type=int, help="patches a step (default: 48)")
    parser.add_argument("--learning-rate", type=float, help="AdamW's, at the start of the cosine (default: 0.001)")
    parser.add_argument("--seed", type=int, help="of weights and patches")


def run(args: argparse.Namespace) -> int:
    """Train. Returns 1 where the run was stopped before its end, else 0."""
    from lpsr.training.embedder import pretrain_embedder
    from lpsr.training.recipe import EmbedderRecipe, parse

    values = recipe_values(args, {}, ("iterations", "batch", "learning_rate", "seed"))
    if not values.get("data"):
        raise InputError("There is nothing to train on; name a folder with --data.")
    return execute(args, parse(EmbedderRecipe, values), pretrain_embedder)
