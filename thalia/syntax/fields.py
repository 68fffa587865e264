"""Field types written as text (values with units, equations, statements), and their base."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from thalia.errors import MistakeInText, Problem
from thalia.syntax.column_formulas import ColumnFormula, is_column_formula, read_formula
from thalia.syntax.drive_weights import DriveTarget, parse_weight
from thalia.syntax.equations import Equation, Statement, parse_equations, parse_statements
from thalia.syntax.expressions import CONDITION, NUMBER, EquationError, read_expression
from thalia.syntax.formulas import is_formula, parse_local
from thalia.syntax.node import Node as Node
from thalia.syntax.selection import Selection, parse_selection
from thalia.syntax.units import (
    DIMENSIONLESS,
    UNITS,
    Dimension,
    Value,
    ValueSyntaxError,
    constant,
    dimension_name,
    parse_unit,
    parse_value,
)


def _checked(parse: Callable[[Any], Any]) -> BeforeValidator:
    def validate(raw: Any) -> Any:
        try:
            return parse(raw)
        except MistakeInText as error:
            raise refuse_all([Problem((), str(error), error.hint, at=error.at)]) from None

    return BeforeValidator(validate)


def _text(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        if isinstance(raw, tuple):
            return raw
        if not isinstance(raw, str):
            raise EquationError("expected equations as text, one per line")
        return parse(raw)

    return read


_VALUE_SCHEMA = {
    "type": ["number", "string"],
    "examples": ["20 ms", 0.1, "normal(1 nS, 0.2 nS, min=0 nS)"],
}
AnyValue = Annotated[Value, _checked(parse_value), WithJsonSchema(_VALUE_SCHEMA)]


def _or_formula(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Reads what is written, or a formula of columns of data."""

    def read(raw: Any) -> Any:
        if isinstance(raw, ColumnFormula):
            return raw
        is_of_columns = isinstance(raw, str) and is_column_formula(raw) and not is_formula(raw)
        return read_formula(raw) if is_of_columns else parse(raw)

    return read


_WEIGHT_SCHEMA = WithJsonSchema({**_VALUE_SCHEMA, "examples": ["1 nS", "drive(0.3, 8 Hz)"]})
Equations = Annotated[
    tuple[Equation, ...], _checked(_text(parse_equations)), WithJsonSchema({"type": "string"})
]
Statements = Annotated[
    tuple[Statement, ...], _checked(_text(parse_statements)), WithJsonSchema({"type": "string"})
]


def _unit(raw: Any) -> Dimension:
    if isinstance(raw, str):
        return parse_unit(raw)[1]
    if isinstance(raw, list | tuple) and len(raw) == len(DIMENSIONLESS):
        return tuple(raw)  # as in run files of earlier versions
    raise ValueSyntaxError(f"expected a unit such as 'nS', found {raw!r}")


def _expression(wanted: str) -> Any:
    """The type of a field for an expression: a number or a condition."""

    def read(raw: Any) -> Any:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            raw = str(raw)
        if isinstance(raw, str) and raw:
            try:
                read_expression(raw, wanted)
            except EquationError as error:
                raise EquationError(str(error), error.hint, (0, 0)) from None
        return raw

    return Annotated[str, _checked(read)]


_SELECTION_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string"},
        {"type": "array", "items": {"type": ["integer", "string"]}, "minItems": 1},
    ],
    "description": "some neurons of a population",
    "examples": [10, "0:50", [0, 3], "x < 100 um", "all"],
}
Neurons = Annotated[Selection, _checked(parse_selection), WithJsonSchema(_SELECTION_SCHEMA)]


def _sized_unit(raw: Any) -> Value:
    if isinstance(raw, Value):
        return raw
    if not isinstance(raw, str):
        raise ValueSyntaxError(f"expected a unit such as 'pA', found {raw!r}")
    return constant(*parse_unit(raw.strip()), raw.strip())


UnitValue = Annotated[
    Value, _checked(_sized_unit), WithJsonSchema({"type": "string", "examples": ["pA", "Hz"]})
]
UnitText = Annotated[
    Dimension, _checked(_unit), WithJsonSchema({"type": "string", "examples": ["nS", "pA"]})
]


def quantity(name: str, dimension: Dimension, read: Callable[[Any], Value] = parse_value) -> Any:
    """The type of a field for a number or a distribution of one dimension."""

    def parse(raw: Any) -> Value:
        return expect(read(raw), dimension, raw)

    return Annotated[
        Value, _checked(parse), WithJsonSchema({**_VALUE_SCHEMA, "description": f"a {name}"})
    ]


def expect(value: Value, dimension: Dimension, raw: object = None) -> Value:
    """The value, if it has this dimension.

    Raises
    ------
    ValueSyntaxError
        With what was expected and what was found.
    """
    if value.dimension != dimension:
        found = dimension_name(value.dimension)
        shown = str(value) if raw is None else str(raw)
        message = f"expected a {dimension_name(dimension)}, found {shown}"
        if found == "dimensionless":
            raise ValueSyntaxError(f"{message}, which has no unit")
        raise ValueSyntaxError(f"{message} (a {found})".replace("a dimensionless", "a bare number"))
    return value


def refuse(message: str, hint: str = "") -> PydanticCustomError:
    """The error of a validator, with a message for users."""
    return refuse_all([Problem((), message, hint)])


def refuse_all(problems: Sequence[Problem]) -> PydanticCustomError:
    """The error of a validator for several problems, whose paths begin where it stands."""
    message = "; ".join(problem.message for problem in problems)
    return PydanticCustomError("thalia", "{message}", {"message": message, "problems": problems})


def _named(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*", text):
        raise refuse(
            f"'{text}' is not a valid name", "names are snake_case, dotted by region: l4_e, v1.l4.e"
        )
    return text


Name = Annotated[str, AfterValidator(_named)]


def _fixed(value: Value) -> Value:
    if value.is_random:
        raise refuse(f"expected one number, found the distribution {value}")
    return value


def _fixed_or_formula(value: Value) -> Value:
    return value if value.is_formula else _fixed(value)


def positive(value: Value) -> Value:
    """The value, if it is above 0."""
    if value.mean <= 0:
        raise refuse(f"expected more than 0, found {value}")
    return value


def not_negative(value: Value) -> Value:
    """The value, if it is not below 0."""
    if value.mean < 0:
        raise refuse(f"expected 0 or more, found {value}")
    return value


def _probability(value: Value) -> Value:
    if not value.is_formula and not 0 <= value.mean <= 1:
        raise refuse(f"expected a probability between 0 and 1, found {value}")
    return value


def _count(value: Value) -> Value:
    if value.mean < 0 or value.mean != int(value.mean):
        raise refuse(f"expected a non-negative integer, found {value}")
    return value


def _table(raw: Any) -> Any:
    """Rows of a table: a single number becomes one row of one entry, for every pair."""
    if isinstance(raw, list | tuple) and not isinstance(raw, Value):
        rows = [row if isinstance(row, list | tuple) else [row] for row in raw]
        if not rows or not all(rows):
            raise refuse("expected at least one entry, found an empty list", "write one number")
        lengths = sorted({len(row) for row in rows})
        if len(lengths) > 1:
            raise refuse(
                f"expected rows of equal length, found rows of {lengths[0]} and {lengths[-1]}"
            )
        return rows
    return [[raw]]


def table(entry: Any) -> Any:
    """The type of a field for one entry, or for a table of them (rows = post, columns = pre)."""
    schema = {"oneOf": [{"type": ["number", "string"]}, {"type": "array"}]}
    return Annotated[tuple[tuple[entry, ...], ...], BeforeValidator(_table), WithJsonSchema(schema)]


def one_or_many(raw: Any) -> Any:
    """A single entry as a list of one."""
    return raw if raw is None or isinstance(raw, list | tuple) else [raw]


_ONE_OR_MANY = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
)
Names = Annotated[tuple[Name, ...], BeforeValidator(one_or_many), Field(min_length=1), _ONE_OR_MANY]
Words = Annotated[tuple[str, ...], BeforeValidator(one_or_many), _ONE_OR_MANY]


def gather(model: type[Node]) -> Callable[[Any], Any]:
    """Collect the keys that are unknown to a model as parameters of its component."""
    known = {*model.model_fields, *model.FORMER_KEYS} - {"parameters"}

    def collect(raw: Any) -> Any:
        if not isinstance(raw, dict) or "parameters" in raw:
            return raw
        mine = {key: value for key, value in raw.items() if key in known}
        return {
            **mine,
            "parameters": {key: value for key, value in raw.items() if key not in known},
        }

    return collect


def _switch(raw: Any) -> Any:
    """`on`, `off`, or either for some pathways by name."""
    for word in raw.values() if isinstance(raw, dict) else [raw]:
        if word not in ("on", "off"):
            raise refuse(f"expected 'on', 'off', or a mapping of pathways to these, found {word!r}")
    return raw


_SWITCH_SCHEMA = {
    "anyOf": [
        {"enum": ["on", "off"]},
        {"type": "object", "additionalProperties": {"enum": ["on", "off"]}},
    ]
}
Switch = Annotated[Any, BeforeValidator(_switch), WithJsonSchema(_SWITCH_SCHEMA)]

if TYPE_CHECKING:
    type Expression = str
    type AnyParameter = Value  # a formula becomes one when its data are read
    type Condition = str
    # for the type checker they are all values, and rows of values
    type Time = Value
    type AnyTime = Value
    type Rate = Value
    type SingleRate = Value
    type Number = Value
    type PositiveTime = Value
    type PositiveLength = Value
    type PositiveNumber = Value
    type Probability = Value
    type Count = Value
    type Fraction = Value
    type ProbabilityTable = tuple[tuple[Value, ...], ...]
    type CountTable = tuple[tuple[Value, ...], ...]
    type TimeTable = tuple[tuple[Value, ...], ...]
    # a formula becomes one when its data are read, a drive in pass 2b
    type Weight = Value
    type WeightTable = tuple[tuple[Value, ...], ...]
else:
    AnyParameter = Annotated[
        Value | ColumnFormula, _checked(_or_formula(parse_value)), WithJsonSchema(_VALUE_SCHEMA)
    ]
    Expression, Condition = _expression(NUMBER), _expression(CONDITION)
    AnyTime = quantity("time", UNITS["s"][1])
    Time = Annotated[AnyTime, AfterValidator(_fixed)]
    Rate = Annotated[quantity("rate", UNITS["Hz"][1]), AfterValidator(_fixed)]
    SingleRate = Annotated[Rate, AfterValidator(not_negative)]
    Number = Annotated[quantity("number without unit", DIMENSIONLESS), AfterValidator(_fixed)]
    PositiveTime = Annotated[Time, AfterValidator(positive)]
    Length = Annotated[quantity("length", UNITS["m"][1]), AfterValidator(_fixed)]
    PositiveLength = Annotated[Length, AfterValidator(positive)]
    PositiveNumber = Annotated[Number, AfterValidator(positive)]
    Probability = Annotated[Number, AfterValidator(_probability)]
    Count = Annotated[Number, AfterValidator(_count)]
    Fraction = Annotated[Number, AfterValidator(_probability), AfterValidator(positive)]
    LocalProbability = Annotated[
        quantity("number without unit", DIMENSIONLESS, parse_local),
        AfterValidator(_fixed_or_formula),
        AfterValidator(_probability),
    ]
    ProbabilityTable, CountTable = table(LocalProbability), table(Count)
    TimeTable = table(
        Annotated[
            Value | ColumnFormula,
            _checked(_or_formula(lambda raw: expect(parse_local(raw), UNITS["s"][1], raw))),
            WithJsonSchema({**_VALUE_SCHEMA, "description": "a time"}),
        ]
    )
    Weight = Annotated[Value | DriveTarget, _checked(parse_weight), _WEIGHT_SCHEMA]
    WeightTable = table(
        Annotated[
            Value | DriveTarget | ColumnFormula,
            _checked(_or_formula(parse_weight)),
            _WEIGHT_SCHEMA,
        ]
    )
