"""What a reader is, what it returns, and the reader that every CTC engine shares."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from lpsr.readers.decode import PlateDecoder, greedy

# On 520 real CCPD HR plates this marks 67 % of the characters read wrongly and 6 % of those read rightly.
WEAK = 0.5


@dataclass(frozen=True)
class Reading:
    """What a reader makes of one picture.

    Attributes:
        raw_text: the recogniser's own text, as it is: separators, missing province and all.
        plate_text: the best text that follows the grammar of plates. It has 7 or 8 characters whatever the picture
            shows, noise included: never show it without its weak characters and the raw text.
        confidence: mean of ``char_confidences``, [0, 1].
        char_confidences: one for each character of ``plate_text``, [0, 1]; see ``PlateDecoding``.
        engine: which program and weights read it, with versions.
        raw_confidence: the recogniser's own score for ``raw_text``, [0, 1]: the paper's "OCR confidence".
    """

    raw_text: str
    plate_text: str
    confidence: float
    char_confidences: tuple[float, ...]
    engine: str
    raw_confidence: float

    def weak(self, threshold: float = WEAK) -> tuple[bool, ...]:
        """For each character of ``plate_text``, whether its confidence is below ``threshold``."""
        return tuple(value < threshold for value in self.char_confidences)

    def abstained(self, threshold: float) -> str:
        """``plate_text`` with "_" for every character whose confidence is below ``threshold``."""
        return "".join(
            "_" if weak else character for character, weak in zip(self.plate_text, self.weak(threshold), strict=True)
        )

    def to_json(self) -> dict[str, Any]:
        """The fields and ``weak`` as plain JSON values."""
        return {**asdict(self), "char_confidences": list(self.char_confidences), "weak": list(self.weak())}


class Reader(Protocol):
    """Reads plates; safe to call from several threads.

    Attributes:
        name: its key in ``READERS``.
        engine: program and weights with versions, as ``Reading.engine``.
        threshold: the confidence below which a character is not to be trusted, chosen on plates of known text; None
            where none was chosen.
    """

    name: str
    engine: str
    threshold: float | None

    def read(self, picture: np.ndarray) -> Reading:
        """Read ``(H, W, 3)`` uint8 RGB."""
        ...


class CtcReader:
    """A ``Reader`` on top of any CTC recogniser: greedy raw text, grammar-constrained plate text."""

    def __init__(
        self,
        name: str,
        engine: str,
        characters: Sequence[str],
        probabilities: Callable[[np.ndarray], np.ndarray],
        threshold: float | None = None,
    ) -> None:
        """
        Args:
            name, engine, threshold: see ``Reader``.
            characters: the V texts of the recogniser's columns; column 0 is the CTC blank.
            probabilities: from ``(H, W, 3)`` uint8 RGB to ``(T, V)`` frame probabilities; safe to call from several
                threads.
        """
        self.name = name
        self.engine = engine
        self.threshold = threshold
        self._characters = characters
        self._decoder = PlateDecoder(characters)
        self._probabilities = probabilities

    def read(self, picture: np.ndarray) -> Reading:
        """Read ``(H, W, 3)`` uint8 RGB. Raises ValueError for anything else."""
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
        probabilities = self._probabilities(picture)
        raw_text, raw_confidence = greedy(probabilities, self._characters)
        plate = self._decoder.decode(probabilities)
        confidence = float(np.mean(plate.confidences)) if plate.text else 0.0
        return Reading(raw_text, plate.text, confidence, plate.confidences, self.engine, raw_confidence)
