"""Render a folder of generated plates or photos."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from lpsr.data.generator import Style, synthesize, synthesize_photos, write_gallery
from lpsr.data.generator.folder import SUFFIXES, TRUTH
from lpsr.data.generator.photo import COLOURS, MOST_PLATES, PHOTO
from lpsr.data.generator.style import KINDS
from lpsr.errors import InputError

NAME = "synthesize"
HELP = "render a folder of plates with known text, corners and character boxes, or of photos of cars"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Render plates in the style of CCPD photos into a new folder: pictures, and index.csv with each plate's text,\n"
        "split, corners and character boxes (char_quads, JSON). The same options give the same folder. All 31\n"
        "provinces take turns, and no plate text comes twice. With --photos: whole photos of cars in a street, and\n"
        "truth.json with the corners and the text of every plate in them."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write; must be new or empty")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed, other plates (default: 0)")
    parser.add_argument(
        "--split",
        default="train",
        metavar="SPLIT",
        help="name for all plates, or shares such as train=0.9,val=0.05,test=0.05 (default: %(default)s)",
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default="blue",
        help="blue: 7 characters; green: new energy, 8; mixed: both (default: blue)",
    )
    parser.add_argument("--province", metavar="CHARACTER", help="only this province, such as 皖 (default: all in turn)")
    parser.add_argument(
        "--suffix", choices=SUFFIXES, default=".jpg", help="JPEG, or lossless PNG, several times larger (default: .jpg)"
    )
    parser.add_argument(
        "--gallery",
        action="store_true",
        help="write the project's own gallery of 28 plates instead; other options are ignored",
    )
    photos = parser.add_argument_group("whole photos", "in place of plates; --split and --kind do not apply")
    photos.add_argument("--photos", action="store_true", help="render photos of cars with their plates")
    photos.add_argument(
        "--plates", type=int, default=1, metavar="N", help=f"in each photo, 0 to {MOST_PLATES} (default: %(default)s)"
    )
    photos.add_argument(
        "--colours",
        nargs="+",
        choices=COLOURS,
        default=["blue", "green"],
        metavar="COLOUR",
        help=f"of the plates, drawn among these: {', '.join(COLOURS)} (default: blue green)",
    )
    photos.add_argument(
        "--size", type=int, nargs=2, default=(720, 1160), metavar=("W", "H"), help="pixels (default: 720 1160)"
    )
    photos.add_argument("--night", action="store_true", help="after dark")
    photos.add_argument("--cropped", action="store_true", help="the widest plate reaches beyond the border")


def run(args: argparse.Namespace) -> None:
    """Write the folder and say where it is."""
    if args.photos and not args.gallery:
        folder = synthesize_photos(
            args.folder,
            args.count,
            args.seed,
            suffix=args.suffix,
            progress=_progress,
            plates=args.plates,
            size=tuple(args.size),
            night=args.night,
            colours=args.colours,
            cropped=args.cropped,
            style=replace(PHOTO, province=args.province),
        )
        print(f"Photos written to {folder}; what is in them is in {folder / TRUTH}.")
        return
    if args.gallery:
        folder = write_gallery(args.folder)
    else:
        folder = synthesize(
            args.folder,
            args.count,
            args.seed,
            split=_parse_split(args.split),
            style=Style(kind=args.kind, province=args.province),
            suffix=args.suffix,
            progress=_progress,
        )
    print(f"Plates written to {folder}; their list is {folder / 'index.csv'}.")


def _parse_split(value: str) -> str | dict[str, float]:
    """ "train" or "train=0.9,test=0.1". Raises InputError for anything else."""
    if "=" not in value:
        return value.strip()
    shares = {}
    for part in value.split(","):
        name, _, share = part.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError as error:
            raise InputError(f"{part!r} is not a split; write a name and a share, such as train=0.9.") from error
    return shares


def _progress(done: int, count: int) -> None:
    if sys.stderr.isatty() and (done == count or done % 50 == 0):
        print(f"\r{done} of {count} pictures", end="\n" if done == count else "", file=sys.stderr, flush=True)
