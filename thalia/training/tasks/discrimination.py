"""Discrimination: the pattern that is shown decides which action is rewarded; then reversed."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import Note
from thalia.training.tasks.bandit import Q_LEARNER, Bandit, Floats, q_trial

LAST = 100  # trials that count, as in the task that this one repeats


class Discrimination(Bandit):
    """Patterns that drive an equal part of the cue's neurons, and the right action for each.

    A trial is that of a bandit. What is right is drawn for each seed, and reversed after `trials`.
    The untrained network is tested first, with nothing learned: it may be right or wrong by the
    luck of its wiring.
    """

    trials: int = Field(300, ge=5)
    tested: int = 100  # trials of the untrained network

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Test, learn, reverse."""
        right = np.array(self.draw(subject.plan, random))
        with subject.frozen():
            untrained = [self._is_right(subject, right, random) for _ in range(self.tested)]
        optimal = [
            [self._shown(subject, rule, random, note) for _ in range(self.trials)]
            for rule in (right, right[::-1])
        ]
        return {**_shares(np.array(optimal)), "untrained": float(np.mean(untrained))}

    def draw(self, plan: Plan, random: np.random.Generator) -> list[Floats]:
        """The probabilities of the actions for each pattern, before the reversal."""
        actions = len(self.readout["choice"])
        return [*np.eye(actions)[random.permutation(actions)]]

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
            for rule in (right, right[::-1])
        ]
        says = f"{Q_LEARNER}, for each pattern"
        return {"q_learner": Baseline(says, _shares(np.array(optimal)))}

    def noted_trials(self) -> int:
        """Those before the reversal, and as many after it."""
        return 2 * self.trials

    def _pattern(self, subject: Subject, which: int, patterns: int) -> dict[str, Numbers]:
        name = self.stimuli["cue"][0]
        size = subject.plan.population(name)[1].size
        return {name: (np.arange(size) * patterns // size == which) * self.cue_rate}

    def _shown(
        self, subject: Subject, right: np.ndarray, random: np.random.Generator, note: Note
    ) -> bool:
        which = int(random.integers(len(right)))
        return self._trial(
            subject, self._pattern(subject, which, len(right)), right[which], random, note
        )

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
