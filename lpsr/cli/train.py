"""Train the super-resolution network.

A run lives in a folder and can be stopped with Ctrl-C and continued by the same command.

  python -m lpsr train runs/mse --data DIR --iterations 12000 --batch 32 --learning-rate 5e-4
  python -m lpsr train runs/pecl --data DIR --set loss.kind=pecl --set loss.distance=manhattan \\
      --embedder checkpoints/embedder.safetensors

Losses that read whole plates (loss.kind=guided, lcofl or confidence, or pecl with loss.w_reading above 0) take a
recogniser of `pretrain-recogniser`:

  python -m lpsr train runs/lcofl --data DIR --set patch=whole --set loss.kind=lcofl --set loss.w_recognition=0.004 \\
      --recogniser runs/recogniser/recogniser.safetensors --init-from checkpoints/mse.safetensors
  python -m lpsr train runs/compact --data DIR --set patch=whole --set network.architecture=compact \\
      --set loss.kind=confidence --recogniser runs/recogniser/recogniser.safetensors

Everything that is not set is the paper's (1 000 000 iterations at batch 128: days on a GPU). Afterwards
`python -m lpsr export` makes a checkpoint of the run.
"""

import argparse
import json
from typing import Any

from lpsr.cli.runs import add_run_arguments, execute, recipe_values
from lpsr.errors import InputError

NAME = "train"
HELP = "train a network under MSE, PECL or a loss that reads; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument("--recipe", metavar="FILE", help="a recipe as JSON to start from (each run folder holds one)")
    parser.add_argument("--iterations", type=int, help="optimiser steps")
    parser.add_argument("--batch", type=int, help="patches a step")
    parser.add_argument("--learning-rate", type=float, help="Adam's, at the start of the cosine")
    parser.add_argument("--seed", type=int, help="of weights and patches")
    parser.add_argument("--init-from", metavar="FILE", help="weights (.safetensors) to start from")
    parser.add_argument("--embedder", metavar="FILE", help="embedder (.safetensors) for PECL")
    parser.add_argument("--recogniser", metavar="FILE", help="recogniser (.safetensors) for a loss that reads")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting of the recipe: loss.kind=pecl, loss.form=paired, network.blocks=4, patch=[48,96], ...",
    )


def run(args: argparse.Namespace) -> int:
    """Train. Returns 1 where the run was stopped before its end, else 0."""
    from lpsr.files import read_json
    from lpsr.training.recipe import Recipe, parse
    from lpsr.training.trainer import train

    values = read_json(args.recipe) if args.recipe else {}
    if not isinstance(values, dict):
        raise InputError(f"{args.recipe} holds no recipe; a recipe is a JSON object of settings.")
    keys = ("iterations", "batch", "learning_rate", "seed", "init_from", "embedder", "recogniser")
    values = recipe_values(args, values, keys)
    for setting in args.set:
        apply_setting(values, setting)
    if not values.get("data"):
        raise InputError("There is nothing to train on; name a folder with --data or a recipe with --recipe.")
    return execute(args, parse(Recipe, values), train, "export RUN NAME --data DIR")


def apply_setting(values: dict[str, Any], setting: str) -> None:
    """Put ``a.b=JSON`` into nested values; what is no JSON is a text. Raises InputError without an equals sign."""
    path, equals, text = setting.partition("=")
    if not equals or not path:
        raise InputError(f"--set {setting}: write KEY=VALUE, such as --set loss.distance=euclidean.")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    *parents, last = path.split(".")
    for key in parents:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise InputError(f"--set {setting}: {key} has no settings inside it.")
    values[last] = value
