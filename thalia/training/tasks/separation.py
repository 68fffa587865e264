"""Pattern separation: similar patterns get codes that are less similar, and are stored apart."""

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

type Flags = NDArray[np.bool_]
Overlap = Annotated[float, Field(ge=0, lt=1)]


class Separation(Environment):
    """Pairs of input patterns that overlap; their codes, and how well both are stored.

    The overlap of two sets of active cells is the number of cells in both, relative to the mean
    size of the sets. First, before anything is stored, pairs of each of `overlaps` are presented,
    and the overlap of their codes is measured. Then `pairs` of pairs with the overlap `similarity`
    are stored, each pattern once, and recalled from the fraction `cue` of the cells that fired when
    they were stored. Cells that were cued are not scored.
    """

    STIMULI: ClassVar = ("input", "cue")
    READOUT: ClassVar = ("code", "recall")

    trials: int = Field(100, ge=1)  # patterns that are recalled, at most
    pairs: int = Field(50, ge=1)
    similarity: Overlap = 0.6
    overlaps: tuple[Overlap, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    samples: int = Field(20, ge=1)  # pairs that are presented of each overlap
    active: int = Field(10, ge=1)
    cue: float = Field(0.6, gt=0, lt=1)
    rate: SingleRate
    present: PositiveTime
    respond: PositiveTime
    pause: PositiveTime
    settle: PositiveTime

    def range_of(self, number: str) -> Range:
        """Numbers of cells are bounded below only; all others are shares."""
        return AMOUNT if number.endswith("_cells") else SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Measure the codes, store pairs, recall them."""
        found, cells = dict[str, float](), list[int]()
        size = self._size(subject, self.stimuli["input"][0])
        with subject.frozen():
            for overlap in self.overlaps:
                pairs = [self._pair(size, overlap, random) for _ in range(self.samples)]
                codes = [[self._respond(subject, each) for each in pair] for pair in pairs]
                cells += [int(code.sum()) for pair in codes for code, _ in pair]
                name = round(100 * overlap)
                for place, role in enumerate(("code", "stored")):
                    found[f"{role}_overlap_{name}"] = float(
                        np.mean([overlap_of(a[place], b[place]) for a, b in codes])
                    )
        patterns = [
            each for _ in range(self.pairs) for each in self._pair(size, self.similarity, random)
        ]
        stored = np.zeros((len(patterns), self._size(subject, self.readout["recall"][0])), bool)
        for index in random.permutation(len(patterns)):
            _, stored[index] = self._respond(subject, patterns[index])
        with subject.phase("recall"), subject.frozen():
            subject.present(self.settle)
            tested = random.permutation(len(patterns))[: self.trials]
            scores = [
                self._test(subject, stored[index], stored[index ^ 1], random, note)
                for index in tested
            ]
        means = np.mean(scores, axis=0)
        return {
            **dict(zip(("jaccard", "recalled", "confused"), map(float, means), strict=True)),
            "code_cells": float(np.mean(cells)),
            "stored_cells": float(stored.sum(axis=1).mean()),
            **found,
        }

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit; also pairs that have more cells than the input."""
        if found := super().problems(plan):
            return found
        size = plan.population(self.stimuli["input"][0])[1].size
        needed = 2 * self.active - round(min(self.similarity, *self.overlaps) * self.active)
        if needed > size:
            message = f"pairs have up to {needed} active cells, the input has {size}"
            return [Problem(("experiment", "active"), message, "make it smaller")]
        return []

    def noted_trials(self) -> int:
        """The patterns that are recalled."""
        return min(self.trials, 2 * self.pairs)

    def _size(self, subject: Subject, population: str) -> int:
        return subject.plan.population(population)[1].size

    def _pair(self, size: int, overlap: float, random: np.random.Generator) -> tuple[Flags, Flags]:
        """Two sets of as many active cells, of which they share a fraction."""
        shared = round(overlap * self.active)
        cells = random.permutation(size)[: 2 * self.active - shared]
        pair = np.zeros((2, size), bool)
        pair[0, cells[: self.active]] = True
        pair[1, cells[self.active - shared :]] = True
        return pair[0], pair[1]

    def _respond(self, subject: Subject, pattern: Flags) -> tuple[Flags, Flags]:
        """The cells that a pattern of the input makes fire: its code, and where it is stored."""
        subject.present(self.present, {self.stimuli["input"][0]: pattern * self.rate})
        response = subject.present(self.respond)
        subject.present(self.pause)
        return (
            response.counts(self.readout["code"][0]) > 0,
            response.counts(self.readout["recall"][0]) > 0,
        )

    def _test(
        self,
        subject: Subject,
        pattern: Flags,
        twin: Flags,
        random: np.random.Generator,
        note: Note,
    ) -> tuple[float, float, float]:
        """Jaccard index of recalled and missing cells; how many of these, and of the twin's."""
        cells = np.flatnonzero(pattern)
        cued = np.zeros(len(pattern), bool)
        cued[random.choice(cells, round(self.cue * len(cells)), replace=False)] = True
        subject.present(self.present, {self.stimuli["cue"][0]: cued * self.rate})
        fired = subject.present(self.respond).counts(self.readout["recall"][0]) > 0
        subject.present(self.pause)
        wanted, recalled = pattern & ~cued, fired & ~cued
        own = twin & ~pattern
        jaccard = _share(wanted & recalled, wanted | recalled)
        note(jaccard=jaccard)
        return jaccard, _share(wanted & recalled, wanted), _share(own & recalled, own)


def overlap_of(first: Flags, second: Flags) -> float:
    """The number of cells in both sets, relative to their mean size; of empty ones 0."""
    both, sizes = int((first & second).sum()), int(first.sum() + second.sum())
    return 2 * both / max(1, sizes)


def _share(part: Flags, whole: Flags) -> float:
    return int(part.sum()) / max(1, int(whole.sum()))
