"""Compare models on pictures of plates, with everything that the page offers for download.

  python -m lpsr compare plate.jpg --output out
  python -m lpsr compare photos/ --output out --preset night --zip
  python -m lpsr compare small.png --output out --direct

Each picture is cut to multiples of 8, degraded ×8 (LR) and restored by every model. NAME.jpg becomes the folder NAME:
sheet.png (all in one picture), comparison.csv and comparison.json (numbers, readings, passport) and each picture,
lossless. A restoration is a guess that fits the LR picture; it must not be used to identify a vehicle.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lpsr.cli.arguments import add_checkpoints, add_degradation, degradation_of
from lpsr.cli.text import aligned

if TYPE_CHECKING:
    from lpsr.compare import Result

NAME = "compare"
HELP = "compare models on pictures of plates: sheet, numbers, pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="HR picture of a plate, or folder of pictures")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write the folders")
    parser.add_argument("--zip", action="store_true", help="write NAME.zip instead of a folder")
    parser.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="'bicubic' or names of checkpoints (default: bicubic and the checkpoints of the paper)",
    )
    parser.add_argument("--direct", action="store_true", help="the pictures are LR already: restore them as they are")
    parser.add_argument("--no-readings", action="store_true", help="do not read the pictures")
    add_degradation(parser)
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> int:
    """Write the comparisons and print their numbers. Returns 1 where a picture could not be used, else 0."""
    from lpsr.bundle import archive, files
    from lpsr.checkpoints import CHECKPOINTS, load_restorer
    from lpsr.cli.files import for_each_picture
    from lpsr.compare import compare, read
    from lpsr.degrade import PAPER
    from lpsr.errors import InputError
    from lpsr.files import write_bytes
    from lpsr.readers import get_reader

    degradation = degradation_of(args)
    if args.direct and degradation != PAPER:
        raise InputError("With --direct nothing is degraded; leave the options of the degradation out.")
    folder = args.checkpoints or CHECKPOINTS
    models = args.models and list(dict.fromkeys(args.models))
    for name in models or ():
        # A wrong name is said once, before the first picture.
        load_restorer(name, folder)
    reader = None if args.no_readings else get_reader()
    rows: list[list[str]] = []

    def work(picture, name: str) -> None:
        comparison = compare(picture, models, degradation=degradation, direct=args.direct, folder=folder)
        if reader is not None:
            comparison = read(comparison, reader, folder)
        if args.zip:
            path = args.output / f"{name}.zip"
            write_bytes(path, archive(comparison, name))
        else:
            path = args.output / name
            for file, content in files(comparison).items():
                write_bytes(path / file, content)
        print(path, flush=True)
        # Without the pictures, which would fill the memory in a large folder.
        rows.extend(row(name, result) for result in comparison.results)

    status = for_each_picture(args.files, work)
    if rows:
        print(f"\n{table(rows)}")
    return status


def row(name: str, result: "Result") -> list[str]:
    """Picture, model, numbers and reading of a result."""
    from lpsr.cli.read import line

    values = (result.psnr, 2), (result.gain, 2), (result.psnr_y, 2), (result.ssim_y, 3)
    values = *values, (result.consistency and result.consistency.rmse, 2)
    cells = ("–" if value is None else f"{value:.{digits}f}" for value, digits in values)
    return [name, result.name, *cells, line(result.reading) if result.reading else ""]


def table(rows: list[list[str]]) -> str:
    """``row`` of each result, as aligned text."""
    rows = [["picture", "model", "PSNR [dB]", "gain [dB]", "PSNR_Y [dB]", "SSIM", "consistency", "reading"], *rows]
    width = max(len(name) for name, *_ in rows)
    lines = aligned([[f"{name:{width}}  {model}", *cells] for name, model, *cells, _ in rows]).splitlines()
    # Readings are last and unaligned: a terminal shows their characters two columns wide.
    return "\n".join(f"{line}  {cells[-1]}".rstrip() for line, cells in zip(lines, rows, strict=True))
