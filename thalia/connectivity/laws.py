"""Random numbers from words: one word each, by arithmetic that gives the same bits everywhere.

A number is the quantile of its distribution at the fraction that a word stands for. The logarithm,
the exponential and the normal quantile are computed with additions, multiplications, divisions and
square roots alone, which are exact to the last bit in NumPy and in compiled code, whatever the
processor and the libraries. `wiring.cpp` does the same, with the coefficients from here.
"""

from dataclasses import dataclass
from functools import cache
from math import inf, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.connectivity.streams import Words
from thalia.syntax.distributions import normal_probability, sigma_of, standard_bounds
from thalia.syntax.given import Given
from thalia.syntax.units import Value

Floats = NDArray[np.float64]
Polynomial = tuple[float, ...]  # coefficients, that of the highest power first

LARGEST = 1 - 2.0**-53  # the largest fraction below 1
BLOCK = 1 << 14  # numbers that are computed together, so that they fit into the cache
# log(1 + f) with s = f/(2 + f): s (f^2/2 + R) + ...; the coefficients of Sun's fdlibm, e_log.c
LOGARITHM: Polynomial = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# exp(r) - 1 - r, for |r| < ln(2)/2, as the powers of its series
EXPONENTIAL: Polynomial = (
    1 / 6227020800,
    1 / 479001600,
    1 / 39916800,
    1 / 3628800,
    1 / 362880,
    1 / 40320,
    1 / 5040,
    1 / 720,
    1 / 120,
    1 / 24,
    1 / 6,
    0.5,
)
# The normal quantile: Wichura (1988) Appl Statist 37:477, algorithm AS 241, PPND16, whose relative
# error is about 1e-16. doi:10.2307/2347330. Numerator and denominator in the middle, in the tails,
# and far out.
MIDDLE: tuple[Polynomial, Polynomial] = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
     4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
     1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
     2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
     4.2313330701600911252e1, 1.0),
)  # fmt: skip
TAIL: tuple[Polynomial, Polynomial] = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
     4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
     2.05319162663775882187e0, 1.0),
)  # fmt: skip
FAR: tuple[Polynomial, Polynomial] = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
     5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def fractions(words: Words) -> Floats:
    """The middles of 2^52 equal parts of the interval from 0 to 1, chosen by the upper 52 bits."""
    bits = (words >> np.uint64(12)) | np.uint64(0x3FF0000000000000)
    return (bits.view(np.float64) - 1.0) + 2.0**-53


def mixed(words: Words) -> Words:
    """Other words, one for each: the finaliser of SplitMix64 (Steele et al. 2014)."""
    x = words + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def logarithm(x: Floats) -> Floats:
    """The natural logarithm of positive numbers that are not subnormal, within one last place."""
    bits = np.ascontiguousarray(x).view(np.int64)
    exponent = ((bits >> 52) - 1023).astype(np.float64)
    f = ((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64)
    above = f > sqrt(2)
    f = np.where(above, 0.5 * f, f) - 1.0
    exponent += above
    s = f / (2.0 + f)
    z = s * s
    half = 0.5 * f * f
    return exponent * LN2_HIGH - (
        (half - (s * (half + z * _at(z, LOGARITHM)) + exponent * LN2_LOW)) - f
    )


def exponential(x: Floats) -> Floats:
    """The exponential, within one last place; at least that of -708.4, at most that of 709.9."""
    x = np.minimum(np.maximum(x, -708.4), 709.9)
    magic = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer
    shifted = x * 1.4426950408889634 + magic
    n = shifted - magic
    r = (x - n * 0.693147180369123816490) - n * LN2_LOW
    p = r + _at(r, EXPONENTIAL) * r * r
    # 2^(n - 1), which exists for every n that does not overflow
    half = ((shifted.view(np.uint64) + np.uint64(1022)) << np.uint64(52)).view(np.float64)
    return (2.0 * p + 2.0) * half


def normal_quantile(p: Floats) -> Floats:
    """The number below which a standard normal one lies with probability `p`, between 0 and 1."""
    q = p - 0.5
    r = 0.180625 - q * q
    found = _at(r, MIDDLE[0]) * q / _at(r, MIDDLE[1])
    (outside,) = np.nonzero(np.abs(q) > 0.425)
    if outside.size:
        q = q[outside]
        r = np.sqrt(-logarithm(np.where(q < 0, p[outside], 1.0 - p[outside])))
        tail = _ratio(r - 1.6, TAIL)
        if (r > 5.0).any():
            tail = np.where(r > 5.0, _ratio(r - 5.0, FAR), tail)
        found[outside] = np.where(q < 0, -tail, tail)
    return found


def _at(x: Floats, coefficients: Polynomial) -> Floats:
    """The value of a polynomial."""
    value = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        value += coefficient
        value *= x
    value += coefficients[-1]
    return value


def _ratio(x: Floats, polynomials: tuple[Polynomial, Polynomial]) -> Floats:
    return _at(x, polynomials[0]) / _at(x, polynomials[1])


@dataclass(frozen=True)
class Law:
    """How a word becomes a number.

    `kind` is 'constant', which is `location`; 'uniform', from `low` to `high`; 'normal' or
    'lognormal', which is `location + scale*z` or its exponential for a standard normal z. Between
    `low` and `high` z is the normal quantile of probabilities from `base` on, `width` of them;
    where `mirrored`, minus that of those on the other side, where a tail is more exact.
    """

    kind: str
    location: float
    scale: float = 0.0
    base: float = 0.0
    width: float = 1.0
    mirrored: bool = False
    low: float = -inf
    high: float = inf

    def numbers(self, words: Words) -> Floats:
        """One number for each word, in SI: what is not between the bounds is drawn again."""
        if self.kind == "constant":
            return np.full(len(words), self.location)
        found = np.empty(len(words))
        for first in range(0, len(words), BLOCK):
            here = slice(first, first + BLOCK)
            found[here] = self._numbers(words[here])
        return found

    def _numbers(self, words: Words) -> Floats:
        if self.kind == "uniform":
            return self.quantiles(words)
        found = self._of_normal(normal_quantile(fractions(words)))
        (outside,) = np.nonzero((found < self.low) | (found > self.high))
        found[outside] = self.quantiles(mixed(words[outside]))
        return found

    def quantiles(self, words: Words) -> Floats:
        """A number between the bounds for each word, the larger the larger the word is."""
        if self.kind == "constant":
            return np.full(len(words), self.location)
        u = fractions(words)
        if self.kind == "uniform":
            return self._within(self.low + (self.high - self.low) * u)
        p = self.base + self.width * (1.0 - u if self.mirrored else u)
        z = normal_quantile(np.minimum(p, LARGEST))
        return self._within(self._of_normal(-z if self.mirrored else z))

    def _of_normal(self, z: Floats) -> Floats:
        x = self.location + self.scale * z
        return exponential(x) if self.kind == "lognormal" else x

    def _within(self, x: Floats) -> Floats:
        """Rounding does not leave the bounds."""
        return np.minimum(np.maximum(x, self.low), self.high)


NOTHING = Law("constant", 0.0)  # where numbers are given


@cache
def law_of(value: Value) -> Law:
    """The law of a constant or of a distribution between its bounds."""
    first, *more = value.arguments
    low, high = value.bounds
    if value.kind == "constant" or more[0] == (first if value.kind == "uniform" else 0):
        return Law("constant", first)
    second = more[0]
    if value.kind == "uniform":
        low, high = max(low, first), min(high, second)
        return Law("uniform", 0.0, low=low, high=high)
    location, scale = first, second
    if value.kind == "lognormal":
        scale = sigma_of(first, second)
        location = log(first) - scale * scale / 2
    a, b = standard_bounds(value.kind, value.arguments, low, high)
    mirrored = a > 0
    if mirrored:
        a, b = -b, -a
    base = normal_probability(-inf, a)
    width = normal_probability(a, b)
    return Law(value.kind, location, scale, base, width, mirrored, low, high)


def draw(value: Value, size: int, generator: np.random.Generator) -> Floats:
    """Numbers of a value, in SI: the constant, or samples between its limits.

    Parameters
    ----------
    generator : numpy.random.Generator
        One that nothing was drawn from, as from `stream`; a number takes one of its words.
    """
    if isinstance(value, Given):
        return value.numbers
    if value.kind == "spread":
        first, last = value.arguments
        return np.linspace(first, last, size)
    words: Any = generator.bit_generator.random_raw(size)
    return law_of(value).numbers(words)
