"""A choice that is rewarded through the dopamine cells of the circuit: spikes, not amounts."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import Note
from thalia.training.tasks.bandit import Q_LEARNER, Bandit, Floats, q_trial


class Choice(Bandit):
    """One cue, two or more actions, and the choices that are preferred after each block of trials.

    A trial is that of a bandit, in which spikes of the population `reward`, or of `omission`, for
    the time `outcome` are all that the circuit is told. What is preferred is measured before the
    first block and after each, in trials without copy and outcome, in which nothing is learned.
    With two actions, of which a second block rewards the other one, a network that always prefers
    the same action has a mean share of right choices, `preferred`, of exactly a half.
    """

    STIMULI: ClassVar = ("cue", "copy", "reward", "omission")
    MODULATORS: ClassVar = ()

    trials: int = Field(50, ge=5)  # of each block
    tested: int = Field(20, ge=1)  # trials of each test
    outcome_rate: SingleRate
    outcome: PositiveTime

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Test, and after each block test again."""
        blocks = self.draw(subject.plan, random)
        cue = dict.fromkeys(self.stimuli["cue"], self.cue_rate)
        untrained = self._preferred(subject, cue, blocks[0], random)
        found = []
        for odds in blocks:
            for _ in range(self.trials):
                self._trial(subject, cue, odds, random, note)
            found.append(self._preferred(subject, cue, odds, random))
        return {"untrained": untrained, **_shares(found)}

    def baselines(
        self, plan: Plan, data: list[Floats], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """A Q-learner that chooses by softmax between the same actions."""
        values, found = np.full(len(data[0]), 0.5), []
        for odds in data:
            for _ in range(self.trials):
                q_trial(values, odds, random)
            tests = [q_trial(values.copy(), odds, random) for _ in range(self.tested)]
            found.append(float(np.mean(tests)))
        return {"q_learner": Baseline(Q_LEARNER, _shares(found))}

    def _tell(self, subject: Subject, rewarded: bool) -> None:
        """Spikes of a reward, or of its omission."""
        role = "reward" if rewarded else "omission"
        subject.present(self.outcome, dict.fromkeys(self.stimuli[role], self.outcome_rate))

    def _preferred(
        self,
        subject: Subject,
        cue: Mapping[str, Numbers],
        chances: Floats,
        random: np.random.Generator,
    ) -> float:
        """The share of best choices in trials in which nothing is learned."""
        chosen = []
        with subject.frozen():
            for _ in range(self.tested):
                chosen.append(self._choice(subject, cue, random))
                subject.present(self.pause)
        return float(np.mean(chances[chosen] == chances.max()))


def _shares(found: list[float]) -> dict[str, float]:
    """The shares of right choices after each block, and their mean."""
    return {
        "preferred": float(np.mean(found)),
        "after_first": found[0],
        "after_last": found[-1],
    }
