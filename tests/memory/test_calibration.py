"""Chances of what is recalled: isotonic in the confidence, and compared with tests that come after."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from thalia.memory.calibration import BINS, REMEMBERED, Calibration


def of(asked, right):
    return Calibration(np.array(asked, float), np.array(right, float))


def test_without_tests_there_is_no_chance():
    assert Calibration.new().chance(0.5) is None


def test_the_curve_is_the_isotonic_regression_of_laplace_estimates():
    random = np.random.default_rng(4)
    asked = random.integers(0, 30, BINS)
    right = random.binomial(asked, 0.5)
    expected = isotonic_regression((right + 1) / (asked + 2), weights=asked + 2).x

    assert of(asked, right).curve() == pytest.approx(expected)


def test_tests_fall_into_bins_and_change_the_chance():
    found = Calibration.new().after(np.array([0.05, 0.95, 1.0, 0.99]), np.array([0.0, 1, 1, 1]))

    assert found.asked.tolist() == [1, *[0] * 8, 3]
    assert found.right.tolist() == [0, *[0] * 8, 3]
    assert found.chance(0.0) == pytest.approx(1 / 3)
    assert found.chance(1.0) == pytest.approx(4 / 5)
    assert found.error is None


def test_the_error_is_that_of_the_chances_told_before():
    """Half of what was told to be right by 0.75 was right: 0.25 is the error."""
    before = of([0] * 9 + [98], [0] * 9 + [74])
    found = before.after(np.full(4, 0.97), np.array([1.0, 0, 1, 0]))

    assert before.chance(0.97) == pytest.approx(0.75)
    assert found.error == pytest.approx(0.25)


def test_old_tests_count_less_and_less():
    many = of([0] * 9 + [REMEMBERED], [0] * 9 + [REMEMBERED])
    found = many.after(np.full(1000, 0.97), np.zeros(1000))

    assert found.asked[-1] == pytest.approx(REMEMBERED / 2 + 1000)
    assert found.chance(1.0) == pytest.approx(1 / 3, abs=0.005)


def test_no_tests_change_nothing():
    before = of([1] * BINS, [1] * BINS)

    assert before.after(np.zeros(0), np.zeros(0)) is before
