"""The language of expressions: which syntax trees are allowed, and how large they may be.

What is accepted here, Brian2 and a compiler of C++ accept too: arithmetic, comparisons and a few
functions, of a size that sympy and a compiler handle in a moment.
"""

import ast
import math
from collections.abc import Callable, Iterable
from math import isfinite

from thalia.errors import MistakeInText, did_you_mean, shortened

LONGEST = 4000  # characters of a line
DEEPEST = 60  # levels of nesting; Brian2's own recursion ends at some 200
LARGEST_INTEGER = 2**31  # beyond, products of integers leave the 64 bits of C++
LARGEST_POWER = 24  # a sum to the power of an integer is multiplied out
LARGEST_NUMBER, SMALLEST_NUMBER = 1e100, 1e-100

NUMBER, CONDITION = "a number", "a condition such as `v > v_th`"

# the number of arguments of each function
FUNCTIONS: dict[str, int] = dict.fromkeys(
    (
        *("exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
        *("exprel", "expm1", "log1p", "floor", "ceil", "poisson", "abs", "int", "sqrt"),
    ),
    1,
)
FUNCTIONS |= {"clip": 3, "rand": 0, "randn": 0}
RANDOM = frozenset({"rand", "randn", "poisson"})
CONDITIONS = frozenset({"not_refractory"})  # variables that are true or false

_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "**"}
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_OF_A_CONSTANT: dict[str, Callable[[float], float]] = {
    "abs": abs,
    **{
        name: getattr(math, name)
        for name in (
            *("exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "expm1"),
            *("log1p", "floor", "ceil", "sqrt"),
        )
    },
}
_ALLOWED = (
    "allowed are numbers with a unit as in `2*ms`, names, + - * / % **, "
    "comparisons, `and`, `or`, `not`, and the functions " + ", ".join(sorted(FUNCTIONS))
)


class EquationError(MistakeInText):
    """Equations that cannot be read, or whose dimensions disagree; the message says why."""


def read_expression(text: str, wanted: str = NUMBER) -> ast.expr:
    """The syntax tree of an expression that a user wrote, a number or a condition.

    Raises
    ------
    EquationError
        If it is not an expression of this language, or larger than what is compiled in a moment.
    """
    check_line(text)
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = _unit_without_product(text)
        raise EquationError(f"'{shortened(text)}' is not a valid expression", hint) from None
    if depth(node) > DEEPEST:
        raise EquationError(
            f"'{shortened(text)}' is nested more than {DEEPEST} levels deep, "
            "where each further term of a sum is a level",
            "split it into named expressions, as in `total = a + b : 1`",
        )
    found = _Allowed().kind(node)
    if found != wanted:
        raise EquationError(f"'{shortened(text)}' is {found}, expected {wanted}", _instead(wanted))
    return node


def check_line(text: str) -> None:
    """Refuse a line that is too long, or that holds letters other than those of ASCII.

    Raises
    ------
    EquationError
        If it does.
    """
    if len(text) > LONGEST:
        raise EquationError(
            f"'{shortened(text)}' has {len(text):,} characters, expected at most {LONGEST:,}",
            "split it into named expressions, as in `total = a + b : 1`",
        )
    for letter in text:
        if not (letter.isascii() and (letter.isprintable() or letter == "\t")):
            raise EquationError(
                f"'{shortened(text)}' holds the character {letter!r}",
                "equations are written in ASCII letters: `uV`, `tau`",
            )


def _instead(wanted: str) -> str:
    if wanted == NUMBER:
        return "`int(v > v_th)` is 1 where the condition holds, and 0 elsewhere"
    return "compare it with something, as in `v > v_th`"


def _unit_without_product(text: str) -> str:
    """The hint for a quantity as a parameter is given: `2 ms`."""
    number, _, unit = text.strip().partition(" ")
    try:
        float(number)
    except ValueError:
        return ""
    return f"in an expression, write the product: `{number}*{unit}`" if unit.isalnum() else ""


def parts(root: ast.AST) -> list[ast.AST]:
    """An expression and everything in it, as `ast.walk` finds it, but for arithmetic operators."""
    found = [root]
    for node in found:  # which grows while it is read
        found += _children(node)
    return found


def _children(node: ast.AST) -> Iterable[ast.AST]:
    """What stands directly within a node; most nodes are of these kinds, and asked for often."""
    kind = type(node)
    if kind is ast.Name or kind is ast.Constant:
        return ()
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)
    if isinstance(node, ast.UnaryOp):
        return (node.operand,)
    return ast.iter_child_nodes(node)


def depth(root: ast.expr) -> int:
    """Levels of nesting; without recursion, which is what is to be avoided."""
    levels, level = 0, list[ast.AST]([root])
    while level and levels <= DEEPEST:
        level = [each for node in level for each in _children(node) if isinstance(each, ast.expr)]
        levels += 1
    return levels


class _Allowed:
    """Tells numbers from conditions, and refuses everything that is neither."""

    def kind(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._literal(value)
            case ast.Name(id=name):
                return CONDITION if name in CONDITIONS else NUMBER
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self._expect(NUMBER, operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._expect(CONDITION, operand)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
                self._expect(NUMBER, left, right)
                _check_constant(node)
                return NUMBER
            case ast.BoolOp(values=terms):
                return self._expect(CONDITION, *terms)
            case ast.Compare():
                return self._comparison(node)
            case ast.Call():
                return self._call(node)
        raise EquationError(f"'{_shown(node)}' is not allowed in an equation", _ALLOWED)

    def _expect(self, wanted: str, *nodes: ast.expr) -> str:
        for node in nodes:
            if (found := self.kind(node)) != wanted:
                raise EquationError(
                    f"'{_shown(node)}' is {found}, expected {wanted}", _instead(wanted)
                )
        return wanted

    def _literal(self, value: float) -> str:
        if isinstance(value, int) and value >= LARGEST_INTEGER:
            raise EquationError(
                f"the integer {shortened(str(value) if value < 10**50 else 'of many digits')} "
                f"is too large, expected less than {LARGEST_INTEGER:,}",
                "write it as `1e12`, or choose a larger unit",
            )
        if value and not SMALLEST_NUMBER <= value <= LARGEST_NUMBER:
            raise EquationError(
                f"the number {value!r} is out of range, "
                f"expected between {SMALLEST_NUMBER:g} and {LARGEST_NUMBER:g}",
                "choose another unit",
            )
        return NUMBER

    def _comparison(self, node: ast.Compare) -> str:
        if len(node.ops) > 1:
            raise EquationError(
                f"'{_shown(node)}' compares more than two numbers",
                "join comparisons with `and`: `a < b and b < c`",
            )
        if not isinstance(node.ops[0], _COMPARISONS):
            raise EquationError(
                f"'{_shown(node)}' is not a comparison", "compare with < <= > >= == !="
            )
        self._expect(NUMBER, node.left, node.comparators[0])
        return CONDITION

    def _call(self, node: ast.Call) -> str:
        name = node.func.id if isinstance(node.func, ast.Name) else _shown(node.func)
        if name not in FUNCTIONS:
            raise EquationError(
                f"'{name}' is not a known function; {did_you_mean(name, FUNCTIONS)}"
            )
        wanted, found = FUNCTIONS[name], len(node.args)
        if found != wanted or node.keywords:
            form = f"{name}({', '.join(('x', 'low', 'high')[:wanted])})"
            raise EquationError(
                f"'{_shown(node)}': {name} takes {_counted(wanted)}, found "
                + ("a name before =" if node.keywords else str(found)),
                f"write {form}",
            )
        for argument in node.args:
            if name != "int" or self.kind(argument) != CONDITION:
                self._expect(NUMBER, argument)
        _check_constant(node)
        return NUMBER


def _counted(number: int) -> str:
    return {0: "no argument", 1: "1 argument"}.get(number, f"{number} arguments")


def _shown(node: ast.expr) -> str:
    return shortened(ast.unparse(node))


def _check_constant(node: ast.expr) -> None:
    """Refuse arithmetic of constants that has no result, and powers that grow beyond reason."""
    try:
        value = constant_value(node)
    except (ArithmeticError, ValueError, TypeError):
        value = float("nan")
    if value is not None and not (isfinite(value) and abs(value) <= LARGEST_NUMBER):
        raise EquationError(f"'{_shown(node)}' is not a number that can be computed")
    if not isinstance(node, ast.BinOp):
        return
    right = constant_value(node.right)
    if isinstance(node.op, ast.Div | ast.Mod) and right == 0:
        raise EquationError(f"'{_shown(node)}' divides by zero")
    if isinstance(node.op, ast.Pow) and right is not None and abs(right) > LARGEST_POWER:
        raise EquationError(
            f"'{_shown(node)}' has a power out of range, "
            f"expected between -{LARGEST_POWER} and {LARGEST_POWER}"
        )


def constant_value(node: ast.expr) -> float | None:
    """The value of an expression of numbers only; None if it holds names."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inside = constant_value(operand)
            return inside if inside is None or isinstance(sign, ast.UAdd) else -inside
        case ast.BinOp(op=op, left=left, right=right):
            return _arithmetic(op, constant_value(left), constant_value(right))
        case ast.Call(func=ast.Name(id=name), args=[argument]) if name in _OF_A_CONSTANT:
            inside = constant_value(argument)
            return None if inside is None else _OF_A_CONSTANT[name](inside)
    return None


def _arithmetic(op: ast.operator, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Mod():
            return left % right
        case ast.Pow():
            power = left**right
            return power if isinstance(power, float) else float("nan")  # a complex number
    return None
