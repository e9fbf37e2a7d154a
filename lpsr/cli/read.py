"""Read pictures of plates."""

import argparse

from lpsr.cli.files import complain, find_pictures
from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.images import open_picture
from lpsr.readers import DEFAULT, READERS, Reading, get_reader

NAME = "read"
HELP = "read the text of plate pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Read pictures that show one plate each, cut close to it. A '?' follows a weak character: a plate text always "
        "has the form of a plate, even where the picture shows none. Of a reader that is calibrated a '_' stands for "
        "every character that is too weak to be trusted, and the whole guess follows."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="picture, or folder of pictures")
    engines = "; ".join(f"{name}: {engine.title}" for name, engine in READERS.items())
    parser.add_argument("--reader", choices=READERS, default=DEFAULT, help=f"{engines} (default: %(default)s)")
    parser.add_argument("--model-dir", metavar="DIR", help="folder of another PaddleOCR recognition model")
    parser.add_argument("--json", metavar="FILE", help="write the readings to this file as well")


def run(args: argparse.Namespace) -> int:
    """Print a line a picture; returns 1 where a picture could not be read, else 0."""
    if args.model_dir and not args.reader.startswith("paddle"):
        raise InputError(
            f"The reader {args.reader} has its own weights; --model-dir goes with paddle-onnx and paddle-native."
        )
    files, failed = find_pictures(args.files)
    rows = []
    if files:
        options = {"model_dir": args.model_dir} if args.model_dir else {}
        reader = get_reader(args.reader, **options)
        print(f"Reader: {reader.engine}")
        width = max(len(str(file)) for file in files)
        for file in files:
            try:
                reading = reader.read(open_picture(file))
            except InputError as error:
                complain(error, file)
                failed = True
                continue
            print(f"{file!s:<{width}}  {line(reading, reader.threshold)}", flush=True)
            row = {"file": str(file), **reading.to_json()}
            if reader.threshold is not None:
                row |= {"threshold": reader.threshold, "abstained": reading.abstained(reader.threshold)}
            rows.append(row)
    if args.json:
        write_json(args.json, rows)
    return 1 if failed else 0


def line(reading: Reading, threshold: float | None = None) -> str:
    """A reading on one line, weak characters followed by "?": "皖A1?2345  confidence 0.91  raw 皖A·12345". With a
    threshold those below it are "_" instead, and the guess follows: "皖A_2345  confidence 0.91  guess 皖A12345  …"."""
    if threshold is None:
        weak = reading.weak()
        shown = "".join(character + "?" * low for character, low in zip(reading.plate_text, weak, strict=True))
        guess = ""
    else:
        shown = reading.abstained(threshold)
        guess = f"  guess {reading.plate_text}" if shown != reading.plate_text else ""
    raw = reading.raw_text or "(no text)"
    return f"{shown or '(no text)'}  confidence {reading.confidence:.2f}{guess}  raw {raw}"
