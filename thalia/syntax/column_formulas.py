"""Numbers as formulas of columns of data: `count * 0.275 mV * sign`, with quantities as in values.

A formula gives a number for each synapse or neuron; the names in it are columns of the file, or of
the matrix, that the same element of the circuit names.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from thalia.errors import did_you_mean
from thalia.syntax.dimensions import dimension_of
from thalia.syntax.equations import identifiers
from thalia.syntax.expressions import FUNCTIONS, EquationError, read_expression
from thalia.syntax.sampling import sampled
from thalia.syntax.units import UNITS, Dimension, ValueSyntaxError

_NUMBER = r"(?<![\w.])((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_QUANTITY = re.compile(rf"{_NUMBER}\s*([A-Za-zµ]+2?)(?![\w(])")
_LETTER = re.compile(r"(?<![\w.])[^\W\d]")  # that a name begins with
_NO_COLUMNS = frozenset({*UNITS, "pi"})
_UNITS = {name: dimension for name, (_, dimension) in UNITS.items()}


@dataclass(frozen=True)
class ColumnFormula:
    """A number for each row of a table, as an expression of its columns and of quantities."""

    text: str
    expression: str = field(compare=False)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return identifiers(self.expression) - _NO_COLUMNS

    def dimension(self, columns: Mapping[str, Dimension]) -> Dimension:
        """Its dimension, given those of the columns.

        Raises
        ------
        EquationError
            If it mentions something else, or adds what has different dimensions.
        """
        return dimension_of(self.expression, {**columns, **_UNITS})

    def numbers(self, columns: Mapping[str, Any]) -> Any:
        """Its values in SI, an array as long as those of the columns, which are in SI, too."""
        return sampled(self.expression, columns, {})

    def __str__(self) -> str:
        return self.text


def is_column_formula(text: str) -> bool:
    """Whether a text is an expression that reads columns, rather than a value with its unit."""
    bare = _QUANTITY.sub(r"\1", text).strip()
    if not _LETTER.search(bare):  # as in nearly all values: parsing costs more
        return False
    try:
        node = ast.parse(bare, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    functions = {each.func for each in ast.walk(node) if isinstance(each, ast.Call)}
    known = all(isinstance(each, ast.Name) and each.id in FUNCTIONS for each in functions)
    names = {e.id for e in ast.walk(node) if isinstance(e, ast.Name) and e not in functions}
    return known and bool(names - _NO_COLUMNS)


def read_formula(text: str) -> ColumnFormula:
    """Read a formula.

    Raises
    ------
    MistakeInText
        If it is none, or mentions an unknown unit.

    Examples
    --------
    >>> sorted(read_formula("count * 0.275 mV * sign").columns)
    ['count', 'sign']
    """
    expression = _QUANTITY.sub(_product, text.replace("µ", "u"))
    try:
        read_expression(expression)
    except EquationError as error:
        raise EquationError(str(error), error.hint) from None
    return ColumnFormula(text.strip(), expression)


def _product(quantity: re.Match[str]) -> str:
    """A number and its unit as a product."""
    number, unit = quantity.groups()
    if unit not in UNITS:
        known = ("ms", "s", "mV", "pA", "nA", "nS", "pF", "Hz", "um", "mm", "mM", "Mohm")
        raise ValueSyntaxError(f"'{unit}' is not a unit; {did_you_mean(unit, known)}")
    return f"({number}*{unit})"
