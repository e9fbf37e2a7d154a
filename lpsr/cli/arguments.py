"""Arguments that several verbs share."""

import argparse
from collections.abc import Callable


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """The type of an argument that is a whole number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"between {low} and {high}"
            raise argparse.ArgumentTypeError(f"must be {limits}, not {value}")
        return value

    return parse


def add_checkpoints(parser: argparse.ArgumentParser) -> None:
    """``--checkpoints``: another folder than the project's; None where not given."""
    parser.add_argument("--checkpoints", metavar="DIR", help="folder of checkpoints (default: checkpoints/)")


def add_plates(parser: argparse.ArgumentParser, required: bool) -> None:
    """``--data`` and ``--split``: labelled plates to measure on."""
    parser.add_argument(
        "--data", metavar="DIR", required=required, help="plate folder (with index.csv) or CCPD folder to evaluate on"
    )
    parser.add_argument(
        "--split",
        default="test",
        type=lambda text: None if text == "all" else text,
        help="its split, 'all' for every plate (default: test); in a CCPD folder the split test is what "
        "splits/test.txt lists, or a subfolder of that name",
    )
