"""How likely what is recalled is right, at each confidence: learned from tests in sleep."""

from dataclasses import dataclass

import numpy as np

from thalia.memory.encoder import Floats

BINS = 10  # of confidence
TESTS = 50  # in a sleep, at most
QUALITIES = (0.3, 1.0)  # parts of a code that a cue has in a test, from and to
REMEMBERED = 1000  # tests; older ones count less and less


@dataclass(frozen=True)
class Calibration:
    """How many tests ended at each confidence, and how many of them were right, (BINS,) each.

    `error` is by how much the chances that were told before the last tests were off, on average.
    """

    asked: Floats
    right: Floats
    error: float | None = None

    @classmethod
    def new(cls) -> "Calibration":
        """One that knows of no test."""
        return cls(np.zeros(BINS), np.zeros(BINS))

    def chance(self, confidence: float) -> float | None:
        """The chance that what is recalled so surely is right; None before the first test."""
        if not self.asked.any():
            return None
        return float(self.curve()[_bins(np.array([confidence]))[0]])

    def curve(self) -> Floats:
        """The chance in each bin, (BINS,), which never falls with the confidence.

        The isotonic regression of Laplace's estimates, by pooling adjacent violators (Ayer et al.
        1955, doi:10.1214/aoms/1177728423).
        """
        pools: list[tuple[float, float, int]] = []  # right, asked, and bins that they are of
        for right, asked in zip(self.right + 1, self.asked + 2, strict=True):
            pool = (float(right), float(asked), 1)
            while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
                before = pools.pop()
                pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
            pools.append(pool)
        return np.concatenate([np.full(count, right / asked) for right, asked, count in pools])

    def after(self, confidences: Floats, right: Floats) -> "Calibration":
        """With more tests, each of a confidence, and right (1) or not (0)."""
        if not len(confidences):
            return self
        bins = _bins(confidences)
        asked = np.bincount(bins, minlength=BINS).astype(float)
        hits = np.bincount(bins, weights=right, minlength=BINS)
        error = None
        if self.asked.any():
            error = float(np.abs(hits - asked * self.curve()).sum() / asked.sum())
        fades = min(1.0, REMEMBERED / (self.asked.sum() + asked.sum()))
        return Calibration(fades * self.asked + asked, fades * self.right + hits, error)


def _bins(confidences: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.minimum((confidences * BINS).astype(np.int64), BINS - 1)
