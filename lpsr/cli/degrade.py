"""Make LR pictures of HR plates: blur, downscale, noise, JPEG, in this order.

  python -m lpsr degrade plate.jpg --output lr
  python -m lpsr degrade photos/ --output lr --blur 1.5 --noise 5 --jpeg 60

The default is the paper's degradation, which the models are trained on: bicubic ×8 and nothing else. A picture is
cropped at right and bottom to multiples of the scale first. NAME.jpg becomes NAME.png, lossless.
"""

import argparse
from pathlib import Path

NAME = "degrade"
HELP = "make LR pictures of HR plates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="HR picture of a plate, or folder of pictures")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write the LR pictures")
    parser.add_argument("--scale", type=int, default=8, help="downscaling factor, 2 to 16 (default: 8)")
    parser.add_argument(
        "--kernel", default="bicubic", help="bicubic, bilinear, lanczos, area or nearest (default: bicubic)"
    )
    parser.add_argument(
        "--blur", type=float, default=0.0, metavar="SIGMA", help="Gaussian blur of the HR picture, in HR pixels"
    )
    parser.add_argument(
        "--noise", type=float, default=0.0, metavar="SIGMA", help="Gaussian noise on the LR picture, in 8-bit levels"
    )
    parser.add_argument(
        "--jpeg", type=int, metavar="QUALITY", help="JPEG artefacts on the LR picture, quality 1 to 100"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Write the LR pictures. Returns 1 where a picture could not be used, else 0."""
    from lpsr.cli.files import for_each_picture
    from lpsr.degrade import Degradation, degrade
    from lpsr.images import save_png

    degradation = Degradation(args.scale, args.kernel, args.blur, args.noise, args.jpeg, args.seed)

    def work(picture, name: str) -> None:
        lr = degrade(picture, degradation)
        path = args.output / f"{name}.png"
        save_png(path, lr)
        print(f"{path}  {lr.shape[1]} × {lr.shape[0]}")

    return for_each_picture(args.files, work)
