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
    """One cue, two or more actions, and the choice that is preferred after all trials.

    A trial is that of a bandit, in which spikes of the population `reward`, or of `omission`, for
    the time `outcome` are all that the circuit is told. What is `preferred` is measured before and
    after learning, in trials without copy and outcome, in which nothing is learned.
    """

    STIMULI: ClassVar = ("cue", "copy", "reward", "omission")
    MODULATORS: ClassVar = ()

    trials: int = Field(100, ge=5)  # of each block
    tested: int = Field(25, ge=1)  # trials before learning, and after it
    outcome_rate: SingleRate
    outcome: PositiveTime

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Test, learn, test."""
        blocks = self.draw(subject.plan, random)
        cue = dict.fromkeys(self.stimuli["cue"], self.cue_rate)
        untrained = self._preferred(subject, cue, blocks[0], random)
        optimal = [
            self._trial(subject, cue, odds, random, note)
            for odds in blocks
            for _ in range(self.trials)
        ]
        return {
            "preferred": self._preferred(subject, cue, blocks[-1], random),
            "untrained": untrained,
            "last_20": float(np.mean(optimal[-20:])),
        }

    def baselines(
        self, plan: Plan, data: list[Floats], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """A Q-learner that chooses by softmax between the same actions, before and after."""
        values = np.full(len(data[0]), 0.5)
        for odds in data:
            for _ in range(self.trials):
                q_trial(values, odds, random)
        found = [q_trial(values.copy(), data[-1], random) for _ in range(self.tested)]
        return {"q_learner": Baseline(Q_LEARNER, {"preferred": float(np.mean(found))})}

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
