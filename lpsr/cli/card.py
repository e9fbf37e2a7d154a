"""Write model cards, as the Hugging Face Hub shows them, beside the cards of checkpoints.

  python -m lpsr card mse
  python -m lpsr card --all

NAME.md is made of NAME.json alone: export and `evaluate --update-cards` write it anew, so edit neither by hand.
"""

import argparse
import sys

from lpsr.cli.arguments import add_checkpoints

NAME = "card"
HELP = "write the model cards (Markdown) of checkpoints"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="names of checkpoints, or of what lies beside them")
    parser.add_argument("--all", action="store_true", help="of all that are there")
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> int:
    """Write the model cards. Returns 1 where a card could not be used, else 0."""
    from pathlib import Path

    from lpsr.checkpoints import CHECKPOINTS
    from lpsr.errors import InputError
    from lpsr.model_card import write_model_card

    if bool(args.names) == args.all:
        raise InputError("Name checkpoints, as in: python -m lpsr card mse; or add --all.")
    folder = Path(args.checkpoints or CHECKPOINTS)
    names = args.names or sorted(path.stem for path in folder.glob("*.safetensors"))
    failed = False
    for name in names:
        try:
            print(write_model_card(name, folder))
        except InputError as error:
            print(f"lpsr: {error}", file=sys.stderr)
            failed = True
    return int(failed)
