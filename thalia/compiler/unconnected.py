"""Potential synapses that are not connected: what starts anew when they grow, who may skip them.

A synapse that grows is new: what it keeps of its weight, and of spikes that arrived at it, starts
with its initial value. So nothing is lost where spikes pass by synapses that are not connected, as
long as they change nothing else there; and where that holds for all that happens to a synapse,
those that are not connected need not be in memory.
"""

import ast
from collections.abc import Iterator

from thalia.compiler.optimise.deferred_weights import NOW
from thalia.compiler.plan import Plan, SynapseGroup
from thalia.syntax.equations import Statement, identifiers, tree


def started_anew(plan: Plan, synapses: SynapseGroup) -> tuple[str, ...]:
    """The variables of a synapse that start again when it grows.

    They are weights, or follow the weight, or change when presynaptic spikes arrive. Traces of
    postsynaptic spikes alone belong to the neuron, and stay.
    """
    following = {
        s.target for s in synapses.statements() if identifiers(s.right) & {"w", "w_before", NOW}
    }
    arriving = {s.target for s in _arriving(synapses)}
    apart = {"w", connected(synapses), *(change.then for change in plan.weight_changes)}
    return tuple(
        e.name
        for e in synapses.equations
        if e.kind != "expression"
        and e.name not in apart
        and (e.name in following | arriving or e.dimension == synapses.weight)
    )


def connected(synapses: SynapseGroup) -> str:
    """The variable that says which synapses of an object are connected; empty if all are."""
    rewiring = synapses.members[0].rewiring
    return rewiring.connected if rewiring else ""


def is_compacted(plan: Plan, synapses: SynapseGroup) -> bool:
    """Whether the synapses that are not connected may leave the memory of a program.

    All that is not constant must start anew when they grow, and nothing may happen to them before.
    """
    events = {"on_pre": synapses.on_pre, "on_post": synapses.on_post}
    if not connected(synapses) or synapses.later or synapses.on_step:
        return False
    if set(passed_by(plan, synapses)) != {name for name, found in events.items() if found}:
        return False
    changing = {s.target for s in (*synapses.statements(), *synapses.at_flush)}
    changing |= {e.name for e in synapses.equations if e.kind == "ode"}
    own = {e.name for e in synapses.equations if e.kind != "expression"}
    return changing & own <= {"w", *started_anew(plan, synapses)}


def passed_by(plan: Plan, synapses: SynapseGroup) -> tuple[str, ...]:
    """The events, of `on_pre`, `later` and `on_post`, that may skip synapses without connection."""
    if not connected(synapses):
        return ()
    anew = {"w", *started_anew(plan, synapses)}
    events = {
        "on_pre": synapses.on_pre,
        "later": tuple(s for each in synapses.later for s in each.statements),
        "on_post": synapses.on_post,
    }
    return tuple(
        name for name, found in events.items() if found and _is_lost(found, anew, synapses)
    )


def _arriving(synapses: SynapseGroup) -> Iterator[Statement]:
    """The statements that run when presynaptic spikes arrive."""
    yield from synapses.on_pre
    for each in synapses.later:
        yield from each.statements


def _is_lost(statements: tuple[Statement, ...], anew: set[str], synapses: SynapseGroup) -> bool:
    """Whether statements do nothing at a weight of zero but to change what starts anew."""
    own = {e.name for e in synapses.equations}
    zero = {"w", NOW, connected(synapses)}
    for each in statements:
        if each.target in own or each.target in zero:
            if each.target not in anew | zero:
                return False
        elif each.operator == "=":  # a name of these statements alone
            zero |= {each.target} if _vanishes(tree(each.right), zero) else set()
        elif each.operator not in ("+=", "-=") or not _vanishes(tree(each.right), zero):
            return False
    return True


def _vanishes(node: ast.expr, zero: set[str]) -> bool:
    """Whether an expression is zero wherever some names are."""
    match node:
        case ast.Name(id=name):
            return name in zero
        case ast.UnaryOp(operand=operand):
            return _vanishes(operand, zero)
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return _vanishes(left, zero) and _vanishes(right, zero)
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _vanishes(left, zero) or _vanishes(right, zero)
        case ast.BinOp(op=ast.Div(), left=left):
            return _vanishes(left, zero)
    return False
