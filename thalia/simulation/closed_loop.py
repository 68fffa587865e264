"""What happens between two chunks of a run: rewiring, and what is released by changes of weights and by a task.

Everything that it does, it does at a fixed step and to variables of the network, so a run that is resumed does the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from thalia.backends import Session
from thalia.compiler.plan import SECOND, Plan, WeightChange
from thalia.connectivity.build import Arrays, stream
from thalia.errors import fail
from thalia.simulation.actuators import Apparatus, Numbers
from thalia.simulation.structural_plasticity import pools
from thalia.simulation.synapse_state import weights
from thalia.syntax.units import parse_value


@dataclass(frozen=True)
class Moment:
    """A stop of the network for a task: the model time in seconds, spikes of each population since the last stop."""

    time: float
    spikes: Mapping[str, int]
    random: np.random.Generator
    release: Callable[[str, float], None]
    """Release an amount of a modulator, as in `moment.release("dopamine", 1)`."""
    set: Callable[[str, str, Numbers], None]
    """Give the neurons of a population a parameter that is `from_task`, in SI, as in `moment.set("cue", "rate", 20)`."""


@dataclass(frozen=True)
class Task:
    """A task that watches a network and rewards it: `act` is called with a `Moment` after `every` of model time.

    It should decide from the moment alone, with its random generator; then a resumed run is the same.
    """

    every: str
    act: Callable[[Moment], None]


class Between:
    """Stops a run where something is to be done, and does it."""

    def __init__(self, plan: Plan, arrays: Arrays, session: Session, task: Task | None, seen: Mapping[str, int]):
        self.plan, self.session, self.task = plan, session, task
        self.apparatus = Apparatus(plan, session)
        self.pools = list(pools(plan, arrays))
        self.seen = dict(seen)  # spikes of each population until the last stop for the task
        self.task_steps = _steps_of(task, plan) if task else 0

    def begin(self) -> None:
        """Connect what is connected at the start."""
        for pool in self.pools:
            pool.begin(self.session)

    def remember(self) -> None:
        """Take the weights from which their changes count."""
        for pool in self.pools:
            pool.keep_unconnected_at_zero(self.session)
        for change in self.plan.weight_changes:
            self._remember(change)

    def next_stop(self, done: int, stop: int) -> int:
        """The next step at which something is to be done, if it comes before another stop."""
        periods = [*(pool.steps for pool in self.pools), *(each.steps for each in self.plan.weight_changes), self.task_steps]
        return min([stop, *((done // steps + 1) * steps for steps in periods if steps)])

    def act(self, done: int, phase: int, counts: Mapping[str, int]) -> None:
        """Do what is due after a step, given the spikes that each population has fired until then."""
        for pool in self.pools:
            if done % pool.steps == 0 and pool.pathway.plastic[phase]:
                pool.rewire(self.session, done)
        for change in self.plan.weight_changes:
            if done % change.steps == 0:
                self.apparatus.released(change.modulator, self._remember(change))
        if self.task and done % self.task_steps == 0:
            spikes = {name: count - self.seen.get(name, 0) for name, count in counts.items()}
            self.seen = dict(counts)
            generator = stream(self.plan.seed, "task", str(done))
            self.task.act(Moment(done * self.plan.dt, spikes, generator, self.apparatus.release, self.apparatus.set))

    def _remember(self, change: WeightChange) -> float:
        """The mean change of the weights since they were last remembered, as a fraction of their range."""
        moved, synapses_in_all = 0.0, 0
        for synapses in self.plan.synapses:
            if not {member.name for member in synapses.members} & {*change.pathways}:
                continue
            now = weights(synapses, self.session.read)
            span = self.session.read(f"{synapses.name}.w_max") - self.session.read(f"{synapses.name}.w_min")
            change_of_each = np.abs(now - self.session.read(f"{synapses.name}.{change.then}"))
            moved += float(np.sum(np.divide(change_of_each, span, where=span > 0, out=np.zeros_like(change_of_each))))
            synapses_in_all += len(now)
            self.session.write(f"{synapses.name}.{change.then}", now)
        return moved / synapses_in_all if synapses_in_all else 0.0


def _steps_of(task: Task, plan: Plan) -> int:
    """Steps between two stops for a task.

    Raises
    ------
    CircuitError
        If its `every` is no time above zero.
    """
    try:
        value = parse_value(task.every)
    except ValueError as error:
        raise fail(f"task: {error}") from None
    if value.dimension != SECOND or value.mean <= 0:
        raise fail(f"task: expected a time such as '100 ms', found {task.every}")
    return max(1, round(value.mean / plan.dt))
