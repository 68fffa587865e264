"""A modulator as a synapse of NESTML keeps it: its level, and what spikes do that release it."""

from dataclasses import dataclass, field

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import IN_SYNAPSES, SHARED, Plan, identifier
from thalia.library.schema import ModulatorKind
from thalia.syntax.equations import Equation, Statement, rename, rename_equation
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import Dimension, Value


@dataclass(frozen=True)
class Level:
    """The equations of a modulator under the names by which synapses read it, and its numbers.

    Without a modulator it is empty.
    """

    modulator: str = ""
    equations: tuple[Equation, ...] = ()
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    initial: dict[str, Value] = field(default_factory=dict)
    release: tuple[Statement, ...] = ()


def level_of(read: frozenset[str], circuit: Circuit, plan: Plan) -> Level:
    """The level of the modulator of which some names are.

    Raises
    ------
    EquationError
        If there are several, or spikes release it in different ways.
    """
    own = {name: _variables(name, circuit) for name in plan.modulators}
    found = [name for name in own if read & {f"{IN_SYNAPSES}{each}" for each in own[name]}]
    if len(found) > 1:
        # NEST has one volume transmitter for a synapse
        raise EquationError(f"waits for {' and '.join(found)} at once")
    if not found or not plan.shared:
        return Level()
    (name,) = found
    seen = {each: f"{IN_SYNAPSES}{each}" for each in own[name]}
    (cell,) = plan.shared.members
    return Level(
        name,
        tuple(rename_equation(e, seen) for e in plan.shared.model if e.name in seen),
        {seen[key]: each for key, each in plan.shared.parameters.items() if key in seen},
        {seen[key]: value[0] for key, value in cell.parameters.items() if key in seen},
        {
            seen[key]: value
            for key, value in cell.initial.items()
            if key in seen and isinstance(value, Value)
        },
        _release(name, seen, plan),
    )


def _variables(name: str, circuit: Circuit) -> set[str]:
    """The shared variables and parameters that a modulator has."""
    part = circuit.part("modulators", circuit.modulators[name].kind)
    assert isinstance(part, ModulatorKind)
    keys = (*part.parameters, *(each.name for each in part.equations))
    return {f"{identifier(name)}_{key}" for key in keys}


def _release(name: str, seen: dict[str, str], plan: Plan) -> tuple[Statement, ...]:
    """What one spike does to it, whichever population it is of."""
    found = set[tuple[Statement, ...]]()
    for synapses in plan.synapses:
        if synapses.post == SHARED and {each.target for each in synapses.on_pre} <= {
            f"{each}_post" for each in seen
        }:
            (pathway,) = synapses.members
            names = {f"{each}_post": there for each, there in seen.items()}
            names["w"] = repr(pathway.weight.mean)
            found.add(
                tuple(
                    Statement(names[each.target], each.operator, rename(each.right, names))
                    for each in synapses.on_pre
                )
            )
    if len(found) > 1:
        raise EquationError(f"waits for {name}, which spikes release in several ways")
    return next(iter(found), ())
