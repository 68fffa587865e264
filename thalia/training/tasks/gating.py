"""Working memory that learns from reward to hold what is relevant, and to ignore distractors."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Integers = NDArray[np.int64]

RATE, SHARPNESS = 0.2, 10  # of the Q-learner, chosen here, as in `bandit`
Q_LEARNER = (
    "a Q-learner of letting in or not in each context, "
    f"learning rate {RATE}, inverse temperature {SHARPNESS}"
)
STORE = 0  # the first of the contexts; the other one says to ignore


class Gating(Environment):
    """Two different items in a row, of which the one that was shown in one context is to be held.

    The contexts come in a random order. A trial: the first context alone (`lead`), and with its
    item (`show`), a `gap`, the second context and item, and the `delay`; spikes of `held` during
    `respond` are the choice. An amount of 1 of `outcome`, and of `reward` if it is the item of the
    first of the populations `context`, and a `pause`; then input of the population `reset` for
    `clear` empties the memory, and another `pause`. With `rewards: yoked` half of the trials are
    rewarded, whatever was chosen. In the tests, before and after learning, there is no outcome, and
    nothing is learned.
    """

    STIMULI: ClassVar = ("context", "item", "reset")
    READOUT: ClassVar = ("held",)
    MODULATORS: ClassVar = ("reward", "outcome")

    trials: int = Field(120, ge=5)
    tested: int = Field(30, ge=1)
    rewards: Literal["earned", "yoked"] = "earned"
    context_rate: SingleRate
    item_rate: SingleRate
    reset_rate: SingleRate
    lead: PositiveTime
    show: PositiveTime
    gap: PositiveTime
    delay: PositiveTime
    respond: PositiveTime
    clear: PositiveTime
    pause: PositiveTime

    def range_of(self, number: str) -> Range:
        """All are shares of trials."""
        return SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Test, learn, test."""
        drawn = self.draw(subject.plan, random)
        before, learned, after = np.split(drawn, [self.tested, self.tested + self.trials])
        with subject.frozen():
            untrained = [self._tested(subject, each, random) for each in before]
        correct = []
        for each in learned:
            correct.append(self._shown(subject, each, random))
            self._tell(subject, correct[-1], random)
            self._empty(subject)
            note(correct=correct[-1])
        with subject.frozen():
            tested = [self._tested(subject, each, random) for each in after]
        found = {"correct": tested, "untrained": untrained, "last_40": correct[-40:]}
        return {name: float(np.mean(values)) for name, values in found.items()}

    def draw(self, plan: Plan, random: np.random.Generator) -> Integers:
        """Of each trial the item to store, the distractor, and the context that is first."""
        count = self.trials + 2 * self.tested
        items = len(self.stimuli["item"])
        stored = random.integers(items, size=count)
        distractor = (stored + random.integers(1, items, size=count)) % items
        return np.column_stack((stored, distractor, random.integers(2, size=count)))

    def baselines(
        self, plan: Plan, data: Integers, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """A Q-learner that lets an item in, or not, by what that was worth in its context."""
        values = np.full((2, 2), 0.5)  # of a context; of keeping out and letting in
        correct = []
        for number, (*items, first) in enumerate(data[self.tested :]):
            held, chosen = -1, []
            for context in (first, 1 - first):
                odds = np.exp(SHARPNESS * (values[context] - values[context].max()))
                chosen.append((context, random.choice(2, p=odds / odds.sum())))
                held = items[context] if chosen[-1][1] else held
            held = int(random.integers(len(self.stimuli["item"]))) if held < 0 else held
            correct.append(held == items[STORE])
            for place in chosen if number < self.trials else ():
                values[place] += RATE * (correct[-1] - values[place])
        return {
            "q_learner": Baseline(Q_LEARNER, {"correct": float(np.mean(correct[-self.tested :]))})
        }

    def _shown(self, subject: Subject, trial: Integers, random: np.random.Generator) -> bool:
        """Show both items, and wait; whether the one to store is held."""
        *items, first = trial
        contexts = self.stimuli["context"]
        for context in (first, 1 - first):
            if context != first:
                subject.present(self.gap)
            said = {contexts[context]: self.context_rate}
            subject.present(self.lead, said)
            item = self.stimuli["item"][items[context]]
            subject.present(self.show, {**said, item: self.item_rate})
        subject.present(self.delay)
        response = subject.present(self.respond)
        spikes = np.array([response.total(name) for name in self.readout["held"]])
        held = random.choice(np.flatnonzero(spikes == spikes.max()))
        return bool(held == items[STORE])

    def _tested(self, subject: Subject, trial: Integers, random: np.random.Generator) -> bool:
        correct = self._shown(subject, trial, random)
        self._empty(subject)
        return correct

    def _empty(self, subject: Subject) -> None:
        """Empty the memory, some time after the choice."""
        subject.present(self.pause)
        subject.present(self.clear, dict.fromkeys(self.stimuli["reset"], self.reset_rate))
        subject.present(self.pause)

    def _tell(self, subject: Subject, correct: bool, random: np.random.Generator) -> None:
        rewarded = correct if self.rewards == "earned" else random.random() < 0.5
        subject.release(self.modulators["outcome"], 1)
        if rewarded:
            subject.release(self.modulators["reward"], 1)
