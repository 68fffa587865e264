"""Numbers that depend on where two neurons are: `1 ms + distance/(0.3 m/s)`.

A formula is an expression, in which a quantity may be written as elsewhere: a number, a space and
its unit.
"""

import re

from thalia.errors import MistakeInText, did_you_mean
from thalia.syntax.dimensions import dimension_of
from thalia.syntax.equations import calls, identifiers
from thalia.syntax.expressions import FUNCTIONS, RANDOM, EquationError, read_expression
from thalia.syntax.units import (
    LONGEST,
    METRE,
    UNITS,
    Value,
    ValueSyntaxError,
    parse_unit,
    parse_value,
    si_unit,
)

AXES = ("x", "y", "z")
# what a formula may read, all of them lengths
PLACES = (
    "distance",
    *(f"d{axis}" for axis in AXES),
    *(f"{axis}_{side}" for axis in AXES for side in ("pre", "post")),
)
_PLACE = re.compile(rf"\b(?:{'|'.join(PLACES)})\b")
_UNIT = r"[A-Za-zµμ]+2?(?:(?:\*\*|\^)-?\d)?"
_QUANTITY = re.compile(
    rf"(?<![\w.])(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)\s+({_UNIT}(?:[*/]{_UNIT}(?![\w(]))*)"
)
_WORD = re.compile(r"[A-Za-zµμ]+2?")


def is_formula(raw: object) -> bool:
    """Whether a text mentions where neurons are."""
    return isinstance(raw, str) and bool(_PLACE.search(raw))


def parse_formula(raw: str) -> Value:
    """Read a formula; the numbers that it takes are known once the neurons have positions.

    Raises
    ------
    ValueSyntaxError
        If it is no expression of places, or has no dimension.

    Examples
    --------
    >>> parse_formula("1 ms + distance/(0.3 m/s)").expression
    '(0.001*second) + distance/((0.3*metre/second))'
    """
    if len(raw) > LONGEST:
        raise ValueSyntaxError(f"a formula has {len(raw):,} characters, at most {LONGEST} are read")
    try:
        expression = with_products(raw.strip())
        read_expression(expression)
        known = {*PLACES, *UNITS, *FUNCTIONS, "pi"}
        for name in sorted((identifiers(expression) - known) | (calls(expression) & RANDOM)):
            raise EquationError(f"'{name}' is not defined here; {did_you_mean(name, PLACES)}")
        dimension = dimension_of(expression, dict.fromkeys(PLACES, METRE))
    except MistakeInText as error:
        raise ValueSyntaxError(f"'{raw.strip()}': {error}", error.hint) from None
    return Value("formula", (), dimension, text=raw.strip(), expression=expression)


def parse_local(raw: object) -> Value:
    """Read a value that may be a formula.

    Raises
    ------
    ValueSyntaxError
        If it is neither.
    """
    return parse_formula(raw) if isinstance(raw, str) and is_formula(raw) else parse_value(raw)


def with_products(text: str) -> str:
    """An expression whose quantities are products in SI: `2 nS` as `(2e-09*siemens)`."""
    return _QUANTITY.sub(_product, text)


def _product(match: re.Match[str]) -> str:
    """A quantity up to the last word that is a unit, and what follows it."""
    number, first, *rest = match[1], *re.split(r"([*/](?!\*))", match[2].replace("**", "^"))
    taken = [first]
    for sign, piece in zip(rest[::2], rest[1::2], strict=True):
        word = _WORD.match(piece)
        if not word or word[0] not in UNITS:
            break
        taken += [sign, piece]
    size, dimension = parse_unit("".join(taken).replace("μ", "µ"))
    left = "".join(rest[len(taken) - 1 :]).replace("^", "**")
    return f"({float(number) * size!r}*{si_unit(dimension)}){left}"
