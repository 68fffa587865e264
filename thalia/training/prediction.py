"""Prediction: symbols are shown one after the other, and what comes next is read from spikes."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.units import Quantities, constant
from thalia.training.baselines import Baseline
from thalia.training.ngrams import (
    Floats,
    Ints,
    cross_entropy,
    fitted_smoothing,
    ngram,
    probabilities,
)
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

NAMES = ("unigram", "bigram", "trigram", "fourgram", "fivegram")
NOTED = 1.0  # the smoothing, in spikes, of the predictions that are noted meanwhile


@dataclass(frozen=True)
class Sequences:
    """What is learned from, what the smoothing is fitted on, and what is tested with."""

    learned: Ints
    tuning: Ints
    tested: Ints


class Predicting(Environment):
    """Symbols come one after the other, and before each of them its prediction is read.

    Each of them is shown for the time `show`, at `rate`, to its group of the population `symbols`.
    After the time `settle` the spikes of `voices` are counted for the time `read`: those of a
    symbol's group, and a constant, are proportional to its predicted probability. The constant is
    the same for all.
    """

    STIMULI: ClassVar = ("symbols",)
    READOUT: ClassVar = ("voices",)

    alphabet: int = Field(ge=2)
    show: PositiveTime
    settle: PositiveTime
    read: PositiveTime
    rate: SingleRate

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        if found:
            return found
        for part, roles in (("stimuli", self.stimuli), ("readout", self.readout)):
            for role, (name, *_) in roles.items():
                if (size := plan.population(name)[1].size) % self.alphabet:
                    message = f"expected a multiple of the {self.alphabet} symbols, found {size}"
                    found.append(Problem(("experiment", part, role), message))
        return found

    def range_of(self, number: str) -> Range:
        """Shares of right predictions; the others are amounts."""
        return SHARE if number == "right" else AMOUNT

    def counts(self, subject: Subject, symbols: Ints) -> Ints:
        """Show a sequence; the spikes after each symbol of it, which predict the one after that.

        Returns
        -------
        (n_symbols, alphabet)
        """
        seconds = [time.mean for time in (self.show, self.settle, self.read)]
        shown = np.zeros((len(symbols), len(seconds), self.alphabet))
        shown[np.arange(len(symbols)), 0, symbols] = 1
        name = self.stimuli["symbols"][0]
        copies = subject.plan.population(name)[1].size // self.alphabet
        rates = np.repeat(shown.reshape(-1, self.alphabet), copies, axis=1) * self.rate
        durations = Quantities(np.tile(seconds, len(symbols)), SECOND)
        spikes = subject.play(durations, {name: rates}).counts(self.readout["voices"][0])
        by_symbol: Ints = spikes.reshape(len(symbols), len(seconds), self.alphabet, -1).sum(axis=3)
        return by_symbol[:, -1]

    def measures(self, counts: Ints, symbols: Ints, smoothing: float) -> dict[str, float]:
        """How well counts of spikes predict symbols."""
        return self.scores(probabilities(counts, smoothing), symbols)

    def scores(self, predicted: Floats, symbols: Ints) -> dict[str, float]:
        """The cross-entropy, and how often the most probable symbol came."""
        right = float(np.mean(predicted.argmax(axis=1) == symbols))
        nat = cross_entropy(predicted, symbols)
        return {"cross_entropy": nat, "bits": nat / log(2), "right": right}


class Prediction(Predicting):
    """Symbols are learned from, and others then predicted without learning.

    The network learns from `trials` lessons of `lesson` symbols. Then it is frozen, and asked about
    `tested` symbols: `cross_entropy` is that of its predictions in nat, `bits` the same in bits.
    The constant that is added to counts is fitted on the tuning sequence, of `tuning` symbols. With
    `apart`, `bits_apart` is that of the same symbols in sequences of so many, each after a pause
    that is as long as the context of the longest n-gram; their first symbols are not asked about.
    """

    ORDERS: ClassVar[tuple[int, ...]] = (1, 2, 3)  # of the n-grams that it is compared with

    trials: int = Field(40, ge=1)  # lessons
    lesson: int = Field(200, ge=10)  # symbols
    tuning: int = Field(2000, ge=10)
    tested: int = Field(4000, ge=10)
    apart: int | None = Field(None, ge=2)  # symbols

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or its own numbers."""
        found = super().problems(plan)
        if self.apart and self.apart > self.tested:
            message = f"expected at most {self.tested:,}, the symbols that it is tested with"
            found.append(Problem(("experiment", "apart"), message))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> Sequences:
        """The sequences of this task."""
        raise NotImplementedError

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All lessons, then the cross-entropy of what is predicted without learning."""
        sequences = self.draw(subject.plan, random)
        for lesson in np.split(sequences.learned, self.trials):
            note(**self.measures(*self.predicted(subject, lesson), NOTED))
        with subject.frozen():
            smoothing = fitted_smoothing(*self.predicted(subject, sequences.tuning))
            counts, symbols = self.predicted(subject, sequences.tested)
            apart = self._apart(subject, sequences.tested, smoothing)
        spikes = float(counts.sum(axis=1).mean())
        measures = self.measures(counts, symbols, smoothing)
        return {**measures, **apart, "smoothing": smoothing, "spikes": spikes}

    def _apart(self, subject: Subject, symbols: Ints, smoothing: float) -> dict[str, float]:
        """What is predicted of sequences that do not follow one another."""
        if not self.apart:
            return {}
        interval = sum(time.mean for time in (self.show, self.settle, self.read))
        counts = []
        for each in symbols[: self._whole].reshape(-1, self.apart):
            subject.present(constant(max(self.ORDERS) * interval, SECOND))
            counts.append(self.counts(subject, each)[:-1])
        return self._bits_apart(probabilities(np.concatenate(counts), smoothing), symbols)

    def _bits_apart(self, predicted: Floats, symbols: Ints) -> dict[str, float]:
        """Predictions of all symbols but the first of each sequence."""
        asked = symbols[: self._whole].reshape(-1, self.apart or 1)[:, 1:].ravel()
        return {"bits_apart": self.scores(predicted, asked)["bits"]}

    @property
    def _whole(self) -> int:
        """Symbols of all whole sequences that are tested apart."""
        return self.tested - self.tested % (self.apart or 1)

    def baselines(
        self, plan: Plan, data: Sequences, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """N-grams that learned the same symbols."""
        found: dict[str, Baseline] = {}
        for order in self.ORDERS:
            predicted = ngram(order, data.learned, data.tested, self.first, self.alphabet)
            name = NAMES[order - 1]
            says = f"the symbol after {order - 1} others, by interpolated counts (Witten & Bell)"
            final = self.scores(predicted, data.tested[self.first :])
            if self.apart:
                asked = data.tested[: self._whole]
                rows = ngram(order, data.learned, asked, 0, self.alphabet, self.apart)
                others = np.arange(len(rows)) % self.apart > 0
                final |= self._bits_apart(rows[others], asked)
            found[name] = Baseline(says, final)
        return found

    @property
    def first(self) -> int:
        """The place from which on symbols of a sequence are asked about."""
        return max(self.ORDERS) - 1

    def predicted(self, subject: Subject, symbols: Ints) -> tuple[Ints, Ints]:
        """Show a sequence; the spikes that predict each symbol of it, and these symbols."""
        counts = self.counts(subject, symbols)
        return counts[self.first - 1 : -1], symbols[self.first :]
