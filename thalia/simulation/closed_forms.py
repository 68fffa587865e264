"""Closed forms of what happens over many steps in which nothing happens.

Linear equations of which none reads itself through others are solved by divided differences of the
exponential (McCurdy, Ng & Parlett 1984 Math Comput 43:501. doi:10.1090/S0025-5718-1984-0758198-0).
What is added up in every step is a sum of a smooth function, which few of its values determine.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

CLOSE = 3e-4  # rates that differ by less over the time are taken as a series, which is as exact
DIRECT = 64  # terms that are added up one by one
NODES = 16  # at which a function is evaluated, for a sum over many steps
TOLERANCE = 1e-14  # of a sum of many terms, relative to what was added up
DEEPEST = 40  # halvings
# B_2, B_4, ... of Bernoulli
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def difference(time: Floats, *rates: Floats) -> Floats:
    """The divided difference of `exp(rate*time)` at one, two or three rates, in whatever order.

    It is what a chain of variables that decay at these rates passes on to its end; rates may be
    equal.
    """
    if len(rates) == 1:
        return np.exp(rates[0] * time)
    if len(rates) == 2:
        low, high = np.minimum(*rates), np.maximum(*rates)
        return time * np.exp(high * time) * _mean_decay((high - low) * time)
    low, middle, high = np.sort(np.stack(np.broadcast_arrays(*rates)), axis=0)
    mean, apart = (low + middle + high) / 3, (high - low) * time > CLOSE
    variance = sum(((rate - mean) * time) ** 2 for rate in (low, middle, high))
    series = 0.5 * time**2 * np.exp(mean * time) * (1 + variance / 24)
    second = difference(time, middle, high) - difference(time, low, middle)
    return np.where(apart, second / np.where(high > low, high - low, 1), series)


def _mean_decay(decayed: Floats) -> Floats:
    """The mean of `exp(-x)` from 0 to a number."""
    divisor = np.where(decayed == 0, 1, decayed)
    return np.where(decayed == 0, 1, -np.expm1(-decayed) / divisor)


def sum_over_steps(function: Callable[[Floats], Floats], steps: int) -> Floats:
    """The sum of a function at 0, 1, ... up to a number of steps.

    Parameters
    ----------
    function : of an array (n, 1), also between whole numbers
        Gives (n, m). It may have kinks, next to which it is evaluated at every step.

    Returns
    -------
    (m,) float
    """
    total = size = np.zeros(1)
    begin = 0
    while begin < steps:  # the later, the longer what is taken at once
        end = min(steps, max(begin + DIRECT, 2 * begin))
        part, added = _between(function, begin, end, size, 0)
        total, size, begin = total + part, size + added, end
    return total


def _between(
    function: Callable[[Floats], Floats], begin: int, end: int, size: Floats, depth: int
) -> tuple[Floats, Floats]:
    """The sum of some terms, and of their sizes; `size` is that of what is there already."""
    if end - begin <= DIRECT or depth == DEEPEST:
        values = function(np.arange(begin, end, dtype=float)[:, None])
        return values.sum(0), np.abs(values).sum(0)
    middle = (begin + end) // 2
    whole, _ = _at_nodes(function, begin, end)
    first, of_first = _at_nodes(function, begin, middle)
    second, of_second = _at_nodes(function, middle, end)
    if (np.abs(first + second - whole) <= TOLERANCE * (size + of_first + of_second)).all():
        return first + second, of_first + of_second
    first, of_first = _between(function, begin, middle, size, depth + 1)
    second, of_second = _between(function, middle, end, size + of_first, depth + 1)
    return first + second, of_first + of_second


def _at_nodes(function: Callable[[Floats], Floats], begin: int, end: int) -> tuple[Floats, Floats]:
    places, weights = _nodes(end - begin)
    values = function((begin + places)[:, None])
    return weights @ values, weights @ np.abs(values)


@lru_cache
def _nodes(length: int) -> tuple[Floats, Floats]:
    """Places and weights for which the sum over that many steps is right for any polynomial.

    Gauss's for integrals, with the moments of the sum in place of those of the integral, which
    differ by the formula of Euler and Maclaurin.
    """
    nodes, weights = legendre.leggauss(NODES)
    width = 2 / length
    moments, factor = 2.0 * (np.arange(NODES) == 0), 1.0
    for place, (bernoulli, rises) in enumerate(zip(BERNOULLI, _rises(), strict=True), 1):
        factor *= width**2 / (2 * place * (2 * place - 1))
        moments += (2.0 ** (1 - 2 * place) - 1) * bernoulli * factor * rises
    moments *= np.arange(NODES) + 0.5
    return (length - 1 + length * nodes) / 2, weights * legendre.legval(nodes, moments) / width


@lru_cache
def _rises() -> Floats:
    """By how much derivatives 1, 3, ... of Legendre's polynomials rise from -1 to 1."""
    slopes = (legendre.legder(np.eye(NODES), 2 * k + 1) for k in range(len(BERNOULLI)))
    return np.array([legendre.legval(1.0, s) - legendre.legval(-1.0, s) for s in slopes])
