"""Find the plates in photos, and where the corners of each are.

  python -m lpsr locate photo.jpg
  python -m lpsr locate FOLDER --json plates.json

A line a plate, the best of each photo first: what it reads, a score from 0 to 1, the size of the straightened plate,
and its corners (x,y in pixels, clockwise from the plate's top left).
"""

import argparse
from typing import TYPE_CHECKING

from lpsr.cli.files import complain, find_pictures
from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.images import open_picture
from lpsr.readers import DEFAULT, READERS, get_reader
from lpsr.rectify import plate_size

if TYPE_CHECKING:
    from lpsr.locate import Found

NAME = "locate"
HELP = "find the plates in photos and their corners"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="photo, or folder of photos")
    parser.add_argument("--reader", choices=READERS, default=DEFAULT, help="which reader (default: %(default)s)")
    parser.add_argument(
        "--json",
        metavar="FILE",
        help='write [{"file", "plates": [{"corners": [[x, y] × 4], "score", "text"}]}] to this file as well',
    )


def run(args: argparse.Namespace) -> int:
    """Print a line a plate; returns 1 where a photo could not be used, else 0."""
    # It imports torch, which --help need not wait for.
    from lpsr.locate import locate

    files, failed = find_pictures(args.files)
    rows = []
    reader = get_reader(args.reader) if files else None
    width = max((len(str(file)) for file in files), default=0)
    for file in files:
        try:
            picture = open_picture(file)
        except InputError as error:
            complain(error, file)
            failed = True
            continue
        found = locate(picture, reader=reader)
        for line in map(_line, found) if found else ["(no plate)"]:
            print(f"{file!s:<{width}}  {line}", flush=True)
        rows.append({"file": str(file), "plates": [one.to_json() for one in found]})
    if args.json:
        write_json(args.json, rows)
    return 1 if failed else 0


def _line(found: "Found") -> str:
    width, height = plate_size(found.corners)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in found.corners)
    return f"{found.reading.plate_text or '(no text)'}  score {found.score:.2f}  {width} × {height} px  {points}"
