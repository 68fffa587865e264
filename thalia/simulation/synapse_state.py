"""Current weights and traces of synapses, from a network that updates them only when it must."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.efficacy import EFFICACY, READABLE, scaling_rules, until_efficacy
from thalia.compiler.optimise.hoist import hoisted_name
from thalia.compiler.optimise.lower import EVENT, HOISTED
from thalia.compiler.plan import IN_SYNAPSES, SHARED, Group, Plan, SynapseGroup
from thalia.syntax.equations import Equation, evaluate, identifiers, written_out
from thalia.syntax.units import UNITS

Floats = NDArray[np.float64]
Read = Callable[[str], Floats]

FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in READABLE} | {
    "int": lambda condition: np.asarray(condition, float)
}


def weights(synapses: SynapseGroup, read: Read) -> Floats:
    """The weight of every synapse of an object, in SI.

    `read` gives a variable by its name, as in `shared.tau`.
    """
    held = read(f"{synapses.name}.w")
    if not synapses.pending:
        return held
    names = identifiers(synapses.pending) | {"w_min", "w_max"}
    values = {name: _variable(name, synapses, read) for name in names} | {"w": held}
    sum_of_all = evaluate(
        f"w + {synapses.pending}", values
    )  # in the order of the synapses' own statement, so bit-identical
    current: Floats = np.clip(sum_of_all, values["w_min"], values["w_max"])
    return current


def trace(name: str, synapses: SynapseGroup, read: Read) -> Floats:
    """A variable of every synapse of an object, in SI."""
    held = read(f"{synapses.name}.{name}")
    return (
        held * _variable(synapses.decay[name], synapses, read) if name in synapses.decay else held
    )


def has(name: str, synapses: SynapseGroup) -> bool:
    """Whether the rules of an object have a variable, kept in the synapses or in their neurons."""
    return name in synapses.forms or any(e.name == name for e in synapses.equations)


def present(name: str, synapses: SynapseGroup, read: Read, last: float) -> Floats:
    """A variable of every synapse of an object, in SI, after the step that began at `last` (s).

    One that is brought up to date when spikes arrive decays linearly in between, which has a closed
    form; it has its value from the step in which they arrive.
    """
    if synapses.forms.get(name, "").startswith(HOISTED):
        of_neuron = _variable(f"{hoisted_name(synapses, name)}_post", synapses, read)
        return np.broadcast_to(of_neuron, np.shape(read(f"{synapses.name}.w")))
    held = trace(name, synapses, read)
    equation = next(e for e in synapses.equations if e.name == name)
    if EVENT not in equation.flags:
        return held
    rate = written_out(synapses.equations)[name]
    others = identifiers(rate) - {name, *FUNCTIONS, *UNITS, "pi", "inf"}
    values = {each: _variable(each, synapses, read) for each in others} | {"inf": np.inf}
    start, unit = (evaluate(rate, values | {name: x}, FUNCTIONS) for x in (0.0, 1.0))
    slope, time = unit - start, last - read(f"{synapses.name}.lastupdate")
    still = np.where(slope == 0, 1.0, slope)
    grown = np.where(slope == 0, time, np.expm1(slope * time) / still)
    current: Floats = held + (start + slope * held) * grown
    return current


def efficacy(synapses: SynapseGroup, post: Group, read: Read) -> Floats:
    """By what the `scaling_rules` multiply the weight of a spike that arrives now, per synapse."""
    product: Floats = np.ones(len(read(f"{synapses.name}.w")))
    for rule in scaling_rules(synapses):
        values: dict[str, Any] = {"inf": np.inf}
        for statement in until_efficacy(synapses, rule):
            for name in identifiers(statement.right) - {*values, *FUNCTIONS, *UNITS, "pi"}:
                values[name] = _now(name, synapses, post, read)
            change = evaluate(statement.right, values, FUNCTIONS)
            if statement.operator != "=":
                held = values.setdefault(
                    statement.target, _now(statement.target, synapses, post, read)
                )
                change = evaluate(
                    f"held {statement.operator[0]} change", {"held": held, "change": change}
                )
            values[statement.target] = change
        product = product * values[f"{rule}{EFFICACY}"]
    return product


def switched_variables(plan: Plan) -> Iterator[str]:
    """Every variable beside the weights that plasticity changes while it is on, and only then."""
    for synapses in plan.synapses:
        switches = {"plastic", synapses.shared_switch and f"{IN_SYNAPSES}{synapses.shared_switch}"}
        changing = ((each.name, each.right) for each in synapses.equations)
        set_by_events = ((each.target, each.right) for each in synapses.statements())
        own = _lasting(synapses.equations, switches) - {"w", *synapses.decay}
        yield from _switched(synapses.name, (*changing, *set_by_events), switches, own)
    for group in plan.groups:
        switches = {each.switch for each in group.inputs}
        changing = ((each.name, each.right) for each in group.equations())
        events = (*group.before_step(), *group.resets())
        set_by_events = ((each.target, each.right) for each in events)
        own = _lasting(group.equations(), switches)
        yield from _switched(group.name, (*changing, *set_by_events), switches, own)


def _lasting(equations: Collection[Equation], switches: Collection[str]) -> set[str]:
    """The variables that do not change by themselves while plasticity is off, as traces do."""
    odes = [each for each in equations if each.kind == "ode"]
    switched = {each.name for each in odes if identifiers(each.right) & {*switches}}
    return switched | {each.name for each in equations if each.kind == "parameter"}


def _switched(
    owner: str, changes: Iterable[tuple[str, str]], switches: Collection[str], own: set[str]
) -> Iterator[str]:
    names = {name for name, right in changes if right and identifiers(right) & {*switches}}
    yield from (f"{owner}.{name}" for name in sorted(names & own))


def _now(name: str, synapses: SynapseGroup, post: Group, read: Read) -> Floats:
    """A variable that synapses see, where an expression of the neuron has its present value."""
    of_neuron = name.removesuffix("_post")
    equation = next((e for e in post.equations() if e.name == of_neuron), None)
    if of_neuron == name or equation is None or equation.kind != "expression":
        return _variable(name, synapses, read)
    needed = identifiers(equation.right) - {*FUNCTIONS, *UNITS, "pi", "inf"}
    values = {each: _now(f"{each}_post", synapses, post, read) for each in needed}
    found: Floats = evaluate(equation.right, values | {"inf": np.inf}, FUNCTIONS)
    return found


def _variable(name: str, synapses: SynapseGroup, read: Read) -> Floats:
    if name.startswith(IN_SYNAPSES):
        return read(f"{SHARED}.{name.removeprefix(IN_SYNAPSES)}")
    if name.endswith("_post"):
        held = read(f"{synapses.post}.{name.removesuffix('_post')}")
        if np.size(held) == 1:  # shared by all neurons
            return held
        return held[read(f"{synapses.name}._synaptic_post").astype(np.int64)]
    return read(f"{synapses.name}.{name}")
