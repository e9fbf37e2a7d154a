"""Find the plates in photos, and follow them through clips.

  python -m lpsr locate photo.jpg
  python -m lpsr locate FOLDER --json plates.json
  python -m lpsr locate clip.mp4
  python -m lpsr locate FOLDER --check

A line a plate, the best of each photo first: what it reads, a score from 0 to 1, the size of the straightened plate,
and its corners (x,y in pixels, clockwise from the plate's top left). Of a clip a line a plate: what its frames read
together, in how many it was seen, and which is the sharpest. With --check the corners are known (CCPD's file names, an
index.csv, or the truth.json of `synthesize --photos`), and how well they are found is printed.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpsr.cli.arguments import data_name
from lpsr.cli.files import complain, find_pictures
from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.images import open_picture
from lpsr.readers import DEFAULT, READERS, Reader, get_reader
from lpsr.rectify import plate_size

if TYPE_CHECKING:
    from lpsr.clip import Track
    from lpsr.locate import Found

NAME = "locate"
HELP = "find the plates in photos and clips"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="photo, clip (video, animated picture), or folder of photos (clips are named one by one)",
    )
    parser.add_argument("--reader", choices=READERS, default=DEFAULT, help="which reader (default: %(default)s)")
    parser.add_argument(
        "--json",
        metavar="FILE",
        help='write [{"file", "plates": [{"corners": [[x, y] × 4], "score", "text"}]}] to this file as well; a clip '
        'has "tracks" instead of "plates"; with --check, the result',
    )
    parser.add_argument("--check", action="store_true", help="compare with the known corners of a folder")


def run(args: argparse.Namespace) -> int:
    """Print a line a plate; returns 1 where a photo could not be used, else 0."""
    if args.check:
        return _check(args)
    files, failed = find_pictures(args.files)
    rows = []
    reader = get_reader(args.reader) if files else None
    width = max((len(str(file)) for file in files), default=0)
    for file in files:
        try:
            row, lines = _located(file, reader)
        except InputError as error:
            complain(error, file)
            failed = True
            continue
        for line in lines or ["(no plate)"]:
            print(f"{file!s:<{width}}  {line}", flush=True)
        rows.append({"file": str(file), **row})
    if args.json:
        write_json(args.json, rows)
    return 1 if failed else 0


def _located(file: Path, reader: Reader) -> tuple[dict[str, Any], list[str]]:
    """What is written of a file, and its lines."""
    # It imports torch, which --help need not wait for.
    from lpsr.clip import is_clip, track_clip
    from lpsr.locate import locate

    if is_clip(file):
        tracks = track_clip(file, reader=reader)
        return {"tracks": [track.to_json() for track in tracks]}, [_track(track) for track in tracks]
    found = locate(open_picture(file), reader=reader)
    return {"plates": [one.to_json() for one in found]}, [_plate(one) for one in found]


def _plate(found: "Found") -> str:
    width, height = plate_size(found.corners)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in found.corners)
    return f"{found.reading.plate_text or '(no text)'}  score {found.score:.2f}  {width} × {height} px  {points}"


def _track(track: "Track") -> str:
    sharpest = track.best(1)[0].index
    return f"{track.text or '(no text)'}  seen in {len(track.sightings)} frames, sharpest in frame {sharpest}"


def _check(args: argparse.Namespace) -> int:
    from lpsr.cli.progress import Progress
    from lpsr.locate.score import check, open_photos

    if len(args.files) != 1 or not Path(args.files[0]).is_dir():
        raise InputError("--check takes one folder of photos whose plates are known.")
    photos = open_photos(args.files[0])
    result = check(photos, data=data_name(args.files[0]), reader=get_reader(args.reader), progress=Progress("photos"))
    print("\n".join(_summary(result)))
    if args.json:
        write_json(args.json, result)
    return 0


def _summary(result: dict[str, Any]) -> list[str]:
    """The result of ``check`` in lines; what was not measured is left out."""
    lines = [f"{result['photos']} photos, {result['plates']} plates; {result['passport']['criterion']}"]
    for key, title in (
        ("found", "found"),
        ("best", "found, and first of its photo"),
        ("read_straight", "read exactly, straightened"),
        ("read_box", "read exactly, in the upright box"),
    ):
        if one := result.get(key):
            low, high = one["ci95"]
            lines.append(f"{title}: {100 * one['share']:.1f} % [{100 * low:.1f}, {100 * high:.1f}], n = {one['n']}")
    for key, title, unit in (
        ("corner_error_percent_of_width", "corner error", "% of the plate's width"),
        ("corner_error_px", "corner error", "px"),
        ("seconds", "time a photo", "s"),
    ):
        if one := result.get(key):
            lines.append(f"{title}: median {one['median']:.2f} {unit}, 95 % within {one['p95']:.2f}")
    return [*lines, f"false alarms: {result['false_alarms']} in {result['photos']} photos"]
