"""Train the super-resolution network.

A run lives in a folder and can be stopped with Ctrl-C and continued by the same command.

  python -m lpsr train runs/mse --data DIR --iterations 12000 --batch 32 --learning-rate 5e-4
  python -m lpsr train runs/pecl --data DIR --set loss.kind=pecl --set loss.distance=manhattan \\
      --embedder checkpoints/embedder.safetensors

Everything that is not set is the paper's (1 000 000 iterations at batch 128: days on a GPU). Afterwards
`python -m lpsr export` makes a checkpoint of the run.
"""

import argparse
import json
import signal
import sys
from typing import Any

from lpsr.errors import InputError

NAME = "train"
HELP = "train the network under MSE or PECL; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN", help="folder of the run; made if missing, continued if it holds this recipe"
    )
    parser.add_argument("--recipe", metavar="FILE", help="a recipe as JSON to start from (each run folder holds one)")
    parser.add_argument(
        "--data",
        action="append",
        metavar="DIR[:SHARE]",
        help="plate folder or CCPD folder whose split 'train' to train on, and its share of a batch; repeatable",
    )
    parser.add_argument(
        "--validation",
        metavar="DIR",
        help="folder whose split 'val' chooses the weights to keep (default: the first --data, 'none' for no validation)",
    )
    parser.add_argument("--iterations", type=int, help="optimiser steps")
    parser.add_argument("--batch", type=int, help="patches a step")
    parser.add_argument("--learning-rate", type=float, help="Adam's, at the start of the cosine")
    parser.add_argument("--seed", type=int, help="of weights and patches")
    parser.add_argument("--init-from", metavar="FILE", help="weights (.safetensors) to start from")
    parser.add_argument("--embedder", metavar="FILE", help="embedder (.safetensors) for PECL")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting of the recipe, such as loss.kind=pecl, loss.form=paired, network.blocks=4, patch=[48,96]",
    )
    add_machine_arguments(parser)


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """Where a run computes; not part of its recipe."""
    parser.add_argument(
        "--accelerator", default="auto", choices=["auto", "cpu", "cuda"], help="default: a GPU if there is one"
    )
    parser.add_argument("--devices", type=int, help="processes on this machine (default: every GPU, or one on the CPU)")
    parser.add_argument("--nodes", type=int, default=1, help="machines that train together")
    parser.add_argument("--threads", type=int, help="CPU threads of a process")


def run(args: argparse.Namespace) -> int:
    from lpsr.files import read_json
    from lpsr.training.recipe import Recipe, parse
    from lpsr.training.trainer import train

    values: dict[str, Any] = read_json(args.recipe) if args.recipe else {}
    values |= data_values(args)
    for key in ("iterations", "batch", "learning_rate", "seed", "init_from", "embedder"):
        if getattr(args, key) is not None:
            values[key] = getattr(args, key)
    for setting in args.set:
        apply_setting(values, setting)
    if not values.get("data"):
        raise InputError("There is nothing to train on; name a folder with --data or a recipe with --recipe.")
    recipe = parse(Recipe, values)
    fabric = open_fabric(args, recipe.precision)
    result = train(
        recipe, args.run, fabric=fabric, report=progress_printer(recipe.iterations), should_stop=stop_signal()
    )
    if not result["done"]:
        print(f"Stopped after {result['iteration']} iterations; the same command continues.", file=sys.stderr)
        return 1
    return 0


def data_values(args: argparse.Namespace) -> dict[str, Any]:
    """The recipe's ``data`` and ``validation`` from ``--data`` and ``--validation``."""
    values: dict[str, Any] = {}
    if args.data:
        sources = []
        for text in args.data:
            folder, colon, share = text.rpartition(":")
            try:
                sources.append({"folder": folder, "share": float(share)} if colon else {"folder": text})
            except ValueError:
                sources.append({"folder": text})
        values["data"] = sources
        values["validation"] = {"folder": sources[0]["folder"], "split": "val"}
    if args.validation:
        values["validation"] = None if args.validation == "none" else {"folder": args.validation, "split": "val"}
    return values


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


def open_fabric(args: argparse.Namespace, precision):
    """A launched Fabric as the machine arguments say."""
    import torch

    from lpsr.training.loop import make_fabric

    if args.threads:
        torch.set_num_threads(args.threads)
    if args.accelerator == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device here; leave --accelerator out to train on the CPU.")
    return make_fabric(precision, args.accelerator, args.devices or "auto", args.nodes)


def stop_signal():
    """A function that turns True at Ctrl-C or SIGTERM, so that a run ends at the next iteration with its state saved."""
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(True))
    return lambda: bool(stopped)


def progress_printer(iterations: int):
    """Prints each log entry as a line, with the time left."""

    def show(entry: dict[str, Any]) -> None:
        numbers = [
            f"{key} {value:.5g}"
            for key, value in entry.items()
            if key != "iteration" and isinstance(value, float) and value == value
        ]
        pace = entry.get("iterations_per_second")
        left = f"  {(iterations - entry['iteration']) / pace / 60:.0f} min left" if pace else ""
        print(f"{entry['iteration']:>8} / {iterations}  " + "  ".join(numbers) + left, flush=True)

    return show
