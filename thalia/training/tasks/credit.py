"""Credit: which of many memories an outcome is due to that comes up to a minute later."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

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
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

type Floats = NDArray[np.float64]

GRID = 0.01  # seconds, of which the times between recalls are multiples


@dataclass(frozen=True)
class Block:
    """The trials with one delay: the memory that is due, those recalled, and the times between.

    `recalled` is (n_trials, 1 + n_others), the first one first; `gaps` are seconds in silence after
    each of them; `good` says which outcomes are good.
    """

    delay: float
    due: int
    recalled: NDArray[np.int64]
    gaps: Floats
    good: NDArray[np.bool_]


class Credit(Environment):
    """Memories are recalled, one first and others after it; then there is an outcome.

    It is good where the first one was the memory that is due, which is so in half of the trials,
    and bad where it was another. The others are drawn at random, and so are their times until the
    outcome, which comes `delays` after the first recall. After `trials` with one delay every memory
    is recalled alone a few times, with nothing learned: credited is the one that `value` fires most
    for. What was learned is then forgotten, and another memory is due. A memory is a random set of
    cells.

    The time constant of the credit is measured beforehand, with one recall and an outcome after
    each of the delays, from the same state.
    """

    STIMULI: ClassVar = ("cue",)
    READOUT: ClassVar = ("value",)
    MODULATORS: ClassVar = ("dopamine",)
    RETURNS: ClassVar = True

    trials: int = Field(40, ge=2)  # with each delay
    delays: tuple[PositiveTime, ...] = Field(min_length=2)
    memories: int = Field(12, ge=2)
    active: int = Field(20, ge=1)
    others: int = Field(2, ge=0)
    asked: int = Field(3, ge=1)  # recalls of each memory after the trials
    outcomes: Literal["earned", "random"] = "earned"
    pathway: str
    rate: SingleRate
    recall: PositiveTime
    pause: PositiveTime
    amount: float = Field(1.0, gt=0)

    def range_of(self, number: str) -> Range:
        """Shares, but for the time constant in seconds."""
        return AMOUNT if number == "time_constant" else SHARE

    def noted_trials(self) -> int:
        """One for each delay."""
        return len(self.delays)

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        if self.pathway not in {pathway.name for _, pathway in plan.pathways()}:
            message = f"no pathway is called '{self.pathway}'"
            found.append(Problem(("experiment", "pathway"), message))
        shortest = self.others * self.recall.mean
        if any(delay.mean < shortest for delay in self.delays):
            message = f"expected at least {shortest:g} s, the time of {self.others} recalls"
            found.append(Problem(("experiment", "delays"), message))
        size = next((m.size for _, m in plan.populations() if m.name in self.stimuli["cue"]), 0)
        if not found and size < self.active:
            message = f"expected at most {size}, as many as cells of the cue, found {self.active}"
            found.append(Problem(("experiment", "active"), message))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> list[Block]:
        """The recalls and outcomes of all trials, for each delay."""
        return [self._block(delay.mean, random) for delay in self.delays]

    def _block(self, delay: float, random: np.random.Generator) -> Block:
        due = int(random.integers(self.memories))
        rest = np.delete(np.arange(self.memories), due)
        is_due = random.permutation(np.arange(self.trials) % 2 == 0)
        recalled = random.choice(rest, (self.trials, 1 + self.others))
        recalled[is_due, 0] = due
        free = delay - self.others * self.recall.mean
        cuts = np.sort(random.uniform(0, free, (self.trials, self.others)), axis=1)
        cuts = np.rint(cuts / GRID) * GRID
        gaps = np.diff(cuts, axis=1, prepend=0, append=free)
        good = random.permutation(is_due) if self.outcomes == "random" else is_due
        return Block(delay, due, recalled, gaps, good)

    def baselines(
        self, plan: Plan, data: list[Block], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """The memory after whose recall most good outcomes came next, less the bad ones."""
        right = []
        for block in data:
            signs = np.where(block.good, 1.0, -1.0)
            scores = np.bincount(block.recalled[:, -1], signs, minlength=self.memories)
            best = np.flatnonzero(scores == scores.max())
            right.append((block.due in best) / len(best))
        says = "credits the memory that was recalled last before an outcome"
        return {"most_recent": Baseline(says, self._shares(right))}

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All delays; the share in which the memory that is due is credited."""
        blocks = self.draw(subject.plan, random)
        size = subject.plan.population(self.stimuli["cue"][0])[1].size
        memories = [random.choice(size, self.active, replace=False) for _ in range(self.memories)]
        measured = {"time_constant": self._time_constant(subject, memories[0])}
        right = []
        for block in blocks:
            for recalled, gaps, good in zip(block.recalled, block.gaps, block.good, strict=True):
                for which, gap in zip(recalled, gaps, strict=True):
                    self._recall(subject, memories[which])
                    _pass(subject, gap)
                self._outcome(subject, good)
            values = self._values(subject, memories)
            best = np.flatnonzero(values == values.max())
            right.append((block.due in best) / len(best))
            note(credited=right[-1])
            subject.forget()
            subject.wait(self.pause)
        return self._shares(right) | measured

    def _shares(self, right: list[float]) -> dict[str, float]:
        return {"credited": float(np.mean(right)), "credited_longest": float(right[-1])}

    def _recall(self, subject: Subject, memory: NDArray[np.int64]) -> int:
        """Recall a memory by its cue; how often the value neurons fire."""
        name = self.stimuli["cue"][0]
        size = subject.plan.population(name)[1].size
        shown = {name: np.isin(np.arange(size), memory) * self.rate}
        response = subject.present(self.recall, shown)
        return sum(response.total(each) for each in self.readout["value"])

    def _outcome(self, subject: Subject, good: bool) -> None:
        amount = self.amount if good else -self.amount
        subject.release(self.modulators["dopamine"], amount)
        subject.wait(self.pause)

    def _values(self, subject: Subject, memories: list[NDArray[np.int64]]) -> Floats:
        """What each memory is worth, from the spikes of its recall."""
        values = []
        with subject.frozen():
            for memory in memories * self.asked:
                values.append(self._recall(subject, memory))
                subject.wait(self.pause)
        return np.array(values, float).reshape(self.asked, -1).mean(0)

    def _time_constant(self, subject: Subject, memory: NDArray[np.int64]) -> float:
        """The time constant in seconds with which the credit of one recall decays."""
        before = subject.weights(self.pathway)
        self._recall(subject, memory)
        then, gains = subject.remember(), []
        delays = [delay.mean for delay in self.delays]
        for delay in delays:
            _pass(subject, delay)
            self._outcome(subject, True)
            gains.append((subject.weights(self.pathway) - before).sum())
            subject.restore(then)
        subject.forget()
        subject.wait(self.pause)
        if min(gains) <= 0:
            return 0.0
        return float(-1 / np.polyfit(delays, np.log(gains), 1)[0])


def _pass(subject: Subject, seconds: float) -> None:
    """Let some time pass, which may be none."""
    if seconds > GRID / 2:
        subject.wait(Quantities(np.array(seconds), SECOND))
