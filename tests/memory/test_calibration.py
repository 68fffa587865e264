"""Chances of what is recalled: isotonic in the lead, and compared with tests that come after."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from thalia.memory.calibration import BINS, REMEMBERED, Calibration, bins_of, leads_of, noisy_cues

TOP = BINS - 1  # the bin of what is recalled far more surely than all else


def of(asked, right):
    return Calibration(np.array(asked, float), np.array(right, float))


def test_a_lead_is_the_distance_to_the_surest_of_the_others():
    shares = np.array([[0.5, 0.2, 0.0], [0.3, 0.3, 0.1]])

    assert leads_of(shares).tolist() == [
        pytest.approx([0.3, -0.3, -0.5]),
        pytest.approx([0, 0, -0.2]),
    ]
    assert leads_of(np.array([[0.4]])).tolist() == [[0.4]]


def test_leads_are_told_apart_by_hundredths_where_most_are():
    """0.3 - 0.28 is below 0.02 in floating point."""
    assert bins_of(np.array([-1, -0.02, 0, 0.3 - 0.28, 0.049, 0.3, 1])).tolist() == [
        0,
        3,
        4,
        5,
        5,
        TOP,
        TOP,
    ]


def test_noise_of_a_cue_leads_to_other_items():
    """Where items differ in the first number alone, so does the noise; a part lacks what the mean replaces."""
    vectors = np.stack([np.arange(40.0), np.full(40, 3.0)], axis=1)
    cues = noisy_cues(vectors, np.random.default_rng(2))
    noise = (cues - vectors)[::2]
    parts = cues[1::2, 0]

    assert (noise[:, 1] == 0).all()
    assert 0.3 < noise[:, 0].std() / vectors[:, 0].std() < 1.5
    assert set(parts) <= {*vectors[1::2, 0], vectors[:, 0].mean()}
    assert 0.4 < np.mean(parts == vectors[1::2, 0]) < 1


def test_without_tests_there_is_no_chance():
    assert Calibration.new().chances(np.array([0.5])) == [None]


def test_the_curve_is_the_isotonic_regression_of_laplace_estimates():
    random = np.random.default_rng(4)
    asked = random.integers(0, 30, BINS)
    right = random.binomial(asked, 0.5)
    expected = isotonic_regression((right + 1) / (asked + 2), weights=asked + 2).x

    assert of(asked, right).curve() == pytest.approx(expected)


def test_tests_fall_into_bins_and_change_the_chance():
    found = Calibration.new().after(np.array([-0.5, 0.95, 1.0, 0.99]), np.array([0.0, 1, 1, 1]))

    assert found.asked.tolist() == [1, *[0] * 9, 3]
    assert found.right.tolist() == [0, *[0] * 9, 3]
    assert found.chances(np.array([-0.9, 1.0])) == pytest.approx([1 / 3, 4 / 5])
    assert found.error is None


def test_the_error_is_that_of_the_chances_told_before():
    """Half of what was told to be right by 0.75 was right: 0.25 is the error."""
    before = of([0] * TOP + [98], [0] * TOP + [74])
    found = before.after(np.full(4, 0.97), np.array([1.0, 0, 1, 0]))

    assert before.chances(np.array([0.97])) == pytest.approx([0.75])
    assert found.error == pytest.approx(0.25)


def test_old_tests_count_less_and_less():
    many = of([0] * TOP + [REMEMBERED], [0] * TOP + [REMEMBERED])
    found = many.after(np.full(1000, 0.97), np.zeros(1000))

    assert found.asked[-1] == pytest.approx(REMEMBERED * REMEMBERED / (REMEMBERED + 1000) + 1000)
    assert found.chances(np.array([1.0])) == pytest.approx([4 / 7], abs=0.005)


def test_no_tests_change_nothing():
    before = of([1] * BINS, [1] * BINS)

    assert before.after(np.zeros(0), np.zeros(0)) is before
