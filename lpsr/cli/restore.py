"""Restore LR pictures of plates at ×8.

  python -m lpsr restore lr/ --output sr
  python -m lpsr restore plate.jpg --output sr --degrade --models bicubic mse

The first makes an SR picture of every LR picture and every model, lr/NAME.png becoming sr/NAME.MODEL.png. The second
starts from an HR picture: it is degraded ×8 first (bicubic), so that the result can be laid beside it.
A model suggests detail that the LR picture does not hold; what it writes is no evidence of a plate's text.
"""

import argparse
from pathlib import Path

from lpsr.cli.arguments import add_checkpoints, whole_number

NAME = "restore"
HELP = "restore LR pictures at ×8"

# LR pixels of one picture; 512 × 512 becomes 4096 × 4096.
MAX_PIXELS = 512 * 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="LR picture of a plate, or folder of pictures")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write NAME.MODEL.png")
    parser.add_argument(
        "--models", nargs="+", metavar="MODEL", help="'bicubic' or names of checkpoints (default: every one)"
    )
    parser.add_argument("--degrade", action="store_true", help="the pictures are HR: degrade them ×8 first")
    parser.add_argument(
        "--tile",
        type=whole_number(8, 512),
        metavar="N",
        help="restore in square tiles of N LR pixels (default: whole pictures up to 128 × 128, larger ones in 64)",
    )
    parser.add_argument(
        "--overlap",
        type=whole_number(0, 511),
        default=8,
        metavar="N",
        help="LR pixels over which neighbouring tiles are blended (default: 8)",
    )
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> int:
    """Write the SR pictures. Returns 1 where a picture could not be used, else 0."""
    from lpsr.checkpoints import CHECKPOINTS, known_models, load_restorer
    from lpsr.cli.files import for_each_picture
    from lpsr.degrade import degrade
    from lpsr.errors import InputError
    from lpsr.images import save_png

    folder = args.checkpoints or CHECKPOINTS
    names = dict.fromkeys(args.models or known_models(folder))
    restorers = [load_restorer(name, folder, tile=args.tile, overlap=args.overlap) for name in names]

    def work(picture, name: str) -> None:
        lr = degrade(picture) if args.degrade else picture
        height, width = lr.shape[:2]
        if height * width > MAX_PIXELS:
            raise InputError(
                f"{name} is {width} × {height} pixels, too large to be made 8 times larger; crop it to the plate, or "
                "add --degrade if it is an HR picture."
            )
        for restorer in restorers:
            sr = restorer.restore(lr)
            path = args.output / f"{name}.{restorer.name}.png"
            save_png(path, sr)
            print(f"{path}  {sr.shape[1]} × {sr.shape[0]}", flush=True)

    return for_each_picture(args.files, work)
