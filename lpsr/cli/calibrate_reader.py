"""Measure how honest a reader's confidences are, and from where on it had better abstain.

  python -m lpsr calibrate-reader paddle-onnx --data DIR
  python -m lpsr calibrate-reader plate-hr --data CCPD --check test --update

Every plate is cut out (its bounding box, and straightened) and read as it is (hr), and reduced to 1/2, 1/4 and 1/8. On
--split the temperature of the project's own readers is chosen (plate-hr, plate-multiscale; of other readers the
confidences stay as they are), and the threshold: the confidence below which a character is not printed, so that the
points of a character are most on average (2 right, 0 not printed, −1 wrong). On --check both are then measured, on
plates that they were not chosen on.

'exact' is the share in % of plates read wholly right, [95 % interval], by crop. 'ECE' is the expected calibration
error: how far confidences are from the share that is right, without and with the temperature. 'abstained' is the share
of characters below the threshold, 'points' what a character earns if all are printed and if those are not. The last
table is the risk: the share that is wrong among the characters that are most confident, of all degradations together.
"""

import argparse
import shlex
from typing import TYPE_CHECKING

from lpsr.cli.arguments import add_checkpoints, add_plates, data_name, whole_number
from lpsr.cli.text import aligned

if TYPE_CHECKING:
    from lpsr.evidence import Share
    from lpsr.reader_calibration import Measured, ReaderCalibration

NAME = "calibrate-reader"
HELP = "measure how honest a reader is, and when it should abstain"
# Plates below which what is chosen on them hangs much on which they are.
_FEW = 100
_COVERAGES = (0.25, 0.5, 0.75, 0.9, 1.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reader", metavar="NAME", help="which reader (see: read --help)")
    add_plates(parser, required=True, split="val")
    parser.add_argument("--check", metavar="SPLIT", help="the split to measure on afterwards (default: none)")
    parser.add_argument("--limit", type=whole_number(1), metavar="N", help="only the first N plates of each split")
    parser.add_argument("--json", metavar="FILE", help="write the result to this file as well")
    parser.add_argument(
        "--update", action="store_true", help="write it on the card of the project's own reader (needs --check)"
    )
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    from lpsr.checkpoints import CHECKPOINTS, PLATE, auxiliary_of, read_auxiliary_card
    from lpsr.cli.progress import Progress
    from lpsr.data.plates import open_plates
    from lpsr.errors import InputError
    from lpsr.files import write_json
    from lpsr.reader_calibration import calibrate_reader, update_reader_card
    from lpsr.readers import get_reader, own

    folder = args.checkpoints or CHECKPOINTS
    is_own = auxiliary_of(args.reader) == PLATE
    if args.update and not is_own:
        raise InputError(f"The reader {args.reader} has no card here; leave --update out.")
    if args.update and args.limit:
        raise InputError("A card tells of all plates; leave --limit or --update out.")
    if args.update and args.check is None:
        raise InputError("What a card says is checked; give --check with --update.")
    if args.check is not None and args.split in (None, args.check):
        raise InputError("A rule is not checked on the plates it was chosen on; give --split and --check two splits.")
    reader = own.load(args.reader, folder) if is_own else get_reader(args.reader)
    found = calibrate_reader(
        open_plates(args.data, args.split)[: args.limit],
        open_plates(args.data, args.check)[: args.limit] if args.check else (),
        reader,
        data=data_name(args.data),
        splits=(args.split or "all", args.check or ""),
        progress=Progress("plates"),
        command=_command(args),
    )
    # Shown first, so that a file that cannot be written loses nothing.
    print(table(found), flush=True)
    if found.chosen.plates < _FEW:
        chosen = "the threshold is" if found.temperature is None else "temperature and threshold are"
        print(f"\nChosen on few plates ({found.chosen.plates}; at least {_FEW} are advised): {chosen} largely chance.")
    if args.json:
        write_json(args.json, found.model_dump(mode="json"))
    if args.update:
        update_reader_card(found, read_auxiliary_card(args.reader, folder), folder)
    elif is_own:
        added = "--update" if args.check else "--check test --update"
        print(f"\nThe reader stays as it is; {added} puts temperature and threshold on its card.")


def table(found: "ReaderCalibration") -> str:
    """Temperature and threshold, exact rates, honesty and risk as aligned text."""
    temperature = "–" if found.temperature is None else f"{found.temperature:.3f}"
    splits = [one for one in (found.chosen, found.checked) if one]
    exact = [["split, degradation", "plates", *(f"exact, {crop} [%]" for crop in found.chosen.exact["hr"])]]
    honest = [["split, degradation", "characters", "right [%]", "ECE [%]", "with temperature", "abstained [%]"]]
    honest[0] += ["points", "abstaining"]
    risks = [["split", *(f"risk [%] at {100 * one:.0f} %" for one in _COVERAGES)]]
    for one in splits:
        for name, shares in one.exact.items():
            exact.append([f"{one.split}, {name}", str(one.plates), *map(_share, shares.values())])
        for name, trust in one.trust.items():
            shares = trust.right, trust.error_before, trust.error, trust.abstained
            row = [f"{one.split}, {name}", str(trust.characters), *(f"{100 * share:.1f}" for share in shares)]
            honest.append([*row, f"{trust.score_before:.3f}", f"{trust.score:.3f}"])
        risks.append([one.split, *_risks(one)])
    head = f"temperature {temperature}, threshold {found.threshold:g}"
    return "\n\n".join([head, *map(aligned, (exact, honest, risks))])


def _risks(measured: "Measured") -> list[str]:
    from lpsr.reader_calibration import POOLED

    trust = measured.trust[POOLED]
    curve = list(zip(trust.coverage, trust.risk, strict=True))
    return [f"{100 * next(risk for coverage, risk in curve if coverage >= one - 1e-9):.2f}" for one in _COVERAGES]


def _share(share: "Share") -> str:
    return f"{100 * share.share:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _command(args: argparse.Namespace) -> str:
    """The command that measures the same again, with folders' names in place of their paths."""
    parts = ["python", "-m", "lpsr", NAME, args.reader, "--data", data_name(args.data), "--split", args.split or "all"]
    if args.check:
        parts += ["--check", args.check]
    if args.limit:
        parts += ["--limit", str(args.limit)]
    if args.checkpoints:
        parts += ["--checkpoints", data_name(args.checkpoints)]
    return shlex.join([*parts, *(["--update"] if args.update else [])])
