"""Weights that change between spikes, brought up to date only when something reads them.

Where `dw/dt` is a sum of terms `factor × trace × signal`, with a trace that decays in each synapse
at a rate that all share, and a signal that all synapses (of a neuron) see, one running sum of
`signal × decay` for each term gives every synapse its weight: `w(t) = w(t0) + factor × trace(t0) ×
(sum(t) - sum(t0))`. The sums are advanced in each step, the synapses are not touched. See Potjans,
Morrison & Diesmann (2010) Front Comput Neurosci 4:141 for one signal that decays itself; here any
signal does.

A trace is kept in units that grow as it decays, so that its number stands still between events, and
`w` without what the sums have added. Both are brought back at every flush, before they lose
precision.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from thalia.syntax.equations import (
    Equation,
    Statement,
    degree,
    identifiers,
    rename,
    tree,
)
from thalia.syntax.expressions import EquationError

NOW = "w_now"


@dataclass(frozen=True)
class Term:
    """A term of `dw/dt`: `factor`, constant between events, `trace` (empty: 1), shared `signal`."""

    trace: str
    factor: str
    signal: str


def terms_of(
    rate: str, traces: Iterable[str], constant: Iterable[str], shared: Iterable[str]
) -> tuple[Term, ...]:
    """A rate of change of the weight as a sum of terms.

    Parameters
    ----------
    rate : str
        The right side of `dw/dt`.
    traces, constant, shared : names
        Variables that decay, those that change only at events, and those that synapses share.

    Raises
    ------
    EquationError
        If it is no such sum; the message says why.
    """
    found: dict[tuple[str, str], list[str]] = {}
    kinds = _Kinds(frozenset(traces), frozenset(constant), frozenset(shared))
    for product in kinds.products(tree(rate)):
        decaying = [
            node.id for node in product if isinstance(node, ast.Name) and node.id in kinds.traces
        ]
        if len(decaying) > 1:
            raise EquationError(
                f"it has the product of two variables of the synapse, {' and '.join(decaying)}"
            )
        own = [node for node in product if _names(node) & (kinds.constant - kinds.shared)]
        rest = [
            node
            for node in product
            if node not in own and not (isinstance(node, ast.Name) and node.id in decaying)
        ]
        found.setdefault(("".join(decaying), _product(own)), []).append(_product(rest) or "1")
    return tuple(
        Term(trace, factor, " + ".join(signals)) for (trace, factor), signals in found.items()
    )


@dataclass(frozen=True)
class _Kinds:
    """What the names in a rate are, and the rate as a sum of products of things of one kind."""

    traces: frozenset[str]
    constant: frozenset[str]
    shared: frozenset[str]

    def products(self, node: ast.expr) -> Iterator[list[ast.expr]]:
        names = _names(node)
        if (
            names <= self.shared
            or names <= self.constant
            or (isinstance(node, ast.Name) and node.id in self.traces)
        ):
            yield [node]
            return
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right):
                yield from self.products(left)
                yield from ([*_minus(op), *each] for each in self.products(right))
            case ast.UnaryOp(op=ast.USub() as op, operand=operand):
                yield from ([*_minus(op), *each] for each in self.products(operand))
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                yield from ([*a, *b] for a in self.products(left) for b in self.products(right))
            case ast.BinOp(op=ast.Div(), left=left, right=right) if (
                names - _names(right) and not _names(right) & self.traces
            ):
                inverse = ast.BinOp(ast.Constant(1), ast.Div(), right)
                yield from ([*a, *b] for a in self.products(left) for b in [[inverse]])
            case ast.Name(id=name):
                raise EquationError(_why_not(name))
            case _:
                raise EquationError(
                    f"'{ast.unparse(node)}' mixes "
                    "what is the synapse's own with what synapses share"
                )


def _why_not(name: str) -> str:
    if name == "w":
        return "it reads the weight itself"
    return f"'{name}' does not decay at a rate that all synapses share"


def _minus(op: ast.operator | ast.unaryop) -> list[ast.expr]:
    return [] if isinstance(op, ast.Add) else [ast.UnaryOp(ast.USub(), ast.Constant(1))]


def _names(node: ast.expr) -> frozenset[str]:
    called = {each.func for each in ast.walk(node) if isinstance(each, ast.Call)}
    return frozenset(
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each not in called
    )


def _product(factors: list[ast.expr]) -> str:
    return "*".join(_bracketed(node) for node in factors)


def _bracketed(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, ast.Name | ast.Constant | ast.Call) else f"({text})"


def decay_rate(equation: Equation, shared: Iterable[str]) -> str:
    """The rate `k` of a trace with `dx/dt = k*x`, shared by all synapses; empty if it is none."""
    if equation.kind != "ode" or degree(equation.right, {equation.name}) != 1:
        return ""
    only_shared = identifiers(equation.right) - {equation.name} <= {*shared}
    is_homogeneous = _is_zero(rename(equation.right, {equation.name: "0"}))
    return rename(equation.right, {equation.name: "1"}) if only_shared and is_homogeneous else ""


def _is_zero(text: str) -> bool:
    """Whether an expression, with zero for the variable, has nothing besides its multiples."""
    match tree(text):
        case ast.Constant(value=0):
            return True
        case ast.UnaryOp(operand=operand):
            return _is_zero(ast.unparse(operand))
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _is_zero(ast.unparse(left)) or _is_zero(ast.unparse(right))
        case ast.BinOp(op=ast.Div(), left=left):
            return _is_zero(ast.unparse(left))
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return _is_zero(ast.unparse(left)) and _is_zero(ast.unparse(right))
    return False


@dataclass(frozen=True)
class Bookkeeping:
    """How the statements of a synapse object find the weight and the traces, and leave them behind.

    `pending` is what the sums have added to `w`; a trace's number times its `decay` is its value.
    """

    pending: str
    touching: frozenset[str]
    decay: dict[str, str]
    growth: dict[str, str]

    def around(self, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """The same statements for the current weight, with traces in their growing units."""
        touched = {s.target for s in statements} | {
            name for s in statements for name in identifiers(s.right)
        }
        inside = tuple(self._converted(s) for s in statements)
        if not touched & self.touching:
            return inside
        now = Statement(NOW, "=", f"clip(w + {self.pending}, w_min, w_max)")
        return (now, *inside, Statement("w", "=", f"{NOW} - ({self.pending})"))

    @property
    def values(self) -> dict[str, str]:
        """What stands for the value of a trace."""
        return {name: f"({name}*{decay})" for name, decay in self.decay.items()}

    def _converted(self, statement: Statement) -> Statement:
        weight = {"w": NOW} if self.pending else {}
        right = rename(statement.right, self.values | weight)
        target = weight.get(statement.target, statement.target)
        if target in self.growth and statement.operator not in ("*=", "/="):
            right = f"({right})*{self.growth[target]}"
        return Statement(target, statement.operator, right)

    def brought_back(self) -> tuple[Statement, ...]:
        """What a flush does to every synapse, before the sums start from zero."""
        weight = (
            (Statement("w", "=", f"clip(w + {self.pending}, w_min, w_max)"),)
            if self.pending
            else ()
        )
        return (*weight, *(Statement(name, "*=", decay) for name, decay in self.decay.items()))
