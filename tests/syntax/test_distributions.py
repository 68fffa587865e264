"""Probabilities and means of truncated distributions are those of SciPy, and of what is drawn."""

from math import inf

import numpy as np
import pytest
from scipy import stats

from thalia.connectivity.laws import draw
from thalia.connectivity.streams import stream
from thalia.syntax.distributions import probability, truncated_mean
from thalia.syntax.units import ValueSyntaxError, parse_value


def frozen(kind, arguments):
    """The same distribution in SciPy."""
    first, second = arguments
    if kind == "normal":
        return stats.norm(first, second)
    if kind in ("uniform", "spread"):
        return stats.uniform(min(arguments), abs(second - first))
    sigma = np.sqrt(np.log1p((second / first) ** 2))
    return stats.lognorm(sigma, scale=first * np.exp(-(sigma**2) / 2))


CASES = [
    ("normal", (1.0, 1.0), -inf, 0.1),
    ("normal", (1.0, 0.5), 0.0, inf),
    ("normal", (0.0, 1.0), 4.9, inf),
    ("normal", (0.0, 1.0), -inf, -9.0),
    ("normal", (-3.0, 2.0), -4.0, 1.0),
    ("lognormal", (80.0, 80.0), -inf, 160.0),
    ("lognormal", (1.0, 0.5), 0.2, 3.0),
    ("lognormal", (1.0, 0.5), 6.0, inf),
    ("lognormal", (1.0, 0.5), -inf, 0.0),
    ("lognormal", (1.0, 0.5), -2.0, inf),
    ("uniform", (0.0, 2.0), -inf, 0.1),
    ("uniform", (0.0, 1.0), 1.0, inf),
    ("uniform", (-1.0, 3.0), 0.0, 2.5),
    ("spread", (3.0, -1.0), 0.0, inf),
]


@pytest.mark.parametrize(("kind", "arguments", "low", "high"), CASES)
def test_probabilities_are_those_of_scipy(kind, arguments, low, high):
    reference = frozen(kind, arguments)
    if low == -inf:
        expected = reference.cdf(high)
    elif high == inf:
        expected = reference.sf(low)
    else:
        expected = reference.cdf(high) - reference.cdf(low)

    assert probability(kind, arguments, low, high) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("kind", "arguments", "low", "high"),
    [
        case
        for case in CASES
        if frozen(*case[:2]).cdf(case[3]) - frozen(*case[:2]).cdf(case[2]) > 1e-3
    ],
)
def test_means_after_truncation_are_those_of_scipy(kind, arguments, low, high):
    expected = frozen(kind, arguments).expect(lb=low, ub=high, conditional=True)

    assert truncated_mean(kind, arguments, low, high) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "text",
    ["normal(1 nS, 1 nS, min=0 nS)", "lognormal(80 pA, 80 pA, max=160 pA)", "uniform(0 ms, 2 ms, min=1.5 ms)"],
)  # fmt: skip
def test_the_mean_of_a_value_is_that_of_what_is_drawn(text):
    """Within four standard errors of 100,000 numbers, all of which lie within the bounds."""
    value = parse_value(text)
    drawn = draw(value, 100_000, stream(1, text))

    assert value.mean == pytest.approx(drawn.mean(), abs=4 * drawn.std() / np.sqrt(len(drawn)))
    assert value.share(*value.bounds) == 1
    assert drawn.min() >= value.bounds[0]
    assert drawn.max() <= value.bounds[1]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("uniform(0 pA, 1 pA, min=1 pA)", "0 %"),
        ("lognormal(1 pA, 0.5 pA, max=0 pA)", "0 %"),
        ("normal(0 pA, 1 pA, min=4.9 pA)", "4.79e-05 %"),
        ("normal(1 pA, 0 pA, max=0.5 pA)", "0 %"),
        ("lognormal(1 nS, 1 nS, min=20 nS)", "0.00298 %"),
        ("normal(0 pA, 1 pA, min=1 pA, max=1.0001 pA)", "0.00242 %"),
    ],
)
def test_what_leaves_almost_nothing_is_refused_by_what_is_left(text, left):
    with pytest.raises(ValueSyntaxError) as caught:
        parse_value(text)

    assert str(caught.value) == (
        f"'{text}' leaves {left} of the distribution between min and max; expected at least 1 %"
    )


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_a_distribution_without_width_is_its_mean_also_between_tight_bounds(kind):
    value = parse_value(f"{kind}(0.3 nS, 0 nS, min=0.3 nS, max=0.4 nS)")

    assert set(draw(value, 1000, stream(1, "a"))) == {0.3e-9}


def test_a_standard_deviation_beyond_all_numbers_is_refused():
    with pytest.raises(ValueSyntaxError, match="far above its mean"):
        parse_value("lognormal(1 pA, 1e200 pA)")


def test_bounds_are_never_widened():
    value = parse_value("normal(1 nS, 0.2 nS, min=0.5 nS, max=1.5 nS)")

    assert value.bounded(0.0, 2e-9).bounds == value.bounds
    assert value.bounded(0.6e-9, 2e-9).bounds == pytest.approx((0.6e-9, 1.5e-9))
