"""Discrimination: the pattern that is shown decides which action is rewarded; then reversed."""

from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import Note
from thalia.training.tasks.bandit import Q_LEARNER, Bandit, Floats, q_trial

LAST = 100  # trials that count, as in the task that this one repeats
OTHER = "other"  # the phase in which it sees other patterns
SLEEP = "sleep"  # the phase in which the network sleeps


class Discrimination(Bandit):
    """Patterns that drive an equal part of the cue's neurons, and the right action for each.

    A trial is that of a bandit. What is right is drawn for each seed, each action for as many
    patterns, and the other way round after `trials`. The untrained network is tested first, with
    nothing learned: it may be right or wrong by the luck of its wiring. Then `exposed` patterns are
    shown, of which nothing is told. With `other` and `sleep`, what was learned is tested before the
    reversal, after that much time with other patterns, each of them new, and after that much in
    the phase `sleep`. The other patterns are shown in the phase `other`, if the experiment has it.
    """

    trials: int = Field(300, ge=5)
    patterns: int = Field(2, ge=2)
    tested: int = 100  # trials of the untrained network
    exposed: int = Field(0, ge=0)
    other: PositiveTime | None = None
    sleep: PositiveTime | None = None

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Test, learn, reverse."""
        right = np.array(self.draw(subject.plan, random))
        found = {"untrained": self._tested(subject, right, random)}
        for which in random.integers(len(right), size=self.exposed):
            subject.present(self.cue, self._pattern(subject, which, len(right)))
            subject.present(self.pause)
        trained = [self._shown(subject, right, random, note) for _ in range(self.trials)]
        found |= self._retained(subject, right, random)
        other = right[:, ::-1]
        reversed_ = [self._shown(subject, other, random, note) for _ in range(self.trials)]
        return {**_shares(np.array([trained, reversed_])), **found}

    def draw(self, plan: Plan, random: np.random.Generator) -> list[Floats]:
        """The probabilities of the actions for each pattern, before the reversal."""
        actions = len(self.readout["choice"])
        return [*np.eye(actions)[random.permutation(np.arange(self.patterns) % actions)]]

    def baselines(
        self, plan: Plan, data: list[Floats], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """A Q-learner that is told which pattern is shown, and has values for each."""
        right, values = np.array(data), np.full((len(data), len(data[0])), 0.5)
        optimal = [
            [
                q_trial(values[which], rule[which], random)
                for which in random.integers(len(right), size=self.trials)
            ]
            for rule in (right, right[:, ::-1])
        ]
        says = f"{Q_LEARNER}, for each pattern"
        return {"q_learner": Baseline(says, _shares(np.array(optimal)))}

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        if self.sleep and SLEEP not in {phase.name for phase in plan.phases}:
            message = "there is no phase 'sleep' to be in"
            found.append(Problem(("experiment", "sleep"), message, "name it below `phases:`"))
        return found

    def noted_trials(self) -> int:
        """Those before the reversal, and as many after it."""
        return 2 * self.trials

    def _pattern(
        self,
        subject: Subject,
        which: int,
        patterns: int,
        random: np.random.Generator | None = None,
    ) -> dict[str, Numbers]:
        """One of the patterns; with `random` as many neurons, drawn anew."""
        name = self.stimuli["cue"][0]
        size = subject.plan.population(name)[1].size
        driven = np.arange(size) * patterns // size == which
        return {name: (random.permutation(driven) if random else driven) * self.cue_rate}

    def _shown(
        self, subject: Subject, right: np.ndarray, random: np.random.Generator, note: Note
    ) -> bool:
        which = int(random.integers(len(right)))
        return self._trial(
            subject, self._pattern(subject, which, len(right)), right[which], random, note
        )

    def _retained(
        self, subject: Subject, right: np.ndarray, random: np.random.Generator
    ) -> dict[str, float]:
        """The shares of right choices before and after other patterns, and after sleep."""
        found = {}
        if self.other or self.sleep:
            found["trained"] = self._tested(subject, right, random)
        if self.other:
            with subject.phase(OTHER) if OTHER in subject.phases else nullcontext():
                for _ in range(round(self.other.mean / (self.cue.mean + self.pause.mean))):
                    subject.present(self.cue, self._pattern(subject, 0, len(right), random))
                    subject.present(self.pause)
            found["after_other"] = self._tested(subject, right, random)
        if self.sleep:
            with subject.phase(SLEEP):
                subject.present(self.sleep)
            found["after_sleep"] = self._tested(subject, right, random)
        return found

    def _tested(self, subject: Subject, right: np.ndarray, random: np.random.Generator) -> float:
        """The share of right choices in trials in which nothing is learned."""
        with subject.frozen():
            found = [self._is_right(subject, right, random) for _ in range(self.tested)]
        return float(np.mean(found))

    def _is_right(self, subject: Subject, right: np.ndarray, random: np.random.Generator) -> bool:
        which = int(random.integers(len(right)))
        choice = self._choice(subject, self._pattern(subject, which, len(right)), random)
        subject.present(self.act)
        subject.present(self.pause)
        return bool(right[which][choice])


def _shares(optimal: NDArray[np.bool_]) -> dict[str, float]:
    """The shares of right choices before and after the reversal, of (2, n_trials)."""
    trained, reversed_ = optimal
    found = {
        "last_100": trained[-LAST:].mean(),
        "reversal_last_100": reversed_[-LAST:].mean(),
        "reversal_first_100": reversed_[:LAST].mean(),
    }
    return {name: float(value) for name, value in found.items()}
