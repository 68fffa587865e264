"""Intervals of means, against SciPy."""

import numpy as np
import pytest

from thalia.analysis import intervals
from thalia.analysis.intervals import Interval, mean_interval, paired, student_quantile

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 18])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_students_quantile_is_that_of_scipy(freedom, confidence):
    wanted = stats.t.ppf((1 + confidence) / 2, freedom)
    assert student_quantile(confidence, freedom) == pytest.approx(wanted, rel=1e-9)


def test_few_values_have_a_t_interval():
    values = np.array([0.2, 0.5, 0.3, 0.9])
    found = mean_interval(values)

    wanted = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(wanted, rel=1e-9)
    assert found.method == "t"


@pytest.mark.parametrize(
    ("values", "within", "bounds", "method"),
    [
        ([0.95, 0.99], (0, 1), (None, 1), "t, cut to its range"),
        ([0.01, 0.05], (0, 1), (0, None), "t, cut to its range"),
        ([0.4, 0.6, 0.5], (0, 1), (None, None), "t"),
    ],
)
def test_an_interval_ends_where_no_mean_is_beyond(values, within, bounds, method):
    """Of two shares of 0.95 and 0.99 the t interval reaches up to 1.22."""
    found = mean_interval(np.array(values), within=within)

    wanted = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    ends = [w if b is None else b for w, b in zip(wanted, bounds, strict=True)]
    assert (found.low, found.high) == pytest.approx(ends, rel=1e-9)
    assert found.method == method


def test_many_values_have_a_bca_interval(monkeypatch):
    """Skewed, so that the correction is as large as the tolerance is not."""
    monkeypatch.setattr(intervals, "DRAWS", 100_000)
    values = np.random.default_rng(1).exponential(1, 40)
    found = mean_interval(values)

    wanted = stats.bootstrap(
        (values,), np.mean, n_resamples=100_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=0.012)
    assert found.method == "BCa bootstrap"


def test_one_value_has_no_interval_and_equal_values_one_of_no_width():
    one = mean_interval(np.array([0.3]))
    assert (one.low, one.high) == (0.3, 0.3)
    assert one.method == "none"
    same = mean_interval(np.full(30, 2.0))
    assert (same.low, same.mean, same.high, same.method) == (2, 2, 2, "BCa bootstrap")


def test_only_seeds_and_numbers_that_both_have_are_paired():
    mine = {1: {"rate": 3.0, "own": 1.0}, 2: {"rate": 5.0, "own": 1.0}, 4: {"rate": 9.0, "own": 1}}
    theirs = {2: {"rate": 1.0}, 1: {"rate": 2.0}, 3: {"rate": 8.0}}

    ((name, (first, second)),) = paired(mine, theirs).items()

    assert (name, first.tolist(), second.tolist()) == ("rate", [3, 5], [2, 1])
    assert paired(mine, {}) == {}


def test_an_interval_is_written_with_half_of_its_width():
    assert f"{Interval(1.5, 1.0, 3.0, 't'):+.1f}" == "+1.5 ± 1.0"
