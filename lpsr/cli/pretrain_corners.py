"""Train the corner network that locates plates: where the four corners are, and whether there is a plate at all.

  python -m lpsr pretrain-corners runs/corners --data DIR

learns from plates whose corners are known and writes runs/corners/corners.safetensors; `export runs/corners corners
--replace` makes it the one that `locate` uses. Ctrl-C stops, the same command continues.
"""

import argparse

from lpsr.cli.runs import add_pretraining, execute, pretraining_values

NAME = "pretrain-corners"
HELP = "train the corner network that locates plates; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pretraining(parser, 64, "pictures")


def run(args: argparse.Namespace) -> int:
    """Train. Returns 1 where the run was stopped before its end, else 0."""
    from lpsr.training.corners import pretrain_corners
    from lpsr.training.recipe import CornersRecipe, parse

    return execute(args, parse(CornersRecipe, pretraining_values(args)), pretrain_corners, "export RUN corners")
