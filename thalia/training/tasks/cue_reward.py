"""Cue and reward (Duan et al. 2023): the values of noisy cues, from ten presentations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.baselines import REGRESSIONS, Baseline, missing_library, regressions
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, Environment, Note

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Episode:
    """Cues as they are shown, (n, n_values), with rewards, (n,); queries, with those wanted."""

    points: Floats
    taught: Floats
    queries: Floats
    wanted: Floats
    seen: NDArray[np.bool_]  # whether the cue of a query was presented


class CueReward(Environment):
    """Episodes of `cues` random points with rewards between -1 and 1, shown with noise.

    What was learned is forgotten after each episode.

    An input neuron fires for each coordinate and one against it. The value is the difference of the
    spikes of `plus` and `minus`. After a cue the task releases as much of `reward` as it is worth,
    and an amount of 1 of `outcome`: what is learned from them is the circuit's business. Queries
    are not taught, and nothing is learned while they are asked.
    """

    STIMULI: ClassVar = ("cue",)
    READOUT: ClassVar = ("plus", "minus")
    MODULATORS: ClassVar = ("reward", "outcome")

    trials: int = Field(40, ge=1)  # episodes
    cues: int = 5
    dimensions: int | None = Field(None, ge=1)  # values of a cue, each of which has two cells
    shown: int = 10
    queries: int = 10
    noise: float = 0.1
    shuffled: bool = False
    full_rate: SingleRate
    show: PositiveTime
    teach: PositiveTime
    pause: PositiveTime
    span: float  # spikes of difference that are a value of 1

    def range_of(self, number: str) -> Range:
        """All are squared errors."""
        return AMOUNT

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All episodes; mean squared errors over queries."""
        errors, seen = [], []
        for episode in self.draw(subject.plan, random):
            values = self._episode(subject, episode)
            errors.append((values - episode.wanted) ** 2)
            seen.append(episode.seen)
            note(error=errors[-1].mean())
            subject.forget()
        return _errors(errors, seen)

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or this machine."""
        found = super().problems(plan) + missing_library("cue_reward")
        cells = plan.population(self.stimuli["cue"][0])[1].size if not found else 0
        if not found and self.dimensions not in (None, cells // 2):
            name = self.stimuli["cue"][0]
            message = f"expected {cells // 2}, half of the {cells} cells of '{name}'"
            hint = f"--set populations.{name}.size={2 * self.dimensions}"
            told = f"{message}, found {self.dimensions}"
            found.append(Problem(("experiment", "dimensions"), told, hint))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> list["Episode"]:
        """The cues and rewards of all episodes, and how the cues are shown each time."""
        size = plan.population(self.stimuli["cue"][0])[1].size // 2
        return [self._drawn(size, random) for _ in range(self.trials)]

    def _drawn(self, size: int, random: np.random.Generator) -> "Episode":
        cues, rewards = random.random((self.cues, size)), random.uniform(-1, 1, self.cues)
        shown, queries = (
            random.integers(0, self.cues, self.shown),
            random.integers(0, self.cues, self.queries),
        )
        taught = random.permutation(rewards) if self.shuffled else rewards
        noise = self.noise * random.standard_normal((self.shown + self.queries, size))
        return Episode(
            cues[shown] + noise[: self.shown],
            taught[shown],
            cues[queries] + noise[self.shown :],
            rewards[queries],
            np.isin(queries, shown),
        )

    def baselines(
        self, plan: Plan, data: list["Episode"], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Regressions of scikit-learn on the cues of each episode as they were shown."""
        errors: dict[str, list[Floats]] = {}
        for each in data:
            for name, answers in regressions(each.points, each.taught, each.queries).items():
                errors.setdefault(name, []).append((answers - each.wanted) ** 2)
        seen = [each.seen for each in data]
        return {
            name: Baseline(REGRESSIONS[name], _errors(found, seen))
            for name, found in errors.items()
        }

    def _episode(self, subject: Subject, episode: "Episode") -> Floats:
        """Teach the rewards; the values of the cues that are asked for."""
        for cue, reward in zip(episode.points, episode.taught, strict=True):
            self._value(subject, cue)
            subject.release(self.modulators["reward"], reward)
            subject.release(self.modulators["outcome"], 1)
            subject.present(self.teach)
            subject.present(self.pause)
        values = []
        with subject.frozen():
            for cue in episode.queries:
                values.append(self._value(subject, cue))
                subject.present(self.teach)
                subject.present(self.pause)
        return np.array(values)

    def _value(self, subject: Subject, cue: Floats) -> float:
        rates = self.full_rate * np.clip(np.concatenate([cue, 1 - cue]), 0, None)
        response = subject.present(self.show, {self.stimuli["cue"][0]: rates})
        plus, minus = (response.total(self.readout[side][0]) for side in ("plus", "minus"))
        return (plus - minus) / self.span


def _errors(errors: list[Floats], seen: list[NDArray[np.bool_]]) -> dict[str, float]:
    """Mean squared error over all queries, and over those whose cue was presented."""
    found, presented = np.concatenate(errors), np.concatenate(seen)
    return {"error": float(found.mean()), "seen": float(found[presented].mean())}
