"""Score models on a folder of labelled plates, by one protocol.

  python -m lpsr evaluate --data DIR --models hr bicubic mse pecl-euclidean pecl-manhattan
  python -m lpsr evaluate --data DIR --models bicubic mse --no-readings --limit 50 --json result.json
  python -m lpsr evaluate --data CCPD --models hr bicubic mse pecl-euclidean pecl-manhattan --results test

Each plate is cut out (HR), degraded ×8 (LR) and restored by every model (SR). PSNR and SSIM say how close SR is to HR:
median ± standard deviation over plates [95 % interval of the median]. The reader then reads every picture; 'exact',
'≥ 6', '≥ 5' and 'characters' are shares in % of plates read wholly right, with at least 6 and 5 characters right, and
of characters right. 'confidence' is the reader's own and says little about right or wrong. 'hr' is the plate itself.
With --results every plate's numbers are kept for the report, without the plates' texts and file names.
"""

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

from lpsr.cli.arguments import add_checkpoints, add_crop, add_plates, data_name, whole_number
from lpsr.cli.text import aligned

NAME = "evaluate"
HELP = "score models on a folder of labelled plates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_plates(parser, required=True)
    parser.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="'hr' (the plate itself), 'bicubic' or names of checkpoints (default: all)",
    )
    parser.add_argument("--reader", metavar="NAME", help="which reader (see: read --help)")
    add_crop(parser, "box")
    parser.add_argument("--no-readings", action="store_true", help="PSNR and SSIM alone, much faster")
    parser.add_argument("--limit", type=whole_number(1), metavar="N", help="only the first N plates")
    parser.add_argument("--json", metavar="FILE", help="write the result to this file as well")
    parser.add_argument(
        "--results",
        metavar="NAME",
        help="write every plate's numbers to assets/results/NAME.json as well, or to the folder that LPSR_RESULTS "
        "names: what the report is built from (needs readings and no --limit)",
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument(
        "--update-cards",
        action="store_true",
        help="write each checkpoint's result on its card as its test result (needs readings and no --limit)",
    )
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    from lpsr import results
    from lpsr.checkpoints import CHECKPOINTS, known_models
    from lpsr.cli.progress import Progress
    from lpsr.data.plates import open_plates
    from lpsr.errors import InputError
    from lpsr.evaluation import measure, summarise_measurement, update_cards
    from lpsr.files import write_json
    from lpsr.readers import DEFAULT, get_reader

    if args.no_readings and args.reader:
        raise InputError("--reader and --no-readings contradict each other; leave one out.")
    if args.update_cards and (args.limit or args.no_readings):
        raise InputError("A card takes a whole result; leave --limit and --no-readings out with --update-cards.")
    if args.update_cards and args.crop != "box":
        raise InputError("A card's numbers are the protocol's; leave --crop out with --update-cards.")
    if args.results is not None:
        if args.limit or args.no_readings:
            raise InputError("The report needs a whole result; leave --limit and --no-readings out with --results.")
        results.check_name(args.results)
    folder = args.checkpoints or CHECKPOINTS
    plates = open_plates(args.data, args.split)[: args.limit]
    models = args.models or [*(() if args.no_readings else ("hr",)), *known_models(folder)]
    measurement = measure(
        plates,
        models,
        data=data_name(args.data),
        split=args.split,
        reader=None if args.no_readings else get_reader(args.reader or DEFAULT),
        crop=args.crop,
        progress=Progress("plates"),
        folder=folder,
        command=_command(args, models),
    )
    result = summarise_measurement(measurement)
    # Shown first, so that a file that cannot be written loses nothing.
    print(table(result["models"], args.markdown))
    print()
    print(passport_lines(result["passport"]), flush=True)
    if args.json:
        write_json(args.json, result)
    if args.results is not None:
        results.write_measurement(args.results, measurement, results.RESULTS)
    if args.update_cards:
        update_cards(measurement, folder)


def table(models: dict[str, dict[str, Any]], markdown: bool = False) -> str:
    """The scores as aligned text, fidelity above readings, or as one Markdown table."""
    fidelity = ["PSNR_RGB [dB]", "PSNR_Y [dB]", "SSIM"]
    reading = ["confidence", "exact [%]", "≥ 6 [%]", "≥ 5 [%]", "characters [%]"]
    rows = {name: _fidelity_cells(scores) + _reading_cells(scores) for name, scores in models.items()}
    if not any("ocr_confidence" in scores for scores in models.values()):
        rows, reading = {name: cells[:3] for name, cells in rows.items()}, []
    if markdown:
        lines = [["model", *fidelity, *reading], ["---"] * (1 + len(fidelity) + len(reading))]
        return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *([name, *row] for name, row in rows.items())])
    blocks = [[["model", *fidelity], *([name, *cells[:3]] for name, cells in rows.items())]]
    if reading:
        blocks.append([["model", *reading], *([name, *cells[3:]] for name, cells in rows.items())])
    return "\n\n".join(map(aligned, blocks))


def passport_lines(passport: dict[str, Any]) -> str:
    """The passport in short."""
    split = f", split {passport['split']}" if passport["split"] else ""
    checkpoints = [f"{name} {digest[:12]}" for name, digest in passport["checkpoints"].items()]
    packages = [f"{name} {version}" for name, version in passport["packages"].items()]
    facts = {
        "Plates": f"{passport['n']} of {passport['data']}{split}; {passport['crop']}",
        "LR": f"1/{passport['scale']}, {passport['kernel']}",
        "Reader": passport["reader"] or "none",
        "Checkpoints": ", ".join(checkpoints) or "none",
        "Packages": ", ".join(packages),
    }
    return "\n".join(f"{key + ':':13}{value}" for key, value in facts.items())


def _command(args: argparse.Namespace, models: Sequence[str]) -> str:
    """The command that measures the same again, with folders' names in place of their paths."""
    parts = ["python", "-m", "lpsr", NAME, "--data", data_name(args.data), "--split", args.split or "all"]
    parts += ["--models", *models]
    if args.reader:
        parts += ["--reader", args.reader]
    if args.crop != "box":
        parts += ["--crop", args.crop]
    if args.checkpoints:
        parts += ["--checkpoints", data_name(args.checkpoints)]
    if args.results is not None:
        parts += ["--results", args.results]
    return shlex.join(parts)


def _fidelity_cells(scores: dict[str, Any]) -> list[str]:
    return [_summary(scores[key], digits) for key, digits in (("psnr", 2), ("psnr_y", 2), ("ssim", 3))]


def _reading_cells(scores: dict[str, Any]) -> list[str]:
    exact = _percent(scores.get("exact"))
    if "exact_ci95" in scores:
        exact += " [{}, {}]".format(*map(_percent, scores["exact_ci95"]))
    return [
        _summary(scores.get("ocr_confidence"), 3),
        exact,
        *(_percent(scores.get(key)) for key in ("ge6", "ge5", "char_accuracy")),
    ]


def _summary(summary: dict[str, Any] | None, digits: int) -> str:
    if summary is None:
        return "–"
    low, high = summary["ci95"]
    return f"{summary['median']:.{digits}f} ± {summary['std']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
