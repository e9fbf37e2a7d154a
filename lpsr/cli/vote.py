"""Read several frames of one plate and vote, character by character.

  python -m lpsr vote FOLDER
  python -m lpsr vote clip.mp4 --reader plate-multiscale --model none mse-long --text 皖A12345

A frame is a picture of the plate, cut close to it, or a photo, in which the plate is located; of a clip 24 frames are
taken. What each frame reads is printed, then for each place the characters read there with their shares of the votes,
and the text that they make, a '?' behind a character that few voted for or that none was sure of. One frame is no vote,
and its shares are all 100 %. Readings of another length than the voted one do not count; nor does a frame that cannot
be used, which is said. A frame that may show another plate is named; it votes all the same, where its length is the
voted one. Frames that share a fault (one bad photo enlarged, one wrong habit of the reader) share it in the vote as
well: agreement is no proof.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpsr.cli.arguments import add_checkpoints
from lpsr.cli.files import complain
from lpsr.cli.progress import Progress
from lpsr.cli.text import aligned
from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.images import SUFFIXES, reduced
from lpsr.metrics.reading import judge
from lpsr.plates import is_plate, normalise
from lpsr.readers import DEFAULT, READERS, Reader, Reading, get_reader
from lpsr.rectify import effective_width
from lpsr.voting import MOST_SIDE, VOTES, Tally, quality, strangers, vote

if TYPE_CHECKING:
    from lpsr.clip import CutPlate
    from lpsr.models.restorer import Restorer

NAME = "vote"
HELP = "read several frames of one plate and vote"

WEIGHS = {
    "majority": "every vote weighs the same",
    "confidence": "a vote weighs its character's confidence",
    "quality": "a vote weighs its character's confidence times the pixels that the frame's plate is worth",
}
# What --model calls reading without restoration.
NONE = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FOLDER", help="folder of frames of one plate, or a clip")
    parser.add_argument("--reader", choices=READERS, default=DEFAULT, help="which reader (default: %(default)s)")
    parser.add_argument(
        "--model",
        nargs="+",
        metavar="NAME",
        default=[NONE],
        help="'bicubic' or checkpoints that restore each frame before it is read, a vote each; 'none' reads frames as "
        f"they are (default); plates above {MOST_SIDE} px are reduced to that before",
    )
    parser.add_argument(
        "--weights",
        choices=VOTES,
        default="confidence",
        help="what a vote weighs: all the same, the confidence of the character, or that times the pixels that "
        "the plate in the frame is worth (default: %(default)s)",
    )
    parser.add_argument("--text", metavar="TRUE", help="the plate's true text, to be compared with")
    parser.add_argument("--json", metavar="FILE", help="write frames, readings and votes to this file as well")
    add_checkpoints(parser)


def run(args: argparse.Namespace) -> int:
    """Print the votes; returns 1 where a frame could not be used, else 0."""
    # They import torch, which --help need not wait for.
    from lpsr.checkpoints import CHECKPOINTS, load_restorer
    from lpsr.clip import cut_plates, is_clip

    source = Path(args.source)
    if source.is_file() and source.suffix.lower() in SUFFIXES and not is_clip(source):
        raise InputError(f"{source.name} is one picture and no vote; read it with the verb read, or name a folder.")
    truth = args.text and normalise(args.text)
    if truth is not None and not is_plate(truth):
        raise InputError(f"{args.text!r} is no text of a Chinese plate; it has 7 or 8 characters, such as 皖A12345.")
    names, folder = dict.fromkeys(args.model), args.checkpoints or CHECKPOINTS
    restorers = {name: None if name == NONE else load_restorer(name, folder) for name in names}
    reader = get_reader(args.reader)
    failed = []

    def say(error: InputError, file: Any) -> None:
        complain(error, file)
        failed.append(file)

    plates, others = cut_plates(args.source, reader, complain=say, progress=Progress("frames"))
    print(f"Reader: {reader.engine}\nFrames with the plate: {len(plates)}; {WEIGHS[args.weights]}.")
    if others:
        print(f"Other plates in these frames, which have no vote: {', '.join(others)}.")
    votes = []
    for name, restorer in restorers.items():
        readings = _read(plates, restorer, reader)
        tally = vote(readings, args.weights, [quality(plate.picture) for plate in plates])
        marks = strangers(tally, readings, reader.threshold)
        strange = [plate.name for plate, other in zip(plates, marks, strict=True) if other]
        print("\n" + _shown(name, plates, readings, tally, tally.weak(reader.threshold), strange, truth), flush=True)
        facts = {"model": name, "readings": [one.to_json() for one in readings], **tally.to_json()}
        votes.append({**facts, "strangers": strange})
    if args.json:
        frames = [
            {
                "frame": plate.name,
                "width": plate.picture.shape[1],
                "height": plate.picture.shape[0],
                "effective_width": effective_width(plate.picture),
            }
            for plate in plates
        ]
        shared = {"reader": reader.engine, "weights": args.weights, "truth": truth}
        write_json(args.json, {**shared, "frames": frames, "others": others, "votes": votes})
    return 1 if failed else 0


def _read(plates: "Sequence[CutPlate]", restorer: "Restorer | None", reader: Reader) -> list[Reading]:
    if restorer is None:
        return [reader.read(plate.picture) for plate in plates]
    return [reader.read(restorer.restore(reduced(plate.picture, MOST_SIDE))) for plate in plates]


def _shown(
    name: str,
    plates: "Sequence[CutPlate]",
    readings: Sequence[Reading],
    tally: Tally,
    weak: Sequence[bool],
    strange: Sequence[str],
    truth: str | None,
) -> str:
    """One vote as text: the frames, those that may be of another plate, the places, what was voted, a "?" behind what
    is weak."""
    rows = [["frame", "reads", "counts", "confidence", "width [px]", "worth [px]"]]
    for plate, reading, counted in zip(plates, readings, tally.counted, strict=True):
        numbers = f"{reading.confidence:.2f}", str(plate.picture.shape[1]), str(effective_width(plate.picture))
        rows.append([plate.name, reading.plate_text or "(no text)", "yes" if counted else "no", *numbers])
    lines = ["As they are:" if name == NONE else f"Restored by {name}:", aligned(rows), ""]
    if strange:
        why = "no character read there is weak, and fewer than half are those voted"
        lines += [f"May show another plate: {', '.join(strange)} ({why}).", ""]
    for number, place in enumerate(tally.places, 1):
        shares = "  ".join(f"{character} {100 * share:.1f} %" for character, share in place.items())
        lines.append(f"place {number}: {shares}")
    voted = "".join(character + "?" * low for character, low in zip(tally.text, weak, strict=True))
    lines.append(f"voted: {voted or '(no text)'}  confidence {tally.confidence:.2f}")
    if truth is not None:
        exact = sum(judge(truth, reading.plate_text).exact for reading in readings)
        found = judge(truth, tally.text)
        verdict = "exact" if found.exact else f"{found.right} of {found.characters} characters in place"
        lines.append(f"true:  {truth}  {verdict}; {exact} of {len(readings)} frames alone are exact")
    return "\n".join(lines)
