"""What happens between two chunks of a run: rewiring, and what is released by changes of weights and by a task.

Everything that it does, it does at a fixed step and to variables of the network, so a run that is resumed does the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.plan import SECOND, SHARED, Plan, WeightChange
from thalia.connectivity.build import Arrays, stream
from thalia.errors import did_you_mean, fail
from thalia.simulation.structural_plasticity import pools
from thalia.simulation.synapse_state import weights
from thalia.syntax.equations import evaluate, identifiers
from thalia.syntax.units import parse_value

type Numbers = float | Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True)
class Apparatus:
    """The hands of a task on a network that runs."""

    plan: Plan
    session: Session

    def set(self, population: str, parameter: str, values: Numbers) -> None:
        """Give the neurons of a population a parameter, in SI: one number for all, or one each.

        Raises
        ------
        CircuitError
            If the circuit does not say that a task sets it, or there are not as many numbers as neurons.
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
                f"the task sets '{parameter}' of '{population}', which lets it set {', '.join(known[population])}"
            )
        group, member = self.plan.population(population)
        given = np.asarray(values, dtype=float)
        if given.shape not in ((), (member.size,)) or not np.isfinite(given).all():
            raise fail(
                f"the task sets '{parameter}' of '{population}': expected {member.size} finite numbers, or one for all, "
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
            If the circuit has no such modulator `from_task`, or the amount is no number.
        """
        if modulator not in self.plan.task_releases:
            known = did_you_mean(modulator, self.plan.task_releases)
            raise fail(
                f"the task releases '{modulator}', and the circuit has no such modulator `from_task`",
                known,
            )
        if not isinstance(amount, int | float | np.number) or not np.isfinite(amount):
            raise fail(f"the task releases {amount!r} of '{modulator}', expected a number")
        self.released(modulator, float(amount))

    def released(self, modulator: str, amount: float) -> None:
        """What the release of an amount does to the level, as the modulator's own statements say."""
        for statement in self.plan.releases[modulator]:
            read = identifiers(statement.right) | {statement.target}
            known = self.plan.group(SHARED).variables()
            values = {
                name: float(self.session.read(f"{SHARED}.{name}").reshape(-1)[0])
                for name in read
                if name in known
            }
            right = evaluate(statement.right, values | {"amount": amount})
            before = values[statement.target]
            after = {
                "=": right,
                "+=": before + right,
                "-=": before - right,
                "*=": before * right,
                "/=": before / (right or 1),
            }
            self.session.write(
                f"{SHARED}.{statement.target}", np.array([after[statement.operator]])
            )


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

    def __init__(
        self,
        plan: Plan,
        arrays: Arrays,
        session: Session,
        task: Task | None,
        seen: Mapping[str, int],
    ):
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
        periods = [
            *(pool.steps for pool in self.pools),
            *(each.steps for each in self.plan.weight_changes),
            self.task_steps,
        ]
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
            self.task.act(
                Moment(
                    done * self.plan.dt,
                    spikes,
                    generator,
                    self.apparatus.release,
                    self.apparatus.set,
                )
            )

    def _remember(self, change: WeightChange) -> float:
        """The mean change of the weights since they were last remembered, as a fraction of their range."""
        moved, synapses_in_all = 0.0, 0
        for synapses in self.plan.synapses:
            if not {member.name for member in synapses.members} & {*change.pathways}:
                continue
            now = weights(synapses, self.session.read)
            span = self.session.read(f"{synapses.name}.w_max") - self.session.read(
                f"{synapses.name}.w_min"
            )
            change_of_each = np.abs(now - self.session.read(f"{synapses.name}.{change.then}"))
            moved += float(
                np.sum(
                    np.divide(
                        change_of_each, span, where=span > 0, out=np.zeros_like(change_of_each)
                    )
                )
            )
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
