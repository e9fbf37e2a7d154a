"""Train the embedder of PECL: a ResNet-18 that learns which characters a patch shows.

  python -m lpsr pretrain-embedder runs/embedder --data DIR

writes runs/embedder/embedder.safetensors, which `train --embedder` takes. It carries a linear layer for each embedding
size d (64, 128, 256, 512). Ctrl-C stops, the same command continues.
"""

import argparse
import sys

from lpsr.cli.train import add_machine_arguments, data_values, open_fabric, progress_printer, stop_signal
from lpsr.errors import InputError

NAME = "pretrain-embedder"
HELP = "train the embedder on which characters a patch shows; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN", help="folder of the run; made if missing, continued if it holds this recipe"
    )
    parser.add_argument(
        "--data",
        action="append",
        metavar="DIR[:SHARE]",
        help="plate folder or CCPD folder whose split 'train' to train on, and its share of a batch; repeatable",
    )
    parser.add_argument(
        "--validation", metavar="DIR", help="folder whose split 'val' to validate on (default: the first --data)"
    )
    parser.add_argument("--iterations", type=int, help="optimiser steps (default 4000)")
    parser.add_argument("--batch", type=int, help="patches a step (default 48)")
    parser.add_argument("--learning-rate", type=float, help="AdamW's, at the start of the cosine (default 0.001)")
    parser.add_argument("--seed", type=int, help="of weights and patches")
    add_machine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from lpsr.training.embedder import pretrain_embedder
    from lpsr.training.recipe import EmbedderRecipe, parse

    values = data_values(args)
    for key in ("iterations", "batch", "learning_rate", "seed"):
        if getattr(args, key) is not None:
            values[key] = getattr(args, key)
    if not values.get("data"):
        raise InputError("There is nothing to train on; name a folder with --data.")
    recipe = parse(EmbedderRecipe, values)
    fabric = open_fabric(args, recipe.precision)
    report = progress_printer(recipe.iterations)
    result = pretrain_embedder(recipe, args.run, fabric=fabric, report=report, should_stop=stop_signal())
    if not result["done"]:
        print(f"Stopped after {result['iteration']} iterations; the same command continues.", file=sys.stderr)
        return 1
    return 0
