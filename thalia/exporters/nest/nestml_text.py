"""Expressions and statements of models as text of NESTML, in a system of units of NEST.

Every number is in the units that follow from ms, pA and mV, so that no factor stands between them;
NESTML then sees plain numbers.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from thalia.syntax.equations import identifiers, parsed, rename, tree
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import UNITS, Dimension, parse_unit

# what a metre, a kilogram, a second, an ampere and a mole are measured in, as powers of ten of SI
_EXPONENTS = (0, -24, -3, -12, 0)
_NAMES = ("ms", "mV", "pA", "nS", "pF", "kHz", "Gohm", "mV/ms", "pA/ms", "nS/mV", "nS/ms", "1/ms")
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_SAME = {
    *("exp", "log10", "expm1", "sinh", "cosh", "tanh", "sin", "cos", "tan"),
    *("abs", "ceil", "floor"),
}
_CALLED = {"log": "ln"}
_PURE = {*_SAME, *_CALLED, "clip", "log1p", "sqrt", "exprel"}  # which give the same for the same
_RANDOM = {"randn": "random_normal(0.0, 1.0)", "rand": "random_uniform(0.0, 1.0)"}
_CONSTANTS = {"pi": "3.141592653589793", "e": "2.718281828459045"}
_STATEMENT = re.compile(r"\s*(\w+)\s*([-+*/]?=)(?!=)\s*(.+)$")

KEYWORDS = {
    *("integer", "real", "string", "boolean", "void", "function", "inline", "return", "if", "elif"),
    *("else", "for", "while", "in", "step", "recordable", "kernel", "model", "state", "update"),
    *("parameters", "internals", "equations", "input", "output", "continuous", "spike", "true"),
    *("inhibitory", "excitatory", "false"),
}
FREE = "free"  # 0 while a neuron is refractory


def size_of(dimension: Dimension) -> float:
    """The unit in which numbers of a dimension are, in SI."""
    power = sum(each * by for each, by in zip(dimension, _EXPONENTS, strict=True))
    return float(f"1e{power:g}") if float(power).is_integer() else 10.0**power


def unit_of(dimension: Dimension) -> str:
    """The name of that unit; empty where it has no short one."""
    return next((name for name in _NAMES if parse_unit(name)[1] == dimension), "")


def inlined(text: str, named: Mapping[str, str]) -> str:
    """An expression with what names stand for in their places."""
    for _ in named:
        if not identifiers(text) & named.keys():
            break
        text = rename(text, {name: f"({right})" for name, right in named.items()})
    return text


def split(statement: str) -> tuple[str, str, str]:
    """The target, the operator and the right side of a statement."""
    found = _STATEMENT.match(statement)
    if not found:
        raise EquationError(f"'{statement}' is no statement that NESTML has")
    target, operator, right = found.groups()
    return target, operator, right


def expression(text: str, known: Collection[str]) -> str:
    """An expression in NESTML.

    Parameters
    ----------
    known : names of variables and parameters that it may mention, besides units

    Raises
    ------
    EquationError
        If it has what NESTML has not.
    """
    return _written(tree(text), known)


def number(value: float) -> str:
    """A number that NESTML takes for one of floating point, without the last digit of a product."""
    text = f"{value:.15g}"
    return text if any(each in text for each in ".en") else f"{text}.0"


def _written(node: ast.expr, known: Collection[str]) -> str:
    def inner(each: ast.expr) -> str:
        return _written(each, known)

    match node:
        case ast.Constant(value=bool() as value):
            return "true" if value else "false"
        case ast.Constant(value=int() | float() as value):
            return number(value)
        case ast.Name(id=name):
            return _name(name, known)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(-{inner(operand)})"
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return inner(operand)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"(not {inner(operand)})"
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            return f"({inner(left)} {_OPERATORS[type(op)]} {inner(right)})"
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return f"({inner(left)} {_COMPARISONS[type(op)]} {inner(right)})"
        case ast.BoolOp(op=op, values=terms):
            word = " and " if isinstance(op, ast.And) else " or "
            return f"({word.join(map(inner, terms))})"
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _called(name, arguments, known)
    raise EquationError(f"NESTML has no '{ast.unparse(node)}'")


def _name(name: str, known: Collection[str]) -> str:
    if name in known:
        return name
    if name == "inf":
        return "inf"
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name in UNITS:
        size, dimension = UNITS[name]
        return number(size / size_of(dimension))
    raise EquationError(f"NESTML has no '{name}'")


def _called(name: str, arguments: list[ast.expr], known: Collection[str]) -> str:
    match name, arguments:
        case "int", [ast.Name(id="not_refractory")]:
            return _name(FREE, known)
        case "int", [ast.Compare() | ast.BoolOp() as condition]:
            return f"({_written(condition, known)} ? 1.0 : 0.0)"
        case "clip", [value, low, high]:
            inside = _written(value, known)
            for bound, function in ((low, "max"), (high, "min")):
                if "inf" not in ast.unparse(bound):
                    inside = f"{function}({inside}, {_written(bound, known)})"
            return inside
        case "exprel", [value]:  # no function of a model: those of synapses are not generated
            x = _written(value, known)
            return f"((abs({x}) < 1.0e-8) ? (1.0 + 0.5 * {x}) : (expm1({x}) / {x}))"
        case "log1p", [value]:
            return f"ln(1.0 + {_written(value, known)})"
        case "sqrt", [value]:
            return f"({_written(value, known)} ** 0.5)"
    if name in _RANDOM and len(arguments) <= 1:  # Brian2 gives them the neuron
        return _RANDOM[name]
    if name in _SAME or name in _CALLED:
        given = ", ".join(_written(each, known) for each in arguments)
        return f"{_CALLED.get(name, name)}({given})"
    raise EquationError(f"NESTML has no function '{name}'")


def before_loop(
    statements: Iterable[str], held: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What statements of a loop compute of what is `held` alone, and the rest of them.

    Intermediate values, whose names begin with an underscore, are left out if nothing reads them.
    """
    taken = _Held({*held})
    found = [split(each) for each in statements]
    read = frozenset().union(*(identifiers(right) for _, _, right in found))
    kept = list[str]()
    for target, operator, right in found:
        if target.startswith("_") and target not in read:
            continue
        if target.startswith("_") and taken.holds(right):
            taken.lines.append(f"{target} {operator} {right}")
            taken.names.add(target)
        else:
            kept.append(f"{target} {operator} {ast.unparse(taken.visit(parsed(right)))}")
    return tuple(taken.lines), tuple(kept)


class _Held(ast.NodeTransformer):
    """Takes calls of functions of what is held out of an expression, and names their values."""

    def __init__(self, names: set[str]):
        self.names, self.lines = names, list[str]()

    def holds(self, text: str) -> bool:
        """Whether an expression reads nothing else."""
        return identifiers(text) <= self.names | UNITS.keys() | _PURE

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A name in the place of a call of what is held."""
        self.generic_visit(node)
        text = ast.unparse(node)
        if not self.holds(text):
            return node
        name = f"_held_{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        self.names.add(name)
        return ast.Name(name)


class Block:
    """Statements of one model in NESTML; intermediate values are declared where they are set."""

    def __init__(
        self,
        known: set[str],
        named: Mapping[str, str],
        clamped: set[str],
        states: Collection[str],
    ):
        self.known, self.named, self.clamped, self.states = known, named, clamped, states

    def read(self, text: str) -> str:
        """An expression."""
        return expression(inlined(text, self.named), self.known)

    def lines(self, statement: str, always: bool = False) -> Iterator[str]:
        """A statement; of a clamped variable only where it is free, unless always."""
        target, operator, right = split(statement)
        written = self.read(right)
        if target in self.states:
            text = f"{target} {operator} {written}"
            if target in self.clamped and not always:
                yield f"        if {FREE} > 0.5:"
                yield f"            {text}"
            else:
                yield f"        {text}"
        elif target in self.known:
            yield f"        {target} {operator} {written}"
        else:
            self.known.add(target)
            yield f"        {target} real = {written}"
