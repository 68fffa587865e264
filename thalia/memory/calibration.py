"""How likely what is recalled is right, by how much surer it is than all else, in tests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thalia.memory.encoder import Floats

# of a lead, between bins, which are narrow where most leads are; a confidence is a multiple of 0.01
EDGES = (-0.2, -0.1, -0.05, 0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
BINS = len(EDGES) + 1
TESTS = 50  # cues in a sleep, at most
LOUDEST = 1.5  # noise of a cue, at most, relative to how items differ
LEAST_PART = 0.4  # of the numbers of a cue that has a part of them
REMEMBERED = 2000  # outcomes of tests; older ones count less and less


@dataclass(frozen=True)
class Calibration:
    """How many tests ended with each lead, and how many of them were right, (BINS,) each.

    `error` is by how much the chances that were told before the last tests were off, on average.
    """

    asked: Floats
    right: Floats
    error: float | None = None

    @classmethod
    def new(cls) -> "Calibration":
        """One that knows of no test."""
        return cls(np.zeros(BINS), np.zeros(BINS))

    def chances(self, leads: Floats) -> list[float] | list[None]:
        """The chance that items that are recalled with such leads are right; None before a test."""
        if not self.asked.any():
            return [None] * len(leads)
        return [float(each) for each in self.curve()[bins_of(leads)]]

    def curve(self) -> Floats:
        """The chance in each bin, (BINS,), which never falls with the lead.

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

    def after(self, leads: Floats, right: Floats) -> "Calibration":
        """With more tests, each of a lead, and right (1) or not (0)."""
        if not len(leads):
            return self
        bins = bins_of(leads)
        asked = np.bincount(bins, minlength=BINS).astype(float)
        hits = np.bincount(bins, weights=right, minlength=BINS)
        error = None
        if self.asked.any():
            error = float(np.abs(hits - asked * self.curve()).sum() / asked.sum())
        fades = min(1.0, REMEMBERED / (self.asked.sum() + asked.sum()))
        return Calibration(fades * self.asked + asked, fades * self.right + hits, error)


def leads_of(shares: Floats) -> Floats:
    """By how much the confidence of each item exceeds the largest of the others, of the same shape.

    Parameters
    ----------
    shares : (..., n_items) array
        Confidences, from 0 to 1.
    """
    if shares.shape[-1] < 2:
        return shares
    second, first = np.moveaxis(np.partition(shares, -2)[..., -2:], -1, 0)
    is_first = shares == first[..., None]
    others: Floats = np.where(is_first, second[..., None], first[..., None])
    return shares - others


def bins_of(leads: Floats) -> NDArray[np.int64]:
    """The bin of each lead; those at an edge are in the bin above it."""
    return np.digitize(np.round(leads, 9), EDGES)


def noisy_cues(vectors: Floats, random: np.random.Generator) -> Floats:
    """A cue for each item: every other with noise, and the others with a part of the numbers.

    Noise is mixed from how the items differ, so that it leads to other items as far as these are
    alike, and is up to `LOUDEST` times as large as their differences. Numbers that a cue lacks are
    those of the mean.

    Parameters
    ----------
    vectors : (n_items, dimension) array
        The vectors of the items.

    Returns
    -------
    array
        The cues, of the same shape.
    """
    mean, count = vectors.mean(axis=0), len(vectors)
    weights = random.uniform(0, LOUDEST, (count, 1)) * random.standard_normal((count, count))
    noisy = vectors + weights @ (vectors - mean) / np.sqrt(count)
    parts = random.uniform(LEAST_PART, 1, (count, 1))
    has_part = random.random(vectors.shape) < parts
    is_noisy = np.arange(count)[:, None] % 2 == 0
    return np.where(is_noisy, noisy, np.where(has_part, vectors, mean))
