"""Weights given by their effect: `drive(0.3, 8 Hz)` is 30 % of the rheobase at 8 Hz."""

import re
from dataclasses import dataclass, field

from thalia.syntax.formulas import parse_local
from thalia.syntax.units import DIMENSIONLESS, UNITS, Value, ValueSyntaxError, parse_value

_FORM = "drive(share, rate, cv=…), as in drive(0.3, 8 Hz)"


@dataclass(frozen=True)
class DriveTarget:
    """A weight as the fraction of the rheobase that a pathway injects at a `rate` in Hz.

    A negative share is inhibition. With `cv`, weights are lognormal with this coefficient of
    variation.
    """

    share: float
    rate: float
    cv: float = 0.0
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        spread = f", cv={self.cv!r}" if self.cv else ""
        return self.text or f"drive({self.share!r}, {self.rate!r} Hz{spread})"


def parse_weight(raw: object) -> Value | DriveTarget:
    """Read a weight: a value, a formula of distance, or the drive that it should provide.

    Raises
    ------
    ValueSyntaxError
        With what was expected and what was found.

    Examples
    --------
    >>> parse_weight("drive(-0.4, 20 Hz)").share
    -0.4
    """
    if isinstance(raw, DriveTarget):
        return raw
    call = re.fullmatch(r"\s*drive\s*\((.*)\)\s*", raw) if isinstance(raw, str) else None
    if not isinstance(raw, str) or not call:
        return parse_local(raw)
    pieces = call[1].split(",")
    spread = [
        piece.partition("=")[2] for piece in pieces if piece.partition("=")[0].strip() == "cv"
    ]
    given = [piece for piece in pieces if "=" not in piece]
    if len(given) != 2 or len(given) + len(spread) != len(pieces) or len(spread) > 1:
        raise ValueSyntaxError(f"expected {_FORM}, found '{raw}'")
    share, rate, cv = (parse_value(number) for number in (*given, *(spread or ["0"])))
    for value, dimension in ((share, DIMENSIONLESS), (rate, UNITS["Hz"][1]), (cv, DIMENSIONLESS)):
        if value.is_random or value.dimension != dimension:
            raise ValueSyntaxError(f"expected {_FORM}, found '{raw}'")
    if share.mean == 0 or rate.mean <= 0 or cv.mean < 0:
        raise ValueSyntaxError(
            f"'{raw}': expected a nonzero share, a rate above 0 Hz and a cv of at least 0"
        )
    return DriveTarget(share.mean, rate.mean, cv.mean, raw.strip())
