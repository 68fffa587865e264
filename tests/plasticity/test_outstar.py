"""At each presynaptic spike the weight goes a part of the way to the trace of instructive spikes."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

STEP = 0.1  # ms: an instructive spike arrives a step before the spike that it forces


def closed_form(pre, instructive, eta, tau, full, w=0.5):
    for spike in pre:
        trace = sum(np.exp(-(spike - t + STEP) / tau) for t in instructive if t < spike)
        w = float(np.clip(w + eta * (trace / full - w), 0, 1))
    return w


@pytest.mark.parametrize("pre", [[20], [20, 45, 90], [5, 12]])
def test_the_weight_follows_its_closed_form(pre):
    instructive = [10, 11, 14, 40]
    done = outcome(
        "outstar",
        [pre],
        [instructive],
        settings={"eta": 0.3, "tau": "20 ms", "full": 2},
        backend="runtime",
    )

    assert done.weight[0] == pytest.approx(closed_form(pre, instructive, 0.3, 20, 2), rel=1e-9)


def test_it_comes_to_rest_at_the_share_of_spikes_at_which_the_neuron_was_instructed():
    """Three of four spikes, each 1 ms after an instruction whose trace is 1 by then."""
    pre = [200.0 * k + 10 for k in range(1, 401)]
    instructive = [t - 1 for k, t in enumerate(pre) if k % 4]
    done = outcome(
        "outstar",
        [pre],
        [instructive],
        settings={"eta": 0.01, "tau": "20 ms", "full": float(np.exp(-(1 + STEP) / 20))},
        backend="cpp",
    )

    assert done.weight[0] == pytest.approx(0.75, abs=0.02)
