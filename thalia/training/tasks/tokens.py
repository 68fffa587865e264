"""Prediction of the next symbol of a random grammar, in which two symbols decide it."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.training.baselines import Baseline
from thalia.training.ngrams import Floats, Ints
from thalia.training.prediction import Prediction, Sequences

FORGOTTEN = 200  # symbols that are drawn first and not used, until nothing depends on the first two


class Tokens(Prediction):
    """A random grammar, which gives each pair of symbols a distribution of what follows them.

    It is drawn from a Dirichlet distribution with the parameter `concentration`, and the same for
    all seeds, that of `grammar`.
    """

    ORDERS: ClassVar = (1, 2, 3)

    alphabet: int = Field(12, ge=2)
    concentration: float = Field(0.2, gt=0)
    grammar: int = Field(0, ge=0)

    def draw(self, plan: Plan, random: np.random.Generator) -> Sequences:
        """One sequence of the grammar, divided into its three parts."""
        lengths = (self.trials * self.lesson, self.tuning, self.tested)
        symbols = drawn_symbols(self.table, FORGOTTEN + sum(lengths), random)[FORGOTTEN:]
        return Sequences(*np.split(symbols, np.cumsum(lengths)[:-1]))

    @property
    def table(self) -> Floats:
        """The probability of each symbol after each pair, the earlier one first: (n, n, n)."""
        return drawn_table(self.alphabet, self.concentration, self.grammar)

    def baselines(
        self, plan: Plan, data: Sequences, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """N-grams that learned the same symbols, and the grammar itself."""
        tested = data.tested
        predicted = self.table[tested[:-2], tested[1:-1]]
        says = "the grammar itself, the best of all predictions on average"
        grammar = Baseline(says, self.scores(predicted, tested[2:]))
        return {**super().baselines(plan, data, random), "grammar": grammar}


def drawn_table(alphabet: int, concentration: float, grammar: int) -> Floats:
    """The probability of each symbol after each pair, the earlier one first: (n, n, n)."""
    drawn = np.random.default_rng(grammar)
    return drawn.dirichlet([concentration] * alphabet, size=(alphabet,) * 2)


def drawn_symbols(table: Floats, length: int, random: np.random.Generator) -> Ints:
    """A sequence of a grammar."""
    alphabet = len(table)
    sums, uniform = table.cumsum(axis=2), random.random(length)
    symbols = random.integers(0, alphabet, length)
    for place in range(2, length):
        likely = sums[symbols[place - 2], symbols[place - 1]]
        found = np.searchsorted(likely, uniform[place], "right")
        symbols[place] = min(int(found), alphabet - 1)
    return symbols
