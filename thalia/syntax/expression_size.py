"""How large equations become once their named expressions are written out, without writing them.

Brian2 writes them out, and hands them to sympy, which multiplies them out. Twenty lines such as
`x2 = x1 + x1` are a million terms by then.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import comb, log10

from thalia.syntax.equations import Equation, remembered, tree
from thalia.syntax.expressions import EquationError, constant_value, parts

MOST_PARTS = 5000  # names, numbers and operators
MOST_TERMS = 2000  # of a sum, once it is multiplied out
BEYOND = 10**9  # where counting ends
DEEPEST_WRITTEN_OUT = 120  # Brian2's own recursion ends at some 300
MOST_DIGITS = 18  # of a product of integers, in the 64 bits of C++


@dataclass(frozen=True)
class Size:
    """Of an expression that is written out; `largest` is the largest sum that it holds."""

    parts: float = 1
    depth: int = 1
    terms: float = 1
    largest: float = 1
    digits: float = 0

    def around(self, *others: "Size", terms: float = 1, digits: float = 0) -> "Size":
        """The size of an operation or a function of this one and others."""
        inside = (self, *others)
        return Size(
            min(1 + sum(each.parts for each in inside), BEYOND),
            1 + max(each.depth for each in inside),
            min(terms, BEYOND),
            min(max(terms, *(each.largest for each in inside)), BEYOND),
            min(digits, BEYOND),
        )


@remembered
def check_sizes(equations: tuple[Equation, ...]) -> None:
    """Check that named expressions do not depend on themselves, and that nothing grows too large.

    Raises
    ------
    EquationError
        For the first equation that is too large.
    """
    named = {e.name: e for e in equations if e.kind == "expression"}
    known: dict[str, Size] = {}
    for equation in (e for e in equations if e.right):
        try:
            size = _measured(equation, named, known)
        except EquationError as error:
            raise EquationError(str(error), error.hint, equation.at) from None
        if message := _too_large(size):
            hint = "make it smaller, or keep a part of it with an equation of its own: dx/dt = …"
            raise EquationError(f"'{equation.name}' {message}", hint, equation.at)


def _too_large(size: Size) -> str:
    if size.depth > DEEPEST_WRITTEN_OUT:
        return f"is nested more than {DEEPEST_WRITTEN_OUT} levels deep, once it is written out"
    if size.parts > MOST_PARTS:
        return f"has more than {MOST_PARTS:,} names and numbers once it is written out"
    if size.largest > MOST_TERMS:
        return f"has more than {MOST_TERMS:,} terms once it is multiplied out"
    if size.digits > MOST_DIGITS:
        return "has a product of integers that is too large: write them as `1e6`"
    return ""


def _measured(equation: Equation, named: Mapping[str, Equation], known: dict[str, Size]) -> Size:
    """The size of an equation, after those of the expressions that it reads, without recursion."""
    trail = [equation]
    while True:
        here = trail[-1]
        nodes = (node for node in parts(tree(here.right)) if isinstance(node, ast.Name))
        needed = next((n.id for n in nodes if n.id in named and n.id not in known), None)
        if needed is None:
            size = _size(tree(here.right), known)
            trail.pop()
            if here.kind == "expression":
                known[here.name] = size
            if not trail:
                return size
            continue
        names = [each.name for each in trail if each.kind == "expression"]
        if needed in names:
            circle = [*names[names.index(needed) :], needed]
            raise EquationError(
                f"'{needed}' depends on itself: {' <- '.join(circle)}",
                f"keep it with an equation: d{needed}/dt = …",
            )
        trail.append(named[needed])


def _size(node: ast.expr, known: Mapping[str, Size]) -> Size:
    match node:
        case ast.Name(id=name):
            return known.get(name, Size())
        case ast.Constant(value=int() as value):
            return Size(digits=log10(max(abs(value), 1)))
        case ast.UnaryOp(operand=operand):
            inside = _size(operand, known)
            return inside.around(terms=inside.terms, digits=inside.digits)
        case ast.BinOp(op=op, left=left, right=right):
            return _of_operation(op, _size(left, known), _size(right, known), right)
    children = [c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
    return reduce(lambda a, b: a.around(b), (_size(each, known) for each in children), Size())


def _of_operation(op: ast.operator, left: Size, right: Size, exponent: ast.expr) -> Size:
    match op:
        case ast.Add() | ast.Sub():
            terms, digits = left.terms + right.terms, max(left.digits, right.digits)
        case ast.Mult():
            terms, digits = left.terms * right.terms, left.digits + right.digits
        case ast.Div():
            terms, digits = left.terms, left.digits + right.digits
        case ast.Pow():
            power = abs(constant_value(exponent) or 0)
            whole = int(power) if power == int(power) else 0
            terms = comb(whole + int(min(left.terms, 1e6)) - 1, whole) if left.terms > 1 else 1
            digits = left.digits * max(power, 1)
        case _:
            terms, digits = 1, max(left.digits, right.digits)
    return left.around(right, terms=terms, digits=digits)
