"""At each postsynaptic spike the weight goes a part of the way to the presynaptic trace."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome


def closed_form(pre, post, eta, tau, full, w=0.5):
    for spike in post:
        trace = sum(np.exp(-(spike - t) / tau) for t in pre if t < spike)
        w = float(np.clip(w + eta * (trace / full - w), 0, 1))
    return w


@pytest.mark.parametrize("post", [[15], [15, 21, 60], [5, 12]])
def test_the_weight_follows_its_closed_form(post):
    pre = [10, 11, 14, 40]
    done = outcome(
        "instar", [pre], [post], settings={"eta": 0.3, "tau": "20 ms", "full": 2}, backend="runtime"
    )

    assert done.weight[0] == pytest.approx(closed_form(pre, post, 0.3, 20, 2), rel=1e-9)


def test_it_comes_to_rest_at_the_mean_trace_at_the_spikes():
    """A source of 100 Hz at its steady trace, in units of `full`: 1/(exp(0.5) - 1) just before a spike of the source."""
    pre, post = [10.0 * k for k in range(1, 121)], [10.0 * k - 0.2 for k in range(10, 120)]
    done = outcome(
        "instar", [pre], [post], settings={"eta": 0.2, "tau": "20 ms", "full": 3}, backend="runtime"
    )

    assert done.weight[0] == pytest.approx(np.exp(-9.8 / 20) / (1 - np.exp(-0.5)) / 3, rel=1e-3)


def test_with_a_rate_that_falls_with_its_spikes_the_weight_is_the_mean_of_its_targets():
    """MacQueen (1967): the k-th of equally weighted targets moves a mean by 1/k of the distance."""
    pre, post = [10, 11, 14, 40, 44], [15, 21, 45, 60]
    settings = {"eta": 1, "slowing": 1, "tau": "20 ms", "full": 4}
    done = outcome("instar", [pre], [post], settings=settings, backend="runtime")

    targets = [sum(np.exp(-(spike - t) / 20) for t in pre if t < spike) / 4 for spike in post]
    assert done.weight[0] == pytest.approx(np.mean(targets), rel=1e-9)
