"""Make a checkpoint of a training run: weights (.safetensors) and their card (.json).

  python -m lpsr export runs/mse mse-2 --data DIR
  python -m lpsr export runs/embedder embedder --replace
  python -m lpsr export runs/plate-hr plate-hr --replace

The weights are those that the run keeps. With --data they are evaluated on split 'test', and the result goes on the
card beside those of HR and bicubic. NAME.md is the model card. The checkpoint then appears in the app and in
`--models`.
"""

import argparse
import shlex

from lpsr.cli.arguments import add_checkpoints, add_plates, data_name

NAME = "export"
HELP = "make a checkpoint with its card of a training run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="folder of the run")
    parser.add_argument("name", metavar="NAME", help="name of the checkpoint")
    parser.add_argument("--title", metavar="TEXT", help="what captions call it (default: its loss)")
    parser.add_argument("--replace", action="store_true", help="replace a checkpoint that has this name already")
    add_plates(parser, required=False)
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> None:
    from pathlib import Path

    from lpsr.checkpoints import CHECKPOINTS, PLATE, auxiliary_of
    from lpsr.cli.progress import Progress
    from lpsr.data.plates import open_plates
    from lpsr.errors import InputError
    from lpsr.evaluation import measure, summarise_measurement, update_cards
    from lpsr.readers import get_reader
    from lpsr.training.export import auxiliary_of_run, export_auxiliary, export_run

    folder = Path(args.checkpoints or CHECKPOINTS)
    if (folder / f"{args.name}.json").exists() and not args.replace:
        raise InputError(f"{folder} has a checkpoint {args.name!r} already; choose another name or add --replace.")
    if auxiliary_of_run(args.run):
        card = export_auxiliary(args.run, args.name, folder)
        print(f"{folder / card.name}.safetensors: {card.title}, {card.iterations} iterations, {card.weights_dtype}")
        if auxiliary_of(card.name) == PLATE:
            elsewhere = f" --checkpoints {shlex.quote(args.checkpoints)}" if args.checkpoints else ""
            print(f"Next: python -m lpsr calibrate-reader {card.name} --data DIR --check test --update{elsewhere}")
        return
    plates = open_plates(args.data, args.split) if args.data else []
    card = export_run(args.run, args.name, folder, title=args.title)
    scores = card.validation
    print(f"{folder / card.name}.safetensors: {card.title}, {card.iterations} iterations, {card.weights_dtype}")
    if scores:
        print(f"Validation: PSNR_RGB {scores['val_psnr']:.2f} dB over {scores['n']} plates")
    if plates:
        measurement = measure(
            plates,
            ["hr", "bicubic", args.name],
            data=data_name(args.data),
            split=args.split,
            reader=get_reader(),
            progress=Progress("plates"),
            folder=folder,
        )
        update_cards(measurement, folder)
        psnr = summarise_measurement(measurement)["models"][args.name]["psnr"]["median"]
        print(f"Split {args.split or 'all'}: PSNR_RGB {psnr:.2f} dB over {len(plates)} plates")
