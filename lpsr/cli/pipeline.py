"""Run the whole pipeline, from data to checkpoint: plates, patches, embedder, training, validation, evaluation, export.

  python -m lpsr pipeline runs/first --preset demo
  python -m lpsr pipeline runs/pecl --preset lesson --set loss.kind=pecl --set loss.distance=manhattan
  python -m lpsr pipeline runs/real --preset paper --data DIR --threads 8
  python -m lpsr pipeline runs/real

RUN is made, its last part names the run and its checkpoint. Ctrl-C pauses; the last form goes on where a run was paused
or killed. The page's Training tab shows and steers the runs in runs/ (or LPSR_RUNS), those of a terminal too.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lpsr.cli.arguments import minutes
from lpsr.cli.progress import Progress, duration
from lpsr.cli.runs import printer, stop_signal
from lpsr.cli.train import apply_setting
from lpsr.errors import InputError

if TYPE_CHECKING:
    from lpsr.training.plan import Plan
    from lpsr.training.status import Request, Stage

NAME = "pipeline"
HELP = "from data to checkpoint in one go; resumable"

# Seconds between two looks at the requests of others.
_LOOK = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="folder of the run; with nothing else given, it goes on")
    plan = parser.add_argument_group("plan", "what a new run is; what is not given is as in the preset, or the paper's")
    start = plan.add_mutually_exclusive_group()
    start.add_argument(
        "--preset", metavar="NAME", help="demo (two minutes), lesson (ten) or paper (days, on a GPU too)"
    )
    start.add_argument("--plan", metavar="FILE", help="a plan as JSON to start from (each run folder holds one)")
    data = plan.add_mutually_exclusive_group()
    data.add_argument("--generate", type=int, metavar="N", help="train, validate and test on N generated plates")
    data.add_argument("--data", metavar="DIR", help="plate folder or CCPD folder with the splits train, val and test")
    data.add_argument("--zip", metavar="FILE", help="a ZIP of plates")
    plan.add_argument("--data-seed", type=int, metavar="S", help="of the generated plates")
    plan.add_argument("--embedder-iterations", type=int, metavar="N", help="for PECL, train an embedder of its own")
    plan.add_argument("--most-val", type=int, metavar="N", help="plates to validate on at most")
    plan.add_argument("--most-test", type=int, metavar="N", help="plates to evaluate on at most")
    plan.add_argument("--device", choices=["auto", "cpu", "cuda"], help="default: a GPU if there is one")
    plan.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: one less than there are cores)")
    plan.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="a setting of the training: iterations=2000, batch=32, loss.kind=pecl, network.blocks=4, ...",
    )
    parser.add_argument("--queued", action="store_true", help="afterwards start the next run that waits in its folder")
    parser.add_argument(
        "--minutes", type=minutes, metavar="N", help="end the training after so long, and go on with what it has"
    )


def run(args: argparse.Namespace) -> int:
    """Run the pipeline. Returns 1 where it was paused, 2 where it failed, else 0."""
    folder = Path(args.run).absolute()
    try:
        return _run(args, folder)
    finally:
        if args.queued:
            from lpsr.training.queue import start_next

            # The page that started this one may be closed.
            start_next(folder.parent, args.minutes)


def _run(args: argparse.Namespace, folder: Path) -> int:
    from lpsr.training.pipeline import holding, run_pipeline
    from lpsr.training.status import CONTROL, PLAN

    plan = new_plan(args) if _is_new(args) else None
    if not (folder / PLAN).is_file():
        if not plan:
            raise InputError(f"There is no run in {args.run} to go on with; begin one, for example with --preset demo.")
        # What goes on waits for its lock with nothing heavy loaded.
        from lpsr.training.plan import check_new

        check_new(plan)
    control = folder / CONTROL
    with holding(folder), stop_signal() as stopped:
        try:
            if _request(control) == "pause":
                # It was meant for a process that is gone; "keep" may be why this one was started.
                control.unlink()
            _set_machine(_claim(folder, plan))
            status = run_pipeline(folder, should_stop=_steering(control, stopped), report=Show(), minutes=args.minutes)
        finally:
            control.unlink(missing_ok=True)
    if status.state == "done":
        print(f"Finished: checkpoint {folder.name}, {duration(status.seconds)}.", file=sys.stderr)
        return 0
    if status.state == "paused":
        print(status.message or "Paused.", f"python -m lpsr pipeline {args.run} goes on.", file=sys.stderr)
        return 1
    raise InputError(status.message)


_OPTIONS = ("embedder_iterations", "most_val", "most_test", "device", "threads")


def _is_new(args: argparse.Namespace) -> bool:
    """Whether the command line says anything of a plan."""
    names = ("preset", "plan", "generate", "data", "zip", "data_seed", *_OPTIONS, "set")
    return any(getattr(args, name) is not None for name in names)


def new_plan(args: argparse.Namespace) -> "Plan":
    """The plan of a command line. Raises InputError where it is none."""
    from copy import deepcopy

    from lpsr.files import read_json
    from lpsr.training.plan import PRESETS, Plan
    from lpsr.training.recipe import parse

    values: dict[str, Any] = {}
    if args.preset:
        if args.preset not in PRESETS:
            raise InputError(f"There is no preset {args.preset!r}; there are: {', '.join(PRESETS)}.")
        values = deepcopy(PRESETS[args.preset])
    elif args.plan:
        values = read_json(args.plan)
        if not isinstance(values, dict):
            raise InputError(f"{args.plan} holds no plan; a plan is a JSON object.")
    values["name"] = Path(args.run).absolute().name
    if args.data:
        values["data"] = {"kind": "folder", "folder": _anchored(args.data)}
    elif args.zip:
        values["data"] = {"kind": "zip", "file": _anchored(args.zip)}
    elif args.generate is not None:
        old = values.get("data")
        generated = isinstance(old, dict) and old.get("kind") == "generated"
        values["data"] = {**(old if generated else {"kind": "generated"}), "count": args.generate}
    if args.data_seed is not None:
        apply_setting(values, f"data.seed={args.data_seed}")
        values["data"].setdefault("kind", "generated")
    values |= {name: getattr(args, name) for name in _OPTIONS if getattr(args, name) is not None}
    for setting in args.set or ():
        apply_setting(values.setdefault("settings", {}), setting)
    settings = values.get("settings")
    for key in ("init_from", "embedder"):
        if isinstance(settings, dict) and isinstance(settings.get(key), str):
            settings[key] = _anchored(settings[key])
    return parse(Plan, values)


def _anchored(path: str) -> str:
    """A path that means the same wherever the run is gone on with."""
    return os.path.join(os.getcwd(), path)


def _claim(folder: Path, plan: "Plan | None") -> "Plan":
    """Make the run in the folder that of ``plan``, and return what it is. Raises InputError where it is another."""
    from lpsr.files import read_json, write_json
    from lpsr.training.pipeline import current_status
    from lpsr.training.plan import Plan
    from lpsr.training.recipe import parse
    from lpsr.training.status import PLAN, PROCESS, STATUS, write_status

    path = folder / PLAN
    if path.is_file():
        old = parse(Plan, read_json(path))
        if plan and plan != old:
            other = ", ".join(key for key, value in old if value != getattr(plan, key))
            raise InputError(f"{folder} holds a run of another plan ({other}); choose another name.")
        return old
    names = {one.name for one in folder.iterdir() if not one.name.startswith(".")}
    if not plan or names - {PROCESS, STATUS}:
        raise InputError(f"{folder} is not empty and holds no run; choose another name.")
    # Its status first: a folder with a plan is a run to others.
    write_status(folder, current_status(folder))
    write_json(path, plan.model_dump(mode="json"))
    return plan


def _set_machine(plan: "Plan") -> None:
    """The threads of this process, and behind others where nobody sits in front of it."""
    import torch

    torch.set_num_threads(plan.cpu_threads)
    if hasattr(os, "nice") and not (sys.stdin and sys.stdin.isatty()):
        # A run that another one started is behind already.
        os.nice(max(0, 10 - os.getpriority(os.PRIO_PROCESS, 0)))


def _steering(control: Path, stopped: Callable[[], "Request | None"]) -> Callable[[], "Request | None"]:
    """What is asked of the run: "pause" by a signal, anything by the control file, read every ``_LOOK`` seconds."""
    looked, asked = 0.0, None

    def should_stop() -> "Request | None":
        nonlocal looked, asked
        now = time.monotonic()
        if now - looked >= _LOOK:
            looked, asked = now, _request(control)
        return stopped() or asked

    return should_stop


def _request(control: Path) -> "Request | None":
    from lpsr.training.status import Request

    try:
        text = control.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if text in get_args(Request) else None


class Show:
    """Prints what a run reports: stages, what they found, lines of the trainings' logs; on stderr, plates counted."""

    def __init__(self) -> None:
        self.shown: tuple[str, str] | None = None
        self.count = Progress("plates")

    def __call__(self, name: str, stage: "Stage", entry: dict[str, Any] | None) -> None:
        if entry is not None:
            printer(stage.of)(entry)
        elif (name, stage.state) == self.shown:
            if name in ("data", "evaluate") and stage.done:
                self.count(stage.done, stage.of)
        elif stage.state == "running":
            self.count = Progress("plates")
            print(f"{name} ...", flush=True)
        else:
            facts = ", ".join(f"{key} {value}" for key, value in _flat(stage.facts))
            print(f"{name}: {stage.state}, {duration(stage.seconds)}" + (f"; {facts}" if facts else ""), flush=True)
        self.shown = name, stage.state


def _flat(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Facts as words; lists of files are for the page."""
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value)
        elif isinstance(value, float):
            yield key, f"{value:.5g}"
        elif value is not None and not isinstance(value, list):
            yield key, str(value)
