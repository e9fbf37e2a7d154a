"""Train the embedder of PECL: a ResNet-18 that learns which characters a patch shows.

  python -m lpsr pretrain-embedder runs/embedder --data DIR

writes runs/embedder/embedder.safetensors, which `train --embedder` takes. It carries a linear layer for each embedding
size d (64, 128, 256, 512). Ctrl-C stops, the same command continues.
"""

import argparse

from lpsr.cli.runs import add_pretraining, execute, pretraining_values

NAME = "pretrain-embedder"
HELP = "train the embedder on which characters a patch shows; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pretraining(parser, 48, "patches")


def run(args: argparse.Namespace) -> int:
    """Train. Returns 1 where the run was stopped before its end, else 0."""
    from lpsr.training.embedder import pretrain_embedder
    from lpsr.training.recipe import EmbedderRecipe, parse

    then = "train NEW --data DIR --embedder RUN/embedder.safetensors --set loss.kind=pecl"
    return execute(args, parse(EmbedderRecipe, pretraining_values(args)), pretrain_embedder, then)
