"""Equations as data: the ODEs and statements of a component, their names and their linearity.

This reads the subset of Brian2's language in which components are written. It works on Python's own
syntax trees and needs neither Brian2 nor sympy, so that `thalia check` answers immediately.
"""

import ast
import operator
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import exp, inf, log, pi, sqrt
from typing import Any, cast

from thalia.errors import MistakeInText, TextPlace, shortened
from thalia.syntax.expressions import EquationError, check_line, parts, read_expression
from thalia.syntax.units import UNITS, Dimension, parse_unit, si_unit

# the dimension of the weight, which is unknown to a rule: `dw/dt = ... : weight`
WEIGHT: Dimension = (inf, inf, inf, inf, inf)


MOST_LINES = 300  # of equations or of statements, in one place


@dataclass(frozen=True)
class Equation:
    """One line of a model; `kind` is 'ode', 'expression' (`x = …`) or 'parameter' (`x : …`).

    `at` is its line and column in the text in which it is written.
    """

    kind: str
    name: str
    right: str
    dimension: Dimension
    flags: tuple[str, ...] = ()
    at: TextPlace | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Statement:
    """One assignment at an event: `target` `operator` `right`, as in `w -= a_minus * trace`.

    `at` is its line and column in the text in which it is written.
    """

    target: str
    operator: str
    right: str
    at: TextPlace | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.target} {self.operator} {self.right}"


def remembered[**Arguments, Result](
    read: Callable[Arguments, Result],
) -> Callable[Arguments, Result]:
    """What reads or checks texts, with its results cached: a circuit repeats the same few hundred.

    The cache is bounded, because a process may read any number of circuits.
    """
    return cast(Callable[Arguments, Result], lru_cache(maxsize=4096)(read))


_ODE = re.compile(r"d(\w+)/dt\s*=\s*(.+)")
_ASSIGNMENT = re.compile(r"(\w+)\s*(\+=|-=|\*=|/=|=)\s*(.+)")
_TAIL = re.compile(r"^(?P<body>.*?):(?P<unit>[^:()]*)(?:\((?P<flags>[^()]*)\))?\s*$")
_IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@remembered
def parse_equations(text: str) -> tuple[Equation, ...]:
    """Read equations, one per line.

    Raises
    ------
    EquationError
        If a line is neither `dx/dt = … : unit`, `x = … : unit` nor `x : unit`.
    """
    return tuple(_each_line(text, _parse_equation))


def _parse_equation(line: str, at: TextPlace) -> Equation:
    tail = _TAIL.match(line)
    if not tail:
        raise EquationError(
            f"'{shortened(line)}' does not end with a unit; "
            "expected `dx/dt = … : unit` or `x = … : unit`"
        )
    body, flags = (
        tail["body"].strip(),
        tuple(f.strip() for f in (tail["flags"] or "").split(",") if f.strip()),
    )
    try:
        unit = tail["unit"].strip()
        dimension = WEIGHT if unit == "weight" else parse_unit(unit)[1]
    except ValueError as error:
        raise EquationError(f"'{shortened(line)}': {error}") from None
    if ode := _ODE.fullmatch(body):
        kind, name, right = "ode", ode[1], ode[2]
    elif assignment := re.fullmatch(r"(\w+)\s*=\s*(.+)", body):
        kind, name, right = "expression", assignment[1], assignment[2]
    elif re.fullmatch(r"\w+", body):
        kind, name, right = "parameter", body, ""
    else:
        raise EquationError(
            f"'{shortened(line)}' is not an equation; expected `dx/dt = … : unit` or `x = … : unit`"
        )
    if right:
        read_expression(right)
    return Equation(kind, name, right.strip(), dimension, flags, at)


@remembered
def parse_statements(text: str) -> tuple[Statement, ...]:
    """Read the statements of an event, one assignment per line.

    Raises
    ------
    EquationError
        If a line is not an assignment.
    """
    return tuple(_each_line(text, _parse_statement))


def _parse_statement(line: str, at: TextPlace) -> Statement:
    match = _ASSIGNMENT.fullmatch(line)
    if not match:
        raise EquationError(
            f"'{shortened(line)}' is not an assignment such as `w += a_plus * pre_trace`"
        )
    read_expression(match[3])
    return Statement(match[1], match[2], match[3].strip(), at)


def _each_line[Read](text: str, read: Callable[[str, TextPlace], Read]) -> Iterator[Read]:
    """What is read of every line that holds more than a comment; mistakes get their place."""
    count = 0
    for number, line in enumerate(text.splitlines()):
        content = line.split("#", 1)[0]
        at = number, len(content) - len(content.lstrip())
        if not content.strip():
            continue
        count += 1
        try:
            if count > MOST_LINES:
                raise EquationError(f"there are more than {MOST_LINES} lines of equations")
            content = " ".join(content.split())
            check_line(content)
            yield read(content, at)
        except MistakeInText as error:
            raise EquationError(str(error), error.hint, at) from None


@remembered
def tree(expression: str) -> ast.expr:
    """The syntax tree of an expression; cached, so never to be modified.

    Raises
    ------
    EquationError
        If it is not an expression.
    """
    return parsed(expression)


def parsed(expression: str) -> ast.expr:
    """The syntax tree of an expression, for a transformer, which changes what it visits.

    Raises
    ------
    EquationError
        If it is not an expression.
    """
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise EquationError(f"'{expression}' is not a valid expression") from None


@remembered
def identifiers(expression: str) -> frozenset[str]:
    """Every name that an expression mentions, functions and units included."""
    return frozenset(node.id for node in parts(tree(expression)) if isinstance(node, ast.Name))


@remembered
def calls(expression: str) -> frozenset[str]:
    """Every function that an expression calls."""
    called = (node.func for node in parts(tree(expression)) if isinstance(node, ast.Call))
    return frozenset(each.id for each in called if isinstance(each, ast.Name))


def rename(text: str, names: Mapping[str, str]) -> str:
    """The text with whole identifiers replaced; numbers such as `1e3` are left unchanged."""
    return _IDENTIFIER.sub(lambda match: names.get(match[0], match[0]), text)


def powers_resolved(expression: str, values: Mapping[str, float]) -> str:
    """The expression without powers whose exponents are exactly 0 or 1, which would cost time."""
    if "**" not in expression:
        return expression
    return ast.unparse(ast.Expression(_Powers(values).visit(parsed(expression))))


class _Powers(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, float]):
        self.values = values

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """Resolve a power, and remove factors of one."""
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Pow) and isinstance(right, ast.Name) and right.id in self.values:
            exponent = self.values[right.id]
            if exponent in (0, 1):
                return ast.Constant(1) if exponent == 0 else left
        if isinstance(node.op, ast.Mult):
            for one, other in ((left, right), (right, left)):
                if isinstance(one, ast.Constant) and one.value == 1:
                    return other
        return ast.BinOp(left, node.op, right)


def rename_equation(equation: Equation, names: Mapping[str, str]) -> Equation:
    """The equation with its name and the names that it mentions replaced."""
    return replace(
        equation, name=names.get(equation.name, equation.name), right=rename(equation.right, names)
    )


def weighing(equation: Equation, weight: Dimension) -> Equation:
    """The equation with the dimension of the weight in place of `weight`."""
    return replace(equation, dimension=weight) if equation.dimension == WEIGHT else equation


def rename_statement(statement: Statement, names: Mapping[str, str]) -> Statement:
    """The statement with the names that it sets and reads replaced."""
    return replace(
        statement,
        target=names.get(statement.target, statement.target),
        right=rename(statement.right, names),
    )


def is_linear_decay(equation: Equation, constants: Iterable[str]) -> bool:
    """Whether it is `dx/dt = a*x + b` with constant `a` and `b`, and thus has a closed form.

    Such a variable needs to be updated only when something reads it.
    """
    names = {equation.name}
    others = identifiers(equation.right) - names
    return others <= {*constants, *UNITS, "pi"} and degree(equation.right, names) <= 1


def degree(expression: str, names: Collection[str]) -> float:
    """The total degree of an expression as a polynomial in some names; infinite if it is none."""
    return _degree_of(expression, identifiers(expression).intersection(names))


@remembered
def _degree_of(expression: str, names: frozenset[str]) -> float:
    return _degree(tree(expression), names)


def _degree(node: ast.expr, names: frozenset[str]) -> float:
    match node:
        case ast.Name(id=name):
            return int(name in names)
        case ast.UnaryOp(operand=operand):
            return _degree(operand, names)
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return max(_degree(left, names), _degree(right, names))
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _degree(left, names) + _degree(right, names)
        case ast.BinOp(op=ast.Div(), left=left, right=right) if _degree(right, names) == 0:
            return _degree(left, names)
        case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=int(power))):
            inside = _degree(left, names)
            return power * inside if inside == 0 or power >= 0 else inf
    return inf if any(isinstance(e, ast.Name) and e.id in names for e in parts(node)) else 0


def written_out(equations: Iterable[Equation]) -> dict[str, str]:
    """The right-hand side of every ODE, with the model's named expressions substituted."""
    equations = tuple(equations)
    named = {
        e.name: f"({e.right})"
        for e in equations
        if e.kind == "expression" and "summed" not in e.flags
    }
    result = {}
    for equation in equations:
        if equation.kind != "ode":
            continue
        right = equation.right
        for _ in named:
            if not identifiers(right) & named.keys():
                break
            right = rename(right, named)
        result[equation.name] = right
    return result


@remembered
def divided_by(expression: str) -> frozenset[str]:
    """The names that an expression divides by, alone or as a factor."""
    found: set[str] = set()
    for node in parts(tree(expression)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Mod):
            found |= _factors(node.right)
    return frozenset(found)


def _factors(node: ast.expr) -> set[str]:
    match node:
        case ast.Name(id=name):
            return {name}
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _factors(left) | _factors(right)
        case ast.BinOp(op=ast.Pow(), left=left) | ast.UnaryOp(operand=left):
            return _factors(left)
    return set()


_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_CALLS: dict[str, Callable[[float], float]] = {"exp": exp, "log": log, "sqrt": sqrt, "abs": abs}


_COMPARISONS = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluate(
    expression: str,
    values: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]] = _CALLS,
) -> Any:
    """The value of an expression of constants in SI units; an array if `values` are arrays.

    Parameters
    ----------
    functions : mapping
        Those that it may call; of arrays, they must take arrays.

    Raises
    ------
    EquationError
        If it mentions anything else, `t` included.
    """
    return _evaluate(tree(expression), {"pi": pi, **values}, functions)


def _evaluate(
    node: ast.expr, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]
) -> Any:
    match node:
        case ast.Constant(value=int() | float()):
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Name(id=name) if name in UNITS:
            return UNITS[name][0]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values, functions)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](
                _evaluate(left, values, functions), _evaluate(right, values, functions)
            )
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _COMPARISONS[type(op)](
                _evaluate(left, values, functions), _evaluate(right, values, functions)
            )
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in functions:
            return functions[name](*(_evaluate(each, values, functions) for each in arguments))
    raise EquationError(f"'{ast.unparse(node)}' is not a constant")


def equation_text(equation: Equation) -> str:
    """The equation as written in a component, with its SI unit."""
    left = {
        "ode": f"d{equation.name}/dt = ",
        "expression": f"{equation.name} = ",
        "parameter": equation.name,
    }
    flags = f" ({', '.join(equation.flags)})" if equation.flags else ""
    unit = "weight" if equation.dimension == WEIGHT else si_unit(equation.dimension)
    return f"{left[equation.kind]}{equation.right} : {unit}{flags}"
