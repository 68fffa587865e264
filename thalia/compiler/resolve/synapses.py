"""Synapse objects: one for each pathway, with its equations, its statements and its numbers."""

from collections.abc import Iterable, Mapping

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import (
    IN_SYNAPSES,
    Group,
    PathwayPlan,
    SynapseGroup,
    WeightChange,
    group_name,
    synapses_name,
)
from thalia.compiler.resolve.neuromodulators import Modulators, expression
from thalia.compiler.resolve.pathways import ResolvedPathway
from thalia.compiler.resolve.rewiring import rewiring_of
from thalia.compiler.resolve.rule_checks import check_rule, neurons_hint
from thalia.compiler.resolve.rule_state import States, states_of
from thalia.compiler.resolve.synapse_code import SynapseCode, synapse_code
from thalia.compiler.synaptic_input import numbers_of, sign_of
from thalia.errors import Diagnostics, Path
from thalia.syntax.dimensions import check_equation, check_statement
from thalia.syntax.equations import Equation, identifiers
from thalia.syntax.expressions import FUNCTIONS
from thalia.syntax.units import DIMENSIONLESS, UNITS, Dimension


def build_synapses(
    circuit: Circuit,
    pathways: Iterable[ResolvedPathway],
    states: States,
    modulators: Modulators,
    changes: tuple[WeightChange, ...],
    diagnostics: Diagnostics,
) -> dict[str, SynapseGroup]:
    """The synapse object of each pathway."""
    return {
        pathway.name: _synapses(circuit, pathway, states, modulators, changes, diagnostics)
        for pathway in pathways
    }


def _synapses(
    circuit: Circuit,
    pathway: ResolvedPathway,
    states: States,
    modulators: Modulators,
    changes: tuple[WeightChange, ...],
    diagnostics: Diagnostics,
) -> SynapseGroup:
    receptor, acting = pathway.receptor, list(states_of(pathway, states))
    text, where = pathway.pathway.release, (*pathway.path, "release")
    release = text and expression(text, where, IN_SYNAPSES, modulators, diagnostics)
    code = synapse_code(
        receptor.arrival,
        acting,
        receptor.weight,
        switches=not all(pathway.plastic),
        release=release or "",
    )
    member = _member(circuit, pathway, code, states, diagnostics)
    words = [rule.word for rule in pathway.applied.efficacies]
    return SynapseGroup(
        name=synapses_name(pathway.name),
        pre=group_name(pathway.pre),
        post=group_name(pathway.post),
        synapse=" + ".join([*words, receptor.input.name]),
        rules=tuple(rule.name for rule in pathway.rules),
        members=(member,),
        weight=receptor.weight,
        parameters={key: value.dimension for key, value in member.parameters.items()},
        equations=(
            *code.equations,
            *receptor.sums,
            *_measured(pathway.name, receptor.weight, changes),
        ),
        on_pre=code.on_pre,
        on_post=code.on_post,
        later=code.later,
        on_step=code.on_step,
    )


def _member(
    circuit: Circuit,
    pathway: ResolvedPathway,
    code: SynapseCode,
    states: States,
    diagnostics: Diagnostics,
) -> PathwayPlan:
    given, low, high = pathway.pathway, pathway.w_min, pathway.w_max
    bounds = {key: bound for key, bound in (("w_min", low), ("w_max", high)) if bound}
    rewiring = rewiring_of(circuit, pathway.rules, low, high, diagnostics) if low and high else None
    return PathwayPlan(
        name=pathway.name,
        pre=pathway.pre,
        post=pathway.post,
        connect=given.connect,
        weight=pathway.weight,
        axonal=given.delay.axonal[0][0],
        dendritic=given.delay.dendritic[0][0],
        parameters=code.values | bounds,
        plastic=pathway.plastic,
        w_min=low,
        w_max=high,
        initial=code.initial,
        states=tuple(state.name for _, state in states_of(pathway, states) if state),
        rewiring=rewiring,
        sign=sign_of(pathway.receptor.part, numbers_of(pathway.receptor.part, given.receptor)),
        null_model=given.rewire or "",
        symmetric=pathway.receptor.part.symmetric,
    )


def _measured(
    pathway: str, weight: Dimension, changes: tuple[WeightChange, ...]
) -> tuple[Equation, ...]:
    """The variables that hold a weight as it was when its change was last measured."""
    return tuple(
        Equation("parameter", change.then, "", weight)
        for change in changes
        if pathway in change.pathways
    )


# dimensions


def check_synapses(
    circuit: Circuit,
    pathways: Iterable[ResolvedPathway],
    synapses: Mapping[str, SynapseGroup],
    groups: Mapping[str, Group],
    shared: Group | None,
    diagnostics: Diagnostics,
) -> None:
    """Check the dimensions of what synapses do, and that both neurons have what they read."""
    for pathway in pathways:
        if pathway.pre not in groups or pathway.post not in groups:
            continue
        here, pre, post = synapses[pathway.name], groups[pathway.pre], groups[pathway.post]
        path = (*pathway.path, "synapse")
        _check_graded(pathway, here, pre, post, path, diagnostics)
        _check_arrival(here, post, shared, path, diagnostics)
        for rule in pathway.applied.all:
            check_rule(circuit, rule, here.weight, pre, post, diagnostics)


def _check_arrival(
    synapses: SynapseGroup,
    post: Group,
    shared: Group | None,
    path: Path,
    diagnostics: Diagnostics,
) -> None:
    """Check the statements that only read what is known without the rules."""
    efficacies = (s.target for s in synapses.on_pre if s.target.endswith("_efficacy"))
    own = {"w": synapses.weight} | dict.fromkeys(efficacies, DIMENSIONLESS)
    for statement in synapses.on_pre:
        if not statement.target.endswith("_post"):
            continue
        read = identifiers(statement.right)
        known = own | _seen({*read, statement.target}, post=post, shared=shared)
        if statement.target not in known:  # the message has all that there are
            known |= {f"{name}_post": dimension for name, dimension in post.variables().items()}
        if all(name in known or name in FUNCTIONS or name in UNITS for name in read):
            with diagnostics.catch(path):
                check_statement(statement, known)


def _seen(
    names: Iterable[str],
    pre: Group | None = None,
    post: Group | None = None,
    shared: Group | None = None,
) -> dict[str, Dimension]:
    """The dimensions of those names that stand for variables of neurons, or of what all share."""
    found: dict[str, Dimension] = {}
    for name in names:
        for group, bare in (
            (pre, name.removesuffix("_pre")),
            (post, name.removesuffix("_post")),
            (shared, name.removeprefix(IN_SYNAPSES)),
        ):
            if group and bare != name and bare in group.variables():
                found[name] = group.variables()[bare]
    return found


def _check_graded(
    pathway: ResolvedPathway,
    synapses: SynapseGroup,
    pre: Group,
    post: Group,
    path: Path,
    diagnostics: Diagnostics,
) -> None:
    """Check that presynaptic neurons have what is transmitted, with the right dimension."""
    for equation in synapses.equations:
        if "summed" not in equation.flags:
            continue
        mentioned = {equation.name, *identifiers(equation.right)}
        known = {"w": synapses.weight} | _seen(mentioned, pre=pre, post=post)
        read = sorted(n for n in identifiers(equation.right) if n.endswith("_pre"))
        missing = [name.removesuffix("_pre") for name in read if name not in known]
        for name in missing:
            message = f"transmits the presynaptic '{name}', which {pathway.pre} lacks"
            diagnostics.error(path, message, neurons_hint(name))
        if not missing:
            with diagnostics.catch(path):
                check_equation(equation, known)
