"""Numbers that follow each other in time: a trace for all neurons, or one for each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.syntax.quantities import in_si
from thalia.syntax.units import (
    UNITS,
    Dimension,
    Quantities,
    Value,
    ValueSyntaxError,
    dimension_in_brian,
    format_number,
    parse_value,
)

_KINDS = (UNITS["A"][1], UNITS["Hz"][1])  # currents and rates


class Series:
    """Numbers of one dimension in SI, (n_times, n_traces), which are never changed."""

    def __init__(self, numbers: NDArray[np.float64], dimension: Dimension):
        self.numbers = np.array(numbers, dtype=np.float64, order="C")
        self.numbers.setflags(write=False)
        self.dimension = dimension

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Series)
            and self.dimension == other.dimension
            and np.array_equal(self.numbers, other.numbers)
        )

    def __hash__(self) -> int:
        return hash((self.dimension, self.numbers.shape, self.numbers.tobytes()[:1000]))

    def __repr__(self) -> str:
        times, traces = self.numbers.shape
        return f"Series({times:,} times, {traces:,} traces)"

    def as_data(self) -> list[Any]:
        """Lists of quantities as text, which `parse_series` reads as an equal series."""
        rows = [[format_number(n, self.dimension) for n in row] for row in self.numbers.tolist()]
        return rows if self.numbers.shape[1] > 1 else [row[0] for row in rows]


def parse_series(raw: Any) -> Series:
    """Currents or rates as a user gives them: lists of quantities, or an array with its unit.

    Raises
    ------
    ValueSyntaxError
        If they are no currents or rates, not finite, or in more than two dimensions.
    """
    if isinstance(raw, Series):
        return raw
    dimension = _dimension(raw)
    if dimension not in _KINDS:
        raise ValueSyntaxError(
            "expected currents or rates with their unit",
            "[0 pA, 10 pA], or in Python an array times a unit: `array * brian2.pA`",
        )
    try:
        is_nested = isinstance(raw, list | tuple) and isinstance(raw[0], list | tuple)
        numbers = (
            np.array([in_si(row, dimension) for row in raw]) if is_nested else in_si(raw, dimension)
        )
    except ValueError as error:
        if isinstance(error, ValueSyntaxError):
            raise
        raise ValueSyntaxError("expected rows of equal length") from None
    return Series(table(numbers, "values"), dimension)


def table(numbers: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Numbers as (n_times, n_traces).

    Raises
    ------
    ValueSyntaxError
        If there are none, or they have more than two dimensions.
    """
    if numbers.ndim == 1:
        numbers = numbers[:, None]
    if numbers.ndim != 2 or not numbers.size:
        raise ValueSyntaxError(
            f"{what}: expected numbers by time, or by time and neuron, found an array of "
            f"the shape {numbers.shape}"
        )
    return numbers


def _dimension(raw: Any) -> Dimension | None:
    """The dimension of what is given, or of its first entry."""
    if isinstance(raw, Quantities | Value):
        return raw.dimension
    if (found := dimension_in_brian(raw)) is not None:
        return found
    if isinstance(raw, list | tuple) and raw:
        return _dimension(raw[0])
    return parse_value(raw).dimension if isinstance(raw, str) else None
