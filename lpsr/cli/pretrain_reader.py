"""Train a plate reader of our own, for HR plates or for plates of any size.

  python -m lpsr pretrain-reader runs/plate-hr --data DIR
  python -m lpsr pretrain-reader runs/plate-multiscale --data DIR --coarsest 8

learns from plates whose text is known and writes plate.safetensors into the run's folder; with `--coarsest 8` every
plate is reduced by a random factor up to 8 first. `export runs/plate-hr plate-hr --replace` makes it the reader of that
name. `--init-from FILE` starts from another reader's weights, with other settings: `--factors linear` shows small
plates more often. Ctrl-C stops, the same command continues.
"""

import argparse

from lpsr.cli.runs import add_pretraining, execute, pretraining_values

NAME = "pretrain-reader"
HELP = "train a plate reader, for HR plates or for plates of any size; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pretraining(parser, 64, "plates")
    parser.add_argument("--coarsest", type=float, help="the largest factor a plate is reduced by (default: 1, never)")
    parser.add_argument(
        "--factors",
        choices=["logarithmic", "linear"],
        help="how the factor is drawn: evenly by its logarithm, or itself, so that small plates are seen more often "
        "(default: logarithmic)",
    )
    parser.add_argument("--init-from", metavar="FILE", help="another reader's .safetensors to start from")


def run(args: argparse.Namespace) -> int:
    """Train. Returns 1 where the run was stopped before its end, else 0."""
    from lpsr.training.reader import pretrain_reader
    from lpsr.training.recipe import ReaderRecipe, parse

    values = pretraining_values(args)
    own = {key: getattr(args, key) for key in ("coarsest", "factors", "init_from")}
    values |= {key: value for key, value in own.items() if value is not None}
    recipe = parse(ReaderRecipe, values)
    name = "plate-multiscale" if recipe.coarsest > 1 else "plate-hr"
    return execute(args, recipe, pretrain_reader, f"export RUN {name}")
