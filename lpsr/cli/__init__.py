"""The command line: ``python -m lpsr VERB``, one file a verb.

A verb's module has ``NAME``, ``HELP``, a docstring (its ``--help``), ``add_arguments(parser)`` and ``run(args)``, which
returns an exit status or None.
"""

import argparse
import importlib
import sys
from typing import NoReturn

from lpsr import __version__
from lpsr.errors import InputError

VERBS = (
    "locate",
    "compare",
    "evaluate",
    "calibrate",
    "calibrate_reader",
    "readability",
    "does_it_help",
    "restore",
    "degrade",
    "read",
    "vote",
    "maps",
    "synthesize",
    "pretrain_embedder",
    "pretrain_recogniser",
    "pretrain_reader",
    "pretrain_corners",
    "train",
    "study",
    "report",
    "export",
    "card",
    "pipeline",
    "queue",
    "onnx",
    "bench",
)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, as the verbs do, and not the whole usage again."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"lpsr: {message} (see: {self.prog} --help)\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a verb. Returns the exit status: 0, 1 where part of the work failed, 2 for input that cannot be used."""
    parser = Parser(
        prog="python -m lpsr", description="License-plate super-resolution ×8 under three losses, side by side."
    )
    parser.add_argument("--version", action="version", version=f"lpsr {__version__}")
    subparsers = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name in VERBS:
        verb = importlib.import_module(f"lpsr.cli.{name}")
        subparser = subparsers.add_parser(
            verb.NAME, help=verb.HELP, description=verb.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        verb.add_arguments(subparser)
        subparser.set_defaults(verb=verb)
    args = parser.parse_args(arguments)
    try:
        return args.verb.run(args) or 0
    except InputError as error:
        print(f"lpsr: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lpsr: stopped.", file=sys.stderr)
        return 130
