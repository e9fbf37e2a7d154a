"""Voting over frames: how many plates are read exactly from 1, 2, 3, … views of each, by votes.

The views are simulated from one photo (``lpsr.data.generator.views``): they differ in size, sampling, light, blur,
noise and JPEG, but share whatever that photo has lost, and they are no independent photographs. The curves show what
voting does about the differences that are simulated, not what it does on a road.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from lpsr.errors import InputError
from lpsr.evidence import Share
from lpsr.images import outline
from lpsr.metrics.reading import judge
from lpsr.rectify import plate_size
from lpsr.voting import VOTES, Vote, quality, vote

if TYPE_CHECKING:
    # For annotations only: it imports torch, which showing curves need not wait for.
    from lpsr.data.plates import Plate
    from lpsr.models.restorer import Restorer
    from lpsr.readers import Reader

# No restoration: the reader reads LR itself.
NONE: Literal["none"] = "none"
# Numbers of frames that are voted over, as far as there are views.
FRAMES = (1, 2, 3, 5, 7, 10, 15, 20)
VIEWS, WIDTHS, SEED = 20, (20, 30), 0


class VoteCurve(BaseModel):
    """How often one pipeline reads plates exactly from a growing number of frames.

    Attributes:
        restorer: ``NONE``, or the name of a model. reader: name in ``READERS``.
        vote: what a vote weighs.
        frames: numbers of frames, growing; the frames of a number are among those of every larger one.
        outcomes: for each of them a digit a plate, "1" where it is read exactly, else "0". All curves of a run have the
            same plates and views in the same order, so that they can be compared plate by plate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    restorer: str
    reader: str
    vote: Vote
    frames: tuple[int, ...] = Field(min_length=1)
    outcomes: tuple[str, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.frames[0] < 1 or any(later <= number for number, later in pairwise(self.frames)):
            raise ValueError("the numbers of frames do not grow from at least 1")
        if len(self.outcomes) != len(self.frames) or not self.n:
            raise ValueError(f"{len(self.outcomes)} outcomes of {len(self.frames)} numbers of frames")
        if any(len(one) != self.n or one.strip("01") for one in self.outcomes):
            raise ValueError("outcomes are a 0 or 1 for each plate")
        return self

    @property
    def n(self) -> int:
        """Plates."""
        return len(self.outcomes[0]) if self.outcomes else 0

    @property
    def hits(self) -> tuple[tuple[bool, ...], ...]:
        """For each number of frames whether each plate was read exactly."""
        return tuple(tuple(digit == "1" for digit in one) for one in self.outcomes)

    @property
    def exact(self) -> tuple[Share, ...]:
        """For each number of frames the plates read wholly right, nothing missing and nothing added."""
        return tuple(Share.of(sum(one), self.n) for one in self.hits)


def run_votes(
    plates: "Sequence[Plate]",
    restorers: "Sequence[Restorer]",
    readers: "Sequence[Reader]",
    *,
    views: int = VIEWS,
    widths: tuple[int, int] = WIDTHS,
    seed: int = SEED,
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[VoteCurve, ...]:
    """Read views of every plate by every pipeline, each view once, and vote over growing numbers of them.

    The views are drawn in random order, so that more frames are not nearer ones. Quality is that of the
    view itself (``lpsr.voting.quality``), also where it is restored. Plates narrower than the widest view are left out.

    Args:
        plates: with known text; those without corners are taken for the plate as a whole.
        restorers: tried beside none at all.
        views: of each plate. widths: of the narrowest and the widest view, px. seed: of the views and their order.
        progress: called with the plates done and their number; what it raises ends the work.
        should_stop: asked before each plate; where it says so, the curves of the plates done are returned, () of none.

    Returns the curves, without restoration first, then by restorer; in each the readers, and of each the votes, in
    their order. Raises InputError where a text is unknown, no plate is wide enough, or as ``approach``.
    """
    # Here, since showing curves needs no generator.
    from lpsr.data.generator.views import approach

    if unknown := [plate.path.name for plate in plates if not plate.text]:
        raise InputError(f"Votes need plates of known text; that of {unknown[0]} is not known.")
    frames = tuple(number for number in FRAMES if number <= views)
    found: dict[tuple[str, str, Vote], list[list[bool]]] = defaultdict(list)
    stopped = False
    for index, plate in enumerate(plates):
        if stopped := should_stop():
            break
        picture = plate.picture()
        corners = outline(*picture.shape[1::-1]) if plate.corners is None else plate.corners
        if plate_size(corners)[0] >= widths[1]:
            # Seeds of its own for each, so that a plate's views do not hang on which plates came before.
            seen = approach(picture, corners, views, (seed, index), widths=widths)
            order = np.random.default_rng((seed, index, views)).permutation(views)
            seen = [seen[i] for i in order]
            qualities = [quality(one) for one in seen]
            for restorer in (None, *restorers):
                pictures = [restorer.restore(one) for one in seen] if restorer else seen
                for reader in readers:
                    readings = [reader.read(one) for one in pictures]
                    for kind in VOTES:
                        texts = (vote(readings[:number], kind, qualities[:number]).text for number in frames)
                        hits = [judge(plate.text, text).exact for text in texts]
                        found[restorer.name if restorer else NONE, reader.name, kind].append(hits)
        progress(index + 1, len(plates))
    if not found and not stopped:
        raise InputError(f"No plate is {widths[1]} px wide; vote over narrower views, or on wider plates.")
    return tuple(
        VoteCurve(
            restorer=restorer,
            reader=reader,
            vote=kind,
            frames=frames,
            outcomes=["".join(str(int(hit)) for hit in column) for column in zip(*hits, strict=True)],
        )
        for (restorer, reader, kind), hits in found.items()
    )


def facts(views: int = VIEWS, widths: tuple[int, int] = WIDTHS, seed: int = SEED) -> dict[str, Any]:
    """What a passport says of the votes."""
    return {
        "views": views,
        "widths_px": list(widths),
        "simulated": "from one photo a plate, so no independent photographs; perspective, light, blur, noise, JPEG",
        "order": "random, each number of frames among the next",
        "quality": "square of the effective width of the view before restoration, times confidence",
        "interval": "Wilson, 95 %",
        "seed": seed,
    }
