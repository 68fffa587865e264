"""Times that a user gives, in whole steps of dt: the one place where they are rounded.

A time becomes the nearest number of steps, and one in the middle of two becomes the higher number.
A millionth of a step is taken as the error of writing a time in binary: 0.35 ms at 0.1 ms is a
middle, although its quotient is 3.4999999999999996.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any

from thalia.errors import CircuitError, fail

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-6
HALF_STEP = 0.5 + TOLERANCE
# where in a step what follows `t` is taken: a start in the middle of two steps is that of the later
MIDDLE = f"(t + {1 - HALF_STEP:g}*dt)"
MOST_STEPS = 2**53  # beyond it not every whole number is one of double precision
MOST_SHORT = 2**31 - 1  # of delays and prescribed spikes, which compiled programs keep in 32 bits


def steps_of(seconds: float, dt: float) -> int:
    """The steps that a time lasts, or after which it comes.

    Raises
    ------
    CircuitError
        If there are more than can be counted.
    """
    if not abs(seconds / dt) < MOST_STEPS:
        raise fail(f"{as_text(seconds)} has more steps of {as_text(dt)} than can be counted, 2^53")
    return floor(seconds / dt + HALF_STEP)


def interval_steps(seconds: float, dt: float) -> int:
    """The steps of an interval between events, at least one."""
    return max(1, steps_of(seconds, dt))


def all_in_steps(seconds: NDArray[Any], dt: float, what: str) -> NDArray[Any]:
    """`steps_of` many times, each in 32 bits; it takes the array over for its arithmetic.

    Parameters
    ----------
    what : str
        What the times are, for the message.

    Raises
    ------
    CircuitError
        If one of them does not fit 32 bits.
    """
    import numpy as np  # late: the command line reads units without it

    longest = float(seconds.max(initial=0.0))
    if not longest / dt + HALF_STEP < MOST_SHORT + 1:
        raise too_many_steps(what, longest, dt)
    seconds /= dt
    seconds += HALF_STEP
    return np.floor(seconds, out=seconds).astype(np.int32)


def too_many_steps(what: str, seconds: float, dt: float) -> CircuitError:
    """The error for a time that does not fit 32 bits in steps."""
    most = f"{as_text(MOST_SHORT * dt)} at a dt of {as_text(dt)}"
    return fail(f"{what}: expected at most 2^31 - 1 steps, {most}, found {as_text(seconds)}")


def as_text(seconds: float) -> str:
    """A time as a user writes it, without the digits that arithmetic leaves behind."""
    return f"{seconds * 1e3:.12g} ms"


def is_multiple(seconds: float, dt: float, steps: int) -> bool:
    """Whether a time is that many steps, but for what writing it in binary leaves."""
    return abs(seconds / dt - steps) <= max(TOLERANCE, 1e-15 * steps)


def moved(seconds: NDArray[Any], dt: float) -> tuple[int, float]:
    """How many of some times are not on the grid, and how far the farthest is moved, in seconds."""
    import numpy as np

    count, most = 0, 0.0
    for first in range(0, len(seconds), 2**20):  # of many millions, without copies of all
        steps = seconds[first : first + 2**20] / dt
        made = np.floor(steps + HALF_STEP)
        steps = np.abs(steps - made)
        off = steps[steps > np.maximum(TOLERANCE, 1e-15 * made)]
        count, most = count + len(off), max(most, off.max(initial=0.0) * dt)
    return count, most


def rounding(seconds: float, dt: float, steps: int | None = None) -> str:
    """What a time becomes on the grid, in words; nothing if that is what was asked for."""
    if not seconds / dt < MOST_STEPS:
        return ""  # longer than any run
    made = steps_of(seconds, dt) if steps is None else steps
    if is_multiple(seconds, dt, made):
        return ""
    return f"{as_text(seconds)} becomes {as_text(made * dt)}, a multiple of dt"


def interval_rounding(seconds: float, dt: float) -> str:
    """What an interval, which is at least a step, becomes; nothing if that is what was asked."""
    return rounding(seconds, dt, interval_steps(seconds, dt))
