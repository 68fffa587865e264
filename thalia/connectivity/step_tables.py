"""Delays in whole steps from words: at which word the next number of steps begins.

A delay increases with its word, so a table of the words at which it becomes a step longer says the
same as its distribution, and looking it up is several times as fast.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from thalia.connectivity.laws import Law, law_of
from thalia.connectivity.streams import Words
from thalia.syntax.given import Given
from thalia.syntax.time_grid import all_in_steps
from thalia.syntax.units import Value

Ints = NDArray[np.int32]
WORD_BITS = 52  # the upper ones, which a law uses
GUIDE_BITS = 12  # of these, by which a place in the table is looked up
ENDS = np.array([0, (1 << WORD_BITS) - 1], np.uint64)
MOST = 1 << 16  # numbers of steps in a table; what has more is computed number by number


@dataclass(frozen=True, eq=False)
class StepTable:
    """`first` steps, and one more from each of the words in `thresholds` on (their upper bits)."""

    first: int
    thresholds: Words

    @property
    def most(self) -> int:
        """The largest number of steps."""
        return self.first + len(self.thresholds)

    @cached_property
    def guide(self) -> Ints:
        """How many thresholds lie before a word with these upper bits, for all of those."""
        begins = np.arange(1 << GUIDE_BITS, dtype=np.uint64) << np.uint64(WORD_BITS - GUIDE_BITS)
        return np.searchsorted(self.thresholds, begins, side="right").astype(np.int32)

    def numbers(self, words: Words) -> Ints:
        """The steps for each word."""
        places = np.searchsorted(self.thresholds, words >> np.uint64(64 - WORD_BITS), side="right")
        return (self.first + places).astype(np.int32)


def delay_steps(seconds: NDArray[np.float64], dt: float, what: str) -> Ints:
    """Delays in whole steps: the nearest number, and at least one of what is no zero."""
    steps: Ints = all_in_steps(seconds, dt, what)
    return np.maximum(steps, 1, out=steps)


def step_table(delay: Value, dt: float, what: str) -> StepTable | None:
    """The table of a delay; None if it has too many numbers of steps, or follows from places.

    Raises
    ------
    CircuitError
        If the longest delay does not fit 32 bits; `what` names it.
    """
    if delay.kind == "spread" or delay.is_formula or isinstance(delay, Given):
        return None
    first, last = _steps(law_of(delay), ENDS, dt, what).tolist()
    return None if last - first > MOST else _table(delay, dt, first, last)


@cache
def _table(delay: Value, dt: float, first: int, last: int) -> StepTable:
    """The table of a delay that has `first` to `last` steps."""
    wanted = np.arange(first + 1, last + 1)
    low, high = (np.full(len(wanted), end) for end in ENDS)
    while (low < high).any():  # the least word that gives as many steps
        middle = (low + high) // np.uint64(2)
        enough = _steps(law_of(delay), middle, dt, "delay") >= wanted
        low, high = np.where(enough, low, middle + np.uint64(1)), np.where(enough, middle, high)
    return StepTable(first, low)


def _steps(law: Law, upper: Words, dt: float, what: str) -> Ints:
    """The steps for the upper bits of some words; of a delay that is zero there are none."""
    seconds = law.quantiles(upper << np.uint64(64 - WORD_BITS))
    if law.kind == "constant" and law.location == 0:
        return np.zeros(len(upper), np.int32)
    return delay_steps(seconds, dt, what)
