"""Make a checkpoint of a training run: weights (.safetensors) and their card (.json).

  python -m lpsr export runs/mse mse --data DIR

The weights are those that validated best. With --data they are evaluated on split 'test' and the result goes on the
card. The checkpoint then appears in the app and in `--models`.
"""

import argparse

NAME = "export"
HELP = "make a checkpoint with its card of a training run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="folder of the run")
    parser.add_argument("name", metavar="NAME", help="name of the checkpoint")
    parser.add_argument("--folder", metavar="DIR", help="where to write it (default: checkpoints/)")
    parser.add_argument("--data", metavar="DIR", help="plate folder or CCPD folder to evaluate on")
    parser.add_argument("--split", default="test", help="its split (default: test)")


def run(args: argparse.Namespace) -> None:
    from pathlib import Path

    from lpsr.checkpoints import CHECKPOINTS, write_card
    from lpsr.data.plates import open_plates
    from lpsr.evaluation import evaluate
    from lpsr.readers import get_reader
    from lpsr.training.export import export_run

    folder = args.folder or CHECKPOINTS
    plates = open_plates(args.data, args.split) if args.data else []
    card = export_run(args.run, args.name, folder)
    if plates:
        data = Path(args.data).resolve().name
        result = evaluate(plates, [args.name], data=data, split=args.split, reader=get_reader(), folder=folder)
        card = card.model_copy(update={"test": {"passport": result["passport"], **result["models"][args.name]}})
        write_card(card, folder)
    print(f"{folder}/{card.name}.safetensors  {card.title}  {card.iterations} iterations  validation {card.validation}")
