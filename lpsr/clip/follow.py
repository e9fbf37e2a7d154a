"""Follows plates through frames: looks for them now and then, and from where they were in between."""

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from lpsr.clip.frames import Frame
from lpsr.clip.sharpness import sharpness
from lpsr.clip.track import Sighting, Track
from lpsr.locate import Found, locate, refine, views
from lpsr.locate.find import LEAST, apart, is_sound
from lpsr.readers import Reader, Reading
from lpsr.rectify import plate_size, rectify
from lpsr.voting import vote

# The whole frame is looked at in each so many-th frame, and wherever a plate is not where it should be.
EVERY = 4
# Plates in one frame.
MOST_PLATES = 6
# Frames that a plate may be hidden for.
PATIENCE = 3
# How far from where it should be a plate is looked for, in its widths, and how much wider or narrower it may be.
REACH, GROWTH = 1.0, 2.0
# Share of characters read alike: by tracks of one plate; by two plates in one place, if both are read surely.
ALIKE, UNLIKE, SURE = 0.85, 0.5, 0.9


@dataclass(eq=False)
class _Followed:
    """A plate so far: its sightings, and the number of the last frame with it among those looked at."""

    last: int
    sightings: list[Sighting] = field(default_factory=list)

    def expected(self, index: int) -> np.ndarray:
        """Where its corners should be in frame ``index``, if it moves on as it did: ``(4, 2)``."""
        last = self.sightings[-1]
        if len(self.sightings) == 1:
            return last.corners
        before = self.sightings[-2]
        moved = (last.corners - before.corners).mean(0)
        # What moves for longer may turn, so it is not sent on too far.
        return last.corners + moved * min((index - last.index) / (last.index - before.index), PATIENCE + 1)

    @property
    def readings(self) -> list[Reading]:
        return [sighting.reading for sighting in self.sightings if sighting.reading]

    @property
    def text(self) -> str:
        return vote(self.readings, "confidence").text


def follow(
    frames: Collection[Frame],
    *,
    reader: Reader | None = None,
    progress: Callable[[int, int], None] = lambda done, count: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Track]:
    """The plates in ``frames``, which come in order, the surest first; [] where there is none.

    A plate is found by ``locate``, then by ``refine`` from where it should be. What is found goes to the track that it
    is nearest to and, with a ``reader``, reads most like, so plates that cross are told apart. Tracks that read alike
    and are never in one frame are one: of a plate that was hidden, or jumps as in a burst. Where there are some frames,
    what is seen in one alone must be read surely to be a plate.

    Args:
        progress: called with the frames done and their number after each; what it raises ends the work.
        should_stop: asked before each frame; where it says so, what was found until then is returned.
    """
    tracks: list[_Followed] = []
    # Closed, whatever happens, for the file that they are read from.
    with closing(_each(frames)) as each:
        for number, frame in enumerate(each):
            if should_stop():
                break
            live = [track for track in tracks if number - track.last <= PATIENCE + 1]
            seen = _see(frame, [track.expected(frame.index) for track in live], number % EVERY == 0, reader)
            _link(frame, number, seen, tracks, live)
            progress(number + 1, len(frames))
    done = [Track(tuple(track.sightings)) for track in _joined(tracks) if _confirmed(track, len(frames))]
    return sorted(done, key=lambda track: -track.certainty)


def _each(frames: Collection[Frame]) -> Iterator[Frame]:
    yield from frames


def _see(frame: Frame, expected: list[np.ndarray], all_over: bool, reader: Reader | None) -> list[Found]:
    """The plates in a frame, likeliest first."""
    refined = [_refined(frame.picture, corners) for corners in expected]
    found = [one for one in refined if one]
    if all_over or not found or None in refined:
        found += locate(frame.picture, most=MOST_PLATES)
    kept = apart([one.corners for one in found], [one.score for one in found], LEAST)[:MOST_PLATES]
    if reader is None:
        return [found[i] for i in kept]
    return [replace(found[i], reading=reader.read(rectify(frame.picture, found[i].corners))) for i in kept]


def _refined(picture: np.ndarray, corners: np.ndarray) -> Found | None:
    """The plate that is about where ``corners`` are; None where there is none."""
    # A second look, from the middle, is the more exact one.
    for _ in range(2):
        corners, likely = refine(picture, corners)
        if likely < LEAST:
            return None
    return Found(corners, likely) if is_sound(corners, picture.shape) else None


def _link(frame: Frame, number: int, found: list[Found], tracks: list[_Followed], live: list[_Followed]) -> None:
    """Add what was found to the tracks that it continues, best matches first, and begin tracks for the rest."""
    pairs = [
        (cost, one, other)
        for one, plate in enumerate(found)
        for other, track in enumerate(live)
        if (cost := _cost(plate, track, frame.index)) is not None
    ]
    chosen: dict[int, int] = {}
    for _, one, other in sorted(pairs):
        if one not in chosen and other not in chosen.values():
            chosen[one] = other
    for one, (plate, view) in enumerate(zip(found, views(frame.picture, found), strict=True)):
        if one in chosen:
            track = live[chosen[one]]
        else:
            track = _Followed(number)
            tracks.append(track)
        sharp = sharpness(rectify(frame.picture, plate.corners))
        track.sightings.append(
            Sighting(frame.index, frame.seconds, plate.corners, plate.score, sharp, plate.reading, view)
        )
        track.last = number


def _cost(found: Found, track: _Followed, index: int) -> float | None:
    """What speaks against ``found`` being the track's plate; None where it cannot be."""
    corners = track.expected(index)
    width, before = plate_size(found.corners)[0], plate_size(corners)[0]
    distance = float(np.linalg.norm((found.corners - corners).mean(0))) / max(width, before, 1)
    if distance > REACH or not 1 / GROWTH < width / max(before, 1) < GROWTH:
        return None
    if found.reading is None:
        return distance
    alike = _alike(track.text, found.reading.plate_text)
    sure = min(found.reading.confidence, max(reading.confidence for reading in track.readings)) > SURE
    return None if sure and alike < UNLIKE else distance + 1 - alike


def _joined(tracks: list[_Followed]) -> list[_Followed]:
    """Tracks that read the same and share no frame made one, each added to the first that it can be."""
    joined: list[_Followed] = []
    for track in tracks:
        seen = {sighting.index for sighting in track.sightings}
        for earlier in joined:
            apart = seen.isdisjoint(sighting.index for sighting in earlier.sightings)
            if apart and _alike(earlier.text, track.text) > ALIKE:
                earlier.sightings = sorted(earlier.sightings + track.sightings, key=lambda sighting: sighting.index)
                break
        else:
            joined.append(track)
    return joined


def _confirmed(track: _Followed, frames: int) -> bool:
    """Whether it is no chance: seen more than once, or read surely, or there were few chances."""
    return len(track.sightings) > 1 or frames < EVERY or any(reading.confidence > SURE for reading in track.readings)


def _alike(one: str, other: str) -> float:
    """The share of characters that two texts of one length have in common; 0 for other texts."""
    if len(one) != len(other) or not one:
        return 0.0
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
