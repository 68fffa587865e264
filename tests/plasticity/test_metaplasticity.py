"""Metaplasticity: a rate that falls with every change, recovers, and stays lower for good after much of it."""

from math import exp

import pytest

from thalia.simulation.pairing_protocols import outcome

ONE = {"a_plus": 0.1, "a_minus": 0.1, "floor": 0.1, "kappa": 0.1, "drop": 5}


def test_the_second_change_is_smaller_by_the_closed_form():
    """Two pairs a second apart: rate 1 for the first; for the second what is left of it after one change."""
    weight = outcome(
        "metaplasticity",
        [[100, 1100]],
        [[110, 1110]],
        settings={**ONE, "tau_recovery": "2 s"},
        backend="runtime",
    ).weight

    first = 0.1 * exp(-0.5)
    depression_time, second_time = (
        0.990,
        1.0,
    )  # from the first change to the pre-spike of the second pair, and to its post-spike
    trace = exp(-990 / 20)
    rate = [
        0.1 + 0.9 * exp(-first * exp(-t / 300) / 0.1) - 5 * first * exp(-t / 2)
        for t in (depression_time, second_time)
    ]
    expected = (
        first
        + max(rate[1], 0) * 0.1 * (exp(-0.5) + exp(-1010 / 20))
        - max(rate[0], 0) * 0.1 * trace
    )
    assert weight - 0.5 == pytest.approx([expected], rel=1e-6)


def test_a_tired_synapse_recovers():
    """Long after a change the rate is that of its consolidation alone."""
    weight = outcome(
        "metaplasticity", [[100, 60100]], [[110, 60110]], settings=ONE, backend="cpp"
    ).weight

    first = 0.1 * exp(-0.5)
    rate = 0.1 + 0.9 * exp(-first * exp(-60 / 300) / 0.1)
    assert weight - 0.5 == pytest.approx([first + rate * first], rel=1e-4)


def test_without_drop_and_consolidation_it_is_pair_stdp():
    """The control."""
    trains = ([[100, 150, 300]], [[110, 140, 310]])
    numbers = {"a_plus": 0.05, "a_minus": 0.06}

    plain = outcome("stdp_pair", *trains, settings=numbers, backend="runtime").weight
    free = outcome(
        "metaplasticity", *trains, settings={**numbers, "drop": 0, "floor": 1}, backend="runtime"
    ).weight

    assert free == pytest.approx(plain, rel=1e-12)
