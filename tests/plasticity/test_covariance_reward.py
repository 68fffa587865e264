"""What was more or less active than in the mean changes with dopamine, by its closed form."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

SETTINGS = {"modulator": "signal", "a": 0.2, "tau": "100 ms", "expected": "10 Hz", "rate": "5 Hz"}
SIGNAL = {
    "signal": {
        "kind": "first_order",
        "tau": "50 ms",
        "schedule": [{"at": ["60 ms"], "amount": 0.8}],
    }
}


@pytest.mark.parametrize(("spikes", "when"), [([10], 50), ([800], None)])
def test_the_change_is_activity_above_its_mean_times_dopamine(spikes, when):
    """The integral of the signal times what the eligibility is above a*tau*expected; what was silent goes down."""
    done = outcome(
        "covariance_reward",
        [spikes],
        [[400]],
        settings=SETTINGS,
        modulators=SIGNAL,
        tail=900,
        backend="cpp",
    )

    active = 0.2 * np.exp(-when / 100) / (1 / 0.1 + 1 / 0.05) if when else 0
    change = 5 * 0.8 * (active - 0.2 * 0.1 * 10 * 0.05)
    assert done.weight[0] - 0.5 == pytest.approx(change, rel=0.02)


def test_mean_activity_changes_nothing():
    """A spike every 10 ms where 100 Hz are expected, against a silent neuron: less than a fiftieth of its change."""
    settings = {**SETTINGS, "expected": "100 Hz", "a": 0.02}
    done = outcome(
        "covariance_reward", [list(np.arange(5.0, 800, 10)), [800]], [[400], [400]], settings=settings,
        modulators={"signal": {**SIGNAL["signal"], "schedule": [{"at": ["500 ms"], "amount": 0.8}]}}, tail=100, backend="cpp",
    )  # fmt: skip

    mean, silent = done.weight - 0.5
    assert silent == pytest.approx(-5 * 0.8 * 0.02 * 0.1 * 100 * 0.05, rel=0.02)
    assert abs(mean) < abs(silent) / 50
