"""Signal detection, and curves of forgetting that are known."""

import numpy as np
import pytest

from thalia.analysis.retention import distances, exponential, fsrs, sensitivity, shape

LAGS = np.geomspace(8, 8000, 8)


def flags(true, of):
    return np.arange(of) < true


def test_sensitivity_is_the_difference_of_the_quantiles():
    """Hits 0.8 and false alarms 0.2, by a table of the normal distribution: 2 x 0.8416."""
    found = sensitivity(flags(80_000, 100_000), flags(20_000, 100_000))

    assert found == pytest.approx(2 * 0.8416, abs=1e-4)


def test_sensitivity_stays_finite_where_all_is_right():
    """Hautus (1995): as if of eleven responses half of one were wrong, 1.6906 from the median."""
    assert sensitivity(flags(10, 10), flags(0, 10)) == pytest.approx(2 * 1.6906, abs=1e-4)


def test_a_power_law_is_one():
    found = shape(LAGS, 5 * LAGS**-0.5, 1e-9)

    assert found["slope"] == pytest.approx(-0.5)
    assert found["power_residual"] == pytest.approx(0, abs=1e-9)
    assert found["residual_ratio"] < 1e-9


def test_an_exponential_is_none_and_what_is_lost_in_noise_does_not_count():
    """A time constant of 30, of which the fourth lag is the first below the floor."""
    found = shape(LAGS, 5 * np.exp(-LAGS / 30), 0.05)
    lags, values = np.log(LAGS[:4]), np.log(np.maximum(5 * np.exp(-LAGS[:4] / 30), 0.05))

    assert found["slope"] == pytest.approx(np.polyfit(lags, values, 1)[0])
    assert found["slope"] < -1.2
    assert found["residual_ratio"] > 1


def test_the_curve_of_fsrs_is_the_published_one():
    """FSRS-6 with default parameters: 0.9 after one stability, and its values at 0.5 to 30."""
    found = fsrs(np.array([0.5, 1, 2, 5, 10, 30]), 1.0)

    assert found == pytest.approx([0.940, 0.900, 0.846, 0.761, 0.693, 0.591], abs=6e-4)


@pytest.mark.peer
def test_the_curve_of_fsrs_is_that_of_the_package():
    from datetime import UTC, datetime, timedelta

    from fsrs import Card, Scheduler

    begin, scheduler = datetime(2026, 1, 1, tzinfo=UTC), Scheduler()
    card = Card(stability=7.0, difficulty=5.0, last_review=begin)
    later = [begin + timedelta(days=days) for days in (1, 7, 30, 365)]
    found = [scheduler.get_card_retrievability(card, each) for each in later]

    assert fsrs(np.array([1.0, 7, 30, 365]), 7.0) == pytest.approx(found, abs=1e-4)


@pytest.mark.parametrize(("curve", "name"), [(fsrs, "fsrs"), (exponential, "exponential")])
def test_a_curve_is_fitted_with_its_stability(curve, name):
    found = distances(LAGS, curve(LAGS, 123.0))
    other = {"fsrs", "exponential"} - {name}

    assert found[f"{name}_rmse"] < 1e-3
    assert found[f"{other.pop()}_rmse"] > 0.05
