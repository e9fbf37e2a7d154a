"""Measure whether restoration helps reading: pipelines of a restoration and a reader, by the size of the plates.

  python -m lpsr does-it-help
  python -m lpsr does-it-help --data DIR --models bicubic mse-long --readers paddle-onnx --classes x8 20-40
  python -m lpsr does-it-help --data CCPD --most 80-100=130 100+=65 --frames 20 --results

Every plate is made small: by 1/8, 1/4 and 1/2 (x8, x4, x2), and to a width of each class in px that it reaches. Each
small plate is read as it is and after each restoration, by every reader. What restoration adds is compared plate by
plate with 95 % intervals. Without --data the generated plates of the gallery are measured, which is a trial and no
result. Large plates take long: ×8 of a plate 100 px wide takes about 60 times as long as of one 19 px wide; --most
measures fewer of them, spread evenly. --take takes up classes measured before (--json), so that several processes can
share the work:

  python -m lpsr does-it-help --data CCPD --classes x8 20-40 --json a.json
  python -m lpsr does-it-help --data CCPD --classes 40-60 --json b.json
  python -m lpsr does-it-help --data CCPD --classes x8 20-40 40-60 --take a.json b.json --results
"""

import argparse
import shlex
from typing import TYPE_CHECKING

from lpsr.cli.arguments import add_checkpoints, add_crop, add_plates, data_name, whole_number
from lpsr.cli.text import aligned

if TYPE_CHECKING:
    from lpsr.benefit.result import Benefit

NAME = "does-it-help"
HELP = "measure whether restoration helps reading"
READERS = ("paddle-onnx", "plate-hr", "plate-multiscale")
# What --most calls the plates that are voted over.
FRAMES = "frames"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from lpsr.benefit.result import CLASSES

    add_plates(parser, required=False)
    parser.add_argument("--models", nargs="*", metavar="MODEL", help="'bicubic' or names of checkpoints (default: all)")
    parser.add_argument(
        "--readers", nargs="+", metavar="NAME", default=READERS, help=f"which readers (default: {' '.join(READERS)})"
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        choices=CLASSES,
        default=CLASSES,
        metavar="CLASS",
        help=f"of {' '.join(CLASSES)} (default: all)",
    )
    parser.add_argument(
        "--most",
        nargs="+",
        type=_limit,
        metavar="[CLASS=]N",
        help=f"at most so many plates of a class, or of every class; of '{FRAMES}': plates that are voted over",
    )
    add_crop(parser, "straight")
    parser.add_argument(
        "--frames", type=whole_number(2, 20), metavar="N", help="also vote over up to N views of a plate"
    )
    parser.add_argument(
        "--vote-models", nargs="*", metavar="MODEL", help="models tried with --frames (default: --models)"
    )
    parser.add_argument("--take", nargs="+", default=(), metavar="FILE", help="results measured before, to be taken up")
    parser.add_argument("--json", metavar="FILE", help="write the result to this file as well")
    parser.add_argument(
        "--results",
        action="store_true",
        help="write it to assets/results/benefit.json, where report and page look, or to the folder that LPSR_RESULTS "
        "names",
    )
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    from lpsr import results
    from lpsr.benefit.measure import run_benefit, spread
    from lpsr.benefit.merge import with_votes
    from lpsr.checkpoints import CHECKPOINTS, known_models, load_restorer
    from lpsr.cli.progress import Progress
    from lpsr.data.plates import open_plates
    from lpsr.readers import get_reader
    from lpsr.report.restored import GALLERY

    folder = args.checkpoints or CHECKPOINTS
    plates = open_plates(args.data, args.split) if args.data else open_plates(GALLERY)
    models = known_models(folder) if args.models is None else args.models
    limits = _limits(args)
    readers = [get_reader(name) for name in args.readers]
    found = run_benefit(
        plates,
        models,
        readers,
        data=data_name(args.data) if args.data else "generated plates of the gallery",
        split=args.split if args.data else None,
        classes=args.classes,
        crop=args.crop,
        most={name: limit for name, limit in limits.items() if name != FRAMES},
        taken=[results.read_benefit(path) for path in args.take],
        folder=folder,
        progress=Progress("small plates"),
        command=_command(args),
    )
    if args.frames:
        from lpsr.benefit.frames import facts, run_votes

        if args.json:
            # Whatever becomes of the votes, it can be taken up.
            results.write_benefit(found, args.json)
        tried = models if args.vote_models is None else args.vote_models
        votes = run_votes(
            spread(plates, limits.get(FRAMES)),
            [load_restorer(name, folder) for name in tried],
            readers,
            views=args.frames,
            progress=Progress("plates with their views"),
        )
        found = with_votes(found, votes, facts(args.frames), _command(args))
    # Shown first, so that a file that cannot be written loses nothing.
    print(text(found), flush=True)
    if args.json:
        results.write_benefit(found, args.json)
    if args.results:
        results.write_benefit(found, results.RESULTS / results.BENEFIT)


def text(benefit: "Benefit") -> str:
    """The verdict, a sentence a line, and every table."""
    from lpsr.app.words import Words
    from lpsr.report.benefit import parts
    from lpsr.report.benefit_verdict import verdict
    from lpsr.report.shapes import say

    words = Words()
    blocks = ["\n".join(say(one, words) for one in verdict(benefit))]
    for table in parts(benefit, "")[0]:
        rows = [[say(one, words) for one in table.columns]]
        rows += [[say(row.name, words), *(say(one.text, words) for one in row.cells)] for row in table.rows]
        blocks.append(f"{say(table.title, words)}\n{aligned(rows)}")
    return "\n\n".join(blocks)


def _limit(value: str) -> tuple[str | None, int]:
    """ "CLASS=N" or "N" as class (None: all) and number."""
    from lpsr.benefit.result import CLASSES

    name, _, number = value.rpartition("=")
    if name and name not in (*CLASSES, FRAMES):
        raise argparse.ArgumentTypeError(f"there is no class {name!r}; choose one of {', '.join((*CLASSES, FRAMES))}")
    return name or None, whole_number(1)(number)


def _limits(args: argparse.Namespace) -> dict[str, int]:
    """The most plates by class; what is said of one class goes before what is said of all."""
    given = dict(args.most or ())
    every = {name: given[None] for name in args.classes if None in given}
    return every | {name: limit for name, limit in given.items() if name}


def _command(args: argparse.Namespace) -> str:
    """The command that measures the same again, with folders' names in place of their paths; parts that were taken up
    are measured by their own commands."""
    parts = ["python", "-m", "lpsr", NAME]
    if args.data:
        parts += ["--data", data_name(args.data), "--split", args.split or "all"]
    for name in ("models", "readers", "classes", "vote_models"):
        if (value := getattr(args, name)) is not None:
            parts += [f"--{name.replace('_', '-')}", *value]
    if args.most:
        parts += ["--most", *(f"{name}={limit}" if name else str(limit) for name, limit in args.most)]
    parts += ["--crop", args.crop]
    if args.frames:
        parts += ["--frames", str(args.frames)]
    if args.checkpoints:
        parts += ["--checkpoints", data_name(args.checkpoints)]
    return shlex.join([*parts, *(["--results"] if args.results else [])])
