"""Evidence accumulation (Bellec et al. 2020): which side had more cues, asked after a delay."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.units import Quantities
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note
from thalia.training.tasks.pattern_generation import resting_potential

type Flags = NDArray[np.bool_]

LAST = 100  # trials that count


class EvidenceAccumulation(Environment):
    """Cues on the left or on the right, a delay, and then: on which side were more of them.

    A side is drawn for each trial, and each cue is on it with the probability `share`. Cues and the
    `retention` after them are played in one call. Then `go` is presented: the answer is the sign of
    the value of `answer`, in the mean of `samples` of it, `sample` apart. Only afterwards is there
    a target, 1 for the right and -1 for the left, while `go` lasts on for the time `teach`: what is
    taught in a trial cannot help its own answer. Teaching has a strength of 1 at first, and of 1/2
    after `settling` trials: `taught` of the answer is 1/(1 + n/settling) in trial n.
    """

    STIMULI: ClassVar = ("left", "right", "go")
    READOUT: ClassVar = ("answer",)

    trials: int = Field(1000, ge=1)
    length: int = Field(7, ge=1)  # cues of a trial
    share: float = Field(0.7, gt=0.5, le=1)
    cue_rate: SingleRate
    cue: PositiveTime
    gap: PositiveTime
    retention: PositiveTime
    sample: PositiveTime
    samples: int = Field(15, ge=1)
    teach: PositiveTime
    pause: PositiveTime
    settling: float = Field(400, gt=0)

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        if self.length % 2 == 0:
            message = f"expected an odd number of cues, found {self.length}"
            hint = "with an even one both sides may have as many"
            found.append(Problem(("experiment", "length"), message, hint))
        return found

    def range_of(self, number: str) -> Range:
        """All are shares of answers."""
        return SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All trials; the shares of right answers among the first and the last hundred."""
        correct = []
        for count, cues in enumerate(self.draw(subject.plan, random)):
            right = _most(cues)
            correct.append(self._answer(subject, cues) == right)
            self._teach(subject, right, 1 / (1 + count / self.settling))
            note(correct=correct[-1])
        return _summary(np.array(correct))

    def draw(self, plan: Plan, random: np.random.Generator) -> Flags:
        """Whether each cue of each trial is on the right, (trials, length)."""
        side = random.integers(2, size=(self.trials, 1)) > 0
        return np.asarray((random.random((self.trials, self.length)) < self.share) == side)

    def baselines(
        self, plan: Plan, data: Flags, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Answers from a single cue, which need no accumulation."""
        right = np.array([_most(cues) for cues in data])
        return {
            name: Baseline(f"the side of the {says} cue", _summary(data[:, place] == right))
            for name, says, place in (("first_cue", "first", 0), ("last_cue", "last", -1))
        }

    def _answer(self, subject: Subject, cues: Flags) -> bool:
        """Play the cues and the delay, and ask; whether the answer is the right side."""
        on = np.zeros((2 * self.length, 2))
        on[::2] = np.stack([~cues, cues], axis=1)
        times = [*(self.length * [self.cue.mean, self.gap.mean])]
        times[-1] += self.retention.mean
        sides = (self.stimuli["left"][0], self.stimuli["right"][0])
        rates = {name: on[:, side] * self.cue_rate for side, name in enumerate(sides)}
        subject.play(Quantities(times, SECOND), rates)
        answer, total = self.readout["answer"][0], 0.0
        for _ in range(self.samples):
            subject.present(self.sample, self._go)
            total += float(subject.read(answer, "v")[0])
        return total > self.samples * resting_potential(subject, answer)

    @property
    def _go(self) -> dict[str, SingleRate]:
        return dict.fromkeys(self.stimuli["go"], self.cue_rate)

    def _teach(self, subject: Subject, right: bool, strength: float) -> None:
        """Give the answer a target for a while, and let the network rest."""
        answer = self.readout["answer"][0]
        subject.set(answer, "target", 1 if right else -1)
        subject.set(answer, "taught", strength)
        subject.present(self.teach, self._go)
        subject.set(answer, "taught", 0)
        subject.present(self.pause)


def _most(cues: Flags) -> bool:
    """Whether most cues are on the right."""
    return bool(2 * np.count_nonzero(cues) > cues.size)


def _summary(correct: Flags) -> dict[str, float]:
    return {"last_100": float(correct[-LAST:].mean()), "first_100": float(correct[:LAST].mean())}
