"""Measure how often plates are read right at a width, as they are and restored.

  python -m lpsr readability --data DIR
  python -m lpsr readability --data CCPD --split test --update

Each plate is resized to a width of each class (px), read as it is ('direct'), and restored ×8 and read again
('restored'). 'exact' and 'characters' are shares in % of plates read wholly right and of characters right, [95 %
interval]; only plates that are wide enough count. 'advice' is what the page says of a plate of such a width: it is
'readable', it may be worth to 'restore' it, or it is 'beyond' both.
"""

import argparse
import shlex
from typing import TYPE_CHECKING

from lpsr.cli.arguments import add_checkpoints, add_plates, data_name
from lpsr.cli.text import aligned

if TYPE_CHECKING:
    from lpsr.evidence import Share
    from lpsr.readability import Readability

NAME = "readability"
HELP = "measure how readable plates are by their width"
RATES = ("exact", "characters")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_plates(parser, required=True)
    parser.add_argument("--model", metavar="NAME", help="the checkpoint that restores (default: the best that ships)")
    parser.add_argument("--reader", metavar="NAME", help="which reader (see: read --help)")
    parser.add_argument("--json", metavar="FILE", help="write the result to this file as well")
    parser.add_argument(
        "--update",
        action="store_true",
        help="write it to assets/results/readability.json, where the page looks, or to the folder that LPSR_RESULTS "
        "names",
    )
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    from lpsr.checkpoints import CHECKPOINTS, FLAGSHIP, load_restorer
    from lpsr.cli.progress import Progress
    from lpsr.data.plates import open_plates
    from lpsr.files import write_json
    from lpsr.readability import measure_readability, save_readability
    from lpsr.readers import DEFAULT, get_reader
    from lpsr.results import RESULTS

    found = measure_readability(
        open_plates(args.data, args.split),
        load_restorer(args.model or FLAGSHIP, args.checkpoints or CHECKPOINTS),
        get_reader(args.reader or DEFAULT),
        data=data_name(args.data),
        split=args.split,
        progress=Progress("plates"),
        command=_command(args),
    )
    # Shown first, so that a file that cannot be written loses nothing.
    print(table(found), flush=True)
    if args.json:
        write_json(args.json, found.model_dump(mode="json"))
    if args.update:
        save_readability(found, RESULTS)


def table(readability: "Readability") -> str:
    """The rates by class as aligned text."""
    from lpsr.readability import expect

    rows = [["width [px]", "n", *(f"{how} {what} [%]" for how in ("direct", "restored") for what in RATES), "advice"]]
    for one in readability.classes:
        name = f"{one.low}+" if one.high is None else f"{one.low}–{one.high}"
        shares = [getattr(rates, what) if rates else None for rates in (one.direct, one.restored) for what in RATES]
        advice = expect(one.low, readability).advice
        rows.append([name, str(one.direct.exact.n), *map(_share, shares), advice])
    return aligned(rows)


def _share(share: "Share | None") -> str:
    if share is None or not share.n:
        return "–"
    return f"{100 * share.share:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _command(args: argparse.Namespace) -> str:
    """The command that measures the same again, with folders' names in place of their paths."""
    parts = ["python", "-m", "lpsr", NAME, "--data", data_name(args.data), "--split", args.split or "all"]
    for name in ("model", "reader"):
        if getattr(args, name):
            parts += [f"--{name}", getattr(args, name)]
    if args.checkpoints:
        parts += ["--checkpoints", data_name(args.checkpoints)]
    return shlex.join([*parts, *(["--update"] if args.update else [])])
