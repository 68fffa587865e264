"""Expressions and equations of components, as LaTeX."""

import ast
import re

from thalia.syntax.equations import Equation, Statement

GREEK = frozenset(
    (
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
        *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
    )
)
SIGNS = {"plus": "+", "minus": "-", "inf": r"\infty"}
COMPARED = {
    ast.Lt: "<",
    ast.LtE: r"\le",
    ast.Gt: ">",
    ast.GtE: r"\ge",
    ast.Eq: "=",
    ast.NotEq: r"\ne",
}
# how strongly an expression binds: sums, what begins with a sign, products, powers,
# fractions (which need parentheses only as a base), all else
SUM, SIGN, PRODUCT, POWER, FRACTION, ATOM = range(6)
NAMED = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh"}


def symbol(name: str) -> str:
    """A variable or parameter: `tau_plus` is a tau with a plus as its index."""
    head, *indices = name.split("_")
    digits = re.fullmatch(r"([A-Za-z]+)(\d+)", head)
    if digits:
        head, indices = digits[1], [digits[2], *indices]
    text = rf"\{head}" if head in GREEK else head if len(head) == 1 else rf"\mathrm{{{head}}}"
    shown = [
        SIGNS.get(
            each, rf"\{each}" if each in GREEK else rf"\mathrm{{{each}}}" if len(each) > 1 else each
        )
        for each in indices
    ]
    return f"{text}_{{{','.join(shown)}}}" if shown else text


def expression(text: str) -> str:
    """An expression of a component as LaTeX."""
    return _written(ast.parse(text.strip(), mode="eval").body)[0]


def _written(node: ast.expr) -> tuple[str, int]:
    """An expression, and how strongly it binds."""
    match node:
        case ast.Name():
            return symbol(node.id), ATOM
        case ast.Constant():
            return _number(node.value)
        case ast.BinOp():
            return _operation(node)
        case ast.UnaryOp(op=ast.USub()):
            return f"-{_within(node.operand, PRODUCT)}", SIGN
        case ast.UnaryOp(op=ast.Not()):
            return rf"\neg {_within(node.operand, ATOM)}", ATOM
        case ast.Compare():
            signs = [COMPARED[type(each)] for each in node.ops]
            parts = [_within(each, SUM) for each in (node.left, *node.comparators)]
            return " ".join(
                [parts[0], *(f"{s} {p}" for s, p in zip(signs, parts[1:], strict=True))]
            ), SUM
        case ast.BoolOp():
            sign = r" \wedge " if isinstance(node.op, ast.And) else r" \vee "
            return sign.join(_within(each, SUM) for each in node.values), SUM
        case ast.Call():
            return _call(node)
    return rf"\mathrm{{{ast.unparse(node)}}}", ATOM


def _within(node: ast.expr, least: int) -> str:
    """An expression, in parentheses if it binds less than its surroundings."""
    text, binds = _written(node)
    return text if binds >= least else rf"\left({text}\right)"


def _operation(node: ast.BinOp) -> tuple[str, int]:
    match node.op:
        case ast.Add() | ast.Sub():
            sign = "+" if isinstance(node.op, ast.Add) else "-"
            right, binds = _written(node.right)
            if binds == SIGN or (binds == SUM and sign == "-"):
                right = rf"\left({right}\right)"
            return f"{_within(node.left, SUM)} {sign} {right}", SUM
        case ast.Mult():
            left, right = _within(node.left, SIGN), _within(node.right, PRODUCT)
            return rf"{left}\,{right}", SIGN if left.startswith("-") else PRODUCT
        case ast.Div():
            if isinstance(node.left, ast.UnaryOp) and isinstance(node.left.op, ast.USub):
                positive = ast.BinOp(node.left.operand, node.op, node.right)
                return f"-{_operation(positive)[0]}", SIGN
            return rf"\frac{{{_written(node.left)[0]}}}{{{_written(node.right)[0]}}}", FRACTION
        case ast.Pow():
            return f"{_within(node.left, ATOM)}^{{{_written(node.right)[0]}}}", POWER
        case ast.Mod():
            return rf"{_within(node.left, PRODUCT)} \bmod {_within(node.right, POWER)}", PRODUCT
    return rf"\mathrm{{{ast.unparse(node)}}}", ATOM


def _call(node: ast.Call) -> tuple[str, int]:
    name = ast.unparse(node.func)
    inner = [_written(each)[0] for each in node.args]
    if name == "sqrt":
        return rf"\sqrt{{{inner[0]}}}", ATOM
    if name == "abs":
        return rf"\left|{inner[0]}\right|", ATOM
    if name == "int":
        return rf"\left[{inner[0]}\right]", ATOM
    text = rf"\{name}" if name in NAMED else rf"\mathrm{{{name}}}"
    return rf"{text}\left({', '.join(inner)}\right)", ATOM


def _number(value: object) -> tuple[str, int]:
    digits, _, power = (
        f"{value:g}".partition("e") if isinstance(value, float) else (str(value), "", "")
    )
    if not power:
        return digits, ATOM
    ten = f"10^{{{int(power)}}}"
    return (ten, POWER) if digits == "1" else (rf"{digits}\times {ten}", PRODUCT)


def equation(each: Equation) -> str:
    """A line of a model; of a variable without an equation only its name."""
    left = symbol(each.name)
    if each.kind == "ode":
        left = rf"\frac{{d{left}}}{{dt}}"
    return f"{left} = {expression(each.right)}" if each.right else left


def statement(each: Statement) -> str:
    """What happens at an event; `w -= a` is an assignment of `w - a`."""
    target, operator = symbol(each.target), each.operator.removesuffix("=")
    if not operator:
        return rf"{target} \leftarrow {expression(each.right)}"
    node = ast.parse(f"{each.target} {operator} ({each.right})", mode="eval").body
    return rf"{target} \leftarrow {_written(node)[0]}"
