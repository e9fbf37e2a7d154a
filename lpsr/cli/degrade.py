"""Make LR pictures of HR plates: blur, motion, noise and JPEG, each before or after the downscaling.

  python -m lpsr degrade plate.jpg --output lr
  python -m lpsr degrade photos/ --output lr --preset night
  python -m lpsr degrade photos/ --output lr --preset cctv --jpeg 20 --noise-at before

The default is the paper's degradation, which the models are trained on: bicubic ×8 and nothing else. A picture is
cropped at right and bottom to multiples of the scale first. NAME.jpg becomes NAME.png, lossless.
"""

import argparse
from pathlib import Path

from lpsr.cli.arguments import add_degradation, degradation_of

NAME = "degrade"
HELP = "make LR pictures of HR plates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="HR picture of a plate, or folder of pictures")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write the LR pictures")
    parser.add_argument("--scale", type=int, help="downscaling factor, 2 to 16 (default: 8)")
    add_degradation(parser)


def run(args: argparse.Namespace) -> int:
    """Write the LR pictures. Returns 1 where a picture could not be used, else 0."""
    from lpsr.cli.files import for_each_picture
    from lpsr.degrade import degrade
    from lpsr.images import save_png

    degradation = degradation_of(args)

    def work(picture, name: str) -> None:
        lr = degrade(picture, degradation)
        path = args.output / f"{name}.png"
        save_png(path, lr)
        print(f"{path}  {lr.shape[1]} × {lr.shape[0]}")

    return for_each_picture(args.files, work)
