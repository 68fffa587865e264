"""What a sweep varies: values of a circuit by dotted path, over a range or a list, and seeds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from thalia.errors import fail
from thalia.syntax.units import Value, ValueSyntaxError, display_unit, parse_value

MOST_RUNS = 100_000  # of a sweep
LONGEST_NUMBER = 12  # digits
_SEPARATE = re.compile(r",(?![^()]*\))(?![^\[\]]*\])(?![^{}]*\})")  # a comma in no brackets


@dataclass(frozen=True)
class Axis:
    """A path and the values that it takes: text as in a circuit file, numbers, or quantities.

    Numbers and quantities are kept as text, so that a table of runs shows what was set.

    Raises
    ------
    CircuitError
        If a value is neither text nor a number.
    """

    path: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(map(self._text, self.values)))

    def _text(self, value: object) -> str:
        if isinstance(value, str):
            return value
        try:
            return str(parse_value(value))
        except ValueSyntaxError as error:
            raise fail(f"--vary {self.path}: {error}") from None

    def numbers(self) -> tuple[dict[str, float], str] | None:
        """The number that each value is, in one customary unit; None if one of them is none."""
        try:
            found = {text: parse_value(text) for text in self.values}
        except ValueSyntaxError:
            return None
        dimensions = {value.dimension for value in found.values()}
        if len(dimensions) != 1 or any(value.is_random for value in found.values()):
            return None
        unit, size = display_unit(dimensions.pop())
        return {text: float(f"{value.mean / size:.12g}") for text, value in found.items()}, unit

    @property
    def label(self) -> str:
        """The path, with the unit of the numbers."""
        numbers = self.numbers()
        return f"{self.path} ({numbers[1]})" if numbers and numbers[1] else self.path


@dataclass(frozen=True)
class Point:
    """One run of a sweep: its place in the order of all, the values that it sets, and its seed."""

    index: int
    settings: dict[str, str]
    seed: int


def axis_of(text: str) -> Axis:
    """`path=0.1 nS:1 nS:10` (ten values from the first to the last) or `path=a,b,c`.

    Raises
    ------
    CircuitError
        If it is neither.
    """
    path, equals, raw = text.partition("=")
    if not equals or not path.strip() or not raw.strip():
        raise fail(
            f"--vary {text}: expected PATH=FIRST:LAST:NUMBER or PATH=VALUE,VALUE",
            "as in stimuli.drive.rate=1Hz:9Hz:5",
        )
    parts = [part.strip() for part in raw.split(":")]
    if len(parts) == 3:
        return Axis(path.strip(), _between(text, *parts))
    if len(parts) == 1:
        return Axis(
            path.strip(), tuple(value.strip() for value in _SEPARATE.split(raw) if value.strip())
        )
    raise fail(
        f"--vary {text}: expected FIRST:LAST:NUMBER, found {len(parts)} parts", "as in 1Hz:9Hz:5"
    )


def _between(text: str, first: str, last: str, number: str) -> tuple[str, ...]:
    ends: list[Value] = []
    for end in (first, last):
        try:
            ends.append(parse_value(end))
        except ValueSyntaxError as error:
            raise fail(f"--vary {text}: {error}") from None
    if ends[0].dimension != ends[1].dimension or any(end.is_random for end in ends):
        raise fail(
            f"--vary {text}: expected two numbers of one dimension, found {first} and {last}"
        )
    count = int(number) if number.isdecimal() and len(number) < LONGEST_NUMBER else 0
    if count < 2:
        raise fail(f"--vary {text}: expected a number of values of 2 or more, found '{number}'")
    _check_number(count, f"--vary {text}")
    steps = np.linspace(ends[0].mean, ends[1].mean, count)
    unit, size = display_unit(ends[0].dimension)
    return tuple(f"{step / size:.12g} {unit}".strip() for step in steps)


def seeds_of(text: str) -> tuple[int, ...]:
    """`1:8` (both included) or `1,5,9`.

    Raises
    ------
    CircuitError
        If it is neither.
    """
    first, colon, last = text.partition(":")
    try:
        given = [int(part) for part in ((first, last) if colon else text.split(","))]
    except ValueError:
        given = [-1]
    if min(given) < 0 or (colon and given[0] > given[1]):
        raise fail(f"--seeds {text}: expected FIRST:LAST or a list of whole numbers", "as in 1:8")
    if not colon:
        return tuple(given)
    _check_number(given[1] - given[0] + 1, f"--seeds {text}")
    return tuple(range(given[0], given[1] + 1))


def _check_number(count: int, option: str) -> None:
    if count > MOST_RUNS:
        raise fail(f"{option}: makes {count:,} runs, expected at most {MOST_RUNS:,}")


def points(axes: Sequence[Axis], seeds: Sequence[int]) -> list[Point]:
    """Every combination of values and seeds, seeds last.

    Raises
    ------
    CircuitError
        If there are too many.
    """
    _check_number(prod(len(axis.values) for axis in axes) * len(seeds), "--vary")
    paths = [axis.path for axis in axes]
    settings = [
        dict(zip(paths, values, strict=True)) for values in product(*(axis.values for axis in axes))
    ]
    return [Point(index, each, seed) for index, (each, seed) in enumerate(product(settings, seeds))]


def check_varied(
    varied: Sequence[tuple[str, Sequence[str]]], set: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """Refuse what would be given twice, and so once in vain.

    Parameters
    ----------
    varied : sequence of (path, values)

    Raises
    ------
    CircuitError
        If a path or a value is.
    """
    given = [path for path, _ in varied] + list(set)
    for path in given:
        if given.count(path) > 1:
            raise fail(f"--vary {path}: is given twice", "vary it once, or set it once")
        if path == "seed":
            raise fail("--vary seed: seeds have an option of their own", "--seeds 1:8")
        if path == "duration" and options.get("duration"):
            raise fail("--vary duration: --duration is given as well", "leave one of them out")
    for path, values in varied:
        if len({*values}) < len(values):
            told = f"--vary {path}: a value is given twice: {', '.join(values)}"
            raise fail(told, "give each once")
