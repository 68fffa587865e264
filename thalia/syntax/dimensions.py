"""Dimensional analysis of equations, on their syntax trees, long before anything runs."""

import ast
from collections.abc import Mapping
from itertools import pairwise

from thalia.errors import did_you_mean
from thalia.syntax.equations import Equation, Statement, tree
from thalia.syntax.expressions import FUNCTIONS, EquationError, constant_value
from thalia.syntax.reserved_names import RESERVED_NAMES
from thalia.syntax.units import (
    DIMENSIONLESS,
    UNITS,
    Dimension,
    a_dimension,
    dimension_name,
    multiply,
    si_unit,
)

# what a function's dimension is, if it is not a number of numbers
_SAME = frozenset({"abs", "clip"})  # the dimension of its arguments
_OF_ANYTHING = frozenset({"int"})
CONSTANTS = {"pi": DIMENSIONLESS, "inf": DIMENSIONLESS, "t": UNITS["s"][1], "dt": UNITS["s"][1]}
CONSTANTS["xi"] = multiply(DIMENSIONLESS, UNITS["s"][1], -0.5)  # white noise


def dimension_of(expression: str, names: Mapping[str, Dimension]) -> Dimension:
    """The dimension of an expression, given those of its names (units and functions are known).

    Raises
    ------
    EquationError
        For an unknown name, a sum of different dimensions, or a function of a dimensional argument.
    """
    return _Dimensions(names).visit(tree(expression))


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
            return _unit(node.id)
        raise EquationError(f"'{node.id}' is not defined here; {did_you_mean(node.id, self.names)}")

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
        raise EquationError(
            f"'{ast.unparse(node)}' uses an operator that is not allowed in equations"
        )

    def _power(self, node: ast.BinOp) -> Dimension:
        base = self.visit(node.left)
        if base == DIMENSIONLESS:
            self._bare(node.right)
            return base
        exponent = constant_value(node.right)
        if exponent is None:
            raise EquationError(
                f"'{ast.unparse(node)}' raises a quantity with a unit to a power that varies"
            )
        return multiply(DIMENSIONLESS, base, exponent)

    def _alike(self, a: ast.expr, left: Dimension, b: ast.expr, right: Dimension) -> Dimension:
        zero = [isinstance(n, ast.Constant) and n.value == 0 for n in (a, b)]
        if left != right and not any(zero):
            raise EquationError(
                f"'{ast.unparse(a)}' ({dimension_name(left)}) and '{ast.unparse(b)}' "
                f"({dimension_name(right)}) have different dimensions"
            )
        return right if zero[0] else left

    def _compare(self, node: ast.Compare) -> Dimension:
        terms = [node.left, *node.comparators]
        for a, b in pairwise(terms):
            self._alike(a, self.visit(a), b, self.visit(b))
        return DIMENSIONLESS

    def _bare(self, node: ast.expr) -> None:
        if (found := self.visit(node)) != DIMENSIONLESS:
            raise EquationError(
                f"'{ast.unparse(node)}' should be dimensionless, but is a {dimension_name(found)}"
            )

    def _call(self, node: ast.Call) -> Dimension:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in FUNCTIONS:
            raise EquationError(
                f"'{name}' is not a known function; {did_you_mean(name, FUNCTIONS)}"
            )
        arguments = [self.visit(argument) for argument in node.args]
        if name in _SAME:
            for other, dimension in zip(node.args[1:], arguments[1:], strict=True):
                self._alike(node.args[0], arguments[0], other, dimension)
            return arguments[0]
        if name == "sqrt":
            return multiply(DIMENSIONLESS, arguments[0], 0.5)
        for argument in node.args if name not in _OF_ANYTHING else ():
            self._bare(argument)
        return DIMENSIONLESS


def _unit(name: str) -> Dimension:
    """The dimension of a unit; those of a letter, and a few others, are no names in equations."""
    size, dimension = UNITS[name]
    if name not in RESERVED_NAMES:
        instead = si_unit(dimension) if size == 1 else f"{size!r}*{si_unit(dimension)}"
        raise EquationError(f"'{name}' is not a unit in equations", f"write `{instead}`")
    return dimension


def check_equation(equation: Equation, names: Mapping[str, Dimension]) -> None:
    """Check the right-hand side of an equation against its declared dimension.

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
            f"{left} = {equation.right}: expected {a_dimension(expected)}, "
            f"but the right-hand side is {a_dimension(found)}"
        )


def check_statement(statement: Statement, names: Mapping[str, Dimension]) -> None:
    """Check the right-hand side of an assignment against its target.

    Raises
    ------
    EquationError
        If their dimensions disagree, or the target is not a variable.
    """
    if statement.target not in names:
        raise EquationError(
            f"{statement}: '{statement.target}' is not a variable; "
            f"{did_you_mean(statement.target, names)}"
        )
    found = dimension_of(statement.right, names)
    expected = DIMENSIONLESS if statement.operator in ("*=", "/=") else names[statement.target]
    if found != expected and statement.right.strip() not in ("0", "0.0"):
        raise EquationError(
            f"{statement}: expected {a_dimension(expected)}, "
            f"but the right-hand side is {a_dimension(found)}"
        )


def expect_dimension(text: str, names: Mapping[str, Dimension], wanted: Dimension) -> None:
    """Check that an expression, if there is one, has a dimension.

    Raises
    ------
    EquationError
        If it has another one, or none that makes sense.
    """
    if text and (found := dimension_of(text, names)) != wanted:
        raise EquationError(
            f"'{text}': expected {dimension_name(wanted)}, but it is a {dimension_name(found)}"
        )
