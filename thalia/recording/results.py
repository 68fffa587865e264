"""What a run file holds, as arrays: spikes, state variables, weights, levels of modulators.

Times and delays are in seconds; everything else is in the unit that stands beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thalia.errors import counted, did_you_mean
from thalia.recording import tables
from thalia.syntax.late_imports import above

if TYPE_CHECKING:
    import pandas
    import xarray


class Shown:
    """A value that a notebook shows as a table and a figure."""

    def _repr_html_(self) -> str:
        return str(above("figures.notebook.html_of")(self))


@dataclass(frozen=True, eq=False, repr=False)
class Spikes(Shown):
    """The spikes of a population: `times` in seconds and `neurons`, both (n_spikes,), by time.

    `neurons` are numbers within the population, from 0 to `size` - 1; `duration` is that of the
    run, in seconds. `identifiers`, (size,), are what neurons of a table are called there, or None.
    """

    times: NDArray[np.float64]
    neurons: NDArray[np.int64]
    size: int
    population: str = ""
    duration: float = 0.0
    identifiers: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        of = f"{counted(len(self), 'spike')} of {counted(self.size, 'neuron')}"
        return f"Spikes({self.population}: {of}, {self.rate:.3g} Hz)"

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of spikes of each neuron, (n_neurons,)."""
        return np.bincount(self.neurons, minlength=self.size)

    @property
    def rate(self) -> float:
        """Mean rate of a neuron in Hz."""
        return len(self) / (self.size * self.duration) if self.duration else 0.0

    def of(self, neuron: int) -> NDArray[np.float64]:
        """Spike times of one neuron in seconds, (n_spikes,)."""
        times: NDArray[np.float64] = self.times[self.neurons == neuron]
        return times

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each spike: its `time` in seconds and its `neuron`, by its identifier, too.

        Raises
        ------
        CircuitError
            If pandas is not installed.
        """
        columns = {"time": self.times, "neuron": self.neurons}
        if self.identifiers is not None:
            columns["id"] = self.identifiers[self.neurons]
        about = {"population": self.population, "size": self.size, "units": {"time": "s"}}
        return tables.frame(columns, **about)


@dataclass(frozen=True, eq=False, repr=False)
class Weights(Shown):
    """The synapses of a pathway: indices, delays in seconds, and weights in `unit`.

    `pre`, `post` and `delay` are (n_synapses,), `time` (n_times,) and `w` (n_times, n_synapses).
    `scaled_by` names the synapse models and rules that multiply the weight of an arriving spike;
    `efficacy`, (n_times, n_synapses), is the factor of `scaling_rules`, those rules whose factor
    does not depend on the spike, or None. `identifiers` are those of the neurons of both ends, for
    populations from tables. `variables` of the synapses that the circuit records, such as
    eligibility traces, are (n_times, n_synapses) each, in `units`.
    """

    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    delay: NDArray[np.float64]
    time: NDArray[np.float64]
    w: NDArray[np.float64]
    unit: str
    ends: tuple[str, str]
    shape: tuple[int, int]
    w_max: float | None
    scaled_by: tuple[str, ...] = ()
    scaling_rules: tuple[str, ...] = ()
    efficacy: NDArray[np.float64] | None = None
    pathway: str = ""
    identifiers: tuple[NDArray[Any] | None, NDArray[Any] | None] = (None, None)
    variables: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pre)

    def __repr__(self) -> str:
        pre, post = self.ends
        text = f"{self.pathway}: {counted(len(self), 'synapse')} from {pre} to {post}"
        if not self.w.size:
            return f"Weights({text})"
        last = self.w[-1]
        now = f"{last.mean():.3g} ± {last.std():.2g} {self.unit}".strip()
        return f"Weights({text}, {now} at {self.time[-1]:g} s; {counted(len(self.time), 'time')})"

    @property
    def arriving(self) -> NDArray[np.float64]:
        """Weights times the efficacy of rules that scale them, (n_times, n_synapses), in `unit`."""
        return self.w if self.efficacy is None else self.w * self.efficacy

    @property
    def meaning(self) -> str:
        """What `arriving` is, in words."""
        rules = "".join(f" × {rule}" for rule in self.scaling_rules)
        left = [name for name in self.scaled_by if name not in self.scaling_rules]
        return f"weight{rules}{f', before {", ".join(left)}' if left else ''}"

    def select(self, synapses: NDArray[np.bool_], times: NDArray[np.bool_]) -> "Weights":
        """Some of the synapses, at some of the recorded times, in the same unit.

        Parameters
        ----------
        synapses : (n_synapses,) bool
        times : (n_times,) bool
        """
        return replace(
            self,
            pre=self.pre[synapses],
            post=self.post[synapses],
            delay=self.delay[synapses],
            time=self.time[times],
            w=self.w[times][:, synapses],
            efficacy=None if self.efficacy is None else self.efficacy[times][:, synapses],
            variables={name: each[times][:, synapses] for name, each in self.variables.items()},
        )

    def to_pandas(self, row: int = -1) -> "pandas.DataFrame":
        """A row for each synapse: `pre`, `post`, `delay` in seconds, and `w` in `attrs["units"]`.

        Neurons of tables have their identifiers, too, as `pre_id` and `post_id`.

        Parameters
        ----------
        row : int
            Of the recorded times, by default the last one.

        Raises
        ------
        CircuitError
            If pandas is not installed.
        """
        columns = {"pre": self.pre, "post": self.post, "delay": self.delay, "w": self.w[row]}
        for side, known in zip(("pre", "post"), self.identifiers, strict=True):
            if known is not None:
                columns[f"{side}_id"] = known[columns[side]]
        units = {"delay": "s", "w": self.unit}
        time = float(self.time[row])
        return tables.frame(columns, pathway=self.pathway, time=time, units=units)

    def to_xarray(self) -> "xarray.Dataset":
        """`w` over `time` and `synapse`, with the ends and the delay of each synapse.

        Raises
        ------
        CircuitError
            If xarray is not installed.
        """
        grid = ("time", "synapse")
        variables = {"w": (grid, self.w, self.unit)}
        if self.efficacy is not None:
            variables["efficacy"] = (grid, self.efficacy, "")
        variables |= {name: (grid, each, self.units[name]) for name, each in self.variables.items()}
        coordinates = {
            "time": ("time", self.time, "s"),
            "pre": ("synapse", self.pre, ""),
            "post": ("synapse", self.post, ""),
            "delay": ("synapse", self.delay, "s"),
        }
        return tables.dataset(variables, coordinates, pathway=self.pathway)


@dataclass(frozen=True, eq=False, repr=False)
class Traces(Shown, Mapping[str, NDArray[np.float32]]):
    """State variables of some neurons of a population over time.

    `traces["v"]` is (n_times, n_neurons), in `units["v"]`; `time` is (n_times,), in seconds, and
    `neurons`, (n_neurons,), are numbers within the population.
    """

    name: str
    population: str
    time: NDArray[np.float64]
    neurons: NDArray[np.int64]
    values_of: Mapping[str, NDArray[np.float32]]
    units: Mapping[str, str]

    def __getitem__(self, variable: str) -> NDArray[np.float32]:
        if variable not in self.values_of:
            hint = did_you_mean(variable, self.values_of)
            raise KeyError(f"'{self.name}' has no variable '{variable}'; {hint}")
        return self.values_of[variable]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_of)

    def __len__(self) -> int:
        return len(self.values_of)

    def __repr__(self) -> str:
        variables = ", ".join(f"{name} ({unit or '1'})" for name, unit in self.units.items())
        of = f"{counted(len(self.neurons), 'neuron')} of {self.population}"
        return f"Traces({self.name}: {variables} of {of}, {counted(len(self.time), 'time')})"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def to_xarray(self) -> "xarray.Dataset":
        """A data set of all variables over `time` and `neuron`.

        Raises
        ------
        CircuitError
            If xarray is not installed.
        """
        variables = {
            name: (("time", "neuron"), values, self.units[name]) for name, values in self.items()
        }
        coordinates = {"time": ("time", self.time, "s"), "neuron": ("neuron", self.neurons, "")}
        return tables.dataset(variables, coordinates, population=self.population)

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each time in seconds, and a column for each variable and neuron.

        Raises
        ------
        CircuitError
            If pandas is not installed.
        """
        columns = {
            (name, int(neuron)): values[:, place]
            for name, values in self.items()
            for place, neuron in enumerate(self.neurons)
        }
        made = tables.frame(columns, population=self.population, units=dict(self.units))
        made.index = tables.series(self.time, self.time, "time").index
        made.columns.names = ["variable", "neuron"]
        return made


@dataclass(frozen=True, eq=False, repr=False)
class Level(Shown):
    """The level of a modulator, `value`, at each `time` in seconds, both (n_times,).

    Levels have no dimension. The signal of a modulator is its level minus `baseline`.
    """

    time: NDArray[np.float64]
    value: NDArray[np.float64]
    baseline: float
    modulator: str = ""

    def __repr__(self) -> str:
        reach = f"{self.value.min():.3g} to {self.value.max():.3g}" if len(self.value) else "none"
        return f"Level({self.modulator}: {reach}, baseline {self.baseline:g})"

    def to_pandas(self) -> "pandas.Series[Any]":
        """The level by time in seconds.

        Raises
        ------
        CircuitError
            If pandas is not installed.
        """
        return tables.series(self.value, self.time, self.modulator, baseline=self.baseline)
