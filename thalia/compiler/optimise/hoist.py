"""Hoisting: traces that are the same for all synapses of a neuron are kept in the neuron."""

from dataclasses import dataclass, field, replace

from thalia.compiler.plan import Group, SynapseGroup
from thalia.syntax.equations import (
    Equation,
    Statement,
    identifiers,
    is_linear_decay,
    rename,
    rename_equation,
    rename_statement,
)
from thalia.syntax.units import Dimension, Value


@dataclass
class Moved:
    """What goes from a synapse object to the neurons that it reaches, or to what all share."""

    equations: list[Equation] = field(default_factory=list)
    resets: list[Statement] = field(default_factory=list)
    parameters: dict[str, tuple[Dimension, Value]] = field(default_factory=dict)
    initial: dict[str, Value] = field(default_factory=dict)
    sums: list[Statement] = field(default_factory=list)
    at_flush: list[Statement] = field(default_factory=list)


def why_hoist(equation: Equation, synapses: SynapseGroup, post: Group) -> str:
    """The reason why a variable may live in the postsynaptic neuron, or nothing if it may not."""
    name = equation.name
    delay = synapses.delay("dendritic")
    own = [s for s in synapses.on_post if s.target == name]
    later = (s for each in synapses.later for s in each.statements)
    others = (*synapses.on_pre, *later, *synapses.on_step)
    first = next((k for k, s in enumerate(synapses.on_post) if s.target == name), 0)
    read_later = any(
        name in identifiers(s.right) for s in synapses.on_post[first:] if s.target != name
    )
    changed_before = any(s.target == name for s in others)
    needed = set().union(*(identifiers(s.right) for s in own), identifiers(equation.right)) - {name}
    shared = {key for key in synapses.parameters if synapses.shared(key) is not None}
    local = {*synapses.parameters, *(e.name for e in synapses.equations), "w", "plastic"}
    if (
        not own
        or changed_before
        or read_later
        or name in synapses.members[0].initial
        or post.plays_spikes
        or delay is None
        or delay.mean != 0
        or (needed & local) - shared
        or any(key.endswith("_post") for key in needed)
        or not is_linear_decay(equation, shared)
    ):
        return ""
    return f"only postsynaptic spikes change it, and they arrive at once; kept in {post.name}"


def hoist(equation: Equation, synapses: SynapseGroup, moved: Moved) -> SynapseGroup:
    own = [s for s in synapses.on_post if s.target == equation.name]
    mentioned = set().union(identifiers(equation.right), *(identifiers(s.right) for s in own))
    needed = mentioned & synapses.parameters.keys()
    names = {key: hoisted_name(synapses, key) for key in [equation.name, *needed]}
    moved.equations.append(rename_equation(equation, names))
    moved.resets += [rename_statement(s, names) for s in own]
    for key in sorted(needed):
        value = synapses.shared(key)
        assert value is not None, "only variables of shared parameters are hoisted"
        moved.parameters[names[key]] = (synapses.parameters[key], value)
    reading = {equation.name: f"{names[equation.name]}_post"}

    def read(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(Statement(s.target, s.operator, rename(s.right, reading)) for s in statements)

    changed = replace(
        synapses,
        equations=tuple(
            rename_equation(e, reading) for e in synapses.equations if e.name != equation.name
        ),
        on_pre=read(synapses.on_pre),
        on_post=read(tuple(s for s in synapses.on_post if s.target != equation.name)),
        later=tuple(replace(each, statements=read(each.statements)) for each in synapses.later),
        on_step=read(synapses.on_step),
    )
    still_used = {name for s in changed.statements() for name in identifiers(s.right)}
    still_used |= {name for e in changed.equations if e.right for name in identifiers(e.right)}
    parameters = {
        key: d for key, d in synapses.parameters.items() if key not in needed or key in still_used
    }
    return replace(changed, parameters=parameters)


def hoisted_name(synapses: SynapseGroup, variable: str) -> str:
    """The name in the neurons of a variable that was the synapses'."""
    return f"{stem_of(synapses)}_{variable}"


def hosting(group: Group, moved: Moved) -> Group:
    """The group with the variables that moved into it."""
    if not moved.equations:
        return group
    parameters = {name: (value,) for name, (_, value) in moved.parameters.items()}
    members = tuple(
        replace(
            member,
            parameters=member.parameters | parameters,
            initial=member.initial | moved.initial,
        )
        for member in group.members
    )
    return replace(
        group,
        members=members,
        hosted=group.hosted + tuple(moved.equations),
        reset=group.reset + tuple(moved.resets),
        parameters=group.parameters
        | {name: dimension for name, (dimension, _) in moved.parameters.items()},
        sums=group.sums + tuple(moved.sums),
        at_flush=group.at_flush + tuple(moved.at_flush),
    )


def stem_of(synapses: SynapseGroup) -> str:
    """What the names of variables begin with that were the synapses'."""
    return synapses.name.removeprefix("synapses_")
