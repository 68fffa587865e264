"""Constant Poisson input in NumPy: the numbers that the compiled backends draw.

Few events are drawn for blocks of neurons: how many there are, and for each its neuron, as
`random_numbers.h` says. Where more are expected, each neuron draws for itself.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray

from thalia.backends.random_numbers import (
    FEW,
    by_inversion,
    poisson,
    random_words,
    unit_interval,
)

BLOCK = 256  # neurons whose events are drawn together
SPARSE = 0.5  # from as many expected events a neuron on, each draws for itself


@dataclass(frozen=True)
class PoissonInput:
    """`mean` events a step to each of the neurons of a group from `first` on."""

    stream: int
    first: int
    size: int
    mean: float

    @property
    def stop(self) -> int:
        """The neuron after the last."""
        return self.first + self.size

    def counts(self, key: int, step: int) -> NDArray[np.int64]:
        """The number of events of each neuron in a step, (size,)."""
        if self.mean >= SPARSE:
            return self._of_each(key, step)
        starts = self._edges[:-1]
        a, b, _, _ = random_words(key, self.stream, step, starts, np.zeros_like(starts))
        totals = np.array(
            [
                least + np.searchsorted(at_most, u)
                for (least, at_most), u in zip(self._tables, unit_interval(a, b), strict=True)
            ]
        )
        block = np.repeat(np.arange(len(starts)), totals)
        event = np.arange(len(block)) - np.repeat(np.cumsum(totals) - totals, totals)
        words = random_words(key, self.stream, step, starts[block], 1 + event // 4)
        word = np.choose(event % 4, words)
        sizes = np.diff(self._edges).astype(np.uint64)
        neurons = starts[block] + (word * sizes[block] >> np.uint64(32)).astype(np.int64)
        return np.bincount(neurons - self.first, minlength=self.size)

    def _of_each(self, key: int, step: int) -> NDArray[np.int64]:
        neurons = np.arange(self.first, self.stop)
        if self.mean >= FEW:
            drawn = poisson(np.array(self.mean), key, self.stream, step, neurons, 1)
        else:
            a, b, c, d = random_words(key, self.stream, step, neurons // 2, 0)
            u = np.where(neurons % 2, unit_interval(c, d), unit_interval(a, b))
            drawn = by_inversion(np.full(self.size, self.mean), u)
        return drawn.astype(np.int64)

    @cached_property
    def _edges(self) -> NDArray[np.int64]:
        """Where the blocks begin, and the end of the last."""
        inner = np.arange((self.first // BLOCK + 1) * BLOCK, self.stop, BLOCK)
        return np.array([self.first, *inner, self.stop])

    @cached_property
    def _tables(self) -> list[tuple[int, NDArray[np.float64]]]:
        known = {size: _at_most(self.mean * size) for size in set(np.diff(self._edges).tolist())}
        return [known[stop - start] for start, stop in pairwise(self._edges.tolist())]


def _at_most(mean: float) -> tuple[int, NDArray[np.float64]]:
    """The least number of events that is likely at all, and the chances of at most that, and more.

    They are computed as `PoissonTable` of `random_numbers.h` does.
    """
    count = int(mean)
    chance = exp(count * log(mean) - mean - lgamma(count + 1.0))
    while count > 0 and chance > 2.0**-70:
        chance *= count / mean
        count -= 1
    least, at_most, total = count, [], 0.0
    while count <= mean or chance > 2.0**-60:
        total += chance
        at_most.append(total)
        count += 1
        chance *= mean / count
    return least, np.array([*at_most[:-1], 1.0])
