"""What is kept of a photo that a visitor brought: views of its plates, the one that is chosen, and how it is cut."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from lpsr.errors import InputError
from lpsr.rectify import plate_size

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.locate import Cut, Found, View
    from lpsr.readers import Reader

log = logging.getLogger(__name__)

# How a plate is cut until the visitor chooses: the reader reads 83.9 % of 373 real plates exactly when they are
# straightened, and 78.8 % in the protocol's box; restored by MSE-long, 66.2 and 64.1 %.
CUT: "Cut" = "straight"
# Score below which a plate found beside a better one is not offered, and below which the best one is doubtful.
LEAST, DOUBTFUL = 0.6, 0.75
# Pixels between corners that are the same.
_SAME = 0.01

_numbers = count(1)


@dataclass(frozen=True)
class Seen:
    """A plate that was followed through a clip.

    Attributes:
        text: what its frames read together; None where nothing was read.
        frames: in how many it was seen.
        moments: of those that are kept number and seconds (None in a burst), sharpest first.
    """

    text: str | None
    frames: int
    moments: tuple[tuple[int, float | None], ...]


# By identity: Gradio hashes it to see that it changed.
@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, reduced to its plates, or a clip, reduced to the sharpest frames of its plates.

    Attributes:
        views: what is kept of it, one a plate, or one of the whole where none was found.
        number: another one for each photo.
        which: index of the view whose plate is compared.
        how: "straight" by homography, or "box", axis-aligned.
        placed: the corners that the visitor set, ``(4, 2)`` float32 in the view's pixels, by index of the view.
        settled: how often that was by ``place_around``, of which the editor does not know.
        seen: of a clip its plates, whose moments the views are, one plate's after another's.
    """

    views: "tuple[View, ...]"
    number: int = field(default_factory=lambda: next(_numbers))
    which: int = 0
    how: "Cut" = CUT
    placed: Mapping[int, np.ndarray] = field(default_factory=dict)
    settled: int = 0
    seen: tuple[Seen, ...] = ()

    @property
    def view(self) -> "View":
        return self.views[self.which]

    @property
    def name(self) -> str:
        """Of the view that is shown, among all views of all photos."""
        return f"{self.number}-{self.which}"

    @property
    def found(self) -> bool:
        """Whether the plate of the view was found; otherwise its corners are a proposal."""
        return self.view.score is not None

    @property
    def corners(self) -> np.ndarray:
        """The visitor's, else those found or proposed."""
        return self.placed.get(self.which, self.view.corners)

    @property
    def ready(self) -> bool:
        """Whether there is a plate to cut."""
        return self.found or self.which in self.placed

    @property
    def turned(self) -> bool:
        """Whether the plate lies on its side or its head: its upright box shows it so."""
        x, y = self.corners[1] - self.corners[0]
        return bool(abs(y) > x)

    @property
    def cut_off(self) -> bool:
        """Whether the plate as it was found reaches the photo's border, so that part of it may be missing."""
        height, width = self.view.picture.shape[:2]
        low, high = self.corners.min(0), (width, height) - self.corners.max(0)
        return self.which not in self.placed and min(*low, *high) < np.ptp(self.corners[:, 0]) / 50

    @property
    def crop(self) -> str:
        """How the plate is cut, for the passport."""
        corners = "placed by hand" if self.which in self.placed else "found"
        if self.how == "straight":
            return "straightened by homography, corners {}, {} × {} px".format(corners, *plate_size(self.corners))
        return f"axis-aligned box of the corners, {corners}"

    def cut(self) -> tuple[np.ndarray, np.ndarray]:
        """The plate's picture, ``(h, w, 3)`` uint8, and its corners in it. Raises InputError."""
        from lpsr.locate import cut

        return cut(self.view, self.corners, self.how)

    def place(self, corners: np.ndarray) -> "Photo":
        """With ``corners`` for this view; those that were found are the visitor's no longer."""
        placed = {which: one for which, one in self.placed.items() if which != self.which}
        if not self.found or np.abs(corners - self.view.corners).max() > _SAME:
            placed[self.which] = corners
        return replace(self, placed=placed)

    def place_around(self) -> "Photo":
        """With the whole view as the plate."""
        height, width = self.view.picture.shape[:2]
        corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
        return replace(self.place(corners), settled=self.settled + 1)


def reader_if_any() -> "Reader | None":
    """The page's reader; None, and a line in the log, where it cannot be loaded."""
    from lpsr.readers import get_reader

    try:
        return get_reader()
    except InputError as error:
        log.warning("%s", error)
        return None


def find(picture: np.ndarray) -> "list[Found]":
    """The plates in ``(H, W, 3)`` uint8, best first; not read where no reader can be loaded.

    Raises InputError where plates cannot be located here.
    """
    from lpsr.locate import locate

    try:
        return locate(picture, reader=reader_if_any())
    except InputError as error:
        # The sentence names a path of the server, which is for its log alone.
        log.warning("No plate can be located: %s", error)
        raise InputError("Plates cannot be located in photos here; the app's log says why.") from None


def photo_of(picture: np.ndarray, found: "Sequence[Found]") -> Photo:
    """What is kept of a photo in which ``found`` was found, best first; the widest of those that are sure is chosen."""
    from lpsr.locate import views, whole

    if not found:
        return Photo((whole(picture),))
    offered = [one for number, one in enumerate(found) if number == 0 or one.score >= LEAST]
    # All are painted over in the views of others, also those that are not offered.
    kept = views(picture, found)[: len(offered)]
    if found[0].score < DOUBTFUL:
        # What was found may be none, and the plate elsewhere.
        return Photo((*kept, whole(picture)))
    sure = [number for number, one in enumerate(offered) if one.score >= DOUBTFUL]
    return Photo(kept, which=max(sure, key=lambda number: np.ptp(offered[number].corners[:, 0])))
