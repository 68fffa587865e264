"""Few-shot regression (Duan et al. 2023): a function from some noisy points, replayed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import REGRESSIONS, Baseline, missing_library, regressions
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, Environment, Note

type Floats = NDArray[np.float64]

RANGE_OF_NORMAL = 4.0  # standard deviations of a normal variable that the range of rates covers


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

    `function` is `linear` or `mlp` as in Duan et al., a `sine` of random amplitude and phase over
    ten radians as in Finn et al. (2017), or the `normal` of the plastic transformers: linear in
    normal variables, without noise, and not scaled. The others are scaled to the mean and the
    standard deviation of the episode.

    An input neuron fires around `mean_rate` for each variable, and one against it, or each
    population of cells that are tuned to a `value` is shown one variable. The answer is the
    difference of the spikes of `plus` and `minus`. After it the task releases as much of `target`
    as is wanted, and an amount of 1 of `outcome`: what is learned from them is the circuit's
    business. The points are shown once and replayed `replays` times, each time in another order.
    Queries are not taught.
    """

    STIMULI: ClassVar = ("variables",)
    READOUT: ClassVar = ("plus", "minus")
    MODULATORS: ClassVar = ("target", "outcome")

    trials: int = Field(40, ge=1)  # episodes
    function: Literal["linear", "mlp", "sine", "normal"] = "mlp"
    points: int = Field(20, ge=2)
    queries: int = Field(20, ge=1)
    noise: float = 0.1  # of the points that are shown, in standard deviations of the function
    replays: int = Field(2, ge=0)
    shuffled: bool = False
    mean_rate: SingleRate
    show: PositiveTime
    teach: PositiveTime
    pause: PositiveTime
    span: float  # spikes of difference that are a value of 1

    def range_of(self, number: str) -> Range:
        """All are squared errors."""
        return AMOUNT

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All episodes; the mean squared error, of a variance of one but for `normal`."""
        errors = []
        for episode in self.draw(subject.plan, random):
            answers = self._episode(subject, episode)
            errors.append(float(np.mean((answers - episode.wanted) ** 2)))
            note(error=errors[-1])
            subject.forget()
        return {"error": float(np.mean(errors))}

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or this machine."""
        found = super().problems(plan)
        if not found and self.function == "sine" and self._dimensions(plan) != 1:
            message = f"a sine has one variable, found {self._dimensions(plan)}"
            found.append(Problem(("experiment", "stimuli", "variables"), message))
        return found + missing_library("regression")

    def draw(self, plan: Plan, random: np.random.Generator) -> list["Episode"]:
        """The functions of all episodes, and their points."""
        dimensions = self._dimensions(plan)
        return [self._drawn(dimensions, random) for _ in range(self.trials)]

    def _drawn(self, dimensions: int, random: np.random.Generator) -> "Episode":
        count = self.points + self.queries
        if self.function == "normal":
            x = random.standard_normal((count, dimensions))
            y = x @ random.standard_normal(dimensions) + random.standard_normal()
            shown = y[: self.points]
        else:
            x = random.uniform(-1, 1, (count, dimensions))
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
            stimulus = self._stimulus(subject, episode.points[point])
            subject.present(self.show, stimulus)
            subject.release(self.modulators["target"], episode.taught[point])
            subject.release(self.modulators["outcome"], 1)
            subject.present(self.teach, stimulus)
            subject.present(self.pause)
        answers = []
        with subject.frozen():
            for query in episode.queries:
                answers.append(self._answer(subject, query))
                subject.present(self.pause)
        return np.array(answers)

    def _dimensions(self, plan: Plan) -> int:
        names = self.stimuli["variables"]
        return len(names) if self._is_tuned(plan) else plan.population(names[0])[1].size // 2

    def _is_tuned(self, plan: Plan) -> bool:
        return "value" in plan.population(self.stimuli["variables"][0])[1].from_task

    def _stimulus(self, subject: Subject, x: Floats) -> dict[str, Numbers]:
        if self.function == "normal":
            x = np.clip(x / RANGE_OF_NORMAL, -1, 1)  # beyond: one in 16,000
        names = self.stimuli["variables"]
        if self._is_tuned(subject.plan):
            return dict(zip(names, map(float, x), strict=True))
        return {names[0]: self.mean_rate * np.concatenate([1 + x, 1 - x])}

    def _answer(self, subject: Subject, x: Floats) -> float:
        response = subject.present(self.show, self._stimulus(subject, x))
        plus, minus = (response.total(self.readout[side][0]) for side in ("plus", "minus"))
        return (plus - minus) / self.span


def _function(
    kind: str, dimensions: int, random: np.random.Generator
) -> Callable[[Floats], Floats]:
    """A random function of points (n, dimensions).

    Weights are as PyTorch draws them: uniform up to the inverse square root of the number of
    inputs. The sine has the amplitude and the phase of Finn, Abbeel & Levine (2017), and its range
    from -5 to 5 is -1 to 1 here.
    """

    def layer(inputs: int, outputs: int) -> tuple[Floats, Floats]:
        most = inputs**-0.5
        return random.uniform(-most, most, (inputs, outputs)), random.uniform(-most, most, outputs)

    if kind == "sine":
        amplitude, phase = random.uniform(0.1, 5), random.uniform(0, np.pi)
        return lambda x: amplitude * np.sin(5 * x[:, 0] - phase)
    if kind == "linear":
        w, b = layer(dimensions, 1)
        return lambda x: (x @ w + b)[:, 0]
    (hidden, h), (out, o) = layer(dimensions, 2), layer(2, 1)
    return lambda x: (np.tanh(x @ hidden + h) @ out + o)[:, 0]
