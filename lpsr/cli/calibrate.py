"""Measure how often characters that the restorations agree on are right, and from where on they may be relied on.

  python -m lpsr calibrate --data DIR
  python -m lpsr calibrate --data DIR --split val --check test --update

Each plate is degraded (each preset in turn), restored by the headline checkpoints and read. On --split the lowest
confidence is chosen at which at least 95 % of the characters that all agree on are right (lower end of the 95 % Wilson
interval), for the province, for characters with look-alikes (0 D Q, 8 B, 2 Z, 5 S, 6 G) and for the others; '–' where
there is none. In LR pictures narrower than nine of ten of --split nothing is reliable. On --check the rule is then
measured once, on plates that it was not chosen on.

'reliable' is the share of all characters that the rule marks; 'right' says how many of those are, [95 % interval].
'unusual right' leaves out what more than half of the plates have at a position, as 皖A in CCPD. 'guesses right' and
'unsupported right' are the same for what it does not mark: agreed but too weak, and disagreed.
'provinces agreed on' says how many are right, on plates of the most frequent province and on others.
'whole plates' are those whose characters are all marked, 'all but province' those where only the province is not: how
many of them are right in all that is marked.
'limit': a restoration that is degraded again and differs from its LR picture by more (root mean square, 8-bit levels)
contradicts it; the 99th percentile of --split. 'AUC' [%] is how well this tells plates that are read exactly from
others; 50 is not at all.
"""

import argparse
from typing import TYPE_CHECKING

from lpsr.cli.arguments import add_checkpoints, add_plates, data_name
from lpsr.cli.text import aligned
from lpsr.degrade import PRESETS

if TYPE_CHECKING:
    from lpsr.evidence import Calibration, Share

NAME = "calibrate"
HELP = "measure which characters can be relied on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_plates(parser, required=True, split="val")
    parser.add_argument("--check", metavar="SPLIT", help="the split to measure the rule on afterwards (default: none)")
    parser.add_argument(
        "--presets", nargs="+", choices=PRESETS, default=list(PRESETS), help="degradations (default: every one)"
    )
    parser.add_argument("--reader", metavar="NAME", help="which reader (see: read --help)")
    parser.add_argument("--json", metavar="FILE", help="write the result to this file as well")
    parser.add_argument(
        "--update",
        action="store_true",
        help="write it beside the checkpoints, where the page looks (needs --check and every preset)",
    )
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    from lpsr.calibration import calibrate, save_calibration
    from lpsr.checkpoints import CHECKPOINTS
    from lpsr.cli.progress import Progress
    from lpsr.data.plates import open_plates
    from lpsr.errors import InputError
    from lpsr.files import write_json
    from lpsr.readers import DEFAULT, get_reader

    if args.update and (args.check is None or set(args.presets) != set(PRESETS)):
        raise InputError("What the page uses is checked and whole; give --check and no --presets with --update.")
    if args.check is not None and args.split in (None, args.check):
        raise InputError("A rule is not checked on the plates it was chosen on; give --split and --check two splits.")
    folder = args.checkpoints or CHECKPOINTS
    found = calibrate(
        open_plates(args.data, args.split),
        open_plates(args.data, args.check) if args.check else (),
        get_reader(args.reader or DEFAULT),
        data=data_name(args.data),
        splits=(args.split or "all", args.check or ""),
        presets=list(dict.fromkeys(args.presets)),
        progress=Progress("plates"),
        folder=folder,
    )
    # Shown first, so that a file that cannot be written loses nothing.
    print(table(found), flush=True)
    if args.json:
        write_json(args.json, found.model_dump(mode="json"))
    if args.update:
        save_calibration(found, folder)


def table(calibration: "Calibration") -> str:
    """Thresholds and limits, how characters and plates fared, and what consistency says, as aligned text."""
    from lpsr.evidence import GROUPS

    rules = [["preset", *GROUPS]]
    shares = ("right", "unusual right", "guesses right", "unsupported right")
    characters = [["preset, split", "plates", "reliable [%]", *(f"{name} [%]" for name in shares)]]
    plates = [["preset, split", "provinces agreed on", "whole plates", "all but province"]]
    limits = [["preset", *(f"{name} {what}" for name in calibration.checkpoints for what in ("limit", "AUC"))]]
    for name, preset in calibration.presets.items():
        rules.append([name, *("–" if one is None else f"{one:g}" for one in preset.thresholds.values())])
        limits.append([name])
        for one, summary in preset.chosen.consistency.items():
            auc = "–" if summary.auc is None else f"{100 * summary.auc:.0f}"
            limits[-1] += [f"{preset.limits[one]:.2f}", auc]
        for measured in (preset.chosen, preset.checked):
            if measured is None:
                continue
            head = f"{name}, {measured.split}"
            marks = map(_share, (measured.reliable, measured.unusual, measured.guess, measured.unsupported))
            characters.append([head, str(measured.plates), f"{100 * measured.coverage:.1f}", *marks])
            agreed = ", ".join(f"{who} {one.right} of {one.n}" for who, one in measured.province_agreed.items())
            plates.append([head, agreed, _count(measured.whole), _count(measured.whole_but_province)])
    return "\n\n".join(map(aligned, (rules, characters, plates, limits)))


def _count(share: "Share") -> str:
    return f"{share.right} of {share.n}"


def _share(share: "Share") -> str:
    if not share.n:
        return "–"
    return f"{100 * share.share:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}] of {share.n}"
