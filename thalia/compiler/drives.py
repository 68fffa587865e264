"""What drives neurons from outside: numbers over time that they read, and Poisson input."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from thalia.syntax.equations import identifiers
from thalia.syntax.units import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from thalia.syntax.series import Series


@dataclass(frozen=True)
class Frames:
    """Numbers over time that neurons read in turn: one trace for all, or one for each.

    Each row holds for `every` time steps; `after` says what follows the last one. `name` is the
    variable that holds the present number, of a population's neurons, or of those `chosen`.
    """

    name: str
    population: str
    chosen: Value | None
    series: "Series"
    every: int
    after: str

    @property
    def place(self) -> str:
        """The variable that says where in the numbers each neuron is."""
        return f"{self.name}_at"

    @property
    def parameters(self) -> dict[str, float]:
        """The variables by which that is found, with their values, but for the column."""
        rows, columns = self.numbers.shape
        counted = {"rows": rows, "columns": columns, "every": self.every}
        return {f"{self.name}_{key}": float(value) for key, value in counted.items()}

    @property
    def column(self) -> str:
        """The variable that holds which trace each neuron reads."""
        return f"{self.name}_column"

    @property
    def numbers(self) -> "NDArray[np.float64]":
        """The numbers in SI, (n_times, n_traces), with the zeros that come after them, if any."""
        import numpy as np  # late: few circuits need it to be checked

        found = self.series.numbers
        return np.vstack([found, np.zeros_like(found[:1])]) if self.after == "zero" else found

    @property
    def places(self) -> int:
        """For how many numbers there is room: a power of two, so that few programs are compiled."""
        rows, columns = self.series.numbers.shape
        return int(2 ** ((rows + 1) * columns - 1).bit_length())

    def statement(self) -> str:
        """What happens in every step."""
        row = f"floor((t_in_timesteps + 0.5)/{self.name}_every)"
        rows = f"{self.name}_rows"
        row = f"({row} % {rows})" if self.after == "repeat" else f"clip({row}, 0, {rows} - 1)"
        return f"{self.place} = int({row}*{self.name}_columns + {self.column} + 0.5)"


@dataclass(frozen=True)
class DriveMember:
    """A Poisson stimulus of a population, or its `chosen`; `mean` is a rate, None if it varies."""

    name: str
    population: str
    weight: Value
    number: float
    mean: float | None
    parameters: dict[str, Value]
    chosen: Value | None = None


@dataclass(frozen=True)
class Drive:
    """Independent Poisson input to every neuron of some populations, added to a variable.

    `rate` is the rate of one source as an expression of the parameters and `t`, or what `frames`
    give; empty where it is constant and the same for a whole population.
    """

    name: str
    group: str
    target: str
    rate: str
    members: tuple[DriveMember, ...]
    frames: Frames | None = None

    @property
    def varies(self) -> bool:
        """Whether the rate changes in the course of time."""
        return self.frames is not None or bool(self.rate and "t" in identifiers(self.rate))

    @property
    def scale(self) -> str:
        """The variable of spikes per step, or of the number of sources where the rate varies."""
        return f"{self.name}_number" if self.rate else f"{self.name}_mean"

    @property
    def weight(self) -> str:
        """The variable that holds the weight."""
        return f"{self.name}_weight"

    @property
    def object_name(self) -> str:
        """The name of the object that adds it in every step, and so of its random stream."""
        return f"{self.group}_{self.name}"

    def statement(self) -> str:
        """What happens in every step."""
        mean = f"{self.scale}*dt*({self.rate})" if self.rate else self.scale
        return f"{self.target} += {self.weight}*poisson({mean})"
