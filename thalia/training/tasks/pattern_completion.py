"""Pattern completion: episodes are stored by one presentation, and recalled from a part."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Recall:
    """Cues, (n, size), of patterns that are wanted, (n, size), after some have been stored."""

    load: int
    share: float  # of a pattern's cells that are cued
    wanted: Flags
    cued: Flags

    @property
    def name(self) -> str:
        """By which its result is called."""
        return f"jaccard_{self.load}_cue_{round(100 * self.share)}"


@dataclass(frozen=True)
class Episodes:
    """The patterns as they are stored, (n, size), and the tests after each load."""

    stored: Flags
    tests: list[Recall]


class PatternCompletion(Environment):
    """Random sets of cells, stored once each and recalled from a fraction of their cells.

    As many patterns as each of `loads` says are stored in one network, with a test after each load
    in which nothing is learned. Cells that were cued are not scored: they would identify the
    pattern by themselves. With `shared`, patterns come in pairs that have cells in common. If it is
    `shuffled`, other cells are stored than those that are tested.
    """

    STIMULI: ClassVar = ("cells",)
    READOUT: ClassVar = ("recall",)

    trials: int = Field(40, ge=1)  # patterns that are tested at each load, for each cue
    loads: tuple[int, ...] = (20, 40, 80, 160)
    active: int = 20
    cues: tuple[float, ...] = (0.4, 0.5, 0.75)
    false_cues: float = Field(
        0.0, ge=0
    )  # cells outside the pattern that are cued as well, as a fraction of its own
    shared: float = Field(
        0.0, ge=0, lt=1
    )  # fraction of its cells that every second pattern has in common with the one before
    shuffled: bool = False
    rate: SingleRate
    present: PositiveTime
    recall: PositiveTime
    pause: PositiveTime

    def range_of(self, number: str) -> Range:
        """All are shares."""
        return SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Store and test, load by load."""
        episodes = self.draw(subject.plan, random)
        fired, done = [], 0
        for load, tests in groupby(episodes.tests, lambda each: each.load):
            for pattern in episodes.stored[done:load]:
                self._show(subject, pattern)
                subject.present(self.pause)
            done = load
            with subject.frozen():
                fired += [self._recalled(subject, each, note) for each in tests]
        return _summary(episodes.tests, fired)

    def draw(self, plan: Plan, random: np.random.Generator) -> "Episodes":
        """The patterns, and which are tested with which cues."""
        size = plan.population(self.readout["recall"][0])[1].size
        patterns = np.zeros((max(self.loads), size), bool)
        common = round(self.shared * self.active)
        for number, pattern in enumerate(patterns):
            if number % 2 == 0 or not common:
                pattern[random.choice(size, self.active, replace=False)] = True
                continue
            partner = patterns[number - 1]
            for cells, count in ((partner, common), (~partner, self.active - common)):
                pattern[random.choice(np.flatnonzero(cells), count, replace=False)] = True
        tests = [
            self._test(load, cue, patterns[random.permutation(load)[: self.trials]], random)
            for load in sorted(self.loads)
            for cue in self.cues
        ]
        return Episodes(random.permuted(patterns, axis=1) if self.shuffled else patterns, tests)

    def _test(self, load: int, cue: float, wanted: Flags, random: np.random.Generator) -> "Recall":
        cued = np.zeros(wanted.shape, bool)
        for place, pattern in enumerate(wanted):
            cells = random.choice(np.flatnonzero(pattern), round(cue * self.active), replace=False)
            cued[place, cells] = True
        false = random.random(wanted.shape) < self.false_cues * wanted.mean(axis=1, keepdims=True)
        return Recall(load, cue, wanted, cued | ~wanted & false)

    def baselines(
        self, plan: Plan, data: "Episodes", random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """A list of the patterns, and binary synapses between the same cells."""
        nearest = [_nearest(data.stored[: each.load], each.cued) for each in data.tests]
        binary = []
        for each in data.tests:
            missing = self.active - round(each.share * self.active)
            binary.append(_by_binary_synapses(data.stored[: each.load], each.cued, missing))
        return {
            "nearest": Baseline(
                "the stored pattern with most of the cued cells", _summary(data.tests, nearest)
            ),
            "binary_synapses": Baseline(
                "as many cells as are missing, those that were stored with most of the cued cells",
                _summary(data.tests, binary),
            ),
        }

    def noted_trials(self) -> int:
        """The tests at each load, for each cue."""
        return sum(min(load, self.trials) for load in self.loads) * len(self.cues)

    def _show(self, subject: Subject, cells: Flags) -> None:
        subject.present(self.present, {self.stimuli["cells"][0]: cells * self.rate})

    def _recalled(self, subject: Subject, test: "Recall", note: Note) -> Flags:
        """The cells that fire after each cue, (n, size)."""
        fired = []
        for wanted, cued in zip(test.wanted, test.cued, strict=True):
            self._show(subject, cued)
            counts = subject.present(self.recall).counts(self.readout["recall"][0])
            subject.present(self.pause)
            fired.append(counts > 0)
            jaccard, share = _scores(wanted, cued, fired[-1])
            false = np.mean((fired[-1] & ~cued)[~(wanted & ~cued)])
            note(jaccard=jaccard, recalled=share, false=float(false), cue=test.share)
        return np.array(fired)


def _nearest(stored: Flags, cued: Flags) -> Flags:
    """The stored pattern that shares most cells with each cue, (n, size)."""
    overlaps = cued.astype(int) @ stored.T.astype(int)
    return np.asarray(stored[overlaps.argmax(axis=1)])


def _by_binary_synapses(stored: Flags, cued: Flags, missing: int) -> Flags:
    """Completion by synapses that are there or not (Willshaw et al. 1969), (n, size)."""
    synapses = stored.T.astype(int) @ stored.astype(int) > 0
    sums = np.where(cued, -1, cued.astype(int) @ synapses.astype(int))
    strongest = np.argsort(-sums, axis=1, kind="stable")[:, :missing]
    found = np.zeros(cued.shape, bool)
    np.put_along_axis(found, strongest, True, axis=1)
    return found


def _scores(pattern: Flags, cued: Flags, fired: Flags) -> tuple[float, float]:
    """Jaccard index of recalled and missing cells, and the fraction of these recalled."""
    wanted, recalled = pattern & ~cued, fired & ~cued
    hits, either = (int(np.count_nonzero(each)) for each in (wanted & recalled, wanted | recalled))
    return hits / max(1, either), hits / max(1, int(np.count_nonzero(wanted)))


def _summary(tests: list[Recall], fired: list[Flags]) -> dict[str, float]:
    """The numbers of the whole, from the cells that answer each test."""
    jaccard, recalled = dict[str, float](), list[float]()
    for test, answers in zip(tests, fired, strict=True):
        scores = np.array([*map(_scores, test.wanted, test.cued, answers)])
        jaccard[test.name], share = map(float, scores.mean(axis=0))
        recalled.append(share)
    means = {"jaccard": float(np.mean([*jaccard.values()])), "recalled": float(np.mean(recalled))}
    return {"worst": min(jaccard.values()), **means, **jaccard}
