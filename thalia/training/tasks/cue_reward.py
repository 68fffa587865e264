"""Cue and reward (Duan et al. 2023): the values of noisy cues, from ten presentations."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.subject import Subject
from thalia.training.tasks import Environment, Note

type Floats = NDArray[np.float64]


class CueReward(Environment):
    """Episodes of `cues` random points with rewards between -1 and 1, shown with noise.

    What was learned is forgotten after each episode.

    An input neuron fires for each coordinate and one against it. The value is the difference of the
    spikes of `plus` and `minus`; dopamine is the reward minus the value, or with `error: reward`
    the reward. Queries are not taught, and nothing is learned while they are asked.
    """

    STIMULI: ClassVar = ("cue",)
    READOUT: ClassVar = ("plus", "minus")
    MODULATORS: ClassVar = ("dopamine",)

    trials: int = Field(40, ge=1)  # episodes
    cues: int = 5
    shown: int = 10
    queries: int = 10
    noise: float = 0.1
    error: Literal["prediction", "reward"] = "prediction"
    shuffled: bool = False
    full_rate: SingleRate
    show: PositiveTime
    teach: PositiveTime
    pause: PositiveTime
    span: float  # spikes of difference that are a value of 1
    amount: float

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All episodes; mean squared errors over queries, and of predicting the mean reward."""
        asked: list[tuple[float, float, bool]] = []
        for _ in range(self.trials):
            errors = self._episode(subject, random)
            note(error=np.mean([error for error, _, _ in errors]))
            asked += errors
            subject.forget()
        table = np.array(asked)
        seen = table[:, 2] > 0
        found = {"error": table[:, 0], "seen": table[seen, 0], "predicting_the_mean": table[:, 1]}
        return {name: float(each.mean()) for name, each in found.items()}

    def _episode(
        self, subject: Subject, random: np.random.Generator
    ) -> list[tuple[float, float, bool]]:
        size = subject.plan.population(self.stimuli["cue"][0])[1].size // 2
        cues, rewards = random.random((self.cues, size)), random.uniform(-1, 1, self.cues)
        shown, queries = (
            random.integers(0, self.cues, self.shown),
            random.integers(0, self.cues, self.queries),
        )
        taught = random.permutation(rewards) if self.shuffled else rewards
        for cue in shown:
            value = self._value(subject, cues[cue], random)
            error = taught[cue] - (value if self.error == "prediction" else 0.0)
            subject.release(self.modulators["dopamine"], self.amount * error)
            subject.present(self.teach)
            subject.present(self.pause)
        found = []
        with subject.frozen():
            for cue in queries:
                value = self._value(subject, cues[cue], random)
                subject.present(self.teach)
                subject.present(self.pause)
                mean = rewards[shown].mean()
                found.append(
                    (
                        float((value - rewards[cue]) ** 2),
                        float((mean - rewards[cue]) ** 2),
                        bool(cue in shown),
                    )
                )
        return found

    def _value(self, subject: Subject, cue: Floats, random: np.random.Generator) -> float:
        seen = cue + self.noise * random.standard_normal(len(cue))
        rates = self.full_rate * np.clip(np.concatenate([seen, 1 - seen]), 0, None)
        response = subject.present(self.show, {self.stimuli["cue"][0]: rates})
        plus, minus = (response.total(self.readout[side][0]) for side in ("plus", "minus"))
        return (plus - minus) / self.span
