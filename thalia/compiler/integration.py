"""How the variables of a model are advanced by a step, from what its equations are.

Variables that are linear with constant coefficients, and all that they read, have an exact
solution. Every other variable is advanced alone, the rest being held: exactly where it is linear in
itself, else by a step of second order that follows an upstroke to its end. Variables that depend
on one another take turns, there and back, which is of second order (Strang 1968 SIAM J Numer Anal
5:506. doi:10.1137/0705041); what they read and do not change is taken at the middle of the step.

What a variable reads decides about it, never what reads it: a trace or a receptor added elsewhere
leaves the method of a potential as it is.
"""

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from thalia.syntax.equations import (
    Equation,
    Statement,
    degree,
    identifiers,
    parsed,
    remembered,
    tree,
    written_out,
)
from thalia.syntax.expressions import parts

type Flow = Literal["linear", "quadratic", "general", "rough"]

CLAMPED = "unless refractory"
SMOOTH = {"exp", "exprel", "sin", "cos", "tanh", "sinh", "cosh", "arctan", "clip"}
LONGEST = 2  # ways from one variable to another that an exact solution may have
EXACT, SPLITTING, NOISE, UPDATE = "exact", "splitting", "heun", "its update"
# of Brian2, which a population may ask for, with their order for differentiable equations
CHOSEN: dict[str, int] = {"euler": 1, "exponential_euler": 1, "rk2": 2, "rk4": 4}


@dataclass(frozen=True)
class Integration:
    """How the variables of one model are advanced.

    Parameters
    ----------
    method : str
        Of the model's own variables: 'exact', 'splitting', or one of Brian2's.
    exact : variables with an exact solution, in sets that depend on one another
    blocks : the others, in sets of variables that take turns, each after what it reads
    flows : of each of the others, what its equation is in the variable itself
    chosen : variables that Brian2's method advances, or the statements of `update`
    substeps : into how many parts a step is divided for the others
    """

    method: str
    exact: tuple[tuple[str, ...], ...] = ()
    blocks: tuple[tuple[str, ...], ...] = ()
    flows: Mapping[str, Flow] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    substeps: int = 1
    update: tuple[Statement, ...] = ()

    @property
    def is_of_first_order(self) -> bool:
        """Whether halving dt only halves the error of the model's own variables."""
        return bool(self.chosen) and CHOSEN.get(self.method, 1) == 1 and not self.update

    def __str__(self) -> str:
        parts = []
        if self.chosen:
            order = f", of order {CHOSEN[self.method]}" if self.method in CHOSEN else ""
            parts.append(f"{', '.join(self.chosen)} by {self.method}{order}")
        if self.flows:
            often = f" in {self.substeps} parts of a step" if self.substeps > 1 else ""
            parts.append(f"{', '.join(self.flows)} by {SPLITTING}{often}, of order 2")
        rest = ["the rest exact" if parts else EXACT]
        return "; ".join([*parts, *(rest if self.exact or not parts else [])])

    def of(self, name: str) -> str:
        """How one variable is advanced, which groups that are fused have in common."""
        if name in self.chosen:
            return self.method
        return str(self.flows.get(name, EXACT))


@remembered
def integration_of(
    equations: tuple[Equation, ...],
    model: tuple[Equation, ...] = (),
    receptors: frozenset[str] = frozenset(),
    asked: str = "",
    substeps: int = 1,
    update: tuple[Statement, ...] = (),
) -> Integration:
    """The integration of some equations.

    Of the variables of the neuron's own `model` and of its `receptors` a method may be asked for;
    the model without what it receives tells how its potential runs to infinity.
    """
    rights, alone = _rights(equations), _rights(model)
    own = {*alone, *receptors}
    clamped = {e.name for e in equations if CLAMPED in e.flags}
    noisy = any("xi" in identifiers(text) for text in rights.values())
    if update:
        asked, chosen = UPDATE, tuple(n for n in rights if n in {s.target for s in update})
    elif noisy and asked not in CHOSEN:
        return Integration(NOISE, chosen=tuple(rights))
    else:
        chosen = tuple(name for name in rights if name in own) if asked in CHOSEN else ()
    left = {name: text for name, text in rights.items() if name not in chosen}
    linear = _linear(left, clamped, frozenset(chosen))
    others = {name: text for name, text in left.items() if name not in linear}
    flows = {name: _flow(name, text, alone.get(name, text)) for name, text in others.items()}
    blocks = tuple(_in_order(_cycles(others), others, flows))
    method = asked if chosen else SPLITTING if flows.keys() & set(own or flows) else EXACT
    joined = _joined({name: left[name] for name in linear})
    return Integration(method, joined, blocks, flows, chosen, substeps if flows else 1, update)


def of_synapses(equations: Iterable[Equation]) -> Integration:
    """The integration of equations of synapses.

    A change of weights is that of the state at the beginning of a step, so that the sums that stand
    for it once a circuit is lowered are the same to rounding.
    """
    equations = tuple(equations)
    found, rights = integration_of(equations), _rights(equations)
    powers = [_degree(right, {name}) for name, right in rights.items()]
    if found.chosen or (not found.flows and 0 not in powers):
        return found
    # a switch by the variable itself is no number for it
    is_linear = all(degree(right, {name}) <= 1 for name, right in rights.items())
    method = "exponential_euler" if is_linear else "rk2"
    return Integration(method, chosen=tuple(rights))


def _rights(equations: tuple[Equation, ...]) -> dict[str, str]:
    held = {e.name for e in equations if "constant over dt" in e.flags}
    return written_out(e for e in equations if e.name not in held)


def _flow(name: str, right: str, alone: str) -> Flow:
    if _degree(right, {name}) <= 1:
        return "linear"
    if not _is_smooth(right):
        return "rough"
    return "quadratic" if _degree(alone, {name}) == 2 else "general"


@remembered
def _is_smooth(right: str) -> bool:
    """Whether an expression has a derivative everywhere, but for clips and switches."""
    plain = _Switches().visit(parsed(right)) if _switched_by(right) else tree(right)
    for each in parts(plain):
        match each:
            case ast.Call(func=ast.Name(id=called)) if called not in SMOOTH:
                return False
            case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int())):
                continue
            case ast.BinOp(op=ast.Pow()):
                return False
            case ast.BinOp(op=ast.Mod() | ast.FloorDiv()):
                return False
    return True


def _linear(
    rights: Mapping[str, str], clamped: Collection[str], outside: frozenset[str]
) -> list[str]:
    """Variables that are linear in what they read, which is so itself, with constant coefficients.

    None reads itself through others, and no way from one to another is too long. A variable that
    goes on while another is clamped cannot have its exact solution together with it.
    """
    found = dict(rights)
    while True:
        gone = (rights.keys() - found.keys()) | outside
        kept = {name: right for name, right in found.items() if not identifiers(right) & gone}
        if len(kept) == len(found):  # only then what takes longer to tell
            within_reach = _within_reach(found)
            kept = {
                name: right
                for name, right in found.items()
                if name in within_reach
                and _degree(right, found.keys()) <= 1
                and not _switched_by(right) & rights.keys()
                and (name in clamped or not identifiers(right) & set(clamped))
            }
            if len(kept) == len(found):
                return list(kept)
        found = kept


def _within_reach(rights: Mapping[str, str]) -> set[str]:
    """Variables to which no way from another, or from a constant, is longer than `LONGEST`.

    A way that goes round is longer than any.
    """
    constants = {name: int(_has_constant(tree(right), rights)) for name, right in rights.items()}
    read = {name: identifiers(right) & rights.keys() - {name} for name, right in rights.items()}
    ways = constants
    for _ in range(LONGEST + 1):
        ways = {
            name: max([constants[name], *(1 + ways[other] for other in others)])
            for name, others in read.items()
        }
    return {name for name, way in ways.items() if way <= LONGEST}


def depends_on_constant(right: str, names: Collection[str]) -> bool:
    """Whether something is left of a linear right side when the variables in it are zero."""
    return _has_constant(tree(right), names)


def _has_constant(node: ast.expr, names: Collection[str]) -> bool:
    """Whether something is left of a linear expression when the variables in it are zero."""
    if not any(isinstance(each, ast.Name) and each.id in names for each in parts(node)):
        return not (isinstance(node, ast.Constant) and node.value == 0)
    match node:
        case ast.UnaryOp(operand=operand):
            return _has_constant(operand, names)
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return _has_constant(left, names) or _has_constant(right, names)
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _has_constant(left, names) and _has_constant(right, names)
        case ast.BinOp(left=left):
            return _has_constant(left, names)
    return False


def _joined(rights: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Variables that depend on one another, in whichever direction."""
    reads = {name: identifiers(right) & rights.keys() for name, right in rights.items()}
    read_by = _reversed(reads)
    beside = {name: {*reads[name], *read_by[name]} for name in rights}
    blocks: list[tuple[str, ...]] = []
    placed: set[str] = set()
    for name in reversed(list(rights)):
        if name not in placed:
            block = {name} | _reached(name, beside)
            placed |= block
            blocks.append(_as_in(rights, block))
    return tuple(reversed(blocks))


def _reversed(ways: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in ways}
    for name, others in ways.items():
        for other in others:
            found[other].add(name)
    return found


def _as_in(rights: Mapping[str, str], names: Collection[str]) -> tuple[str, ...]:
    """Some names in the order of the equations."""
    if len(names) == 1:  # as of most: the order is gone through for the others only
        return tuple(names)
    return tuple(name for name in rights if name in names)


def _cycles(rights: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Variables that read one another, directly or through others."""
    reads = {name: identifiers(right) & rights.keys() for name, right in rights.items()}
    read_by = _reversed(reads)
    found: list[tuple[str, ...]] = []
    placed: set[str] = set()
    for name in rights:
        if name not in placed:
            cycle = {name} | (_reached(name, reads) & _reached(name, read_by))
            placed |= cycle
            found.append(_as_in(rights, cycle))
    return found


def _reached(name: str, ways: Mapping[str, Collection[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        new = [each for each in ways[waiting.pop()] if each not in reached]
        reached.update(new)
        waiting += new
    return reached


def _in_order(
    blocks: list[tuple[str, ...]], rights: Mapping[str, str], flows: Mapping[str, Flow]
) -> Iterable[tuple[str, ...]]:
    """Each block after those that it reads; in a block, what costs most or is read most last."""
    of = {name: block for block in blocks for name in block}
    read = {
        block: {of[e] for n in block for e in identifiers(rights[n]) & of.keys()} - {block}
        for block in blocks
    }
    waiting = dict.fromkeys(blocks)
    while waiting:
        ready = next(block for block in waiting if read[block].isdisjoint(waiting))
        del waiting[ready]
        weight = {
            name: (flows[name] != "linear", sum(name in identifiers(rights[n]) for n in ready))
            for name in ready
        }
        backwards = reversed(ready)  # of those that are alike, the first of the model
        yield tuple(sorted(backwards, key=weight.__getitem__))


@remembered
def _switched_by(right: str) -> frozenset[str]:
    """The names that its comparisons read."""
    return frozenset(
        each.id
        for node in parts(tree(right))
        if isinstance(node, ast.Compare)
        for each in parts(node)
        if isinstance(each, ast.Name)
    )


def _degree(right: str, names: Collection[str]) -> float:
    """The degree of what a right side is between the switches of its comparisons."""
    if not _switched_by(right):
        return degree(right, names)
    return degree(ast.unparse(_Switches().visit(parsed(right))), names)


class _Switches(ast.NodeTransformer):
    """Puts a constant for each call whose argument compares."""

    def visit_Call(self, node: ast.Call) -> Any:
        """Replace `int(v > v_h)`."""
        compares = any(isinstance(each, ast.Compare) for each in node.args)
        return ast.Constant(1) if compares else self.generic_visit(node)
