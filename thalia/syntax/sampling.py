"""The values of an expression on arrays: what a rate will be at every step, before anything runs.

`equations.evaluate` is for constants, and needs nothing; this imports NumPy, when it is called.
"""

import ast
import operator
from collections.abc import Mapping
from typing import Any

from thalia.syntax.equations import tree
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import UNITS

_OPERATORS: dict[type[ast.AST], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_NUMPY = (
    *("exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "expm1", "log1p"),
    *("floor", "ceil", "sqrt", "abs", "clip"),
)


def sampled(expression: str, values: Mapping[str, Any], named: Mapping[str, str]) -> Any:
    """The value of an expression for numbers or arrays in SI, as one number or an array.

    Parameters
    ----------
    values : mapping from name to number or array
        In SI. Arrays have the same shape.
    named : mapping from name to expression
        What further names stand for.

    Raises
    ------
    EquationError
        If it mentions anything else, or is random.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        return _Sampler(values, named).visit(tree(expression))


class _Sampler:
    def __init__(self, values: Mapping[str, Any], named: Mapping[str, str]):
        self.values = dict(values)
        self.named = dict(named)

    def visit(self, node: ast.expr) -> Any:
        import numpy as np

        match node:
            case ast.Constant(value=int() | float() as number):
                return np.float64(number)
            case ast.Name(id=name):
                return self.name(name)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](self.visit(left), self.visit(right))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](self.visit(operand))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](self.visit(left), self.visit(right))
            case ast.BoolOp(op=op, values=terms):
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return join.reduce(np.broadcast_arrays(*map(self.visit, terms)))
            case ast.Call(func=ast.Name(id="int"), args=[argument]):
                return np.trunc(np.asarray(self.visit(argument), float))
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _NUMPY:
                return getattr(np, name)(*map(self.visit, arguments))
        raise EquationError(f"'{ast.unparse(node)}' is not known before the simulation")

    def name(self, name: str) -> Any:
        import numpy as np

        if name in self.values:
            return np.float64(self.values[name])
        if name in self.named:
            # which is then unknown within its own expression
            self.values[name] = self.visit(tree(self.named.pop(name)))
            return self.values[name]
        if name == "pi":
            return np.float64(np.pi)
        if name in UNITS:
            return np.float64(UNITS[name][0])
        raise EquationError(f"'{name}' is not known before the simulation")
