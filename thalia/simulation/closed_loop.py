"""Closed loops: a task that observes a network while it runs, and acts on it.

It acts at fixed steps and on variables of the network, so a resumed run does the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.options import positive_time
from thalia.compiler.plan import SECOND, Group, Member, Plan
from thalia.compiler.resolve.rates import MOST_SPIKES, Rate, spikes_per_step
from thalia.connectivity.streams import stream
from thalia.errors import did_you_mean, fail
from thalia.recording.results import Spikes
from thalia.simulation.checkpoint import SavedState
from thalia.simulation.loop import Stop, next_multiple
from thalia.simulation.modulator_release import release_amount
from thalia.simulation.recorder import SpikeCounter
from thalia.simulation.sensors import RecentSpikes, Sensors
from thalia.syntax.equations import divided_by
from thalia.syntax.expressions import EquationError
from thalia.syntax.quantities import Numbers, in_si
from thalia.syntax.sampling import sampled
from thalia.syntax.time_grid import interval_steps
from thalia.syntax.units import DIMENSIONLESS, ValueSyntaxError, format_number


@dataclass(frozen=True)
class _Limits:
    """What the parameters of a group cannot be: zero, where equations divide by them, and rates.

    `spikes` is what decides how often the neurons fire, `parameters` are those that it mentions.
    """

    divisors: frozenset[str]
    spikes: Rate | None
    parameters: frozenset[str]

    @classmethod
    def of(cls, group: Group) -> "_Limits":
        """The limits of a group."""
        texts = (equation.right for equation in group.equations() if equation.right)
        spikes = spikes_per_step(group)
        return cls(
            frozenset().union(*map(divided_by, texts)),
            spikes,
            spikes.names & group.all_parameters().keys() if spikes else frozenset(),
        )


@dataclass(frozen=True)
class Actuators:
    """What a task may change in a running network: whatever is `from_task`."""

    plan: Plan
    session: Session

    def set(self, population: str, parameter: str, values: Numbers) -> None:
        """Set a parameter of a population's neurons: one number for all, or one for each.

        Parameters
        ----------
        values : quantities
            With their unit: `"20 Hz"`, `rates * hertz` of Brian2, or a value of the circuit times
            an array; bare numbers where the parameter has no dimension.

        Raises
        ------
        CircuitError
            If the circuit does not let a task set it, the numbers have another dimension or are
            not as many as the neurons, or the neurons cannot have them.
        """
        given = self.checked(population, parameter, values)
        group, member = self.plan.population(population)
        now = self.session.read(f"{group.name}.{parameter}")
        now[member.start : member.stop] = given
        self.session.write(f"{group.name}.{parameter}", now)

    def checked(
        self, population: str, parameter: str, values: Numbers, is_sequence: bool = False
    ) -> NDArray[np.float64]:
        """Values in SI that a task gives to a parameter: one for all neurons, or one for each.

        Of a sequence the first axis is time, and so numbers in one dimension are for all neurons.

        Raises
        ------
        CircuitError
            As of `set`.
        """
        known = {
            member.name: member.from_task
            for _, member in self.plan.populations()
            if member.from_task
        }
        if population not in known:
            raise fail(
                f"the task sets '{parameter}' of '{population}', which no task may",
                f"say `from_task: [{parameter}]` there; {did_you_mean(population, known)}",
            )
        if parameter not in known[population]:
            raise fail(
                f"the task sets '{parameter}' of '{population}', "
                f"which lets it set {', '.join(known[population])}"
            )
        group, member = self.plan.population(population)
        try:
            given = in_si(values, group.parameters[parameter])
            each = given.shape[1:] if is_sequence else given.shape
            if each not in ((), (member.size,)):
                wanted = (
                    f"{member.size} numbers{' each time' if is_sequence else ''}, or one for all"
                )
                raise ValueSyntaxError(f"expected {wanted}, found {each[-1]}")
            if not given.size:
                raise ValueSyntaxError("expected a number for each stimulus, found none")
            if is_sequence and given.ndim == 1:
                given = given[:, None]
            self._check_range(group, member, parameter, given)
        except ValueSyntaxError as error:
            raise fail(f"the task sets '{parameter}' of '{population}': {error}") from None
        return given

    def _check_range(
        self, group: Group, member: Member, parameter: str, given: NDArray[np.float64]
    ) -> None:
        """Refuse what equations cannot have, as `check` does: a zero below a line, or a rate.

        Raises
        ------
        ValueSyntaxError
            If the neurons cannot have the numbers.
        """
        limits = self._limits[group.name]
        if parameter in limits.divisors and not given.all():
            raise ValueSyntaxError("it cannot be zero, because equations divide by it")
        if limits.spikes is None or parameter not in limits.spikes.names:
            return
        values: dict[str, Any] = {"dt": self.plan.dt, parameter: given}
        for name in limits.parameters - {parameter}:
            common = group.shared(name)
            values[name] = common.mean if common else self._now(group, member, name)
        try:
            found = np.asarray(sampled(limits.spikes.expression, values, limits.spikes.named))
        except EquationError:
            return  # it also depends on the time, or on the state of the neurons
        if not found.min() >= 0:
            raise ValueSyntaxError("a rate cannot be below 0")
        if found.max() > MOST_SPIKES:
            rate = found.max() / self.plan.dt
            raise ValueSyntaxError(
                f"a rate of {rate:g} Hz is more than one spike in a step of "
                f"{format_number(self.plan.dt, SECOND)}"
            )

    @cached_property
    def _limits(self) -> dict[str, _Limits]:
        return {group.name: _Limits.of(group) for group in self.plan.groups}

    def _now(self, group: Group, member: Member, name: str) -> NDArray[np.float64]:
        return self.session.read(f"{group.name}.{name}")[member.start : member.stop]

    def release(self, modulator: str, amount: Numbers) -> None:
        """Release an amount of a modulator, as in `release("dopamine", 1)`.

        Raises
        ------
        CircuitError
            If the circuit has no such modulator `from_task`, or the amount is not a finite number.
        """
        if modulator not in self.plan.task_releases:
            known = did_you_mean(modulator, self.plan.task_releases)
            raise fail(
                f"the task releases '{modulator}', "
                "and the circuit has no such modulator `from_task`",
                known,
            )
        try:
            number = in_si(amount, DIMENSIONLESS)
            if number.ndim:
                raise ValueSyntaxError(f"expected one number, found {number.size}")
        except ValueSyntaxError as error:
            raise fail(f"the task releases '{modulator}': {error}") from None
        release_amount(self.plan, self.session, modulator, float(number))


@dataclass(frozen=True)
class TaskContext:
    """What a task is given at each of its stops; what it reads is in SI.

    Attributes
    ----------
    time : float
        Model time in seconds.
    spikes : mapping from population to int
        How many since the task's last stop.
    random : numpy.random.Generator
        That of the run, whose state is kept with it.
    release(modulator, amount)
        Release a modulator, as in `context.release("dopamine", 1)`.
    set(population, parameter, values)
        Set a parameter that is `from_task`, as in `context.set("cue", "rate", "20 Hz")`.
    spikes_of(population)
        The `Spikes` since the task's last stop: `context.spikes_of("e").counts`.
    read(population, variable)
        A state variable now, (n_neurons,): `context.read("e", "v")` are volts.
    weights(pathway)
        The weights of a pathway now, (n_synapses,).
    ends(pathway)
        The pre- and the postsynaptic neuron of each synapse, (n_synapses,) each, in that order.
    """

    time: float
    spikes: Mapping[str, int]
    random: np.random.Generator
    release: Callable[[str, Numbers], None]
    set: Callable[[str, str, Numbers], None]
    spikes_of: Callable[[str], Spikes]
    read: Callable[[str, str], NDArray[np.float64]]
    weights: Callable[[str], NDArray[np.float64]]
    ends: Callable[[str], tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Task:
    """A task that observes a network and acts on it.

    `act` is called with a `TaskContext` after each interval `every` of model time. It should decide
    from the context alone, with its random generator; then a resumed run is identical.
    """

    every: str
    act: Callable[[TaskContext], None]

    @property
    def interval(self) -> float:
        """`every` in seconds.

        Raises
        ------
        CircuitError
            If it is not a positive time.
        """
        return positive_time("task", self.every, "100 ms").mean


class ClosedLoop:
    """Calls a task at its stops.

    Parameters
    ----------
    saved : SavedState, optional
        Where a run is resumed: it also has the spikes since the task's last stop.

    Raises
    ------
    CircuitError
        If the task's `every` is not a positive time.
    """

    def __init__(
        self,
        sensors: Sensors,
        counter: SpikeCounter,
        task: Task,
        saved: SavedState | None = None,
    ):
        self.plan, self.counter, self.task = sensors.plan, counter, task
        self.sensors, self.actuators = sensors, Actuators(sensors.plan, sensors.session)
        self.counted = dict(saved.counted if saved else {})
        self.recent = RecentSpikes(sensors, saved.recent if saved else None)
        self.steps = interval_steps(task.interval, self.plan.dt)

    def next_stop(self, done: int) -> int:
        """The step at which the task is called next."""
        return next_multiple(done, self.steps)

    def on_stop(self, stop: Stop) -> None:
        """Call the task, if it is due."""
        self.recent.take(stop.chunk)
        if stop.done % self.steps:
            return
        totals = self.counter.totals()
        spikes = {name: count - self.counted.get(name, 0) for name, count in totals.items()}
        self.counted = totals
        self.task.act(
            TaskContext(
                stop.done * self.plan.dt,
                spikes,
                stream(self.plan.seed, "task", str(stop.done)),
                self.actuators.release,
                self.actuators.set,
                lambda population: self.recent.of(population, self.task.interval),
                self.sensors.read,
                self.sensors.weights,
                self.sensors.ends,
            )
        )
        self.recent.forget()
