"""Numbers with units, as text and as SI floats: `20 ms`, `lognormal(0.4 nS, 0.15 nS, max=1 nS)`.

Values are parsed by a small grammar, never by `eval`, and carry their dimension, so that mistakes
are found before anything heavy is imported. All values inside Thalia are in SI base units.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations, product
from math import inf, isfinite
from numbers import Real
from typing import Any

from thalia.errors import MistakeInText, did_you_mean, shortened
from thalia.syntax.distributions import DISTRIBUTIONS, probability, truncated_mean, why_not

# powers of metre, kilogram, second, ampere, mole
Dimension = tuple[float, float, float, float, float]

DIMENSIONLESS: Dimension = (0, 0, 0, 0, 0)
_BASES: dict[str, tuple[float, Dimension]] = {
    "m": (1.0, (1, 0, 0, 0, 0)),
    "s": (1.0, (0, 0, 1, 0, 0)),
    "A": (1.0, (0, 0, 0, 1, 0)),
    "V": (1.0, (2, 1, -3, -1, 0)),
    "S": (1.0, (-2, -1, 3, 2, 0)),
    "F": (1.0, (-2, -1, 4, 2, 0)),
    "C": (1.0, (0, 0, 1, 1, 0)),
    "ohm": (1.0, (2, 1, -3, -2, 0)),
    "Hz": (1.0, (0, 0, -1, 0, 0)),
    "mol": (1.0, (0, 0, 0, 0, 1)),
    "M": (1e3, (-3, 0, 0, 0, 1)),  # molar: a mole per litre
    "g": (1e-3, (0, 1, 0, 0, 0)),
}
_LONG = {
    "metre": "m",
    "meter": "m",
    "second": "s",
    "amp": "A",
    "ampere": "A",
    "volt": "V",
    "siemens": "S",
    "farad": "F",
    "coulomb": "C",
    "hertz": "Hz",
    "molar": "M",
}
_PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
_PREFIXES |= {"k": 1e3, "M": 1e6, "G": 1e9}

UNITS: dict[str, tuple[float, Dimension]] = {
    prefix + base: (scale * factor, dimension)
    for base, (factor, dimension) in _BASES.items()
    for prefix, scale in _PREFIXES.items()
}
HERTZ, METRE = UNITS["Hz"][1], UNITS["m"][1]
UNITS |= {name: UNITS[short] for name, short in _LONG.items()}
UNITS |= {
    "cm": (1e-2, _BASES["m"][1]),
    "minute": (60.0, _BASES["s"][1]),
    "hour": (3600.0, _BASES["s"][1]),
    "kilogram": (1.0, _BASES["g"][1]),
    "um2": (1e-12, (2, 0, 0, 0, 0)),
    "cm2": (1e-4, (2, 0, 0, 0, 0)),
}

# name of the dimension, the unit shown to users, and Brian2's name of the SI unit
_NAMED: list[tuple[str, str, str]] = [
    ("time", "ms", "second"),
    ("voltage", "mV", "volt"),
    ("current", "pA", "amp"),
    ("conductance", "nS", "siemens"),
    ("resistance", "Mohm", "ohm"),
    ("capacitance", "pF", "farad"),
    ("charge", "fC", "coulomb"),
    ("rate", "Hz", "hertz"),
    ("length", "um", "metre"),
    ("concentration", "mM", "mmolar"),
]
_NAMES = {UNITS[unit][1]: (name, unit, brian) for name, unit, brian in _NAMED}


def dimension_name(dimension: Dimension) -> str:
    """A word for a dimension: 'time', 'voltage', or its unit where it has no name."""
    if dimension == DIMENSIONLESS:
        return "dimensionless"
    if dimension in _NAMES:
        return _NAMES[dimension][0]
    integrated = multiply(dimension, UNITS["s"][1])
    if integrated in _NAMES:
        return f"{_NAMES[integrated][0]} per time"
    return f"quantity in {display_unit(dimension)[0]}"


def a_dimension(dimension: Dimension) -> str:
    """A dimension within a sentence: 'a voltage', or 'dimensionless'."""
    return "dimensionless" if dimension == DIMENSIONLESS else f"a {dimension_name(dimension)}"


def a_quantity(dimension: Dimension) -> str:
    """A quantity of a dimension within a sentence: 'a voltage', or 'a bare number'."""
    return "a bare number" if dimension == DIMENSIONLESS else f"a {dimension_name(dimension)}"


def si_unit(dimension: Dimension) -> str:
    """The SI unit of a dimension, written so that Brian2 reads it too (`volt`, `siemens/volt`)."""
    if dimension == DIMENSIONLESS:
        return "1"
    if factors := _factors(dimension, _SI):
        return _product([(_SI[factor], power) for factor, power in factors], "**")
    words = ("metre", "kilogram", "second", "amp", "mol")
    powers = [(word, power) for word, power in zip(words, dimension, strict=True) if power]
    return " * ".join(word if power == 1 else f"{word}**{power:g}" for word, power in powers)


def display_unit(dimension: Dimension) -> tuple[str, float]:
    """The customary unit of a dimension (`mV`, `nS/mV`), and its size in SI."""
    if dimension == DIMENSIONLESS:
        return "", 1.0
    if factors := _factors(dimension, _DISPLAYED):
        text = _product([(_DISPLAYED[factor], power) for factor, power in factors], "^")
        return text, parse_unit(text)[0]
    return si_unit(dimension), 1.0


def _product(factors: list[tuple[str, int]], power_sign: str) -> str:
    """Units with their powers as people write them: `pA*ms/mV^2`, `1/ms`."""

    def factor(unit: str, power: int) -> str:
        return unit if power == 1 else f"{unit}{power_sign}{power}"

    above = "*".join(factor(unit, power) for unit, power in factors if power > 0)
    below = "".join(f"/{factor(unit, -power)}" for unit, power in factors if power < 0)
    return (above or "1") + below


# dimensions of which others are products, with their units; the first ones are preferred
_DISPLAYED = {dimension: unit for dimension, (_, unit, _) in _NAMES.items()}
_DISPLAYED |= {UNITS["kilogram"][1]: "kilogram", UNITS["mol"][1]: "mol"}
_SI = {dimension: word for dimension, (_, _, word) in _NAMES.items() if word != "mmolar"}
_SI |= {UNITS["kilogram"][1]: "kilogram", UNITS["mol"][1]: "mol"}


def _factors(
    dimension: Dimension, units: Mapping[Dimension, str]
) -> tuple[tuple[Dimension, int], ...]:
    """The fewest named dimensions, with powers, whose product is a dimension; empty if none is."""
    return _factors_among(dimension, tuple(units))


_POWERS = (1, -1, 2, -2, 3, -3)


@cache
def _factors_among(
    dimension: Dimension, known: tuple[Dimension, ...]
) -> tuple[tuple[Dimension, int], ...]:
    if dimension in known:
        return ((dimension, 1),)
    usable = [each for each in known if each != HERTZ]  # a rate is written by its time
    for count in (1, 2, 3):
        found = [
            tuple(zip(chosen, powers, strict=True))
            for chosen in combinations(usable, count)
            for powers in product(*(_POWERS if each == METRE else _POWERS[:4] for each in chosen))
            if _multiplied(chosen, powers) == dimension
        ]
        if found:
            return min(found, key=lambda factors: sum(abs(power) for _, power in factors))
    return ()


def _multiplied(dimensions: Iterable[Dimension], powers: Iterable[int]) -> Dimension:
    total = DIMENSIONLESS
    for dimension, power in zip(dimensions, powers, strict=True):
        total = multiply(total, dimension, power)
    return total


def multiply(a: Dimension, b: Dimension, power: float = 1) -> Dimension:
    """The dimension of `a * b**power`."""
    return tuple(x + y * power for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


class ValueSyntaxError(MistakeInText):
    """A value that cannot be read; the message says what was expected."""


LONGEST = 300  # characters of a value
MOST_POWER = 9  # of a unit
SMALLEST, LARGEST = 1e-300, 1e300  # in SI units

# micro and mu, ohm and omega, and minus, as people type or paste them
_TYPED = {0xB5: "u", 0x3BC: "u", 0x2126: "ohm", 0x3A9: "ohm", 0x2212: "-"}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*$")
_FACTOR = re.compile(r"\s*([*/]?)\s*(1|[A-Za-z]+2?)\s*(?:(?:\^|\*\*)\s*([+-]?\d+))?")


def parse_unit(text: str) -> tuple[float, Dimension]:
    """The size and dimension of a unit expression such as `mV`, `nS/ms` or `1/ms^2`.

    Raises
    ------
    ValueSyntaxError
        If a unit is not known or the expression cannot be read.
    """
    if len(text) > LONGEST:
        raise ValueSyntaxError(f"'{shortened(text)}' is not a unit: it is too long")
    text = text.translate(_TYPED)
    factor, dimension, position = 1.0, DIMENSIONLESS, 0
    while position < len(text):
        match = _FACTOR.match(text, position)
        if not match:
            raise ValueSyntaxError(f"'{text}' is not a unit")
        operator, name, power_text = match.groups()
        power = int(power_text or 1) * (-1 if operator == "/" else 1)
        if abs(power) > MOST_POWER:
            raise ValueSyntaxError(
                f"'{text}' has a power out of range, "
                f"expected between -{MOST_POWER} and {MOST_POWER}"
            )
        if name != "1":
            if name not in UNITS:
                known = ("ms", "s", "mV", "pA", "nA", "nS", "pF", "Hz", "kHz", "um", "mM", "Mohm")
                raise ValueSyntaxError(f"'{name}' is not a unit; {did_you_mean(name, known)}")
            factor *= UNITS[name][0] ** power
            dimension = multiply(dimension, UNITS[name][1], power)
        position = match.end()
    return factor, dimension


@dataclass(frozen=True, repr=False)
class Value:
    """A number with a dimension, or a distribution to draw numbers from; in SI units.

    `lognormal(mean, sd)` takes the mean and standard deviation of the value, not of its logarithm.
    `low` and `high` truncate the distribution: values outside are drawn again. `spread(first,
    last)` is not random: it stands for equally spaced numbers from the first to the last. A
    `formula` is an `expression` of where neurons are; its arguments, once their positions are
    known, are the least, the mean and the greatest number that it takes. `chosen` is 1 for some of
    the neurons and 0 for the others; its expression says which.
    """

    kind: str
    arguments: tuple[float, ...]
    dimension: Dimension
    low: float | None = None
    high: float | None = None
    text: str = field(default="", compare=False)
    expression: str = ""

    @property
    def is_random(self) -> bool:
        """Whether it stands for more than one number."""
        return self.kind != "constant"

    @property
    def is_formula(self) -> bool:
        """Whether it depends on where neurons are."""
        return self.kind == "formula"

    @property
    def bounds(self) -> tuple[float, float]:
        """The lower and the upper bound of the distribution, infinite where it has none, in SI."""
        return (-inf if self.low is None else self.low, inf if self.high is None else self.high)

    @property
    def mean(self) -> float:
        """The number itself, or the mean of what is drawn, between the bounds, in SI."""
        if self.is_formula:
            return self.arguments[1]
        if self.low is None and self.high is None:
            uniform = self.kind in ("uniform", "spread")
            return sum(self.arguments) / 2 if uniform else self.arguments[0]
        return truncated_mean(self.kind, self.arguments, *self.bounds)

    def share(self, low: float = -inf, high: float = inf) -> float:
        """The probability that what is drawn lies between two numbers in SI.

        For a formula it only tells whether all, some or none of its numbers do.
        """
        if self.is_formula:
            first, _, last = self.arguments
            return probability("uniform", (first, last), low, high)
        least, largest = self.bounds
        inside = probability(self.kind, self.arguments, max(low, least), min(high, largest))
        return inside / probability(self.kind, self.arguments, least, largest)

    def bounded(self, low: float = -inf, high: float = inf) -> "Value":
        """The same distribution, of which only what lies between two numbers in SI is drawn."""
        low, high = max(low, self.bounds[0]), min(high, self.bounds[1])
        return Value(
            self.kind,
            self.arguments,
            self.dimension,
            None if low == -inf else low,
            None if high == inf else high,
        )

    def scaled(self, factor: float) -> "Value":
        """The same value, times a positive dimensionless factor."""
        arguments = tuple(a * factor for a in self.arguments)
        if self.is_formula:
            text, expression = f"{factor:.6g}*({self.text})", f"{factor!r}*({self.expression})"
            return replace(self, arguments=arguments, text=text, expression=expression)
        low, high = (None if bound is None else bound * factor for bound in (self.low, self.high))
        return Value(self.kind, arguments, self.dimension, low, high)

    def __str__(self) -> str:
        return self.text or format_value(self)

    def __repr__(self) -> str:
        return f"Value({str(self)!r})"

    def __format__(self, spec: str) -> str:
        """As it was written; else, with a format such as `.4g`, in numbers of that format."""
        return self.text or format_value(self, spec)

    def __mul__(self, numbers: Any) -> "Quantities":
        """Numbers, as an array or a single one, with the unit of this value."""
        if self.is_random:
            raise ValueSyntaxError(f"expected one number, found the distribution {self}")
        return Quantities(numbers * self.mean, self.dimension)

    __rmul__ = __mul__
    __array_ufunc__ = None  # so that NumPy leaves `array * value` to the value


@dataclass(frozen=True, eq=False)
class Quantities:
    """Numbers of one dimension, in SI: an array, or a single one."""

    numbers: Any
    dimension: Dimension


def dimension_in_brian(raw: object) -> Dimension | None:
    """The dimension of a quantity of Brian2, which need not be imported; None for anything else.

    Raises
    ------
    ValueSyntaxError
        If it is one of temperature or luminosity, which no quantity of a circuit has.
    """
    powers = getattr(getattr(raw, "dim", None), "_dims", None)
    if powers is None:
        return None
    metre, kilogram, second, ampere, kelvin, mole, candela = map(float, powers)
    if kelvin or candela:
        raise ValueSyntaxError(f"a quantity in {raw!r} has no place in a circuit")
    return (metre, kilogram, second, ampere, mole)


def constant(number: float, dimension: Dimension = DIMENSIONLESS, text: str = "") -> Value:
    """A number in SI units as a value; `text` is how it was written."""
    return Value("constant", (float(number),), dimension, text=text)


def parse_value(raw: object) -> Value:
    """Read a number, a quantity or a distribution as a user writes it.

    Raises
    ------
    ValueSyntaxError
        With what was expected and what was found.

    Examples
    --------
    >>> parse_value("20 ms").arguments
    (0.02,)
    >>> parse_value("normal(1 nS, 0.5 nS, min=0 nS)").low
    0.0
    """
    if isinstance(raw, Value):
        return raw
    if (dimension := dimension_in_brian(raw)) is not None and getattr(raw, "shape", None) == ():
        return constant(_finite(float(raw)), dimension)  # type: ignore[arg-type]
    if isinstance(raw, bool) or not isinstance(raw, Real | str):
        raise ValueSyntaxError(
            f"expected a number with a unit, such as '20 ms', found {_shown(raw)}"
        )
    if isinstance(raw, Real):
        return constant(_in_range(_finite(raw), raw))
    if len(raw) > LONGEST:
        raise ValueSyntaxError(f"'{shortened(raw)}' is too long for a number with a unit")
    if re.search(r"\bdistance\b", raw):
        only = "only weights, delays and probabilities of connection may depend on distance"
        raise ValueSyntaxError(f"'{raw}': {only}")
    call = re.fullmatch(r"\s*([a-z_]+)\s*\((.*)\)\s*", raw)
    return _parse_distribution(raw, *call.groups()) if call else _parse_quantity(raw)


def _finite(number: Real | float) -> float:
    try:
        found = float(number)
    except OverflowError:
        raise ValueSyntaxError("expected a finite number, found one beyond 1e308") from None
    if not isfinite(found):
        raise ValueSyntaxError(f"expected a finite number, found {found}")
    return found


def _parse_quantity(text: str) -> Value:
    match = _QUANTITY.match(text.translate(_TYPED))
    if not match:
        raise ValueSyntaxError(f"expected a number with a unit, such as '20 ms', found '{text}'")
    factor, dimension = parse_unit(match[2])
    return constant(_in_range(float(match[1]) * factor, text), dimension, text.strip())


def _in_range(number: float, text: object) -> float:
    """A number in SI units, if arithmetic with it leaves the range of floats nowhere."""
    shown = shortened(str(text))
    if not isfinite(number):
        raise ValueSyntaxError(f"expected a finite number, found '{shown}'")
    if number and not SMALLEST <= abs(number) <= LARGEST:
        raise ValueSyntaxError(
            f"expected a number between {SMALLEST:g} and {LARGEST:g} in SI units, found '{shown}'"
        )
    return number


def _parse_distribution(text: str, name: str, inside: str) -> Value:
    if name not in DISTRIBUTIONS:
        where = (
            "drive() is for weights only" if name == "drive" else did_you_mean(name, DISTRIBUTIONS)
        )
        raise ValueSyntaxError(f"'{name}' is not a distribution; {where}")
    first, second = DISTRIBUTIONS[name]
    form = f"{name}({first}, {second}, min=…, max=…)"
    positional, bounds = [], {}
    for piece in inside.split(","):
        key, equals, rest = piece.partition("=")
        if equals and key.strip() in ("min", "max"):
            bounds[key.strip()] = _parse_quantity(rest)
        elif equals:
            raise ValueSyntaxError(f"'{key.strip()}' is not an argument; expected {form}")
        else:
            positional.append(_parse_quantity(piece))
    if len(positional) != 2:
        raise ValueSyntaxError(
            f"expected {form}, found {len(positional)} positional arguments in '{text}'"
        )
    dimension = positional[0].dimension
    for other in (positional[1], *bounds.values()):
        if other.dimension != dimension:
            raise ValueSyntaxError(
                f"'{text}' mixes a {dimension_name(dimension)} "
                f"with a {dimension_name(other.dimension)}"
            )
    numbers = (positional[0].arguments[0], positional[1].arguments[0])
    low, high = (bounds[key].arguments[0] if key in bounds else None for key in ("min", "max"))
    if why := why_not(name, numbers, low, high):
        raise ValueSyntaxError(f"'{text}' {why}")
    return Value(name, numbers, dimension, low, high, text=text.strip())


def format_number(number: float, dimension: Dimension) -> str:
    """A number in its customary unit, as in `20 ms`; reading it returns the same bits."""
    unit, size = display_unit(dimension)
    for digits in (f"{number / size:.6g}", f"{number / size:.15g}", repr(number / size)):
        if float(digits) * size == number:
            return f"{digits} {unit}".strip()
    return f"{number!r} {si_unit(dimension)}" if dimension != DIMENSIONLESS else repr(number)


def format_value(value: Value, spec: str = "") -> str:
    """A value as a user would write it; without a format, reading it returns an equal value."""
    unit, size = display_unit(value.dimension)

    def written(number: float) -> str:
        return (
            f"{number / size:{spec}} {unit}".strip()
            if spec
            else format_number(number, value.dimension)
        )

    numbers = [written(argument) for argument in value.arguments]
    if not value.is_random:
        return numbers[0]
    bounds = [
        f"{key}={written(bound)}"
        for key, bound in (("min", value.low), ("max", value.high))
        if bound is not None
    ]
    return f"{value.kind}({', '.join(numbers + bounds)})"


def _shown(raw: object) -> str:
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(raw), repr(raw))
