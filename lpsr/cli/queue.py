"""Show the pipeline runs of a folder, and steer them.

  python -m lpsr queue                    what runs, waits and is done
  python -m lpsr queue pause NAME         save and end; resume goes on from there
  python -m lpsr queue keep NAME          end the training now, then evaluate and export what it has
  python -m lpsr queue discard NAME       end it and delete it, with its checkpoint

The page's Training tab shows and steers the same runs. Where nothing runs, each form also starts the next that waits;
LPSR_TRAINING_MINUTES bounds its training as on the page.
"""

import argparse
import sys
from pathlib import Path

from lpsr.cli.progress import duration
from lpsr.cli.text import aligned
from lpsr.errors import InputError

NAME = "queue"
HELP = "show the pipeline runs, pause, resume, keep or discard one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "pause", "resume", "keep", "discard"), default="list")
    parser.add_argument("run", nargs="?", metavar="NAME", help="name of the run")
    parser.add_argument("--runs", metavar="DIR", help="folder of the runs (default: LPSR_RUNS, or runs/)")


def run(args: argparse.Namespace) -> None:
    from lpsr.training import queue
    from lpsr.training.bounds import bounds
    from lpsr.training.runs import RUNS, list_runs

    root = Path(args.runs or RUNS)
    if args.action != "list":
        if not args.run:
            raise InputError(f"Say which run: python -m lpsr queue {args.action} NAME.")
        getattr(queue, args.action)(root, args.run)
    try:
        queue.start_next(root, bounds(hosted=False).minutes)
    except InputError as error:
        # On a full disk, say: what there is can be seen all the same.
        print(f"lpsr: {error}", file=sys.stderr)
    runs = list_runs(root)
    if not runs:
        print(f"There are no runs in {root}.")
        return
    rows = [["run", "state", "iteration", "time", "note"]]
    for one in runs:
        train = one.status.stages["train"]
        state = f"waits, {one.place}." if one.place else one.status.state + ", stopped early" * one.status.early
        done = f"{train.done} of {one.plan.settings.iterations}"
        rows.append([one.name, state, done, duration(one.status.seconds), one.status.message or one.note])
    print(aligned(rows))
