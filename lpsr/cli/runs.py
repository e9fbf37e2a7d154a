"""What the training verbs share: the run's folder and data, where it computes, how it stops, what it prints."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from lpsr.cli.arguments import whole_number
from lpsr.cli.progress import duration
from lpsr.errors import InputError


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's folder, its data, and where it computes (no part of its recipe)."""
    parser.add_argument("run", metavar="RUN", help="folder of the run; made if missing, continued if it holds one")
    add_data(parser)
    machine = parser.add_argument_group("machine")
    machine.add_argument(
        "--accelerator", default="auto", choices=["auto", "cpu", "cuda"], help="default: a GPU if there is one"
    )
    machine.add_argument(
        "--devices", type=whole_number(1), help="processes on this machine (default: every GPU, or one on the CPU)"
    )
    machine.add_argument("--nodes", type=whole_number(1), default=1, help="machines that train together")
    machine.add_argument("--threads", type=whole_number(1), help="CPU threads of a process")


def add_data(parser: argparse.ArgumentParser) -> None:
    """What to train and to validate on, for ``recipe_values``."""
    parser.add_argument(
        "--data",
        action="append",
        metavar="DIR[@SPLIT][:SHARE]",
        help="plate folder or CCPD folder to train on, its split (default: 'train'), its share of a batch; repeatable",
    )
    parser.add_argument(
        "--validation",
        metavar="DIR",
        help="folder whose split 'val' to validate on (default: the first --data; 'none' for no validation)",
    )


def add_pretraining(parser: argparse.ArgumentParser, batch: int, pictures: str) -> None:
    """The run of a judge, embedder or recogniser; ``batch`` is its default, ``pictures`` what a batch consists of."""
    add_run_arguments(parser)
    parser.add_argument("--iterations", type=int, help="optimiser steps (default: 4000)")
    parser.add_argument("--batch", type=int, help=f"{pictures} a step (default: {batch})")
    parser.add_argument("--learning-rate", type=float, help="AdamW's, at the start of the cosine (default: 0.001)")
    parser.add_argument("--seed", type=int, help=f"of weights and {pictures}")


def pretraining_values(args: argparse.Namespace) -> dict[str, Any]:
    """The recipe that ``add_pretraining``'s arguments say. Raises InputError where there is nothing to train on."""
    values = recipe_values(args, {}, ("iterations", "batch", "learning_rate", "seed"))
    if not values.get("data"):
        raise InputError("There is nothing to train on; name a folder with --data.")
    return values


def recipe_values(args: argparse.Namespace, values: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """``values`` with what the command line says: data, validation, and the settings called ``keys``."""
    values = dict(values)
    if args.data:
        values["data"] = [_source(text) for text in args.data]
        values["validation"] = {"folder": values["data"][0]["folder"], "split": "val"}
    if args.validation:
        values["validation"] = None if args.validation == "none" else {"folder": args.validation, "split": "val"}
    values |= {key: getattr(args, key) for key in keys if getattr(args, key) is not None}
    return values


def _source(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    # A folder's own name may hold the signs.
    if os.path.exists(text):
        return {"folder": text}
    folder, colon, share = text.rpartition(":")
    with suppress(ValueError):
        if colon:
            values, text = {"share": float(share)}, folder
    folder, _, split = text.rpartition("@")
    if folder and split and Path(split).name == split and not os.path.exists(text):
        return {"folder": folder, "split": split, **values}
    return {"folder": text, **values}


def execute(args: argparse.Namespace, recipe: Any, work: Callable[..., dict[str, Any]], then: str) -> int:
    """Run ``work`` (``train`` or one of the pre-trainings); returns 1 where it was stopped before its end, else 0.

    ``then`` are the words behind "python -m lpsr" of the step that usually follows, RUN being the run's folder.
    """
    import torch

    from lpsr.training.loop import make_fabric

    if args.threads:
        torch.set_num_threads(args.threads)
    if args.accelerator == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device here; leave --accelerator out to train on the CPU.")
    fabric = make_fabric(recipe.precision, args.accelerator, args.devices or "auto", args.nodes)
    with stop_signal() as should_stop:
        result = work(recipe, args.run, fabric=fabric, report=printer(recipe.iterations), should_stop=should_stop)
    if result["done"]:
        step = then.replace("RUN", shlex.quote(str(args.run)))
        print(f"Finished: {result['iteration']} iterations in {args.run}. Next: python -m lpsr {step}", file=sys.stderr)
        return 0
    print(f"Stopped after {result['iteration']} iterations; the same command continues.", file=sys.stderr)
    return 1


@contextmanager
def stop_signal() -> Iterator[Callable[[], Literal["pause"] | None]]:
    """A function that says "pause" from Ctrl-C or SIGTERM on, so that a run ends at its next iteration, its state
    saved."""
    stopped: list[bool] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stopped.append(True))
    try:
        yield lambda: "pause" if stopped else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def printer(iterations: int) -> Callable[[dict[str, Any]], None]:
    """Prints each log entry as a line, with the time left."""

    def show(entry: dict[str, Any]) -> None:
        numbers = [
            f"{key} {value:.5g}"
            for key, value in entry.items()
            if key != "iteration" and isinstance(value, float) and value == value
        ]
        pace = entry.get("iterations_per_second")
        left = f"  {duration((iterations - entry['iteration']) / pace)} left" if pace else ""
        print(f"{entry['iteration']:>8} / {iterations}  " + "  ".join(numbers) + left, flush=True)

    return show
