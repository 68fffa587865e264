"""Prediction of symbols whose grammar changes unannounced: what is known has to be learned anew."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.training.baselines import Baseline
from thalia.training.ngrams import Floats, Ints, fitted_smoothing, probabilities
from thalia.training.prediction import NOTED, Predicting
from thalia.training.subject import Subject
from thalia.training.tasks import Note
from thalia.training.tasks.tokens import drawn_symbols, drawn_table

YOKED = "yoked"  # the phase in which the task gives the novelty


class Switching(Predicting):
    """Random grammars, as those of `tokens`, follow each other; what is predicted is learned.

    There are `trials` lessons of `lesson` symbols, with another grammar after each `lasts` lessons.
    Each symbol is predicted before it comes and is learned from, as in life: nothing is frozen. The
    constant that is added to counts is fitted on the second half of the first grammar, and
    `cross_entropy` is that of all symbols after the first change; `early` of the first third of
    each of their grammars, `late` of the last one, `first` of the second half of the first grammar.

    With `order: shuffled` all is done twice. The level of the modulator `novelty` is read after
    each lesson of the first time; the second time begins with the same network, in the phase
    `yoked`, in which `given` has these levels, in another order.
    """

    MODULATORS: ClassVar = ("given",)
    RETURNS: ClassVar = True

    alphabet: int = Field(12, ge=2)
    lesson: int = Field(50, ge=10)
    lasts: int = Field(60, ge=2)
    concentration: float = Field(0.2, gt=0)
    grammar: int = Field(50, ge=0)
    novelty: str
    order: Literal["own", "shuffled"] = "own"

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        if self.trials % self.lasts or self.trials < 2 * self.lasts:
            told = f"expected a multiple of `lasts`, {self.lasts}, for two grammars or more"
            found.append(Problem(("experiment", "trials"), f"{told}, found {self.trials}"))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> Ints:
        """The symbols of all grammars, one after the other."""
        length, count = self.lasts * self.lesson, self.trials // self.lasts
        return np.concatenate([drawn_symbols(self._table(k), length, random) for k in range(count)])

    def _table(self, place: int) -> Floats:
        return drawn_table(self.alphabet, self.concentration, self.grammar + place)

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Show all symbols, and score what was predicted."""
        symbols = self.draw(subject.plan, random)
        beginning = subject.remember()
        counts, levels = self._all(subject, symbols, note)
        if self.order == "shuffled":
            subject.restore(beginning)
            with subject.phase(YOKED):
                counts, levels = self._all(subject, symbols, note, random.permutation(levels))
        half = slice(self._length // 2, self._length)  # of the first grammar
        smoothing = fitted_smoothing(counts[half][:-1], symbols[half][1:])
        uniform = np.full((1, self.alphabet), 1 / self.alphabet)
        predicted = np.concatenate([uniform, probabilities(counts[:-1], smoothing)])
        return {**self._of_times(predicted, symbols), "novelty": float(np.mean(levels))}

    def _all(
        self, subject: Subject, symbols: Ints, note: Note, given: Floats | None = None
    ) -> tuple[Ints, Floats]:
        """The counts after each symbol, and the level of the novelty in each lesson."""
        counts, levels = list[Ints](), list[float]()
        name, held = self.modulators["given"], 0.0
        for place, lesson in enumerate(np.split(symbols, self.trials)):
            if given is not None:
                subject.release(name, given[place] - held)
                held = given[place]
            counts.append(self.counts(subject, lesson))
            levels.append(subject.level(self.novelty) if given is None else held)
            note(**self.measures(counts[-1][:-1], lesson[1:], NOTED), novelty=levels[-1])
        return np.concatenate(counts), np.array(levels)

    @property
    def _length(self) -> int:
        """Symbols of a grammar."""
        return self.lasts * self.lesson

    def _of_times(self, predicted: Floats, symbols: Ints) -> dict[str, float]:
        """The cross-entropy of all symbols but those of the first grammar, and of parts."""
        right = predicted[np.arange(len(symbols)), symbols]
        losses = -np.log(right).reshape(-1, self._length)
        third = self._length // 3
        return {
            "cross_entropy": float(losses[1:].mean()),
            "early": float(losses[1:, :third].mean()),
            "late": float(losses[1:, -third:].mean()),
            "first": float(losses[0, self._length // 2 :].mean()),
        }

    def baselines(
        self, plan: Plan, data: Ints, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """The grammars themselves, but for the first two symbols of each, which have none."""
        predicted = np.full((len(data), self.alphabet), 1 / self.alphabet)
        for place, part in enumerate(np.split(data, len(data) // self._length)):
            rows = predicted[place * self._length : (place + 1) * self._length]
            rows[2:] = self._table(place)[part[:-2], part[1:-1]]
        says = "the grammars themselves, the best of all predictions on average"
        return {"grammars": Baseline(says, self._of_times(predicted, data))}
