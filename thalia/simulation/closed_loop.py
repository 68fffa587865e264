"""Closed loops: a task that observes a network while it runs, and acts on it.

It acts at fixed steps and on variables of the network, so a resumed run does the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.plan import Plan
from thalia.connectivity.build import stream
from thalia.errors import did_you_mean, fail
from thalia.simulation.checkpoint import time_of
from thalia.simulation.loop import Stop, next_multiple
from thalia.simulation.modulator_release import release_amount
from thalia.simulation.recorder import SpikeCounter
from thalia.syntax.time_grid import interval_steps

type Numbers = float | Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True)
class Actuators:
    """What a task may change in a running network: whatever is `from_task`."""

    plan: Plan
    session: Session

    def set(self, population: str, parameter: str, values: Numbers) -> None:
        """Set a parameter of a population's neurons, in SI: one number for all, or one for each.

        Raises
        ------
        CircuitError
            If the circuit does not let a task set it, or the numbers are not as many as the
            neurons.
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
        given = np.asarray(values, dtype=float)
        if given.shape not in ((), (member.size,)) or not np.isfinite(given).all():
            raise fail(
                f"the task sets '{parameter}' of '{population}': "
                f"expected {member.size} finite numbers, or one for all, "
                f"found {given.shape or given}"
            )
        now = self.session.read(f"{group.name}.{parameter}")
        now[member.start : member.stop] = given
        self.session.write(f"{group.name}.{parameter}", now)

    def release(self, modulator: str, amount: float) -> None:
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
        if not isinstance(amount, int | float | np.number) or not np.isfinite(amount):
            raise fail(f"the task releases {amount!r} of '{modulator}', expected a number")
        release_amount(self.plan, self.session, modulator, float(amount))


@dataclass(frozen=True)
class TaskContext:
    """What a task is given at each of its stops.

    `time` is the model time in seconds, `spikes` the spikes of each population since the task's
    last stop.
    """

    time: float
    spikes: Mapping[str, int]
    random: np.random.Generator
    release: Callable[[str, float], None]
    """Release an amount of a modulator, as in `context.release("dopamine", 1)`."""
    set: Callable[[str, str, Numbers], None]
    """Set a parameter that is `from_task`, in SI, as in `context.set("cue", "rate", 20)`."""


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
        return time_of("task", self.every, "100 ms").mean


class ClosedLoop:
    """Calls a task at its stops.

    Parameters
    ----------
    counted : mapping, optional
        Spikes of each population until the task's last stop, where a run is resumed.

    Raises
    ------
    CircuitError
        If the task's `every` is not a positive time.
    """

    def __init__(
        self,
        plan: Plan,
        session: Session,
        counter: SpikeCounter,
        task: Task,
        counted: Mapping[str, int] | None = None,
    ):
        self.plan, self.counter, self.task = plan, counter, task
        self.actuators = Actuators(plan, session)
        self.counted = dict(counted or {})
        self.steps = interval_steps(task.interval, plan.dt)

    def next_stop(self, done: int) -> int:
        """The step at which the task is called next."""
        return next_multiple(done, self.steps)

    def on_stop(self, stop: Stop) -> None:
        """Call the task, if it is due."""
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
            )
        )
