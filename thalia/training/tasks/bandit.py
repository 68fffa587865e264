"""A bandit: a cue, a choice between actions by their spikes, and a probabilistic reward.

What is learned from a reward, and what reward is expected, is the circuit's business: the task
says that something happened, and whether it was a reward.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Floats = NDArray[np.float64]

RATE, SHARPNESS = 0.2, 10  # of the Q-learner, chosen here for chances of 0.7 and 0.3
Q_LEARNER = f"a Q-learner with softmax, learning rate {RATE}, inverse temperature {SHARPNESS}"


class Bandit(Environment):
    """Two or more actions with reward probabilities that change between blocks.

    The last block is a reversal.

    A trial: the `cue` alone, in which the spikes of `choice` decide; cue and a copy of the choice
    to the striatum; an amount of 1 of `outcome`, and of `reward` if there is one; a pause.
    `rewards` are those that the choice earns, or independent of it: as frequent as those of the
    best choice (`shuffled`), or as those of a chooser at random (`yoked`).
    """

    STIMULI: ClassVar[tuple[str, ...]] = ("cue", "copy")
    READOUT: ClassVar = ("choice",)
    MODULATORS: ClassVar[tuple[str, ...]] = ("reward", "outcome")

    trials: int = Field(200, ge=5)  # of each block
    blocks: tuple[tuple[float, ...], ...] = Field(
        ((0.7, 0.3),), min_length=1
    )  # the probabilities of the actions
    rewards: Literal["earned", "shuffled", "yoked"] = "earned"
    cue_rate: SingleRate
    copy_rate: SingleRate
    cue: PositiveTime
    act: PositiveTime
    pause: PositiveTime

    def range_of(self, number: str) -> Range:
        """All are shares of choices, or of seeds."""
        return SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All trials; the probabilities are given to the actions in an order of the seed's own."""
        blocks = self.draw(subject.plan, random)
        cue = dict.fromkeys(self.stimuli["cue"], self.cue_rate)
        optimal = np.array(
            [
                [self._trial(subject, cue, odds, random, note) for _ in range(self.trials)]
                for odds in blocks
            ]
        )
        return _summary(optimal)

    def draw(self, plan: Plan, random: np.random.Generator) -> list[Floats]:
        """The probabilities of the actions in each block."""
        order = random.permutation(len(self.readout["choice"]))
        return [np.array(odds)[order] for odds in self.blocks]

    def baselines(
        self, plan: Plan, data: list[Floats], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """A Q-learner that chooses by softmax between the same actions."""
        return {"q_learner": Baseline(Q_LEARNER, _summary(_q_learner(data, self.trials, random)))}

    def noted_trials(self) -> int:
        """Those of every block."""
        return self.trials * len(self.blocks)

    def _trial(
        self,
        subject: Subject,
        cue: Mapping[str, Numbers],
        chances: Floats,
        random: np.random.Generator,
        note: Note,
    ) -> bool:
        """Choose, and reward with the probability of the choice; whether it was the best."""
        choice = self._choice(subject, cue, random)
        subject.present(self.act, {**cue, self.stimuli["copy"][choice]: self.copy_rate})
        chance = {
            "earned": chances[choice],
            "shuffled": chances.max(),
            "yoked": random.choice(chances),
        }[self.rewards]
        rewarded = bool(random.random() < chance)
        self._tell(subject, rewarded)
        subject.present(self.pause)
        is_optimal = bool(chances[choice] == chances.max())
        note(optimal=is_optimal, rewarded=rewarded)
        return is_optimal

    def _tell(self, subject: Subject, rewarded: bool) -> None:
        """Say that there is an outcome, and whether it is a reward."""
        subject.release(self.modulators["outcome"], 1)
        if rewarded:
            subject.release(self.modulators["reward"], 1)

    def _choice(
        self, subject: Subject, cue: Mapping[str, Numbers], random: np.random.Generator
    ) -> int:
        response = subject.present(self.cue, cue)
        spikes = np.array([response.total(name) for name in self.readout["choice"]])
        return int(
            random.choice(np.flatnonzero(spikes == spikes.max()))
        )  # a tie is broken at random


def _summary(optimal: NDArray[np.bool_]) -> dict[str, float]:
    """The shares of best choices, (n_blocks, n_trials)."""
    fifth = optimal.shape[1] // 5
    found = {"optimal": optimal[0].mean(), "locked_in": optimal[0, -fifth:].mean() < 0.5}
    if len(optimal) > 1:
        found |= {
            "after_reversal": optimal[-1, :100].mean(),
            "end_of_reversal": optimal[-1, -fifth:].mean(),
        }
    return {name: float(value) for name, value in found.items()}


def _q_learner(blocks: list[Floats], trials: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Whether each choice was the best one, (n_blocks, n_trials)."""
    values = np.full(len(blocks[0]), 0.5)
    optimal = [q_trial(values, chances, random) for chances in blocks for _ in range(trials)]
    return np.reshape(optimal, (len(blocks), trials))


def q_trial(values: Floats, chances: Floats, random: np.random.Generator) -> bool:
    """Choose between actions by their values, and learn; whether the choice was the best one."""
    odds = np.exp(SHARPNESS * (values - values.max()))
    choice = random.choice(len(values), p=odds / odds.sum())
    values[choice] += RATE * ((random.random() < chances[choice]) - values[choice])
    return bool(chances[choice] == chances.max())
