"""stdp_symmetric has the window that Mishra et al. (2016) measured at CA3-CA3 synapses."""

from math import exp

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import window

INTERVALS = [-100, -50, -20, -10, 0, 10, 20, 50, 100]
MEASURED = [21.9, 31.1, 52.2, 48.5, 50.2, 77.8, 40.1, 41.4, 14.1]  # change of the EPSP in %
ERROR = [15.8, 25.8, 22.0, 12.5, 10.1, 26.8, 25.4, 11.8, 13.3]


def test_one_pair_potentiates_for_both_orders():
    _, change = window("stdp_symmetric", INTERVALS, backend="runtime")

    assert change == pytest.approx(
        [0.004 * exp(-abs(interval) / 62.5) for interval in INTERVALS], rel=1e-9
    )


def test_the_window_fits_the_measurement():
    """With the best single amplitude, every measured point lies within two of its standard errors."""
    _, change = window("stdp_symmetric", INTERVALS, backend="runtime")
    measured, error = np.array(MEASURED), np.array(ERROR)

    amplitude = np.sum(measured * change / error**2) / np.sum(change**2 / error**2)

    assert np.abs(amplitude * change - measured).max() > 1  # they do differ
    assert (np.abs(amplitude * change - measured) < 2 * error).all()


def test_an_asymmetric_window_does_not_fit():
    """The control: no amplitude of a Hebbian window comes near the measured points."""
    _, change = window("stdp_pair", INTERVALS, backend="runtime", settings={"tau_minus": "10 ms"})
    measured, error = np.array(MEASURED), np.array(ERROR)

    amplitude = np.sum(measured * change / error**2) / np.sum(change**2 / error**2)

    assert (np.abs(amplitude * change - measured) > 2 * error).sum() >= 3
