"""heterosynaptic takes from silent inputs a fraction of the depression, averaged over all inputs."""

from math import exp

import pytest

TEXT = """
thalia: 1
name: silent
duration: 300 ms
populations:
  pre: {neuron: spike_source, size: 5}
  trigger: {neuron: spike_source, size: 1}
  cell: {neuron: lif_current, size: 1}
pathways:
  learn: {pre: pre, post: cell, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: {axonal: 0.1 ms},
          plasticity: [stdp_pair, {rule: heterosynaptic, fraction: 0.3}]}
  force: {pre: trigger, post: cell, connect: {rule: all_to_all}, synapse: delta, weight: 100 mV, delay: 0.1 ms}
stimuli:
  pre: {kind: spikes, target: pre, times: {0: [109.9 ms], 1: [109.9 ms]}}
  trigger: {kind: spikes, target: trigger, times: {0: [99.8 ms, 249.8 ms]}}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_silent_inputs_lose_a_fraction_of_the_mean_depression(simulate, backend):
    """Two of five inputs are depressed by L each, 10 ms after a postsynaptic spike: the others lose 0.3 x 2 L / 5."""
    lost = 0.00525 * exp(-10 / 20)
    potentiation = 0.005 * exp(-140 / 20)

    w = simulate(TEXT, backend=backend).weights["learn"].w[-1] / 2  # as a fraction of w_max, 2 pA

    assert w[:2] - 0.5 == pytest.approx(2 * [potentiation - lost], rel=1e-9)
    assert w[2:] - 0.5 == pytest.approx(3 * [-0.3 * 2 * lost / 5], rel=1e-9)


def test_without_depression_silent_inputs_keep_their_weights(simulate):
    text = TEXT.replace("109.9 ms", "89.9 ms")

    w = simulate(text).weights["learn"].w[-1]

    assert w[0] > 1
    assert (w[2:] == 1).all()
