"""From the frame probabilities of a CTC recogniser to a text: greedy, and constrained to the grammar of plates.

CTC (Graves, Fernández, Gomez & Schmidhuber 2006): each of T frames has a distribution over the characters and a blank;
a path takes one symbol a frame, and its text is the path with repeats merged and blanks removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lpsr.plates import ALPHABET, LENGTHS, alphabet_at, normalise

BLANK = 0
LONGEST = max(LENGTHS)
# The grammar has no letters I and O, so their shapes are a one and a zero.
_LOOKALIKES = {"O": "0", "I": "1"}
_TINY = 1e-30


@dataclass(frozen=True)
class PlateDecoding:
    """A plate text under the grammar.

    Attributes:
        text: 7 or 8 characters; empty where there are too few frames for 7.
        confidences: one per character, [0, 1]: the largest probability that the recogniser itself gives the character,
            among all the characters it knows, in the frames where the best path reads it. It is never renormalised to
            what the grammar allows, so a character that the grammar forced stays weak.
        frames: for each character those frames.
    """

    text: str
    confidences: tuple[float, ...]
    frames: tuple[tuple[int, ...], ...]


def greedy(probabilities: np.ndarray, characters: Sequence[str]) -> tuple[str, float]:
    """Best-path decode, as PaddleOCR's ``CTCLabelDecode`` does it.

    Args:
        probabilities: ``(T, V)``, each row sums to 1; column 0 is the blank.
        characters: V texts; that of column 0 is not used.

    Returns:
        The text, and the mean probability of its characters, each taken where it first appears; 0 for no text.
    """
    path = probabilities.argmax(axis=1)
    chosen = path != BLANK
    chosen[1:] &= path[1:] != path[:-1]
    if not chosen.any():
        return "", 0.0
    return "".join(characters[i] for i in path[chosen]), float(probabilities.max(axis=1)[chosen].mean())


class PlateDecoder:
    """Format-constrained decode for one character set.

    The columns of the recogniser are first folded to 1 + 65 symbols: separators such as the middle dot count as blank;
    lower-case and full-width forms count as their character; O and I count as 0 and 1. Everything else is out of reach
    of the constrained path, but keeps its share of the probability.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        """``characters``: the V texts of the recogniser's columns, column 0 being the blank.

        Raises ValueError where a character of the plate alphabet is missing.
        """
        columns, symbols = [BLANK], [BLANK]
        for column, character in enumerate(characters[1:], start=1):
            folded = normalise(character)
            folded = _LOOKALIKES.get(folded, folded)
            if not folded:
                columns.append(column)
                symbols.append(BLANK)
            elif len(folded) == 1 and folded in ALPHABET:
                columns.append(column)
                symbols.append(1 + ALPHABET.index(folded))
        if missing := sorted(set(range(1 + len(ALPHABET))) - set(symbols)):
            raise ValueError("the recogniser does not know " + "".join(ALPHABET[i - 1] for i in missing))
        order = np.argsort(symbols, kind="stable")
        self._columns = np.array(columns)[order]
        self._starts = np.searchsorted(np.array(symbols)[order], np.arange(1 + len(ALPHABET)))
        self._allowed = np.array([[c in alphabet_at(i) for c in ALPHABET] for i in range(LONGEST)])

    def fold(self, probabilities: np.ndarray) -> np.ndarray:
        """``(T, V)`` to ``(T, 66)``: column 0 is blank and separators, the others follow ``ALPHABET``."""
        return np.add.reduceat(probabilities[:, self._columns], self._starts, axis=1)

    def decode(self, probabilities: np.ndarray) -> PlateDecoding:
        """The text of the most probable path that follows the grammar (exact, by Viterbi), ``(T, V)`` in.

        Paths of 7 and of 8 characters both have one factor a frame, so they compete as they are.
        """
        folded = self.fold(probabilities)
        path = self._best_path(np.log(np.maximum(folded, _TINY)))
        text, confidences, frames = "", [], []
        for position in range(max(path, default=(-1, BLANK))[0] + 1):
            run = [t for t, (p, symbol) in enumerate(path) if p == position and symbol != BLANK]
            symbol = path[run[0]][1]
            text += ALPHABET[symbol - 1]
            confidences.append(min(1.0, float(folded[run, symbol].max())))
            frames.append(tuple(run))
        return PlateDecoding(text, tuple(confidences), tuple(frames))

    def _best_path(self, scores: np.ndarray) -> list[tuple[int, int]]:
        """The best path as (position, symbol) a frame; position counts the characters so far, from -1.

        ``scores``: ``(T, 66)`` log probabilities. Empty where T is below the shortest plate.

        State (p, 0) is the blank after p characters, (p, s) the frame shows character p, which is s. From a frame to
        the next a state stays, a character is followed by a blank, and a new character comes after a blank or after
        another character that differs from it.
        """
        frames, symbols = scores.shape
        if frames < min(LENGTHS):
            return []
        allowed = np.where(self._allowed, 0.0, -np.inf)
        # Row p is the state after p characters; row 0 has only a blank.
        best = np.full((LONGEST + 1, symbols), -np.inf)
        best[0, BLANK] = scores[0, BLANK]
        best[1, 1:] = scores[0, 1:] + allowed[0]
        rows = np.arange(LONGEST + 1)
        # Of every frame: the best and the second best symbol of each row before it, and which characters are new.
        firsts, seconds = np.zeros((2, frames, LONGEST + 1), dtype=np.intp)
        entries = np.zeros((frames, LONGEST + 1, symbols), dtype=bool)
        for t in range(1, frames):
            firsts[t] = first = best.argmax(axis=1)
            top = best[rows, first]
            best[rows, first] = -np.inf
            seconds[t] = second = best.argmax(axis=1)
            # A new character comes from the best state of the row before, or the second best for that same character.
            sources = np.repeat(top[:, None], symbols, axis=1)
            sources[rows, first] = best[rows, second]
            best[rows, first] = top
            entered = sources[:-1, 1:] + allowed
            entries[t, 1:, 1:] = entered > best[1:, 1:]
            best[1:, 1:] = np.maximum(best[1:, 1:], entered)
            # A blank comes from the best state of its row, whichever that is.
            best[:, BLANK] = top
            best += scores[t]
        ends = best[list(LENGTHS)]
        row, symbol = (int(i) for i in np.unravel_index(ends.argmax(), ends.shape))
        row, path = LENGTHS[row], []
        for t in range(frames - 1, -1, -1):
            path.append((row - 1, symbol))
            if symbol == BLANK:
                symbol = int(firsts[t, row])
            elif entries[t, row, symbol]:
                row -= 1
                symbol = int(seconds[t, row] if firsts[t, row] == symbol else firsts[t, row])
        return path[::-1]
