"""Input from outside that is delivered spike by spike: Poisson drives, and spike times that are given."""

from dataclasses import dataclass

from thalia.syntax.units import Value


@dataclass(frozen=True)
class DriveMember:
    """A Poisson stimulus of one population; `mean` is its rate of spikes per neuron, or None if it varies in time."""

    name: str
    population: str
    weight: Value
    number: float
    mean: float | None
    parameters: dict[str, Value]


@dataclass(frozen=True)
class Drive:
    """Independent Poisson input to every neuron of some populations, delivered straight into a variable.

    `rate` is the rate of one source as an expression of the parameters and `t`; empty where it is constant.
    """

    name: str
    group: str
    target: str
    rate: str
    members: tuple[DriveMember, ...]

    @property
    def scale(self) -> str:
        """The variable that holds spikes per step, or the number of sources where the rate varies."""
        return f"{self.name}_number" if self.rate else f"{self.name}_mean"

    @property
    def weight(self) -> str:
        """The variable that holds the weight."""
        return f"{self.name}_weight"

    def statement(self) -> str:
        """What happens in every step."""
        mean = f"{self.scale}*dt*({self.rate})" if self.rate else self.scale
        return f"{self.target} += {self.weight}*poisson({mean})"


@dataclass(frozen=True)
class Playback:
    """Spike times given from outside: neuron indices within the population, and seconds."""

    name: str
    population: str
    indices: tuple[int, ...]
    times: tuple[float, ...]
