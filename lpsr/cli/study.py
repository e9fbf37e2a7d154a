"""Train the runs of a study one after another, measure each and record its result.

  python -m lpsr study dimensions --data CCPD:0.85 --data GENERATED:0.15 --measure CCPD --minutes 50
  python -m lpsr study my-study.json --data DIR --set iterations=2000 --only mse pecl
  python -m lpsr study dimensions --list

A study names trainings that differ in what is asked; assets/studies holds those of the project. Each is a run of
`train` in RUNS/STUDY/RUN. What is done is not done again: after Ctrl-C, --minutes or a crash the same command goes on.
A finished run is measured on split 'test' of --measure, and its record written where `report` finds it.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpsr.cli.arguments import data_name, minutes, whole_number
from lpsr.cli.progress import Progress, duration
from lpsr.cli.runs import add_data, printer, recipe_values, stop_signal
from lpsr.cli.text import aligned
from lpsr.cli.train import apply_setting
from lpsr.errors import InputError

if TYPE_CHECKING:
    from lpsr.readers import Reader
    from lpsr.results import Measurement, RunRecord
    from lpsr.training.study import Study, Trial

NAME = "study"
HELP = "train, measure and record the runs of a study; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help="a study of the project, or a study as JSON (FILE.json)")
    parser.add_argument(
        "--list",
        action="store_true",
        help="only show how far each run is; one that is begun is known from its folder, of others --set counts",
    )
    parser.add_argument(
        "--only", action="extend", nargs="+", default=[], metavar="RUN", help="only these runs (default: all)"
    )
    parser.add_argument(
        "--runs", default="runs/studies", metavar="DIR", help="folder of the runs (default: %(default)s)"
    )
    add_data(parser)
    parser.add_argument(
        "--measure", metavar="DIR", help="folder whose split 'test' to measure finished runs on (default: not measured)"
    )
    parser.add_argument("--init-from", metavar="FILE", help="weights for the runs that start from no other run")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of all runs: iterations=2000, ..."
    )
    parser.add_argument("--minutes", type=minutes, metavar="N", help="pause after so long")
    parser.add_argument(
        "--accelerator", default="auto", choices=["auto", "cpu", "cuda"], help="default: a GPU if there is one"
    )
    parser.add_argument("--threads", type=whole_number(1), help="CPU threads")


def run(args: argparse.Namespace) -> int:
    """Train, measure and record. Returns 1 where a run failed or Ctrl-C ended it, else 0."""
    from lpsr.training.study import load_study

    study = load_study(args.study)
    overrides: dict[str, Any] = {}
    for setting in args.set:
        apply_setting(overrides, setting)
    if args.list:
        print(overview(study, Path(args.runs), overrides, args.only))
        return 0
    return _work(args, study, overrides)


def _work(args: argparse.Namespace, study: "Study", overrides: dict[str, Any]) -> int:
    import torch

    from lpsr.training.recipe import DataSource, parse
    from lpsr.training.study import is_current, trials_of

    if not args.data:
        raise InputError("There is nothing to train on; name a folder with --data.")
    if args.accelerator == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device here; leave --accelerator out to train on the CPU.")
    if args.threads:
        torch.set_num_threads(args.threads)
    values = recipe_values(args, {}, ())
    trials = trials_of(
        study,
        args.runs,
        [parse(DataSource, one) for one in values["data"]],
        parse(DataSource, values["validation"]) if values["validation"] else None,
        overrides=overrides,
        init_from=args.init_from,
        only=args.only,
    )
    # All are looked at before anything is begun.
    done = {trial.name: trial.done() for trial in trials}
    judge = Judge(args.measure) if args.measure else None
    wanted = {"measured": judge and judge.name, "read": judge is not None and judge.reader is not None}
    end = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
    failed: list[str] = []
    with stop_signal() as stopped:

        def should_stop() -> str | None:
            return "pause" if time.monotonic() > end else stopped()

        for trial in trials:
            try:
                # Another process may have done it meanwhile.
                done[trial.name] = trial.done()
                if not done[trial.name] and not should_stop():
                    if not done.get(trial.init, True):
                        raise InputError(f"It starts from {trial.init}, which failed.")
                    print(f"Run {trial.name} of study {study.name}", flush=True)
                    done[trial.name] = _train(trial, args.accelerator, should_stop)
                if not done[trial.name] or stopped():
                    continue
                if not is_current(records_of(study.name).get(trial.name), trial, **wanted):
                    _record(trial, study.name, command_of(args, trial.name), judge, stopped)
            except InputError as error:
                failed.append(trial.name)
                print(f"lpsr: run {trial.name} failed: {error}", file=sys.stderr, flush=True)
        return _close(args, study, done, failed, bool(stopped()))


def _train(trial: "Trial", accelerator: str, should_stop: Callable[[], str | None]) -> bool:
    from lpsr.training.loop import make_fabric
    from lpsr.training.trainer import train

    recipe = trial.recipe
    # On one device: more would start this whole process again on each.
    fabric = make_fabric(recipe.precision, accelerator, 1)
    result = train(recipe, trial.folder, fabric=fabric, report=printer(recipe.iterations), should_stop=should_stop)
    return result["done"]


class Judge:
    """Measures on the test plates of a folder.

    Attributes:
        reader: None where the packages for reading are not installed; nothing is read then.
    """

    reader: "Reader | None"

    def __init__(self, folder: str) -> None:
        from lpsr.data.plates import open_plates
        from lpsr.readers import DEFAULT, get_reader

        self.name = data_name(folder)
        self.plates = open_plates(folder, "test")
        try:
            self.reader = get_reader(DEFAULT)
        except InputError as error:
            self.reader = None
            print(f"Nothing is read: {error}", file=sys.stderr, flush=True)

    def measure(self, trial: "Trial", command: str, stopped: Callable[[], Any]) -> "Measurement":
        from lpsr.evaluation import measure
        from lpsr.training.study import restorer_of

        show = Progress("plates")

        def progress(done: int, total: int) -> None:
            show(done, total)
            if stopped():
                raise KeyboardInterrupt

        return measure(
            self.plates,
            [restorer_of(trial)],
            data=self.name,
            split="test",
            reader=self.reader,
            progress=progress,
            command=command,
        )


def _record(trial: "Trial", study: str, command: str, judge: Judge | None, stopped: Callable[[], Any]) -> None:
    from lpsr import results
    from lpsr.training.study import record_of

    found, own = records_of(study).get(trial.name), record_of(trial, study, command, None)
    if found and (found.recipe, found.data) != (own.recipe, own.data):
        raise InputError(
            f"{results.RESULTS} holds a record of another recipe or other data for this run; move it away, or name "
            "another folder in LPSR_RESULTS."
        )
    measurement = judge.measure(trial, command, stopped) if judge else None
    path = results.write_record(own.model_copy(update={"measurement": measurement}), results.RESULTS)
    print(f"Recorded in {path}", flush=True)


def records_of(study: str) -> "dict[str, RunRecord]":
    """The records of a study's runs, by name, that can be used."""
    from lpsr import results

    return {record.name: record for record in results.read_results(results.RESULTS).runs if record.study == study}


def _close(args: argparse.Namespace, study: "Study", done: dict[str, bool], failed: list[str], stopped: bool) -> int:
    """Say what is left. The exit status."""
    left = [name for name, finished in done.items() if not finished and name not in failed]
    if left:
        print(
            f"Paused with {len(left)} of {len(done)} runs left ({', '.join(left)}); the same command goes on.",
            file=sys.stderr,
        )
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    if not left and not failed:
        print(f"Finished: study {study.name}, {len(done)} runs in {Path(args.runs) / study.name}.", file=sys.stderr)
    return int(bool(failed) or stopped)


def command_of(args: argparse.Namespace, name: str) -> str:
    """What trains and records a run of the study, its folders called as passports call them."""
    parts = ["python", "-m", "lpsr", "study", Path(args.study).name, "--only", name]
    for source in recipe_values(args, {}, ())["data"]:
        share = f":{source['share']:g}" if "share" in source else ""
        parts += ["--data", data_name(source["folder"]) + share]
    for option in ("validation", "measure"):
        if value := getattr(args, option):
            parts += [f"--{option}", data_name(value)]
    if args.init_from:
        parts += ["--init-from", _file_name(args.init_from)]
    for setting in args.set:
        key, _, value = setting.partition("=")
        parts += ["--set", f"{key}={_file_name(value)}" if key in ("embedder", "recogniser", "init_from") else setting]
    return shlex.join(parts)


def _file_name(path: str) -> str:
    return "/".join(Path(path).parts[-2:])


def overview(study: "Study", root: Path, overrides: dict[str, Any], only: Sequence[str]) -> str:
    """How far each run is, as a table; the time left is told from the last pace in the run's log.

    ``overrides`` are for runs that are not begun; what others were begun with is in their folders.
    """
    from lpsr.files import read_json
    from lpsr.training.curves import read_curves
    from lpsr.training.loop import RECIPE, RUN
    from lpsr.training.study import check_names, settings_of

    check_names(study, only)
    records = records_of(study.name)
    rows = [["run", "iterations", "of", "best [dB]", "state", "left"]]
    for one in study.runs:
        if only and one.name not in only:
            continue
        folder, iterations = root / study.name / one.name, settings_of(study, one, overrides).iterations
        told, begun = (read_json(folder / name) if (folder / name).is_file() else {} for name in (RUN, RECIPE))
        iterations = begun.get("iterations", iterations)
        curves, record = read_curves(folder), records.get(one.name)
        state = "trained" if told.get("done") else "begun" if curves.iteration else "–"
        if record and told.get("done"):
            state = "measured" if record.measurement else "recorded"
        best, left = told.get("best"), iterations - curves.iteration
        rows.append(
            [
                one.name,
                str(curves.iteration),
                str(iterations),
                f"{best:.2f}" if best is not None else "–",
                state,
                duration(left / curves.speed) if curves.speed and not told.get("done") else "–",
            ]
        )
    return aligned(rows)
