"""A card in words: ``NAME.md``, the model card that the Hugging Face Hub shows, made of ``NAME.json`` alone."""

from collections.abc import Iterable
from pathlib import Path

import torch
from pydantic import ValidationError

from lpsr.checkpoints import (
    CHECKPOINTS,
    CORNERS,
    EMBEDDER,
    PLATE,
    Card,
    ReaderCard,
    WeightsCard,
    auxiliary_of,
    is_usable_name,
    read_auxiliary_card,
    read_card,
)
from lpsr.degrade import SCALE
from lpsr.errors import InputError
from lpsr.files import read_json, write_bytes
from lpsr.model_card.front_matter import front_matter
from lpsr.model_card.reader import reader_limits, reader_scores, reader_uses
from lpsr.model_card.sections import data, limits, loss, numbers, percent, provinces, text, training, where
from lpsr.models.network import count_parameters
from lpsr.models.registry import ARCHITECTURES

_LOADING = (
    "## Load in three lines\n\n"
    "In the root of a checkout of LPSR Lab, with what its `requirements.txt` lists installed:\n\n```python\n"
)
_PAPER = """@article{sendjasni2025embedding,
  title   = {Embedding Similarity Guided License Plate Super Resolution},
  author  = {Sendjasni, Abderrezzaq and Larabi, Mohamed-Chaker},
  journal = {Neurocomputing},
  volume  = {651},
  pages   = {130657},
  year    = {2025},
  note    = {arXiv:2501.01483}
}"""
_NETWORKS = {
    "pecl": "that of Sendjasni & Larabi (2025)",
    "compact": "SRVGGNet-compact, after Real-ESRGAN's (Wang et al., 2021)",
}
# After Nascimento et al., by the key of the architecture's configuration.
_CHANGES = {"shared_attention": "shared attention", "deformable": "deformable convolution"}
_CCPD = """@inproceedings{xu2018towards,
  title     = {Towards End-to-End License Plate Detection and Recognition: A Large Dataset and Baseline},
  author    = {Xu, Zhenbo and Yang, Wei and Meng, Ajin and Lu, Nanxue and Huang, Huan},
  booktitle = {Proceedings of the European Conference on Computer Vision (ECCV)},
  year      = {2018}
}"""


def write_model_card(name: str, folder: str | Path = CHECKPOINTS) -> Path:
    """Write ``NAME.md`` beside ``NAME.json`` in one step; its path. Errors as ``any_card``."""
    path = Path(folder) / f"{name}.md"
    write_bytes(path, model_card(any_card(name, folder)).encode())
    return path


def any_card(name: str, folder: str | Path = CHECKPOINTS) -> WeightsCard:
    """The card of a restoration checkpoint or of an auxiliary. Errors as ``read_card``."""
    if not is_usable_name(name):
        raise InputError(f"{name!r} cannot be a checkpoint's name; name one as in: mse.")
    path = Path(folder) / f"{name}.json"
    if not auxiliary_of(name) or not path.is_file():
        return read_card(name, folder)
    values = read_json(path)
    # A checkpoint that was made before such names were taken.
    older = isinstance(values, dict) and values.get("architecture") in [*ARCHITECTURES]
    return read_card(name, folder) if older else read_auxiliary_card(name, folder)


def model_card(card: WeightsCard) -> str:
    """Front matter and Markdown. What ``card`` does not hold is left out."""
    sections = (_restorer if isinstance(card, Card) else _AUXILIARIES[auxiliary_of(card.name)])(card)
    return "\n\n".join([front_matter(card), *filter(None, sections)]) + "\n"


def _restorer(card: Card) -> Iterable[str]:
    scores = card.test or {}
    yield f"# {text(card.title)}: license plates ×{SCALE}"
    network = _NETWORKS.get(card.architecture) or text(card.architecture)
    added = [name for key, name in _CHANGES.items() if card.arguments.get(key)]
    network += f" with {' and '.join(added)}" if added else ""
    yield (
        f"Makes the picture of a license plate {SCALE} times larger: LR (low resolution), `(h, w, 3)` uint8 RGB, to SR "
        f"(super-resolved), `({SCALE}h, {SCALE}w, 3)`; HR is the plate itself. Network: {network}, "
        f"{_parameters(card) / 1e6:.2f} M parameters. Loss: {loss(card.loss.model_dump(mode='json'))}. A checkpoint of "
        "LPSR Lab, which puts models that differ in their loss side by side; its code makes the weights and every "
        "number here."
    )
    yield "**A restoration is a guess that fits the few pixels left. It identifies no vehicle and no person.**"
    yield (
        "## Intended use\n\n"
        "- Comparing losses, recipes and networks for super-resolution by one protocol.\n"
        "- Teaching what super-resolution can and cannot know of a plate.\n"
        "- A baseline for work on reading plates from few pixels."
    )
    yield (
        "## What it must not be used for\n\n"
        "- Identifying a vehicle, its keeper or anybody else; watching or following them.\n"
        "- Evidence, or any decision about a person: a fine, a charge, access, a price.\n"
        "- Reading plates where nobody checks."
    )
    if scores.get("exact") is not None:
        confidence = (scores.get("ocr_confidence") or {}).get("median")
        sure = f", while the reader's median confidence is {confidence:.3f}" if confidence is not None else ""
        ceiling = scores.get("beside", {}).get("hr", {}).get("exact")
        itself = f" ({percent(1 - ceiling)} % of the plates before their reduction)" if ceiling is not None else ""
        yield (
            f"The reason in numbers: of the test plates restored, {percent(1 - scores['exact'])} % are read with at "
            f"least one wrong character{itself}{sure}. The wrong characters look as sharp as the right ones."
        )
    yield from data(card)
    yield from provinces(scores)
    yield from training(card)
    yield from numbers(card)
    yield limits(card)
    yield (
        f"{_LOADING}"
        "from lpsr.checkpoints import load_restorer\n"
        "from lpsr.images import open_picture, save_png\n\n"
        f'save_png("sr.png", load_restorer("{card.name}").restore(open_picture("lr.png")))\n'
        "```\n\n"
        f"`{card.name}.safetensors` and `{card.name}.json` belong together: loading checks the weights against the "
        "SHA-256 on their card. From a repository on the Hub that holds both, here called `OWNER/REPOSITORY`:\n\n"
        "```python\n"
        "from huggingface_hub import snapshot_download\n"
        "from lpsr.checkpoints import load_restorer\n\n"
        f'restorer = load_restorer("{card.name}", snapshot_download("OWNER/REPOSITORY"))\n'
        "```"
    )
    yield from _end(card)


def _embedder(card: WeightsCard) -> Iterable[str]:
    yield f"# {text(card.title)}"
    yield (
        "Takes patches of license plates to vectors of unit length; it was trained to say which characters a patch "
        "shows. The losses of LPSR Lab measure with it how far a restoration is from its plate (equations 15 and 16 of "
        "Sendjasni & Larabi, 2025). It restores nothing."
    )
    yield "## Intended use\n\nAs part of a training loss, and for research on such losses."
    yield (
        "## What it must not be used for\n\nReading plates, finding a plate again among others, identifying vehicles "
        "or people."
    )
    yield from data(card)
    yield from training(card)
    rows = [
        f"| {text(key.removeprefix('val_'))} | {percent(value)} |"
        for key, value in card.validation.items()
        if isinstance(value, float)
    ]
    if rows:
        table = "\n".join(["| | % |", "|---|---|", *rows])
        yield f"## Numbers\n\nOf characters in patches of {where(card.validation)}; without intervals.\n\n{table}"
    yield (
        f"{_LOADING}"
        "from lpsr.checkpoints import CHECKPOINTS\n"
        "from lpsr.models.embedder import load_embedder\n\n"
        f'embedder = load_embedder(CHECKPOINTS / "{card.name}.safetensors", d=128)\n'
        "```\n\n"
        "`embedder(patches)` takes `(N, 3, H, W)` float32 in [0, 1] to `(N, 128)`."
    )
    yield from _end(card)


def _corners(card: WeightsCard) -> Iterable[str]:
    yield f"# {text(card.title)}"
    yield (
        "Takes a picture of a license plate's surroundings to the plate's four corners, and says whether it shows a "
        "whole plate. LPSR Lab locates the plate in a photo with it. It reads nothing and restores nothing."
    )
    yield "## Intended use\n\nTo cut and straighten the plate that a person wants to see, who can correct the corners."
    yield (
        "## What it must not be used for\n\nWatching traffic, finding vehicles or people, or collecting plates from "
        "pictures of public places."
    )
    yield from data(card)
    yield from training(card)
    found = card.validation
    if "val_plate" in found:
        rows = [
            f"| error of the corners, median, % of the plate's width | {found['val_corner_error']:.1f} |",
            f"| its 95th percentile | {found['val_corner_error_95']:.1f} |",
            f"| whole plates told from anything else, % | {percent(found['val_plate'])} |",
        ]
        table = "\n".join(["| | |", "|---|---|", *rows])
        yield (
            f"## Numbers\n\nOn plates of {where(found)}, seen through random homographies, in other colours and less "
            f"sharply; without intervals. In whole photos: `python -m lpsr locate FOLDER --check`.\n\n{table}"
        )
    yield (
        f"{_LOADING}"
        "from lpsr.images import open_picture\n"
        "from lpsr.locate import locate\n\n"
        'plates = locate(open_picture("photo.jpg"))\n'
        "```\n\n"
        "Each has `corners`, `(4, 2)` pixels clockwise from top left, and a `score` by its looks; with a `reader` each "
        "is read as well, and the score is by both."
    )
    yield from _end(card)


def _reader(card: ReaderCard) -> Iterable[str]:
    yield f"# {text(card.title)}"
    yield from reader_uses(card)
    yield from data(card)
    yield from training(card)
    yield from reader_scores(card)
    yield reader_limits(card)
    yield (
        f"{_LOADING}"
        "from lpsr.images import open_picture\n"
        "from lpsr.readers.own import load\n\n"
        f'reading = load("{card.name}").read(open_picture("plate.png"))\n'
        "```\n\n"
        "`reading.plate_text` has a confidence for each character in `reading.char_confidences`."
    )
    yield from _end(card)


_AUXILIARIES = {EMBEDDER: _embedder, CORNERS: _corners, PLATE: _reader}


def _end(card: WeightsCard) -> Iterable[str]:
    yield f"## Licence\n\n{text(card.licence)}."
    ccpd = any("ccpd" in str(source.get("name", "")).lower() for source in card.data)
    yield "## Citation\n\n" + "\n\n".join(f"```bibtex\n{entry}\n```" for entry in (_PAPER, _CCPD)[: 1 + ccpd])
    yield f"This page is made of `{card.name}.json` by `python -m lpsr card {card.name}`; edits to it are lost."


def _parameters(card: Card) -> int:
    """Of the network that the card describes; no weights are needed for that."""
    architecture = ARCHITECTURES[card.architecture]
    try:
        config = architecture.config.model_validate(card.arguments)
    except ValidationError as error:
        raise InputError(f"The card of {card.name!r} does not fit its architecture ({card.architecture}).") from error
    with torch.device("meta"):
        return count_parameters(architecture.network(config))
