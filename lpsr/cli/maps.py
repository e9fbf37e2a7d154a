"""Make noise, blur and compression maps of pictures, without a reference."""

import argparse
from pathlib import Path

import numpy as np

from lpsr.cli.files import complain, output_names, pictures
from lpsr.errors import InputError
from lpsr.files import replacing, write_json
from lpsr.images import open_picture, save_png, viridis
from lpsr.metrics.degradation import MAPS, Map

NAME = "maps"
HELP = "make noise, blur and compression maps of pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="pictures, or folders of pictures")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="for each picture and map NAME.MAP.npy (float32, the map's unit) and NAME.MAP.png (common colour scale)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the mean of every map here too")


def run(args: argparse.Namespace) -> int:
    """Write the maps and print a table of their means. Returns 1 where a picture could not be used, else 0."""
    paths = pictures(args.files)
    names = output_names(paths)
    width = max(len("picture"), *(len(name) for name in names))
    print(f"{'picture':{width}}  " + "  ".join(f"{_heading(one):>{_column(one)}}" for one in MAPS.values()))
    rows, status = [], 0
    for path, name in zip(paths, names, strict=True):
        try:
            means = _write(open_picture(path), args.output / name)
        except InputError as error:
            complain(error, path)
            status = 1
            continue
        rows.append({"file": str(path), **means})
        print(f"{name:{width}}  " + "  ".join(f"{means[key]:{_column(one)}.3f}" for key, one in MAPS.items()))
    if args.json:
        units = {key: {"unit": one.unit, "range": list(one.range)} for key, one in MAPS.items()}
        write_json(args.json, {"maps": units, "pictures": rows})
    return status


def _write(picture: np.ndarray, stem: Path) -> dict[str, float]:
    """Write each map of ``picture`` beside ``stem``; return their means."""
    means = {}
    for key, one in MAPS.items():
        values = one.function(picture)
        with replacing(stem.with_name(f"{stem.name}.{key}.npy")) as temporary:
            np.save(temporary, values)
        save_png(stem.with_name(f"{stem.name}.{key}.png"), viridis(values, *one.range))
        means[key] = float(values.mean())
    return means


def _heading(one: Map) -> str:
    return f"{one.title} [{one.unit}]" if one.unit else f"{one.title} [0–1]"


def _column(one: Map) -> int:
    return max(len(_heading(one)), 8)
