"""Pattern completion: episodes are stored by one presentation, and recalled from a part."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Flags = NDArray[np.bool_]


class PatternCompletion(Environment):
    """Random sets of cells, stored once each and recalled from a fraction of their cells.

    As many patterns as each of `loads` says are stored in one network, with a test after each load
    in which nothing is learned. Cells that were cued are not scored: they would identify the
    pattern by themselves. If it is `shuffled`, other cells are stored than those that are tested.
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
        size = subject.plan.population(self.readout["recall"][0])[1].size
        patterns = np.zeros((max(self.loads), size), bool)
        for pattern in patterns:
            pattern[random.choice(size, self.active, replace=False)] = True
        jaccard, recalled, done = dict[str, float](), dict[str, float](), 0
        for load in sorted(self.loads):
            for pattern in patterns[done:load]:
                self._show(subject, random.permutation(pattern) if self.shuffled else pattern)
                subject.present(self.pause)
            done = load
            with subject.frozen():
                for cue in self.cues:
                    tested = random.permutation(load)[: self.trials]
                    scores = np.array(
                        [
                            self._test(subject, patterns[index], cue, random, note)
                            for index in tested
                        ]
                    )
                    name = f"jaccard_{load}_cue_{round(100 * cue)}"
                    jaccard[name], recalled[name] = map(float, scores.mean(axis=0))
        means = (float(np.mean([*each.values()])) for each in (jaccard, recalled))
        return {
            "worst": min(jaccard.values()),
            **dict(zip(("jaccard", "recalled"), means, strict=True)),
            **jaccard,
        }

    def noted_trials(self) -> int:
        """The tests at each load, for each cue."""
        return sum(min(load, self.trials) for load in self.loads) * len(self.cues)

    def _show(self, subject: Subject, cells: Flags) -> None:
        subject.present(self.present, {self.stimuli["cells"][0]: cells * self.rate})

    def _test(
        self, subject: Subject, pattern: Flags, cue: float, random: np.random.Generator, note: Note
    ) -> tuple[float, float]:
        """Jaccard index of recalled and missing cells, and the fraction of these recalled."""
        cued = np.zeros(len(pattern), bool)
        cued[random.choice(np.flatnonzero(pattern), round(cue * self.active), replace=False)] = True
        cued |= ~pattern & (random.random(len(pattern)) < self.false_cues * pattern.mean())
        self._show(subject, cued)
        fired = subject.present(self.recall).counts(self.readout["recall"][0]) > 0
        subject.present(self.pause)
        wanted, recalled = pattern & ~cued, fired & ~cued
        hits, either = (
            int(np.count_nonzero(wanted & recalled)),
            int(np.count_nonzero(wanted | recalled)),
        )
        jaccard, share = hits / max(1, either), hits / max(1, int(np.count_nonzero(wanted)))
        note(jaccard=jaccard, recalled=share, false=float(np.mean(recalled[~wanted])), cue=cue)
        return jaccard, share
