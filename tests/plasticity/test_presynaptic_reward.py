"""What was active when dopamine comes changes by its closed form, whatever the postsynaptic neuron did."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

SETTINGS = {"modulator": "signal", "a": 0.2, "tau": "100 ms", "rate": "5 Hz"}


def signal(amount):
    return {
        "signal": {
            "kind": "first_order",
            "tau": "50 ms",
            "schedule": [{"at": ["60 ms"], "amount": amount}],
        }
    }


@pytest.mark.parametrize("amount", [0.8, -0.8])
@pytest.mark.parametrize("post", [[300], [11, 15, 20]])
def test_the_change_is_eligibility_times_dopamine(amount, post):
    """The integral of both exponentials from the release on; 1 % for the step in which it is felt."""
    done = outcome(
        "presynaptic_reward",
        [[10]],
        [post],
        settings=SETTINGS,
        modulators=signal(amount),
        tail=900,
        backend="cpp",
    )

    change = 5 * 0.2 * np.exp(-50 / 100) * amount / (1 / 0.1 + 1 / 0.05)
    assert done.weight[0] - 0.5 == pytest.approx(change, rel=0.01)


def test_what_was_silent_does_not_change():
    done = outcome(
        "presynaptic_reward",
        [[800]],
        [[11]],
        settings=SETTINGS,
        modulators=signal(0.8),
        tail=900,
        backend="cpp",
    )

    assert done.weight[0] == pytest.approx(0.5, abs=1e-6)
