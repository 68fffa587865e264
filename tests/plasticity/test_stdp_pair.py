"""stdp_pair reproduces the exponential window of Song, Miller & Abbott (2000), Fig. 1, and NEST's weights."""

from math import exp

import numpy as np
import pytest

A_PLUS, A_MINUS, TAU = 0.005, 0.00525, 20  # ms; Song, Miller & Abbott (2000)
INTERVALS = [-80, -40, -10, -1, 1, 10, 40, 80]
T1 = ([10, 50, 60, 70, 90, 110, 120, 130, 400], [20, 30, 40, 80, 90, 100, 120])
T2 = ([10, 58, 63, 72, 93, 111, 124, 131, 400], [22, 31, 44, 80, 87, 103, 119])
BI_AND_POO = "{rule: stdp_pair, tau_plus: 16.8 ms, tau_minus: 33.7 ms, a_plus: 0.01, a_minus: 0.0105}"


def closed_form(interval):
    """Change of the weight, as a fraction of w_max, for one pair this many ms apart."""
    return A_PLUS * exp(-interval / TAU) if interval > 0 else -A_MINUS * exp(interval / TAU)


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
@pytest.mark.parametrize("lower", ["on", "off"])
def test_one_pair_follows_the_window(final_weights, backend, lower):
    """Delta w is A+ exp(-dt/tau) for pre-before-post and -A- exp(dt/tau) for post-before-pre."""
    expected = [closed_form(interval) for interval in INTERVALS]

    w = final_weights(
        "stdp_pair", pre=[[100]] * len(INTERVALS), post=[[100 + i] for i in INTERVALS], w=0.5, backend=backend, lower=lower
    )

    assert w - 0.5 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("w", "interval"), [(1.0, +10), (0.0, -10)])
def test_the_weight_stays_within_its_bounds(final_weights, w, interval):
    assert final_weights("stdp_pair", pre=[[100]], post=[[100 + interval]], w=w) == w


def test_spike_trains_give_the_weights_that_nest_gives(final_weights):
    """NEST 3.10 stdp_synapse, additive, all-to-all, dendritic delay 1 ms: recorded final weights of two trains."""
    w = final_weights(BI_AND_POO, pre=[T1[0], T2[0]], post=[T1[1], T2[1]], w=50, w_max=100, dendritic=1.0)

    assert w == pytest.approx([44.593071041, 41.939767571], abs=1e-6)


def test_all_pairs_count(final_weights):
    """Two pre spikes before one post spike add their two contributions."""
    w = final_weights("stdp_pair", pre=[[100, 110]], post=[[120]], w=0.5)

    assert w - 0.5 == pytest.approx(closed_form(20) + closed_form(10), rel=1e-9)


def test_with_plasticity_off_no_bit_changes(simulate):
    text = """
thalia: 1
name: frozen
populations: {a: {neuron: poisson, size: 20, parameters: {rate: 50 Hz}}, b: {neuron: lif_current, size: 20}}
pathways:
  ab: {pre: a, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: "uniform(1 nA, 3 nA)",
       delay: 1 ms, w_max: 4 nA, plasticity: [stdp_pair]}
phases: [{name: learn, duration: 60 ms}, {name: test, duration: 60 ms, plasticity: off}]
record: {weights: {pathways: ab, every: 60 ms}}
"""

    w = simulate(text).weights["ab"].w

    assert (w[0] != w[1]).any()
    assert np.array_equal(w[1], w[2])
