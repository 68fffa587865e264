"""Pass 5: Plan → Plan. Each synaptic variable gets its cheapest exact form.

- *hoisted*: a trace that only postsynaptic spikes change is the same for all synapses of a neuron, so it lives
  in the neuron: one number per neuron instead of one per synapse;
- *event-driven*: a variable that decays linearly with constants has a closed form, so it is brought up to date
  only when a spike arrives;
- *clock-driven*: everything else, a pass over all synapses in every step, said with its cost.
"""

from dataclasses import dataclass, field, replace

from thalia.equations import (
    Equation,
    Statement,
    degree,
    identifiers,
    is_linear_decay,
    rename,
    rename_equation,
    rename_statement,
    written_out,
)
from thalia.plan import Group, Plan, SynapseGroup
from thalia.units import UNITS, Dimension, Value

HOISTED, EVENT, CLOCK = "hoisted", "event-driven", "clock-driven"


def lower(plan: Plan, mode: str = "on") -> Plan:
    """The same plan with a form for each variable; with mode 'off' all are clock-driven, for comparison."""
    groups = {group.name: group for group in plan.groups}
    synapses = []
    for each in plan.synapses:
        lowered, moved = _lower(each, groups[each.post], mode)
        synapses.append(lowered)
        groups[each.post] = _hosting(groups[each.post], moved)
    integrated = tuple(_integrated(_summed(group)) for group in groups.values())
    return plan.with_(groups=integrated, synapses=tuple(synapses))


def _integrated(group: Group) -> Group:
    return replace(group, method=_method(group.equations(), {*group.variables(), *UNITS} - {e.name for e in group.equations()}))


def _summed(group: Group) -> Group:
    """The group with the plain integrals among the states of rules summed up step by step.

    An equation that does not decay has no place in the exact solution of a linear model (its matrix cannot be
    inverted), and would cost all other variables of the neuron their exactness.
    """
    inputs, steps = [], []
    for each in group.inputs:
        integrals = {e.name for e in each.equations if each.is_state and e.kind == "ode" and degree(e.right, {e.name}) == 0}
        steps += [Statement(e.name, "+=", f"dt*({e.right})") for e in each.equations if e.name in integrals]
        kept = tuple(replace(e, kind="parameter", right="") if e.name in integrals else e for e in each.equations)
        inputs.append(replace(each, equations=kept))
    return replace(group, inputs=tuple(inputs), on_step=tuple(steps))


def _method(equations: tuple[Equation, ...], constants: set[str]) -> str:
    """Exact where the model is linear; exponential Euler where each equation is, in its own variable; else RK2.

    Equations with white noise are integrated by the stochastic scheme of Heun (they are Stratonovich's).
    """
    rights = written_out(equations)
    if any("xi" in identifiers(right) for right in rights.values()):
        return "heun"
    known = constants | rights.keys()
    is_linear = all(degree(right, rights.keys()) <= 1 and identifiers(right) <= known for right in rights.values())
    if is_linear:
        return "exact"
    return "exponential_euler" if all(degree(right, {name}) <= 1 for name, right in rights.items()) else "rk2"


@dataclass
class _Moved:
    """What goes from a synapse object to the neurons that it reaches."""

    equations: list[Equation] = field(default_factory=list)
    resets: list[Statement] = field(default_factory=list)
    parameters: dict[str, tuple[Dimension, Value]] = field(default_factory=dict)


def _lower(synapses: SynapseGroup, post: Group, mode: str) -> tuple[SynapseGroup, _Moved]:
    forms: dict[str, str] = {}
    moved = _Moved()
    equations: list[Equation] = []
    stepped = _read_in_every_step(synapses)
    for equation in synapses.equations:
        if equation.kind != "ode":
            equations.append(equation)
        elif mode != "off" and equation.name in stepped:
            forms[equation.name] = f"{CLOCK}: {stepped[equation.name]}; costs a pass over all synapses in every step"
            equations.append(replace(equation, flags=(*equation.flags, CLOCK)))
        elif mode != "off" and (reason := _why_hoist(equation, synapses, post)):
            forms[equation.name] = f"{HOISTED}: {reason}"
            synapses = _hoist(equation, synapses, moved)
        elif mode != "off":
            forms[equation.name] = f"{EVENT}: linear decay, brought up to date when a spike arrives"
            equations.append(replace(equation, flags=(*equation.flags, EVENT)))
        else:
            forms[equation.name] = f"{CLOCK}: asked for; costs a pass over all synapses in every step"
            equations.append(replace(equation, flags=(*equation.flags, CLOCK)))
    method = _method(tuple(equations), {*synapses.parameters, *UNITS})
    return replace(synapses, equations=tuple(equations), forms=forms, method=method), moved


def _read_in_every_step(synapses: SynapseGroup) -> dict[str, str]:
    """Variables that must be current in every step, each with the reason."""
    odes = {e.name: e for e in synapses.equations if e.kind == "ode"}
    rights = written_out(synapses.equations)
    found = {
        name: "its equation has no closed form between spikes"
        for name, equation in odes.items()
        if not is_linear_decay(replace(equation, right=rights[name]), synapses.parameters)
    }
    named = {e.name: f"({e.right})" for e in synapses.equations if e.kind == "expression"}
    needed = [rename(s.right, named) for s in synapses.on_step] + [rights[name] for name in found]
    read = {name for right in needed for name in identifiers(right)} & odes.keys()
    return found | dict.fromkeys(sorted(read - found.keys()), "it is read in every step")


def _why_hoist(equation: Equation, synapses: SynapseGroup, post: Group) -> str:
    """The reason why a variable may live in the postsynaptic neuron, or nothing if it may not."""
    name = equation.name
    delay = synapses.delay("dendritic")
    own = [s for s in synapses.on_post if s.target == name]
    others = [s for s in synapses.statements() if s not in synapses.on_post]
    first = next((k for k, s in enumerate(synapses.on_post) if s.target == name), 0)
    read_later = any(name in identifiers(s.right) for s in synapses.on_post[first:] if s.target != name)
    changed_before = any(s.target == name for s in others)
    needed = set().union(*(identifiers(s.right) for s in own), identifiers(equation.right)) - {name}
    shared = {key for key in synapses.parameters if synapses.shared(key) is not None}
    local = {*synapses.parameters, *(e.name for e in synapses.equations), "w", "plastic"}
    if (
        not own or changed_before or read_later or name in synapses.members[0].initial
        or post.plays_spikes or delay is None or delay.mean != 0
        or (needed & local) - shared or any(key.endswith("_post") for key in needed)
        or not is_linear_decay(equation, shared)
    ):  # fmt: skip
        return ""
    return f"only postsynaptic spikes change it, and they arrive at once; kept in {post.name}"


def _hoist(equation: Equation, synapses: SynapseGroup, moved: _Moved) -> SynapseGroup:
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
        synapses, on_pre=read(synapses.on_pre),
        on_post=read(tuple(s for s in synapses.on_post if s.target != equation.name)),
        later=tuple(replace(each, statements=read(each.statements)) for each in synapses.later),
    )  # fmt: skip
    still_used = {name for s in changed.statements() for name in identifiers(s.right)}
    still_used |= {name for e in synapses.equations if e.name != equation.name and e.right for name in identifiers(e.right)}
    parameters = {key: d for key, d in synapses.parameters.items() if key not in needed or key in still_used}
    return replace(changed, parameters=parameters)


def hoisted_name(synapses: SynapseGroup, variable: str) -> str:
    """The name in the neurons of a variable that was the synapses'."""
    return f"{synapses.name.removeprefix('synapses_')}_{variable}"


def _hosting(group: Group, moved: _Moved) -> Group:
    """The group with the variables that moved into it."""
    if not moved.equations:
        return group
    members = tuple(
        replace(member, parameters=member.parameters | {name: (value,) for name, (_, value) in moved.parameters.items()})
        for member in group.members
    )
    return replace(
        group, members=members, model=group.model + tuple(moved.equations), reset=group.reset + tuple(moved.resets),
        parameters=group.parameters | {name: dimension for name, (dimension, _) in moved.parameters.items()},
    )  # fmt: skip
