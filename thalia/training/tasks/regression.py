"""Few-shot regression (Duan et al. 2023): a function from twenty noisy points, replayed."""

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.training.subject import Subject
from thalia.training.tasks import Environment, Note

type Floats = NDArray[np.float64]


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
        """All episodes; mean squared errors of the network, of least squares, and of zero."""
        errors = []
        for _ in range(self.trials):
            errors.append(self._episode(subject, random))
            note(error=errors[-1][0])
            subject.forget()
        error, least_squares, zero = np.mean(errors, axis=0)
        return {"error": float(error), "least_squares": float(least_squares), "zero": float(zero)}

    def _episode(self, subject: Subject, random: np.random.Generator) -> tuple[float, float, float]:
        dimensions = subject.plan.population(self.stimuli["variables"][0])[1].size // 2
        x = random.uniform(-1, 1, (self.points + self.queries, dimensions))
        y = _function(self.function, dimensions, random)(x)
        y = (y - y.mean()) / y.std()
        shown = y[: self.points] + self.noise * random.standard_normal(self.points)
        taught = random.permutation(shown) if self.shuffled else shown
        for _ in range(1 + self.replays):
            for point in random.permutation(self.points):
                answer = self._answer(subject, x[point])
                error = taught[point] - (answer if self.error == "prediction" else 0.0)
                subject.release(self.modulators["dopamine"], self.amount * error)
                subject.present(self.teach, self._rates(x[point]))
                subject.present(self.pause)
        with subject.frozen():
            answers = []
            for query in x[self.points :]:
                answers.append(self._answer(subject, query))
                subject.present(self.pause)
        wanted = y[self.points :]
        line = np.linalg.lstsq(np.c_[x[: self.points], np.ones(self.points)], shown, rcond=None)[0]
        fitted = np.c_[x[self.points :], np.ones(self.queries)] @ line
        return (
            float(np.mean((answers - wanted) ** 2)),
            float(np.mean((fitted - wanted) ** 2)),
            float(np.mean(wanted**2)),
        )

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
