"""How honest confidences are: temperature, calibration error, risk against coverage, and when to abstain.

Everything here is of characters: ``confidence`` ``(n,)`` in [0, 1] and ``right`` ``(n,)`` bool.
"""

from typing import NamedTuple

import numpy as np

# Points of a character by the score of a challenge that rewards abstaining: right, not printed, wrong.
RIGHT, ABSTAINED, WRONG = 2, 0, -1
# Where thresholds are looked for.
_STEPS = 100
# Where temperatures are looked for.
_RANGE = 0.05, 20.0
# No confidence is so sure that a single miss outweighs everything.
_TINY = 1e-6


class Runs(NamedTuple):
    """Characters as a CTC network saw them: each was read in one or more frames, one run after another.

    Attributes:
        logits: ``(F, V)`` of the frames. symbols: ``(F,)`` column of the character that the frame belongs to.
        starts: ``(n,)`` first frame of each character.
    """

    logits: np.ndarray
    symbols: np.ndarray
    starts: np.ndarray

    def confidence(self, temperature: float = 1.0) -> np.ndarray:
        """``(n,)``: the largest probability of the character in its frames, logits divided by ``temperature``."""
        scaled = self.logits / np.float64(temperature)
        scaled = scaled - scaled.max(1, keepdims=True)
        own = np.take_along_axis(scaled, self.symbols[:, None], 1)[:, 0]
        return np.maximum.reduceat(np.exp(own) / np.exp(scaled).sum(1), self.starts)


def log_loss(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean negative log-likelihood of right and wrong in nats."""
    likely = np.where(right, confidence, 1 - confidence)
    return float(-np.log(np.clip(likely, _TINY, 1)).mean())


def fit_temperature(runs: Runs, right: np.ndarray) -> float:
    """The temperature between 0.05 and 20 at which ``log_loss`` is least (Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017)."""
    low, high = _RANGE
    # Each look is closer about the best of the one before.
    for _ in range(3):
        tried = np.geomspace(low, high, 41)
        best = int(np.argmin([log_loss(runs.confidence(one), right) for one in tried]))
        low, high = tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)]
    return float(tried[best])


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Mean distance of confidence from the share that is right, [0, 1], over bins of equal width, each by the number of
    its characters (Naeini, Cooper & Hauskrecht, AAAI 2015)."""
    which = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    sums = np.bincount(which, confidence, bins) - np.bincount(which, right, bins)
    return float(np.abs(sums).sum() / len(which))


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(coverage, risk), each ``(m,)``: of the characters at or above each confidence that occurs, from the highest on,
    the share of all and the share of them that is wrong (El-Yaniv & Wiener, JMLR 2010)."""
    order = np.argsort(-np.asarray(confidence), kind="stable")
    ranked, wrong = np.asarray(confidence)[order], ~np.asarray(right, bool)[order]
    # Equal confidences are printed or not together.
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    kept = ends + 1
    return kept / len(ranked), np.cumsum(wrong)[ends] / kept


def thinned(coverage: np.ndarray, risk: np.ndarray, points: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """At most ``points`` of a curve: of those there are, the first at or above each of as many even coverages."""
    chosen = np.unique(np.searchsorted(coverage, np.linspace(1 / points, 1, points) - 1e-12))
    return coverage[chosen], risk[chosen]


def challenge_score(confidence: np.ndarray, right: np.ndarray, threshold: float) -> float:
    """Mean points of a character where those below ``threshold`` are not printed: 2 right, 0 abstained, −1 wrong."""
    points = np.where(right, RIGHT, WRONG)
    return float(np.where(np.asarray(confidence) >= threshold, points, ABSTAINED).mean())


def best_threshold(confidence: np.ndarray, right: np.ndarray) -> float:
    """The threshold, a whole number of hundredths, of the largest ``challenge_score``; the lowest of equal ones."""
    steps = np.arange(_STEPS + 1) / _STEPS
    return float(steps[np.argmax([challenge_score(confidence, right, step) for step in steps])])
