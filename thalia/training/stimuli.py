"""What a task presents to the populations of its network, and for how long."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import SECOND, Plan
from thalia.connectivity.build import Arrays
from thalia.errors import fail
from thalia.simulation.closed_loop import Actuators
from thalia.simulation.loop import Timetable
from thalia.syntax.quantities import Numbers, in_si
from thalia.syntax.time_grid import as_text, interval_rounding, steps_of
from thalia.syntax.units import Dimension, Quantities, Value, ValueSyntaxError
from thalia.training.phases import STIMULI

type Floats = NDArray[np.float64]
type Steps = NDArray[np.int64]


@dataclass(frozen=True)
class Schedule:
    """When stimuli of a sequence begin and end, in steps; what is set when; the end of it all."""

    begins: Steps
    ends: Steps
    timetable: Timetable
    end: int

    @property
    def presentations(self) -> int:
        """How many there are, pauses included."""
        return len(self.timetable.steps)


class Stimuli:
    """The stimuli of a network: populations without one have their own rates.

    `own` are those of the present phase, in place of those of the circuit.
    """

    def __init__(self, plan: Plan, arrays: Arrays, actuators: Actuators):
        self.plan, self.arrays, self.actuators = plan, arrays, actuators
        self.shown: frozenset[str] = frozenset()  # populations that have a stimulus
        self.own: Mapping[str, Value] = {}

    def show(self, given: Mapping[str, Numbers]) -> None:
        """Give some populations a stimulus; those of the others end."""
        self._end(self.shown - given.keys())
        for population, values in given.items():
            self.actuators.set(population, self._parameter(population), values)
        self.shown = frozenset(given)

    def become(self, own: Mapping[str, Value]) -> None:
        """From now on these are the own stimuli of some populations."""
        changing = {*self.own, *own} - self.shown
        self.own = own
        self._end(changing)

    def sequence(
        self, begin: int, duration: Numbers, rates: Mapping[str, Numbers], pause: Numbers | None
    ) -> Schedule:
        """Prepare a sequence of stimuli; see `Subject.play`."""
        lasting = steps_of_times(duration, self.plan.dt)
        resting = 0 if pause is None else one_time(pause, self.plan.dt)
        given = {
            name: self.actuators.checked(name, self._parameter(name), values, is_sequence=True)
            for name, values in rates.items()
        }
        count = _length({name: each for name, each in given.items() if each.ndim}, lasting)
        ends = begin + np.cumsum(np.broadcast_to(lasting, count) + resting) - resting
        begins = ends - lasting
        self._end({*self.shown, *given})
        steps = np.stack([begins, ends], axis=1).ravel() if resting else begins
        timetable = Timetable(steps, _Sequence(self._places(given), bool(resting)))
        self.shown = frozenset() if resting else frozenset(given)
        return Schedule(begins, ends, timetable, int(ends[-1]) + resting)

    def _places(self, given: Mapping[str, Floats]) -> Iterator[tuple[str, Floats, slice, Floats]]:
        """Of each population: the variable, what it is without a stimulus, which part, stimuli."""
        for population, values in given.items():
            group, member = self.plan.population(population)
            name = f"{group.name}.{self._parameter(population)}"
            neurons = slice(member.start, member.stop)
            yield name, self.actuators.session.read(name), neurons, values

    def _end(self, populations: set[str] | frozenset[str]) -> None:
        """Give populations the rates or values that they have in this phase without a stimulus."""
        for population in sorted(populations):
            (group, member), parameter = (
                self.plan.population(population),
                self._parameter(population),
            )
            values: Numbers | None = self.own.get(population)
            if values is None:
                own = self.arrays.groups[group.name][parameter][member.start : member.stop]
                values = Quantities(own, group.parameters[parameter])
            self.actuators.set(population, parameter, values)

    def _parameter(self, population: str) -> str:
        """The parameter by which a population is shown something."""
        known = {member.name: member.from_task for _, member in self.plan.populations()}
        return next((name for name in STIMULI if name in known.get(population, ())), STIMULI[0])


class _Sequence:
    """The variables of each presentation of a sequence, pauses included."""

    def __init__(self, places: Iterator[tuple[str, Floats, slice, Floats]], has_pauses: bool):
        self.without: dict[str, Floats] = {}
        self.changes: list[tuple[str, slice, Floats]] = []
        self.has_pauses = has_pauses
        for name, without, neurons, values in places:
            self.without[name] = without
            self.changes.append((name, neurons, values))

    def __call__(self, place: int) -> Mapping[str, Floats]:
        """Those of one of them."""
        stimulus, is_pause = divmod(place, 2) if self.has_pauses else (place, 0)
        if is_pause:
            return self.without
        now = {name: values.copy() for name, values in self.without.items()}
        for name, neurons, values in self.changes:
            now[name][neurons] = values[stimulus] if values.ndim else values
        return now


def _length(given: Mapping[str, Floats], lasting: Steps) -> int:
    """The number of stimuli, which all that differs from one to the next must have.

    Raises
    ------
    CircuitError
        If lengths differ, or nothing tells how many there are.
    """
    lengths = {f"'{name}'": len(values) for name, values in given.items()}
    lengths |= {"the times": lasting.size} if lasting.ndim else {}
    if len({*lengths.values()}) != 1 or 0 in lengths.values():
        found = ", ".join(f"{name} for {count}" for name, count in lengths.items())
        raise fail(
            f"the task plays a sequence: found {found or 'one stimulus'}",
            "what differs from one stimulus to the next has one row for each",
        )
    return next(iter(lengths.values()))


def given_weights(
    pathway: str, dimension: Dimension, rows: NDArray[np.intp], values: Numbers
) -> Floats:
    """The weights in SI that a task gives the synapses of a pathway: one for all, or for each.

    Raises
    ------
    CircuitError
        If they have another dimension, or are not as many.
    """
    try:
        given = in_si(values, dimension)
        if given.shape not in ((), rows.shape):
            raise ValueSyntaxError(f"expected {len(rows)} weights, found {given.size}")
    except ValueSyntaxError as error:
        raise fail(f"the task sets the weights of '{pathway}': {error}") from None
    return given


def steps_of_times(duration: Numbers, dt: float) -> Steps:
    """The steps of a time that a task gives, or of each of several.

    Raises
    ------
    CircuitError
        If they are not positive times, and multiples of dt.
    """
    try:
        found = in_si(duration, SECOND)
    except ValueSyntaxError as error:
        raise fail(f"the task presents for a time: {error}") from None
    for seconds in np.unique(found).tolist():
        if seconds <= 0:
            shown = f"{1e3 * seconds:g} ms"
            raise fail(f"the task presents for a time: expected one above 0 ms, found {shown}")
        if interval_rounding(seconds, dt):
            wanted = f"a multiple of dt, {as_text(dt)}"
            raise fail(f"the task presents for {as_text(seconds)}, expected {wanted}")
    known = {seconds: steps_of(seconds, dt) for seconds in np.unique(found).tolist()}
    flat = [known[seconds] for seconds in found.ravel().tolist()]
    return np.array(flat, np.int64).reshape(found.shape)


def one_time(duration: Numbers, dt: float) -> int:
    """The steps of a single time.

    Raises
    ------
    CircuitError
        If there are several, or as of `steps_of_times`.
    """
    steps = steps_of_times(duration, dt)
    if steps.ndim:
        raise fail(
            f"the task presents for a time: expected one above 0 ms, found {steps.size} times"
        )
    return int(steps)
