"""The state of a network after any number of steps in which it is silent, in closed form.

Without spikes a variable either stays as it is, or is linear in itself with constant coefficients,
alone or as the end of a chain, or is changed by a statement in every step, which adds up what is
known of the rest. Whether coefficients are constant is not taken for granted: the slopes of the
equations at later times are compared with those of the solution.
"""

import ast
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.integration import Integration
from thalia.compiler.plan import (
    IN_NEURONS,
    IN_SYNAPSES,
    SHARED,
    Group,
    Plan,
    SynapseGroup,
)
from thalia.compiler.sleep import LARGE
from thalia.simulation.closed_forms import Floats, difference, sum_over_steps
from thalia.simulation.synapse_state import FUNCTIONS
from thalia.syntax.equations import Equation, Statement, evaluate, identifiers, tree, written_out
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import UNITS

EXACT_FOR_SYNAPSES = "exponential_euler"  # exact where a variable is linear in itself

type Read = Callable[[str], NDArray[Any]]


def _exprel(x: Any) -> Any:
    return np.where(x == 0, 1, np.expm1(x) / np.where(x == 0, 1, x))


KNOWN = FUNCTIONS | {"exprel": _exprel}


@dataclass(frozen=True)
class SilentModel:
    """What changes in every step in the neurons of a group, or in the synapses of an object.

    Parameters
    ----------
    label : what its neurons or synapses are called in a message
    odes : right sides, with named expressions written out
    chains : sets of variables with a closed form, as long as what else they read stands still
    held : variables that must be at rest
    before, after : statements that run in every step before and after the equations
    ends : of synapses, the groups that they come from and go to
    """

    name: str
    label: str
    equations: tuple[Equation, ...]
    odes: Mapping[str, str]
    chains: tuple[tuple[str, ...], ...]
    held: tuple[str, ...]
    before: tuple[Statement, ...] = ()
    after: tuple[Statement, ...] = ()
    ends: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def expressions(self) -> dict[str, str]:
        """Named expressions, but for those that gather what synapses transmit."""
        named = (e for e in self.equations if e.kind == "expression" and "summed" not in e.flags)
        return {e.name: e.right for e in named}

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything that is done in every step."""
        return (*self.before, *self.after)

    @property
    def kept(self) -> list[str]:
        """Named expressions whose value is that of the beginning of the last step."""
        return [e.name for e in self.equations if "constant over dt" in e.flags]


def models_of(plan: Plan) -> Iterator[SilentModel]:
    """What happens in every step in the groups and in the synapse objects of a plan."""
    for group in plan.all_groups:
        if not group.plays_spikes:
            yield _of_group(group)
    for synapses in plan.synapses:
        yield _of_synapses(synapses)


def _of_group(group: Group) -> SilentModel:
    equations, method = group.equations(), group.integration
    odes = written_out(equations)
    single = [name for name, flow in method.flows.items() if flow == "linear"]
    single = [name for name in single if name not in _switches(odes[name])]
    chains = (*method.exact, *((name,) for name in single))
    before = (*group.before_step(), *group.sums)
    label = "a modulator" if group.name == SHARED else f"'{group.members[0].name}'"
    return SilentModel(group.name, label, equations, odes, chains, _others(odes, chains), before)


def _of_synapses(synapses: SynapseGroup) -> SilentModel:
    clocked = {e.name for e in synapses.equations if "clock-driven" in e.flags}
    method: Integration = synapses.integration
    odes = {n: right for n, right in written_out(synapses.equations).items() if n in clocked}
    single = [name for name, flow in method.flows.items() if flow == "linear"]
    single += method.chosen if method.method == EXACT_FOR_SYNAPSES else ()
    single = [name for name in single if name not in _switches(odes[name])]
    added = [name for name in single if name not in identifiers(odes[name])]
    before = tuple(Statement(name, "+=", f"dt*({odes.pop(name)})") for name in added)
    chains = (*method.exact, *((name,) for name in single if name in odes))
    ends = {"pre": synapses.pre, "post": synapses.post}
    return SilentModel(
        synapses.name,
        f"the synapses of '{synapses.members[0].name}'",
        synapses.equations,
        odes,
        chains,
        _others(odes, chains),
        before,
        synapses.on_step,
        ends,
    )


def _others(odes: Mapping[str, str], chains: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    solved = {name for chain in chains for name in chain}
    return tuple(name for name in odes if name not in solved)


def _switches(right: str) -> frozenset[str]:
    """What the comparisons of a right side read."""
    compared = (ast.unparse(n) for n in ast.walk(tree(right)) if isinstance(n, ast.Compare))
    return frozenset().union(*(identifiers(each) for each in compared))


def _no_closed_form(model: SilentModel, what: str) -> EquationError:
    return EquationError(f"an equation of {model.label} has no closed form: {what}")


class Chain:
    """The closed form of variables with slopes `M x + b`, of which none reads itself by others."""

    def __init__(self, names: tuple[str, ...], model: SilentModel, now: "Moment"):
        zero: dict[str, Any] = dict.fromkeys(names, 0.0)

        def slope(name: str, **values: float) -> Floats:
            return np.asarray(now.evaluated(model, model.odes[name], zero | values), float)

        self.names = names
        self.start = {name: now.value(model, name) for name in names}
        self.constants = {name: slope(name) for name in names}
        self.matrix = {
            (name, other): (slope(name, **{other: LARGE}) - self.constants[name]) / LARGE
            for name in names
            for other in names
            if other in identifiers(model.odes[name])
        }

    def rate(self, name: str) -> Floats:
        """The rate at which a variable follows itself."""
        return self.matrix.get((name, name), np.zeros(1))

    def at(self, name: str, time: Floats) -> Floats:
        """A variable after some time."""
        start, rate, constant = self.start[name], self.rate(name), self.constants[name]
        decaying = start * difference(time, rate)
        # next to what it tends to, a sum of the two would fluctuate by its rounding
        tending = start + (rate * start + constant) * difference(time, np.zeros(1), rate)
        own: Floats = np.where(constant == 0, decaying, tending)
        return own + self._arriving(name, (rate,), time)

    def _arriving(self, name: str, way: tuple[Floats, ...], time: Floats) -> Floats:
        """What comes to the end of a way through the variable at its beginning, from others."""
        found = np.zeros(1)
        for other in self._read_by(name):
            longer = (self.rate(other), *way)
            arriving = self.start[other] * difference(time, *longer)
            if self.constants[other].any():
                arriving = arriving + self.constants[other] * difference(time, np.zeros(1), *longer)
            arriving = arriving + self._arriving(other, longer, time)
            found = found + self.matrix[name, other] * arriving
        return found

    def slope(self, name: str, values: Mapping[str, Floats]) -> tuple[Floats, Floats]:
        """The slope of a variable where all have some values, and the size of its terms.

        The size is without what the variable adds itself.
        """
        terms = [self.matrix[name, other] * values[other] for other in self._read_by(name)]
        others = [self.constants[name], *terms]
        slope = self.rate(name) * values[name] + sum(others, np.zeros(1))
        return slope, sum((np.abs(each) for each in others), np.zeros(1))

    def _read_by(self, name: str) -> list[str]:
        return [other for (reader, other) in self.matrix if reader == name and other != name]


class SilentState:
    """A network at some step, and all that follows from it as long as it is silent.

    `read` gives a variable by its name as it is now.
    """

    def __init__(self, plan: Plan, models: tuple[SilentModel, ...], read: Read):
        self.plan, self.read = plan, read
        self.models = {model.name: model for model in models}
        self.shared = plan.shared.variables() if plan.shared else {}
        self.held: dict[str, Floats] = {}
        self.chains: dict[tuple[str, str], Chain] = {}
        self.now = Moment(self, np.zeros((1, 1)))
        for model in models:
            made = [Chain(names, model, self.now) for names in model.chains]
            self.chains |= {(model.name, name): each for each in made for name in each.names}
        self.now = Moment(self, np.zeros((1, 1)))

    def variable(self, owner: str, name: str) -> Floats:
        """A variable as it is now."""
        full = f"{owner}.{name}"
        if full not in self.held:
            self.held[full] = np.atleast_1d(np.asarray(self.read(full), float))
        return self.held[full]

    def moving(self) -> Iterator[tuple[SilentModel, str]]:
        """Every variable that has another value later."""
        for model in self.models.values():
            changed = [s.target for s in model.statements]
            solved = (name for names in model.chains for name in names)
            yield from ((model, name) for name in dict.fromkeys([*solved, *changed, *model.kept]))

    def after(self, steps: int, without: Container[str] = ()) -> dict[str, Floats]:
        """Every variable that moves, but for some, after so many steps, at least one."""
        last, then = (Moment(self, np.full((1, 1), float(k))) for k in (steps - 1, steps))
        found = {}
        for model, name in self.moving():
            if f"{model.name}.{name}" in without:
                continue
            moment = last if name in model.kept else then
            value = np.asarray(moment.value(model, name), float)
            shape = self.variable(model.name, name).shape
            found[f"{model.name}.{name}"] = np.broadcast_to(value.reshape(-1), shape).copy()
        return found


class Moment:
    """A state some steps later, (n_times, 1); whatever is asked for is computed then."""

    def __init__(self, state: SilentState, steps: Floats):
        self.state, self.steps = state, steps
        self.time = steps * state.plan.dt
        self.known: dict[tuple[str, str], Any] = {}

    def evaluated(
        self, model: SilentModel, text: str, given: Mapping[str, Any] | None = None
    ) -> Any:
        """An expression of the neurons or synapses of a model.

        Raises
        ------
        EquationError
            If it depends on something that changes in an unknown way.
        """
        given = {"xi": 0.0, **(given or {})}
        names = identifiers(text) - {*UNITS, *KNOWN, "pi"} - given.keys()
        values = {name: self.value(model, name) for name in names}
        try:
            with np.errstate(all="ignore"):
                return evaluate(text, values | given, KNOWN)
        except EquationError as error:
            raise _no_closed_form(model, f"{error}") from None

    def value(self, model: SilentModel, name: str) -> Any:
        """A variable, a parameter, or a named expression."""
        key = model.name, name
        if key not in self.known:
            self.known[key] = self._found(model, name)
        return self.known[key]

    def _found(self, model: SilentModel, name: str) -> Any:
        if name in ("dt", "inf"):
            return {"dt": self.state.plan.dt, "inf": inf}[name]
        if name in model.expressions:
            return self.evaluated(model, model.expressions[name])
        if seen := self._elsewhere(model, name):
            return seen()
        if name in ("t", "t_in_timesteps"):
            raise EquationError(f"an equation of {model.label} depends on time")
        with np.errstate(all="ignore"):
            return self._later(model, name)

    def _elsewhere(self, model: SilentModel, name: str) -> Callable[[], Any] | None:
        """What gives a variable that the neurons or synapses see, and do not have."""
        models, prefix = self.state.models, IN_SYNAPSES if model.ends else IN_NEURONS
        bare = name.removeprefix(prefix)
        if bare != name and bare in self.state.shared:
            return lambda: self.value(models[SHARED], bare)
        own, _, side = name.rpartition("_")
        return (lambda: self._of_end(model, own, side)) if side in model.ends else None

    def _of_end(self, model: SilentModel, name: str, side: str) -> Any:
        """A variable of the neuron at one end of each synapse."""
        found = self.value(self.state.models[model.ends[side]], name)
        if np.shape(found)[-1:] in ((), (1,)):
            return found
        ends = self.state.variable(model.name, f"_synaptic_{side}").astype(np.int64)
        return found[..., ends]

    def _later(self, model: SilentModel, name: str) -> Any:
        chain = self.state.chains.get((model.name, name))
        here = chain.at(name, self.time) if chain else self.state.variable(model.name, name)
        if statements := [s for s in model.before if s.target == name]:
            here = self._changed(model, name, statements)
        for each in model.after:
            if each.target == name:
                if each.operator != "=":
                    raise _no_closed_form(model, f"`{each}`")
                here = self.evaluated(model, each.right, {name: here})
        return here

    def _changed(self, model: SilentModel, name: str, statements: list[Statement]) -> Any:
        """A variable that statements change at the beginning of every step."""
        start = self.state.variable(model.name, name)
        *others, last = statements
        if (model.name, name) in self.state.chains or others:
            raise _no_closed_form(model, f"`{last}`")
        ahead = [s.target for s in model.before[: model.before.index(last)]]
        early = identifiers(last.right) & {*ahead}  # what has changed in this step already

        def right(steps: Floats) -> Any:
            begin, done = Moment(self.state, steps), Moment(self.state, steps + 1)
            return begin.evaluated(model, last.right, {n: done.value(model, n) for n in early})

        if last.operator == "=":
            return np.where(self.steps > 0, right(np.maximum(self.steps - 1, 0)), start)
        if last.operator in ("*=", "/="):
            factor = right(np.zeros((1, 1)))
            if not np.all(right(self.steps) == factor):
                raise _no_closed_form(model, f"`{last}`")
            return start * factor ** (self.steps if last.operator == "*=" else -self.steps)
        sign = -1.0 if last.operator == "-=" else 1.0
        sums = [sum_over_steps(lambda k: np.atleast_2d(right(k)), int(n)) for n in self.steps[:, 0]]
        return start + sign * np.stack(np.broadcast_arrays(*sums))
