"""Numbers that come from Python: each with its unit, unless what they are for has no dimension.

They may be text ("-62 mV"), a quantity of Brian2 (`-62*mV`), or numbers times a value: a task with
the field `full_rate: Rate` presents `image * self.full_rate`.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thalia.syntax.fields import expect
from thalia.syntax.units import (
    DIMENSIONLESS,
    Dimension,
    Quantities,
    Value,
    ValueSyntaxError,
    a_quantity,
    dimension_in_brian,
    display_unit,
    parse_value,
)

type Numbers = Quantities | Value | ArrayLike


def in_si(raw: Numbers, dimension: Dimension) -> NDArray[np.float64]:
    """Numbers of a dimension in SI, as an array of the shape that they have.

    Raises
    ------
    ValueSyntaxError
        If they have another dimension or no unit, or are not finite numbers.
    """
    found = _read(raw, dimension)
    if not np.isfinite(found).all():
        raise ValueSyntaxError(f"expected finite numbers, found {_shown(found)}")
    return found


def _read(raw: Any, dimension: Dimension) -> NDArray[np.float64]:
    if isinstance(raw, Quantities):
        return _expected(np.asarray(raw.numbers, dtype=float), raw.dimension, dimension)
    if (found := dimension_in_brian(raw)) is not None:
        return _expected(np.asarray(raw, dtype=float), found, dimension)
    if isinstance(raw, str | Value):
        value = expect(parse_value(raw), dimension, raw)
        if value.is_random:
            raise ValueSyntaxError(f"expected one number, found the distribution {value}")
        return np.asarray(value.mean)
    if isinstance(raw, list | tuple) and any(isinstance(each, str | Value) for each in raw):
        return np.array([_read(each, dimension) for each in raw], dtype=float)
    try:
        numbers = np.asarray(raw)
    except ValueError:  # of unequal rows
        numbers = np.array(None)
    if numbers.dtype.kind not in "biuf":
        raise ValueSyntaxError(f"expected {a_quantity(dimension)}, found {raw!r}")
    return _expected(numbers.astype(float), DIMENSIONLESS, dimension)


def _expected(
    numbers: NDArray[np.float64], found: Dimension, dimension: Dimension
) -> NDArray[np.float64]:
    if found == dimension:
        return numbers
    wanted, unit = a_quantity(dimension), display_unit(dimension)[0]
    if found == DIMENSIONLESS:
        shown = f"{_shown(numbers)} without a unit"
        raise ValueSyntaxError(f"expected {wanted}, such as '20 {unit}', found {shown}")
    raise ValueSyntaxError(f"expected {wanted}, found {a_quantity(found)}")


def _shown(numbers: NDArray[np.float64]) -> str:
    return f"{numbers:g}" if numbers.ndim == 0 else f"{numbers.size} numbers"
