"""Distributions of random values in closed form: probabilities, and means after truncation.

`lognormal` takes the mean and the standard deviation of the value itself. What a distribution has
outside its bounds is drawn again, so that a truncated one has another mean.
"""

from math import erfc, exp, inf, isfinite, log, log1p, pi, sqrt

# distribution → names of its two positional arguments
DISTRIBUTIONS: dict[str, tuple[str, str]] = {
    "normal": ("mean", "sd"),
    "lognormal": ("mean", "sd"),
    "uniform": ("low", "high"),
    "spread": ("first", "last"),
}

# a distribution keeps at least this share of its numbers between its bounds: what is outside is
# drawn again, a hundred times on average at this share
LEAST_LEFT = 0.01

type Arguments = tuple[float, ...]


def why_not(kind: str, arguments: Arguments, low: float | None, high: float | None) -> str:
    """Why nothing can be drawn from a distribution with these bounds; empty if it can."""
    first, second = arguments
    if kind == "spread":
        unbounded = low is None and high is None
        return "" if unbounded else "is not random, and takes no min or max"
    if kind == "uniform" and first > second:
        return "has a lower bound above its upper bound"
    if kind != "uniform" and second < 0:
        return "has a negative standard deviation"
    if kind == "lognormal" and first <= 0:
        return "has a mean that is not positive"
    if kind == "lognormal" and not isfinite((second / first) * (second / first)):
        return "has a standard deviation far above its mean"
    if low is not None and high is not None and low >= high:
        return "leaves no values between min and max"
    bounds = (-inf if low is None else low, inf if high is None else high)
    left = probability(kind, arguments, *bounds)
    if left < LEAST_LEFT:
        most = f"expected at least {percent(LEAST_LEFT)}"
        return f"leaves {percent(left)} of the distribution between min and max; {most}"
    return ""


def percent(share: float) -> str:
    """A share as a percentage, as in '0.123 %'."""
    return f"{100 * share:.3g} %"


def probability(kind: str, arguments: Arguments, low: float, high: float) -> float:
    """The probability that a number drawn from a distribution lies between two bounds."""
    if _is_one_number(kind, arguments):
        return float(low <= arguments[0] <= high)
    if kind in ("uniform", "spread"):
        first, last = sorted(arguments)
        return max(0.0, (min(high, last) - max(low, first)) / (last - first))
    return normal_probability(*standard_bounds(kind, arguments, low, high))


def truncated_mean(kind: str, arguments: Arguments, low: float, high: float) -> float:
    """The mean of the numbers between two bounds, of which there are some."""
    if _is_one_number(kind, arguments):
        return arguments[0]
    if kind in ("uniform", "spread"):
        first, last = sorted(arguments)
        return (max(first, low) + min(last, high)) / 2
    mean, sd = arguments
    a, b = standard_bounds(kind, arguments, low, high)
    if kind == "normal":
        return mean + sd * (_density(a) - _density(b)) / normal_probability(a, b)
    sigma = sigma_of(mean, sd)
    return mean * normal_probability(a - sigma, b - sigma) / normal_probability(a, b)


def _is_one_number(kind: str, arguments: Arguments) -> bool:
    """Whether nothing is random: a constant, or a distribution without width."""
    if kind == "constant":
        return True
    return arguments[0] == arguments[1] if kind in ("uniform", "spread") else arguments[1] == 0


def sigma_of(mean: float, sd: float) -> float:
    """The standard deviation of the logarithm of a lognormal value."""
    variation = sd / mean
    return sqrt(log1p(variation * variation))


def standard_bounds(
    kind: str, arguments: Arguments, low: float, high: float
) -> tuple[float, float]:
    """Two bounds, in standard deviations from the mean of the normal or lognormal distribution."""
    mean, sd = arguments
    if kind == "normal":
        return (low - mean) / sd, (high - mean) / sd
    sigma = sigma_of(mean, sd)
    centre = log(mean) - sigma * sigma / 2
    a, b = (log(x) if 0 < x < inf else -inf if x <= 0 else inf for x in (low, high))
    return (a - centre) / sigma, (b - centre) / sigma


def normal_probability(a: float, b: float) -> float:
    """The probability of a standard normal number between a and b, exact in both tails."""
    if a > 0:  # in the upper tail as in the lower one, where nothing is subtracted from 1
        a, b = -b, -a
    return max(0.0, (erfc(-b / sqrt(2)) - erfc(-a / sqrt(2))) / 2)


def _density(x: float) -> float:
    return exp(-x * x / 2) / sqrt(2 * pi)
