"""Values that data give: one number for each neuron or synapse, with the dimension of all."""

from dataclasses import dataclass, field, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from thalia.syntax.units import Dimension, Value, format_number


@dataclass(frozen=True, eq=False)
class Given(Value):
    """Numbers in SI, one for each neuron or synapse, in the order of the population or the edges.

    Its mean is theirs, and `share` counts them; nothing about it is drawn.
    """

    numbers: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)
    formula: str = ""

    @classmethod
    def of(cls, numbers: NDArray[np.float64], dimension: Dimension, formula: str) -> "Given":
        """The numbers that a formula gives."""
        low, high = (format_number(float(f"{n:.4g}"), dimension) for n in _extremes(numbers))
        numbers.setflags(write=False)
        text = f"{formula}, from {low} to {high}" if low != high else f"{formula}, all {low}"
        mean = float(numbers.mean()) if numbers.size else 0.0
        return cls("given", (mean,), dimension, text=text, numbers=numbers, formula=formula)

    def part(self, rows: NDArray[np.intp]) -> "Given":
        """Some of the numbers."""
        return Given.of(self.numbers[rows], self.dimension, self.formula)

    def share(self, low: float = -inf, high: float = inf) -> float:
        """The fraction of the numbers between two in SI."""
        inside = np.count_nonzero((self.numbers >= low) & (self.numbers <= high))
        return inside / max(1, self.numbers.size)

    def bounded(self, low: float = -inf, high: float = inf) -> "Given":
        """The same numbers: what data give is not drawn again."""
        return self

    def scaled(self, factor: float) -> "Given":
        """The same numbers, times a positive dimensionless factor."""
        numbers = self.numbers * factor
        mean = self.arguments[0] * factor
        return replace(self, arguments=(mean,), text=f"{factor:.6g}*({self.text})", numbers=numbers)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Given)
            and self.dimension == other.dimension
            and np.array_equal(self.numbers, other.numbers)
        )

    def __hash__(self) -> int:
        return hash((self.dimension, self.arguments, self.numbers.size))


def _extremes(numbers: NDArray[np.float64]) -> tuple[float, float]:
    return (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
