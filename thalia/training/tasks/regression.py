"""Few-shot regression (Duan et al. 2023): a function from twenty noisy points, replayed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import REGRESSIONS, Baseline, missing_library, regressions
from thalia.training.subject import Subject
from thalia.training.tasks import Environment, Note

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Episode:
    """Points and queries, (n, n_variables), and the values that are taught and wanted, (n,)."""

    points: Floats
    taught: Floats
    order: NDArray[np.int64]  # in which points are shown, one replay after the other
    queries: Floats
    wanted: Floats


class Regression(Environment):
    """Episodes of a random function of points between -1 and 1, forgotten after each episode.

    An input neuron fires around `mean_rate` for each variable, and one against it. The answer is
    the difference of the spikes of `plus` and `minus`; dopamine is what is wanted minus the answer,
    or with `error: target` what is wanted. The points are shown once and replayed `replays` times,
    each time in another order. Queries are not taught.
    """

    STIMULI: ClassVar = ("variables",)
    READOUT: ClassVar = ("plus", "minus")
    MODULATORS: ClassVar = ("dopamine",)

    trials: int = Field(40, ge=1)  # episodes
    function: Literal["linear", "mlp"] = "mlp"
    points: int = Field(20, ge=2)
    queries: int = Field(20, ge=1)
    noise: float = 0.1  # of the points that are shown, in standard deviations of the function
    replays: int = Field(2, ge=0)
    error: Literal["prediction", "target"] = "prediction"
    shuffled: bool = False
    mean_rate: SingleRate
    show: PositiveTime
    teach: PositiveTime
    pause: PositiveTime
    span: float  # spikes of difference that are a standard deviation of the function
    amount: float

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All episodes; the mean squared error, of a variance of one."""
        errors = []
        for episode in self.draw(subject.plan, random):
            answers = self._episode(subject, episode)
            errors.append(float(np.mean((answers - episode.wanted) ** 2)))
            note(error=errors[-1])
            subject.forget()
        return {"error": float(np.mean(errors))}

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or this machine."""
        return super().problems(plan) + missing_library("regression")

    def draw(self, plan: Plan, random: np.random.Generator) -> list["Episode"]:
        """The functions of all episodes, and their points."""
        dimensions = plan.population(self.stimuli["variables"][0])[1].size // 2
        return [self._drawn(dimensions, random) for _ in range(self.trials)]

    def _drawn(self, dimensions: int, random: np.random.Generator) -> "Episode":
        x = random.uniform(-1, 1, (self.points + self.queries, dimensions))
        y = _function(self.function, dimensions, random)(x)
        y = (y - y.mean()) / y.std()
        shown = y[: self.points] + self.noise * random.standard_normal(self.points)
        taught = random.permutation(shown) if self.shuffled else shown
        orders = [random.permutation(self.points) for _ in range(1 + self.replays)]
        points, queries = np.split(x, [self.points])
        return Episode(points, taught, np.concatenate(orders), queries, y[self.points :])

    def baselines(
        self, plan: Plan, data: list["Episode"], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Regressions of scikit-learn on the points of each episode, asked the same."""
        errors: dict[str, list[float]] = {}
        for each in data:
            for name, answers in regressions(each.points, each.taught, each.queries).items():
                errors.setdefault(name, []).append(float(np.mean((answers - each.wanted) ** 2)))
        return {
            name: Baseline(REGRESSIONS[name], {"error": float(np.mean(found))})
            for name, found in errors.items()
        }

    def _episode(self, subject: Subject, episode: "Episode") -> Floats:
        """Teach a function; the answers to what is asked."""
        for point in episode.order:
            answer = self._answer(subject, episode.points[point])
            error = episode.taught[point] - (answer if self.error == "prediction" else 0.0)
            subject.release(self.modulators["dopamine"], self.amount * error)
            subject.present(self.teach, self._rates(episode.points[point]))
            subject.present(self.pause)
        answers = []
        with subject.frozen():
            for query in episode.queries:
                answers.append(self._answer(subject, query))
                subject.present(self.pause)
        return np.array(answers)

    def _rates(self, x: Floats) -> dict[str, Numbers]:
        return {self.stimuli["variables"][0]: self.mean_rate * np.concatenate([1 + x, 1 - x])}

    def _answer(self, subject: Subject, x: Floats) -> float:
        response = subject.present(self.show, self._rates(x))
        plus, minus = (response.total(self.readout[side][0]) for side in ("plus", "minus"))
        return (plus - minus) / self.span


def _function(
    kind: str, dimensions: int, random: np.random.Generator
) -> Callable[[Floats], Floats]:
    """A random function of points (n, dimensions), with weights as PyTorch draws them.

    They are uniform up to the inverse square root of the number of inputs.
    """

    def layer(inputs: int, outputs: int) -> tuple[Floats, Floats]:
        most = inputs**-0.5
        return random.uniform(-most, most, (inputs, outputs)), random.uniform(-most, most, outputs)

    if kind == "linear":
        w, b = layer(dimensions, 1)
        return lambda x: (x @ w + b)[:, 0]
    (hidden, h), (out, o) = layer(dimensions, 2), layer(2, 1)
    return lambda x: (np.tanh(x @ hidden + h) @ out + o)[:, 0]
