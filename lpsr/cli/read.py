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
        "has the form of a plate, even where the picture shows none."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="picture, or folder of pictures")
    engines = "; ".join(f"{name}: {engine.title}" for name, engine in READERS.items())
    parser.add_argument("--reader", choices=READERS, default=DEFAULT, help=f"{engines} (default: %(default)s)")
    parser.add_argument("--model-dir", metavar="DIR", help="folder of another PaddleOCR recognition model")
    parser.add_argument("--json", metavar="FILE", help="write the readings to this file as well")


def run(args: argparse.Namespace) -> int:
    """Print a line a picture; returns 1 where a picture could not be read, else 0."""
    if args.model_dir and args.reader == "rapidocr":
        raise InputError(
            "The reader rapidocr has its own weights; --model-dir goes with paddle-onnx and paddle-native."
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
            print(f"{file!s:<{width}}  {line(reading)}", flush=True)
            rows.append({"file": str(file), **reading.to_json()})
    if args.json:
        write_json(args.json, rows)
    return 1 if failed else 0


def line(reading: Reading) -> str:
    """A reading on one line, weak characters followed by "?": "皖A1?2345  confidence 0.91  raw 皖A·12345"."""
    marked = "".join(character + "?" * weak for character, weak in zip(reading.plate_text, reading.weak(), strict=True))
    return f"{marked or '(no text)'}  confidence {reading.confidence:.2f}  raw {reading.raw_text or '(no text)'}"
