"""Short clips and bursts of pictures: their frames, and the plates in them, followed and sharpest first."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lpsr.clip.cuts import CutPlate, cut_plates
from lpsr.clip.follow import follow
from lpsr.clip.frames import MOST, Clip, Frame, is_clip, read_frames
from lpsr.clip.track import Sighting, Track
from lpsr.readers import Reader

__all__ = [
    "Clip",
    "CutPlate",
    "Frame",
    "Sighting",
    "Track",
    "cut_plates",
    "follow",
    "is_clip",
    "read_frames",
    "track_clip",
]


def track_clip(
    source: str | Path | Sequence[str | Path],
    *,
    most: int = MOST,
    reader: Reader | None = None,
    progress: Callable[[int, int], None] = lambda done, count: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Track]:
    """The plates in at most ``most`` frames of a video, an animation or a burst of pictures, the surest first.

    Raises InputError as ``read_frames``; the rest is as for ``follow``.
    """
    return follow(read_frames(source, most), reader=reader, progress=progress, should_stop=should_stop)
