"""What a fit varies: values of a circuit by dotted path, between two ends or among some."""

from dataclasses import dataclass, replace
from typing import Any

from thalia.errors import fail
from thalia.parallel.axes import axis_of
from thalia.syntax.units import Value, ValueSyntaxError, display_unit, parse_value

LOG = "log"
DIGITS = 6  # of a value that is tried, which is what a circuit is given


@dataclass(frozen=True)
class Dimension:
    """A path, and the numbers between `low` and `high` or the `choices` that it may have.

    Numbers are in `unit`; with `log` they are drawn on a logarithmic scale, and with `whole` they
    are whole, as the circuit takes no others there.
    """

    path: str
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    log: bool = False
    choices: tuple[str, ...] = ()
    whole: bool = False

    @property
    def fraction(self) -> str | None:
        """A number between the ends that is not whole; None where whole ones are not meant."""
        if self.unit or self.choices or not (self.low.is_integer() and self.high.is_integer()):
            return None
        return str(self.low + 0.5)

    def of_whole_numbers(self) -> "Dimension":
        """The same, of whole numbers alone."""
        return replace(self, low=int(self.low), high=int(self.high), whole=True)

    @property
    def label(self) -> str:
        """The path, with the unit of the numbers."""
        return f"{self.path} ({self.unit})" if self.unit else self.path

    def text(self, value: Any) -> str:
        """A value that was drawn, as in a circuit file."""
        if self.choices or self.whole:
            return str(value)
        return f"{value:.{DIGITS}g} {self.unit}".strip()

    def number(self, text: str) -> float:
        """The number that such a text stands for, in the unit; its place among choices."""
        if self.choices:
            return float(self.choices.index(text))
        return float(text.removesuffix(self.unit))


def dimension_of(text: str) -> Dimension:
    """`path=0.1 nS:1 nS`, with `:log` for a logarithmic scale, or `path=a,b,c`.

    Raises
    ------
    CircuitError
        If it is neither.
    """
    path, _, raw = text.partition("=")
    parts = [part.strip() for part in raw.split(":")]
    if len(parts) == 1:
        axis = axis_of(text)
        if len(axis.values) < 2:
            raise fail(f"--vary {text}: expected two values or more", f"--set {text} sets one")
        return Dimension(axis.path, choices=axis.values)
    if len(parts) > 3 or (len(parts) == 3 and parts[2] != LOG) or not path.strip():
        raise fail(
            f"--vary {text}: expected PATH=FIRST:LAST, PATH=FIRST:LAST:{LOG} or PATH=VALUE,VALUE",
            "as in pathways.a_to_b.weight=0.1nS:2nS:log",
        )
    ends: list[Value] = []
    for end in parts[:2]:
        try:
            ends.append(parse_value(end))
        except ValueSyntaxError as error:
            raise fail(f"--vary {text}: {error}") from None
    first, last = ends
    if first.dimension != last.dimension or first.is_random or last.is_random:
        raise fail(f"--vary {text}: expected two numbers of one dimension, found {raw}")
    if not first.mean < last.mean:
        raise fail(f"--vary {text}: expected a first value below the last, found {raw}")
    is_log = len(parts) == 3
    if is_log and first.mean <= 0:
        raise fail(
            f"--vary {text}: a logarithmic scale begins above 0, found {parts[0]}", "leave :log out"
        )
    unit, size = display_unit(first.dimension)
    low, high = (float(f"{each.mean / size:.12g}") for each in ends)
    return Dimension(path.strip(), low, high, unit, is_log)
