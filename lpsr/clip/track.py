"""A plate in several frames: where it was seen, how sharp, and what it reads by their votes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lpsr.locate import View
from lpsr.locate.find import rate
from lpsr.readers import Reading
from lpsr.voting import Tally, vote


@dataclass(frozen=True, eq=False)
class Sighting:
    """A plate in one frame.

    Attributes:
        index, seconds: the frame's.
        corners: ``(4, 2)`` float32 pixels of the frame, clockwise from the plate's top left.
        score: [0, 1]: how likely it is a plate, by its looks.
        sharpness: of the straightened plate, see ``lpsr.clip.sharpness``.
        reading: of the straightened plate; None without a reader.
        view: what is kept of the frame, with its own corners.
    """

    index: int
    seconds: float | None
    corners: np.ndarray
    score: float
    sharpness: float
    reading: Reading | None
    view: View

    @property
    def certainty(self) -> float:
        """[0, 1]: how surely it is a plate, by its looks and its reading."""
        return rate(self.score, self.reading)


@dataclass(frozen=True, eq=False)
class Track:
    """One plate through a clip: ``sightings`` in the clip's order, at least one."""

    sightings: tuple[Sighting, ...]

    def best(self, most: int | None = None) -> list[Sighting]:
        """The sharpest ``most`` sightings (None: all), sharpest first."""
        return sorted(self.sightings, key=lambda sighting: -sighting.sharpness)[:most]

    @cached_property
    def tally(self) -> Tally:
        """What the sightings read, voted by confidence."""
        return vote([sighting.reading for sighting in self.sightings if sighting.reading], "confidence")

    @property
    def text(self) -> str | None:
        """The plate's text by ``tally``; None where nothing was read."""
        return self.tally.text or None

    @property
    def certainty(self) -> float:
        """The sum of the sightings' certainties."""
        return sum(sighting.certainty for sighting in self.sightings)

    def to_json(self) -> dict[str, Any]:
        """The text and the frames, sharpest first, as plain JSON values."""
        return {
            "text": self.text,
            "frames": [
                {
                    "frame": sighting.index,
                    "seconds": None if sighting.seconds is None else round(sighting.seconds, 3),
                    "corners": [[round(float(value), 2) for value in corner] for corner in sighting.corners],
                    "score": round(sighting.score, 4),
                    "sharpness": round(sighting.sharpness, 3),
                }
                for sighting in self.best()
            ],
        }
