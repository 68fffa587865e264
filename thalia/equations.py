"""Model text as data: the ODEs and statements of a part, their names, dimensions and linearity.

This is a reader for the subset of Brian2's language that parts are written in. It works on Python's own
syntax trees and needs neither Brian2 nor sympy, so that `thalia check` answers at once.
"""

import ast
import operator
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from math import exp, inf, log, pi, sqrt

from thalia.errors import did_you_mean
from thalia.units import DIMENSIONLESS, UNITS, Dimension, a_dimension, dimension_name, multiply, parse_unit, si_unit


class EquationError(ValueError):
    """Model text that cannot be read, or whose dimensions disagree; the message says where and why."""


@dataclass(frozen=True)
class Equation:
    """One line of a model: `kind` is 'ode' (`dx/dt = …`), 'expression' (`x = …`) or 'parameter' (`x : …`)."""

    kind: str
    name: str
    right: str
    dimension: Dimension
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """One assignment at an event: `target` `operator` `right`, as in `w -= a_minus * post_trace`."""

    target: str
    operator: str
    right: str

    def __str__(self) -> str:
        return f"{self.target} {self.operator} {self.right}"


_ODE = re.compile(r"d(\w+)/dt\s*=\s*(.+)")
_ASSIGNMENT = re.compile(r"(\w+)\s*(\+=|-=|\*=|/=|=)\s*(.+)")
_TAIL = re.compile(r"^(?P<body>.*?):(?P<unit>[^:()]*)(?:\((?P<flags>[^()]*)\))?\s*$")
_IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*")

_SAME = "the dimension of its argument"
FUNCTIONS: dict[str, str] = {
    name: "dimensionless"
    for name in ("exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "exprel", "expm1", "log1p")
} | {"abs": _SAME, "clip": _SAME, "floor": "dimensionless", "ceil": "dimensionless", "int": "bool"} | {
    "sqrt": "root", "rand": "none", "randn": "none", "poisson": "dimensionless",
}  # fmt: skip
CONSTANTS = {"pi": DIMENSIONLESS, "inf": DIMENSIONLESS, "t": UNITS["s"][1], "dt": UNITS["s"][1]}


def parse_equations(text: str) -> tuple[Equation, ...]:
    """Read model text, one equation a line.

    Raises
    ------
    EquationError
        If a line is neither `dx/dt = … : unit`, `x = … : unit` nor `x : unit`.
    """
    return tuple(_parse_equation(line) for line in _lines(text))


def _parse_equation(line: str) -> Equation:
    tail = _TAIL.match(line)
    if not tail:
        raise EquationError(f"'{line}' does not end in its unit; expected `dx/dt = … : unit` or `x = … : unit`")
    body, flags = tail["body"].strip(), tuple(f.strip() for f in (tail["flags"] or "").split(",") if f.strip())
    try:
        dimension = parse_unit(tail["unit"].strip())[1]
    except ValueError as error:
        raise EquationError(f"'{line}': {error}") from None
    if ode := _ODE.fullmatch(body):
        kind, name, right = "ode", ode[1], ode[2]
    elif assignment := re.fullmatch(r"(\w+)\s*=\s*(.+)", body):
        kind, name, right = "expression", assignment[1], assignment[2]
    elif re.fullmatch(r"\w+", body):
        kind, name, right = "parameter", body, ""
    else:
        raise EquationError(f"'{line}' is not an equation; expected `dx/dt = … : unit` or `x = … : unit`")
    if right:
        _tree(right)
    return Equation(kind, name, right.strip(), dimension, flags)


def parse_statements(text: str) -> tuple[Statement, ...]:
    """Read the statements of an event, one assignment a line.

    Raises
    ------
    EquationError
        If a line is not an assignment.
    """
    statements = []
    for line in _lines(text):
        match = _ASSIGNMENT.fullmatch(line)
        if not match:
            raise EquationError(f"'{line}' is not an assignment such as `w += a_plus * pre_trace`")
        _tree(match[3])
        statements.append(Statement(match[1], match[2], match[3].strip()))
    return tuple(statements)


def _lines(text: str) -> list[str]:
    stripped = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [line for line in stripped if line]


def _tree(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise EquationError(f"'{expression}' is not an expression that can be read") from None


def identifiers(expression: str) -> frozenset[str]:
    """Every name that an expression mentions, functions and units included."""
    return frozenset(node.id for node in ast.walk(_tree(expression)) if isinstance(node, ast.Name))


def rename(text: str, names: Mapping[str, str]) -> str:
    """The text with whole identifiers replaced; numbers such as `1e3` are left alone."""
    return _IDENTIFIER.sub(lambda match: names.get(match[0], match[0]), text)


def rename_equation(equation: Equation, names: Mapping[str, str]) -> Equation:
    """The equation with its own name and those it mentions replaced."""
    return replace(equation, name=names.get(equation.name, equation.name), right=rename(equation.right, names))


def rename_statement(statement: Statement, names: Mapping[str, str]) -> Statement:
    """The statement with the names that it sets and reads replaced."""
    return replace(statement, target=names.get(statement.target, statement.target), right=rename(statement.right, names))


def dimension_of(expression: str, names: Mapping[str, Dimension]) -> Dimension:
    """The dimension of an expression, given those of its names (units and functions are known).

    Raises
    ------
    EquationError
        For an unknown name, a sum of unlike things, or a function of something that has a dimension.
    """
    return _Dimensions(names).visit(_tree(expression))


class _Dimensions:
    def __init__(self, names: Mapping[str, Dimension]):
        self.names = names

    def visit(self, node: ast.expr) -> Dimension:
        match node:
            case ast.Constant(value=bool() | int() | float()):
                return DIMENSIONLESS
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp(operand=operand):
                return self.visit(operand)
            case ast.BinOp():
                return self._binop(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp(values=terms):
                for term in terms:
                    self._bare(term)
                return DIMENSIONLESS
            case ast.Call():
                return self._call(node)
        raise EquationError(f"'{ast.unparse(node)}' is not allowed in an equation")

    def _name(self, node: ast.Name) -> Dimension:
        for known in (self.names, CONSTANTS):
            if node.id in known:
                return known[node.id]
        if node.id in UNITS:
            return UNITS[node.id][1]
        raise EquationError(f"'{node.id}' is not known here; {did_you_mean(node.id, self.names)}")

    def _binop(self, node: ast.BinOp) -> Dimension:
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Mult):
            return multiply(left, right)
        if isinstance(node.op, ast.Div):
            return multiply(left, right, -1)
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mod):
            return self._alike(node.left, left, node.right, right)
        raise EquationError(f"'{ast.unparse(node)}' uses an operator that equations do not have")

    def _power(self, node: ast.BinOp) -> Dimension:
        base = self.visit(node.left)
        if base == DIMENSIONLESS:
            self._bare(node.right)
            return base
        try:
            exponent = ast.literal_eval(node.right)
        except ValueError:
            raise EquationError(f"'{ast.unparse(node)}' raises a quantity to a power that is not a number") from None
        return multiply(DIMENSIONLESS, base, exponent)

    def _alike(self, a: ast.expr, left: Dimension, b: ast.expr, right: Dimension) -> Dimension:
        zero = [isinstance(n, ast.Constant) and n.value == 0 for n in (a, b)]
        if left != right and not any(zero):
            raise EquationError(
                f"'{ast.unparse(a)}' ({dimension_name(left)}) and '{ast.unparse(b)}' "
                f"({dimension_name(right)}) do not have the same dimension"
            )
        return right if zero[0] else left

    def _compare(self, node: ast.Compare) -> Dimension:
        terms = [node.left, *node.comparators]
        for a, b in zip(terms, terms[1:], strict=False):
            self._alike(a, self.visit(a), b, self.visit(b))
        return DIMENSIONLESS

    def _bare(self, node: ast.expr) -> None:
        if (found := self.visit(node)) != DIMENSIONLESS:
            raise EquationError(f"'{ast.unparse(node)}' should be dimensionless, it is a {dimension_name(found)}")

    def _call(self, node: ast.Call) -> Dimension:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in FUNCTIONS or node.keywords:
            raise EquationError(f"'{name}' is not a function of the equations; {did_you_mean(name, FUNCTIONS)}")
        arguments = [self.visit(argument) for argument in node.args]
        if FUNCTIONS[name] == _SAME:
            for other, dimension in zip(node.args[1:], arguments[1:], strict=True):
                self._alike(node.args[0], arguments[0], other, dimension)
            return arguments[0]
        if FUNCTIONS[name] == "root":
            return multiply(DIMENSIONLESS, arguments[0], 0.5)
        if FUNCTIONS[name] == "dimensionless":
            for argument in node.args:
                self._bare(argument)
        return DIMENSIONLESS


def check_equation(equation: Equation, names: Mapping[str, Dimension]) -> None:
    """Hold the right side of an equation against the dimension it declares.

    Raises
    ------
    EquationError
        If they disagree.
    """
    if equation.kind == "parameter":
        return
    expected = equation.dimension
    left = equation.name
    if equation.kind == "ode":
        expected, left = multiply(expected, UNITS["s"][1], -1), f"d{equation.name}/dt"
    found = dimension_of(equation.right, names)
    if found != expected and equation.right.strip() not in ("0", "0.0"):
        raise EquationError(
            f"{left} = {equation.right}: expected {a_dimension(expected)}, the right side is {a_dimension(found)}"
        )


def check_statement(statement: Statement, names: Mapping[str, Dimension]) -> None:
    """Hold an assignment's right side against its target.

    Raises
    ------
    EquationError
        If their dimensions disagree, or the target is not a variable.
    """
    if statement.target not in names:
        raise EquationError(f"{statement}: '{statement.target}' is not a variable; {did_you_mean(statement.target, names)}")
    found = dimension_of(statement.right, names)
    expected = DIMENSIONLESS if statement.operator in ("*=", "/=") else names[statement.target]
    if found != expected and statement.right.strip() not in ("0", "0.0"):
        raise EquationError(
            f"{statement}: expected {a_dimension(expected)}, the right side is {a_dimension(found)}"
        )


def is_linear_decay(equation: Equation, constants: Iterable[str]) -> bool:
    """Whether `dx/dt = a*x + b` with `a` and `b` built from constants alone, so that it has a closed form.

    Such a variable need be brought up to date only when something reads it.
    """
    names = {equation.name}
    others = identifiers(equation.right) - names
    return others <= {*constants, *UNITS, "pi"} and degree(equation.right, names) <= 1


def degree(expression: str, names: Collection[str]) -> float:
    """The degree of an expression as a polynomial in some names together; infinite where it is none."""
    return _degree(_tree(expression), frozenset(names))


def _degree(node: ast.expr, names: frozenset[str]) -> float:
    if not any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(node)):
        return 0
    match node:
        case ast.Name():
            return 1
        case ast.UnaryOp(operand=operand):
            return _degree(operand, names)
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return max(_degree(left, names), _degree(right, names))
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _degree(left, names) + _degree(right, names)
        case ast.BinOp(op=ast.Div(), left=left, right=right) if _degree(right, names) == 0:
            return _degree(left, names)
    return inf


def written_out(equations: Iterable[Equation]) -> dict[str, str]:
    """The right side of every ODE, with the model's named expressions put in their places."""
    equations = tuple(equations)
    named = {e.name: f"({e.right})" for e in equations if e.kind == "expression"}
    result = {}
    for equation in equations:
        if equation.kind != "ode":
            continue
        right = equation.right
        for _ in named:
            right = rename(right, named)
        result[equation.name] = right
    return result


_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
              ast.Pow: operator.pow}  # fmt: skip
_CALLS = {"exp": exp, "log": log, "sqrt": sqrt, "abs": abs}


def evaluate(expression: str, values: Mapping[str, float]) -> float:
    """The number that an expression of constants stands for, in SI.

    Raises
    ------
    EquationError
        If it mentions anything else, `t` included.
    """
    return _evaluate(_tree(expression), {"pi": pi, **values})


def _evaluate(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float()):
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Name(id=name) if name in UNITS:
            return UNITS[name][0]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            return float(_OPERATORS[type(op)](_evaluate(left, values), _evaluate(right, values)))
        case ast.Call(func=ast.Name(id=name), args=[argument]) if name in _CALLS:
            return float(_CALLS[name](_evaluate(argument, values)))
    raise EquationError(f"'{ast.unparse(node)}' is not a constant")


def equation_text(equation: Equation) -> str:
    """The equation as it is written in a part, with its SI unit."""
    left = {"ode": f"d{equation.name}/dt = ", "expression": f"{equation.name} = ", "parameter": equation.name}
    flags = f" ({', '.join(equation.flags)})" if equation.flags else ""
    return f"{left[equation.kind]}{equation.right} : {si_unit(equation.dimension)}{flags}"
