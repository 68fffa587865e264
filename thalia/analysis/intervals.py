"""Confidence intervals of the mean of independent values, such as one number for each seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, inf, pi, sin, sqrt, tan
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

MANY = 20  # values from which on the bootstrap is used; with fewer it is too narrow
DRAWS = 10_000
T, BCA, NONE = "t", "BCa bootstrap", "none"
CUT = ", cut to its range"  # after the method of an interval that reached beyond it

type Range = tuple[float, float]  # the least and the greatest value that a number can have


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its confidence interval, and the method that gave them."""

    mean: float
    low: float
    high: float
    method: str

    @property
    def half(self) -> float:
        """Half of the width of the interval."""
        return (self.high - self.low) / 2

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} ± {self.half:{spec.removeprefix('+')}}"


def mean_interval(
    values: Floats, confidence: float = 0.95, within: Range = (-inf, inf)
) -> Interval:
    """The confidence interval of a mean: Student's t below 20 values, the BCa bootstrap above.

    One value has no interval: its bounds are the value, and the method is 'none'. The draws of the
    bootstrap are always the same. An interval of shares that reaches beyond 0 or 1 ends there,
    which its method says; it covers the mean as often as before, since no mean is beyond.

    Parameters
    ----------
    values : (n,) float, of any unit
    within : pair of float
        The range that such values can have, as (0, 1) of shares.

    References
    ----------
    Efron (1987) J Am Stat Assoc 82:171. doi:10.1080/01621459.1987.10478410
    """
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, mean, mean, NONE)
    method = T if len(values) < MANY else BCA
    if np.ptp(values) == 0:
        return Interval(mean, mean, mean, method)
    if method == BCA:
        return Interval(mean, *_bca(values, confidence), BCA)
    half = student_quantile(confidence, len(values) - 1) * values.std(ddof=1) / sqrt(len(values))
    low, high = float(mean - half), float(mean + half)
    inside = max(low, within[0]), min(high, within[1])
    return Interval(mean, *inside, T if inside == (low, high) else T + CUT)


def paired(
    mine: Mapping[int, Mapping[str, float]], theirs: Mapping[int, Mapping[str, float]]
) -> dict[str, tuple[Floats, Floats]]:
    """The numbers of two conditions that belong together, (n_seeds,) each, by name.

    Parameters
    ----------
    mine, theirs : mapping from seed to numbers by name, of any unit
        Only numbers that both conditions have, of the seeds that both have.
    """
    pairs = [(numbers, theirs[seed]) for seed, numbers in mine.items() if seed in theirs]
    names = [name for name in pairs[0][0] if name in pairs[0][1]] if pairs else []
    return {
        name: (np.array([one[name] for one, _ in pairs]), np.array([two[name] for _, two in pairs]))
        for name in names
    }


def student_quantile(confidence: float, freedom: int) -> float:
    """The t that a share `confidence` of Student's distribution lies within, between -t and t.

    Its distribution function is a finite sum for whole degrees of freedom.

    References
    ----------
    Abramowitz & Stegun (1964), 26.7.3 and 26.7.4.
    """
    low, high = 0.0, pi / 2
    while high - low > 1e-15:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return sqrt(freedom) * tan((low + high) / 2)


def _within(angle: float, freedom: int) -> float:
    """The share of Student's distribution between -t and t, with t = sqrt(freedom) tan(angle)."""
    odd = freedom % 2
    term, total = (cos(angle), 0.0) if odd else (1.0, 0.0)
    for power in range(odd, freedom - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * cos(angle) ** 2
    share = sin(angle) * total
    return 2 / pi * (angle + share) if odd else share


def _bca(values: Floats, confidence: float) -> tuple[float, float]:
    """Bounds of the bias-corrected and accelerated bootstrap of the mean."""
    normal, mean = NormalDist(), values.mean()
    means = np.random.default_rng(0).choice(values, (DRAWS, len(values))).mean(axis=1)
    below = float(np.mean(means < mean) + np.mean(means == mean) / 2)
    bias = normal.inv_cdf(min(max(below, 1 / DRAWS), 1 - 1 / DRAWS))
    away = values - mean  # the jackknife means differ from the mean by -away / (n - 1)
    acceleration = float((away**3).sum() / (6 * (away**2).sum() ** 1.5))
    bounds = []
    for share in ((1 - confidence) / 2, (1 + confidence) / 2):
        shifted = bias + normal.inv_cdf(share)
        bounds.append(normal.cdf(bias + shifted / (1 - acceleration * shifted)))
    low, high = np.quantile(means, bounds)
    return float(low), float(high)
