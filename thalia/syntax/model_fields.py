"""Fields that are written as text: values with units, equations, statements; and what every noun has in common."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from thalia.syntax.drive_weights import DriveTarget, parse_weight
from thalia.syntax.equations import Equation, EquationError, Statement, parse_equations, parse_statements, tree
from thalia.syntax.units import Dimension, Value, ValueSyntaxError, dimension_name, parse_unit, parse_value


def _checked(parse: Callable[[Any], Any]) -> BeforeValidator:
    def validate(raw: Any) -> Any:
        try:
            return parse(raw)
        except (ValueSyntaxError, EquationError) as error:
            raise PydanticCustomError("thalia", "{message}", {"message": str(error)}) from None

    return BeforeValidator(validate)


def _text(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        if isinstance(raw, tuple):
            return raw
        if not isinstance(raw, str):
            raise EquationError("expected model text, one line each")
        return parse(raw)

    return read


_VALUE_SCHEMA = {"type": ["number", "string"], "examples": ["20 ms", 0.1, "normal(1 nS, 0.2 nS, min=0 nS)"]}
AnyValue = Annotated[Value, _checked(parse_value), WithJsonSchema(_VALUE_SCHEMA)]
AnyWeight = Annotated[
    Value | DriveTarget, _checked(parse_weight), WithJsonSchema({**_VALUE_SCHEMA, "examples": ["1 nS", "drive(0.3, 8 Hz)"]})
]
Equations = Annotated[tuple[Equation, ...], _checked(_text(parse_equations)), WithJsonSchema({"type": "string"})]
Statements = Annotated[tuple[Statement, ...], _checked(_text(parse_statements)), WithJsonSchema({"type": "string"})]


def _unit(raw: Any) -> Dimension:
    dimension = parse_unit(raw)[1] if isinstance(raw, str) else raw
    return tuple(dimension)


def _expression(raw: Any) -> Any:
    if isinstance(raw, str) and raw:
        tree(raw)
    return raw


Expression = Annotated[str, _checked(_expression)]
UnitText = Annotated[Dimension, _checked(_unit), WithJsonSchema({"type": "string", "examples": ["nS", "pA"]})]


def quantity(name: str, dimension: Dimension) -> Any:
    """The type of a field that takes a number or a distribution of one dimension."""

    def parse(raw: Any) -> Value:
        return expect(parse_value(raw), dimension, raw)

    return Annotated[Value, _checked(parse), WithJsonSchema({**_VALUE_SCHEMA, "description": f"a {name}"})]


def expect(value: Value, dimension: Dimension, raw: object = None) -> Value:
    """The value, if it has this dimension.

    Raises
    ------
    ValueSyntaxError
        Saying what was expected and what was found.
    """
    if value.dimension != dimension:
        found = dimension_name(value.dimension)
        shown = str(value) if raw is None else str(raw)
        message = f"expected a {dimension_name(dimension)}, found {shown}"
        if found == "dimensionless":
            raise ValueSyntaxError(f"{message}, which has no unit")
        raise ValueSyntaxError(f"{message} (a {found})".replace("a dimensionless", "a bare number"))
    return value


class Node(BaseModel):
    """What every noun of a circuit has in common: unknown keys are errors, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
