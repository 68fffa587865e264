"""Parts of equations that are numbers whatever the variables are, as `1/(2 - y)` where `y = 2`.

They are found by trying arbitrary numbers: sympy finds them by algebra, and gives an infinite or a
complex number where a program would divide by zero, or take the logarithm of a negative number.
"""

import ast
import math
from collections.abc import Callable, Mapping

from thalia.errors import shortened
from thalia.syntax.equations import Equation, remembered, tree
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import UNITS

TRIALS = 2
_SMOOTH = (
    *("exp", "expm1", "log", "log10", "log1p", "sqrt"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh"),
)
# those that give the same number for many arguments, which tells nothing of the others
_STEPS: dict[str, Callable[..., float]] = {
    "clip": lambda value, low, high: float(min(max(value, low), high)),
    "floor": lambda value: float(math.floor(value)),
    "ceil": lambda value: float(math.ceil(value)),
    "int": lambda value: float(int(value)),
    "sign": lambda value: math.copysign(1.0, value) if value else 0.0,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "exprel": lambda value: math.expm1(value) / value if value else 1.0,
    **{name: getattr(math, name) for name in _SMOOTH},
    **_STEPS,
}
Tried = tuple[float, ...] | None  # the values in each trial; None where they are not known


@remembered
def check_constant_parts(equations: tuple[Equation, ...]) -> None:
    """Check that no part of some equations is always infinite or complex.

    Equations must not depend on themselves.

    Raises
    ------
    EquationError
        For the first one.
    """
    trial = _Trial({e.name: e.right for e in equations if e.kind == "expression"})
    for equation in equations:
        try:
            trial.of(tree(equation.right or "0"))
        except EquationError as error:
            raise EquationError(str(error), error.hint, equation.at) from None


class _Trial:
    def __init__(self, named: Mapping[str, str]):
        self.named = named
        self.known: dict[str, Tried] = {}

    def of(self, node: ast.expr) -> Tried:
        match node:
            case ast.Constant(value=int() | float() as value):
                return (float(value),) * TRIALS
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inside = self.of(operand)
                return None if inside is None else tuple(-each for each in inside)
            case ast.BinOp(op=op, left=left, right=right):
                return self._operation(node, op, self.of(left), self.of(right))
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
                return self._tried(node, _FUNCTIONS[name], *map(self.of, arguments))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.of(child)
        return None

    def _name(self, name: str) -> Tried:
        if name not in self.known:
            size = math.inf if name == "inf" else UNITS[name][0] if name in UNITS else 0
            varied = tuple(0.3 + 0.1 * len(self.known) ** 0.5 + 0.37 * k for k in range(TRIALS))
            self.known[name] = (size,) * TRIALS if size else varied
            if name in self.named:
                self.known[name] = self.of(tree(self.named[name]))
        return self.known[name]

    def _operation(self, node: ast.expr, op: ast.operator, left: Tried, right: Tried) -> Tried:
        operations: dict[type[ast.operator], Callable[[float, float], float]] = {
            ast.Add: lambda a, b: a + b,
            ast.Sub: lambda a, b: _cancelled(a - b, a),
            ast.Mult: lambda a, b: a * b,
            ast.Div: lambda a, b: a / b,
            ast.Mod: lambda a, b: a % b,
            ast.Pow: lambda a, b: a**b,
        }
        if _is_infinite(left) or _is_infinite(right):
            if isinstance(op, ast.Mult) and left and right and _is_fixed(left) and _is_fixed(right):
                return (left[0] * right[0],) * TRIALS  # as `inf*mV`
            raise EquationError(
                f"'{shortened(ast.unparse(node))}' is always infinite, or not a real number",
                "'inf' is for the bounds of 'clip'",
            )
        if right is not None and isinstance(op, ast.Div | ast.Mod) and not any(right):
            raise EquationError(f"'{shortened(ast.unparse(node))}' always divides by zero")
        factors = {ast.Mult: (left, right), ast.Div: (left,)}.get(type(op), ())
        if any(each is not None and not any(each) for each in factors):
            return (0.0,) * TRIALS  # times something that may not be known
        return self._tried(node, operations[type(op)], left, right)

    def _tried(self, node: ast.expr, function: Callable[..., float], *inside: Tried) -> Tried:
        """The values of a function; it is an error only where the arguments are always the same."""
        if any(each is None for each in inside):
            return None
        arguments = list(zip(*(each for each in inside if each is not None), strict=True))
        fixed = len(set(arguments)) == 1
        try:
            found = tuple(function(*each) for each in arguments)
        except (ArithmeticError, ValueError):
            found = (math.nan,)
        if all(isinstance(each, float) and math.isfinite(each) for each in found):
            # an exponential of arbitrary numbers may vanish where that of the real ones does not
            tells = fixed or not isinstance(node, ast.Call) or not (_steps(node) or 0.0 in found)
            return found if tells else None
        if fixed:
            shown = shortened(ast.unparse(node))
            raise EquationError(f"'{shown}' is always infinite, or not a real number")
        return None


def _is_infinite(values: Tried) -> bool:
    return values is not None and all(map(math.isinf, values))


def _is_fixed(values: tuple[float, ...]) -> bool:
    return len(set(values)) == 1 and values[0] != 0


def _steps(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id in _STEPS


def _cancelled(difference: float, of: float) -> float:
    """A difference that is but rounding as zero."""
    return 0.0 if abs(difference) < 1e-12 * abs(of) else difference
