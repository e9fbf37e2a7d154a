"""The plate of a folder of frames, or of a clip, cut from each frame: cut plates as they are, photos located."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lpsr.clip.follow import follow
from lpsr.clip.frames import Clip, Frame, pictures_in, read_frames
from lpsr.clip.track import Track
from lpsr.errors import InputError
from lpsr.images import SUFFIXES, open_picture, reduced
from lpsr.locate import SMALL, is_plate, locate
from lpsr.readers import Reader
from lpsr.rectify import rectify

# Longest side of what is kept; no plate has use for more.
MOST_SIDE = 640


@dataclass(frozen=True, eq=False)
class CutPlate:
    """A plate cut from a frame.

    Attributes:
        name: of the frame: a file's, or "frame 12" of a clip, from 0.
        picture: ``(H, W, 3)`` uint8, straightened where its corners were found, no side above 640 px.
    """

    name: str
    picture: np.ndarray


def cut_plates(
    source: str | Path,
    reader: Reader,
    *,
    complain: Callable[[InputError, Path], None],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[CutPlate], list[str]]:
    """The plate in each frame of a folder of pictures or of a clip, in their order, and the texts of other plates.

    A picture that is a plate's crop is taken as the plate; in photos and clips plates are followed, and the surest is
    taken. Frames of a clip that do not show it are left out.

    Args:
        reader: tells plates from one another.
        complain: called for each picture of a folder that cannot be used; the others are.
        progress: called with the pictures of a folder done and their number.

    Raises InputError where no frame shows a plate, and as ``read_frames``.
    """
    path = Path(source)
    if not path.is_dir():
        tracks = follow(read_frames(path), reader=reader)
        cuts = {f"frame {index}": picture for index, picture in _sighted(tracks).items()}
    else:
        cuts, tracks = _folder(path, reader, complain, progress)
    if not cuts:
        raise InputError("No frame shows a plate; choose frames on which one can be seen.")
    plates = [CutPlate(name, picture) for name, picture in cuts.items()]
    return plates, [track.text for track in tracks[1:] if track.text]


def _folder(
    folder: Path,
    reader: Reader,
    complain: Callable[[InputError, Path], None],
    progress: Callable[[int, int], None],
) -> tuple[dict[str, np.ndarray], list[Track]]:
    """The plates by their files' names, and the tracks that the photos among the files show, the first being cut."""
    files = pictures_in(folder)
    if not files:
        raise InputError(f"The folder {folder.name} holds no pictures; it takes {', '.join(sorted(SUFFIXES))}.")
    cuts: dict[Path, np.ndarray] = {}
    photos: list[Path] = []
    for number, file in enumerate(files, 1):
        try:
            picture = open_picture(file)
        except InputError as error:
            complain(error, file)
        else:
            found = locate(picture, reader=reader) if max(picture.shape[:2]) > SMALL else []
            if is_plate(picture, found):
                plate = rectify(picture, found[0].corners) if found else picture
                cuts[file] = reduced(plate, MOST_SIDE)
            else:
                photos.append(file)
        progress(number, len(files))

    def frames(indices: tuple[int, ...]) -> Iterator[Frame]:
        for index in indices:
            yield Frame(index, None, open_picture(photos[index]))

    tracks = follow(Clip(tuple(range(len(photos))), frames), reader=reader)
    sighted = _sighted(tracks)
    for index, file in enumerate(photos):
        if index in sighted:
            cuts[file] = sighted[index]
        else:
            complain(InputError("the plate is not found in it, so it does not vote."), file)
    return {file.name: cuts[file] for file in files if file in cuts}, tracks


def _sighted(tracks: list[Track]) -> dict[int, np.ndarray]:
    """By the frame's number the surest plate, straightened."""
    sightings = tracks[0].sightings if tracks else ()
    return {one.index: reduced(rectify(one.view.picture, one.view.corners), MOST_SIDE) for one in sightings}
