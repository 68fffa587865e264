"""Prediction in short passages, each with statistics of its own beside those that all have."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf, log

import numpy as np
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import SECOND, Plan
from thalia.syntax.fields import PositiveTime
from thalia.syntax.units import constant
from thalia.training.baselines import Baseline
from thalia.training.ngrams import Floats, Ints, cross_entropy, fitted_smoothing, probabilities
from thalia.training.prediction import NOTED, Predicting
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Note

AWAKE, PRACTICE, ASLEEP = "asked", "practice", "asleep"
PRIOR = 4  # counts that what is common is worth
BEGINNING = 16  # symbols of a passage at which little of it can be known


@dataclass(frozen=True)
class Drawn:
    """Passages to practise on, to fit the smoothing on, and to be asked about, (n, length) each.

    `tables` are the statistics of these last, (n, alphabet, alphabet), `common` what all have.
    """

    practised: Ints
    tuning: Ints
    asked: Ints
    tables: Floats
    common: Floats


class Passages(Predicting):
    """Each passage of `length` symbols has a grammar of its own, in which one symbol decides.

    It is the mean of a random table that all passages have in common and one that is its own, both
    drawn from a Dirichlet distribution with the parameter `concentration`. The network practises
    on `trials` passages, in the phase `practice`, and is asked about `tested` others in `asked`.
    Whenever the level of the modulator `fatigue` has reached `tired` at the end of a passage, the
    network sleeps for `sleep`, in the phase `asleep`; else it is as long awake without input.

    `excess` is the cross-entropy of its predictions over the entropy of what could be known, the
    grammar of the passage, in nat; `beginning` that of the first sixteen symbols, `second_half` of
    the second half; `slept` is the share of passages after which it slept.
    """

    alphabet: int = Field(12, ge=2)
    trials: int = Field(60, ge=1)  # passages of practice
    length: int = Field(128, ge=4 * BEGINNING)
    tuning: int = Field(10, ge=1)  # passages, as is `tested`
    tested: int = Field(30, ge=1)
    concentration: float = Field(0.2, gt=0)
    fatigue: str
    tired: float = Field(gt=0)
    sleep: PositiveTime

    def range_of(self, number: str) -> Range:
        """Shares; an excess may by chance be below zero, by at most the greatest entropy."""
        return SHARE if number in ("slept", "right") else (-log(self.alphabet), inf)

    def draw(self, plan: Plan, random: np.random.Generator) -> Drawn:
        """All passages."""
        common = self._table(random)
        tables = np.stack(
            [
                (common + self._table(random)) / 2
                for _ in range(self.trials + self.tuning + self.tested)
            ]
        )
        passages = np.stack([_drawn(each, self.length, random) for each in tables])
        practised, tuning, asked = np.split(passages, (self.trials, self.trials + self.tuning))
        return Drawn(practised, tuning, asked, tables[-self.tested :], common)

    def _table(self, random: np.random.Generator) -> Floats:
        return random.dirichlet([self.concentration] * self.alphabet, size=self.alphabet)

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Practise, and predict others."""
        data = self.draw(subject.plan, random)
        for passage in data.practised:
            with subject.phase(PRACTICE):
                counts = self.counts(subject, passage)
            note(**self.measures(counts[:-1], passage[1:], NOTED))
            self._rest(subject)
        counts, slept = self._asked(subject, data.tuning)
        smoothing = fitted_smoothing(_flat(counts), data.tuning[:, 1:].ravel())
        counts, slept = self._asked(subject, data.asked)
        predicted = probabilities(_flat(counts), smoothing)
        return {**self._excess(predicted, data), "slept": slept, "smoothing": smoothing}

    def _asked(self, subject: Subject, passages: Ints) -> tuple[Ints, float]:
        """The counts after each symbol but the last of a passage, and how often it slept."""
        counts, slept = [], []
        for passage in passages:
            with subject.phase(AWAKE):
                counts.append(self.counts(subject, passage)[:-1])
            slept.append(self._rest(subject))
        return np.stack(counts), float(np.mean(slept))

    def _rest(self, subject: Subject) -> bool:
        """Sleep, if it is tired; whether it was."""
        is_tired = subject.level(self.fatigue) >= self.tired
        if is_tired:
            with subject.phase(ASLEEP):
                subject.present(constant(self.sleep.mean, SECOND))
        else:
            subject.present(constant(self.sleep.mean, SECOND))
        return is_tired

    def _excess(self, predicted: Floats, data: Drawn) -> dict[str, float]:
        """The loss of predictions over the entropy of the grammars, of all and of parts."""
        symbols = data.asked[:, 1:]
        right = predicted.reshape(*symbols.shape, -1)
        losses = -np.log(np.take_along_axis(right, symbols[:, :, None], 2)[:, :, 0])
        rows = np.stack([t[p[:-1]] for t, p in zip(data.tables, data.asked, strict=True)])
        entropies = -np.sum(rows * np.log(np.maximum(rows, 1e-300)), axis=2)
        excess = losses - entropies
        return {
            "excess": float(excess.mean()),
            "beginning": float(excess[:, :BEGINNING].mean()),
            "second_half": float(excess[:, self.length // 2 :].mean()),
            "cross_entropy": cross_entropy(predicted, symbols.ravel()),
            "entropy": float(entropies.mean()),
        }

    def baselines(
        self, plan: Plan, data: Drawn, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """What is common to all passages, alone and with counts of the passage itself."""
        mean = (data.common + 1 / self.alphabet) / 2
        ways = {
            "common": ("the mean of all grammars, given the table that they have in common", mean),
            "counts": (
                f"the same as {PRIOR} counts, to which those of the passage are added",
                None,
            ),
        }
        found = {}
        for name, (says, table) in ways.items():
            rows = [
                table[each[:-1]] if table is not None else _counting(each, PRIOR * mean)
                for each in data.asked
            ]
            found[name] = Baseline(says, self._excess(np.concatenate(rows), data))
        return found


def _drawn(table: Floats, length: int, random: np.random.Generator) -> Ints:
    """A passage of a grammar."""
    symbols = [int(random.integers(len(table)))]
    for _ in range(length - 1):
        symbols.append(int(random.choice(len(table), p=table[symbols[-1]])))
    return np.array(symbols, np.int64)


def _counting(passage: Ints, counts: Floats) -> Floats:
    """The share of each symbol after the present one, in what came before, (length - 1, n)."""
    counts, found = counts.copy(), []
    for before, symbol in pairwise(passage.tolist()):
        found.append(counts[before] / counts[before].sum())
        counts[before, symbol] += 1
    return np.array(found)


def _flat(counts: Ints) -> Ints:
    """Those of all passages, one after the other."""
    return counts.reshape(-1, counts.shape[-1])
