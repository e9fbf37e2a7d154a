"""Arguments that several verbs share."""

import argparse
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from lpsr.degrade import KERNELS, PLACES, PRESETS, Degradation


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """The type of an argument that is a whole number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"between {low} and {high}"
            raise argparse.ArgumentTypeError(f"must be {limits}, not {value}")
        return value

    return parse


def minutes(text: str) -> float:
    """The type of an argument that is a time in minutes."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes")
    return value


def add_checkpoints(parser: argparse.ArgumentParser) -> None:
    """``--checkpoints``: another folder than the project's; None where not given."""
    parser.add_argument("--checkpoints", metavar="DIR", help="folder of checkpoints (default: checkpoints/)")


def add_plates(parser: argparse.ArgumentParser, required: bool, split: str = "test") -> None:
    """``--data`` and ``--split``: labelled plates to measure on; ``split`` is the usual one."""
    parser.add_argument(
        "--data", metavar="DIR", required=required, help="plate folder (with index.csv) or CCPD folder to evaluate on"
    )
    parser.add_argument(
        "--split",
        default=split,
        type=lambda text: None if text == "all" else text,
        help=f"its split, 'all' for every plate (default: {split}); in a CCPD folder the split {split} is what "
        f"splits/{split}.txt lists, or a subfolder of that name",
    )


def add_crop(parser: argparse.ArgumentParser, usual: str) -> None:
    """``--crop``: a key of ``lpsr.data.plates.CROPS``."""
    parser.add_argument(
        "--crop",
        choices=("box", "straight"),
        default=usual,
        help="HR is the bounding box of the plate's corners, as the protocol has it, or straightened by them "
        "(default: %(default)s)",
    )


def data_name(folder: str) -> str:
    """What a passport calls the folder of ``--data``; its path tells nobody else anything."""
    return Path(folder).resolve().name


def add_degradation(parser: argparse.ArgumentParser) -> None:
    """How HR becomes LR, for ``degradation_of``; None where not given. ``--scale`` is the verb's own, if it has one."""
    group = parser.add_argument_group("degradation", "from HR to LR; what is not given is as in the preset")
    group.add_argument(
        "--preset", choices=PRESETS, default="paper", help="where to start from (default: paper, bicubic ×8 alone)"
    )
    group.add_argument("--kernel", help=f"of the downscaling: {', '.join(KERNELS)}")
    group.add_argument(
        "--blur", type=float, metavar="SIGMA", help="Gaussian blur, in pixels of the picture it falls on"
    )
    group.add_argument("--motion", type=float, metavar="LENGTH", help="straight motion blur, in the same pixels")
    group.add_argument("--angle", type=float, metavar="DEGREES", help="of the motion: 0 is along the plate")
    group.add_argument("--noise", type=float, metavar="SIGMA", help="Gaussian noise, in 8-bit levels")
    group.add_argument("--jpeg", type=int, metavar="QUALITY", help="JPEG artefacts, quality 1 to 100")
    places = (
        ("blur", "blur and motion happen", "before"),
        ("noise", "noise falls", "after"),
        ("jpeg", "JPEG", "after"),
    )
    for name, what, usual in places:
        group.add_argument(
            f"--{name}-at", choices=PLACES, help=f"{what} before or after the downscaling (usually {usual})"
        )
    group.add_argument("--seed", type=int, help="of the noise")


def degradation_of(args: argparse.Namespace) -> Degradation:
    """The preset with whatever was given beside it. Raises InputError for a value out of range."""
    values = {field.name: getattr(args, field.name, None) for field in fields(Degradation)}
    return replace(PRESETS[args.preset], **{name: value for name, value in values.items() if value is not None})
