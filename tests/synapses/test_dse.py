"""dse lowers release after strong postsynaptic activity, for seconds, and leaves the weight alone."""

from math import exp

import numpy as np
import pytest

TEXT = """
thalia: 1
name: suppression
duration: 6 s
dt: 1 ms
populations:
  pre: {{neuron: spike_source, size: 1}}
  trigger: {{neuron: spike_source, size: 1}}
  cell: {{neuron: lif_current, size: 1}}
pathways:
  p: {{pre: pre, post: cell, connect: {{rule: all_to_all}}, synapse: [{release}{{part: current_exp, tau: 2 ms}}], weight: 1 pA, delay: 1 ms}}
  force: {{pre: trigger, post: cell, connect: {{rule: all_to_all}}, synapse: delta, weight: 100 mV, delay: 1 ms}}
stimuli:
  pre: {{kind: spikes, target: pre, times: {{0: [100 ms, 2000 ms, 3000 ms, 5000 ms]}}}}
  trigger: {{kind: spikes, target: trigger, times: {{0: [{times}]}}}}
record:
  weights: {{pathways: p}}
  traces: {{cell: {{population: cell, variables: [current_exp_i], every: 1 ms}}}}
"""
DSE = "{part: dse, strength: 0.6, tau: 2 s, gain: 0.2, threshold: 20 Hz}, "


def amounts(simulate, release, spikes):
    run = simulate(TEXT.format(release=release, times=", ".join(f"{t} ms" for t in spikes)))
    assert np.array_equal(run.weights["p"].w[0], run.weights["p"].w[-1])
    current = run.traces["cell"]["current_exp_i"][:, 0]
    return np.array([current[t : t + 5].max() for t in (100, 2000, 3000, 5000)])


def test_a_burst_suppresses_release_which_recovers_exponentially(simulate):
    """1 - S g e^(-t/tau); g is what is left open by as many spikes as came above the threshold."""
    burst = [1000 + 10 * k for k in range(20)]

    before, *after = amounts(simulate, DSE, burst)

    activity, bound, last = 0.0, 0.0, 0.0
    for t in burst:
        activity, bound = activity * exp(-(t - last) / 200), bound * exp(-(t - last) / 2000)
        bound += 0.2 * (activity > 20) * (1 - bound)
        activity, last = activity + 5, t
    expected = [1 - 0.6 * bound * exp(-(t - last - 1) / 2000) for t in (2000, 3000, 5000)]
    assert before == pytest.approx(1, rel=1e-6)
    assert after == pytest.approx(expected, rel=2e-3)


def test_weak_activity_suppresses_nothing(simulate):
    assert amounts(simulate, DSE, range(500, 1900, 200)) == pytest.approx([1, 1, 1, 1], rel=1e-6)


def test_without_receptors_nothing_is_suppressed(simulate):
    """The control with the receptor blocked: strength 0."""
    burst = [1000 + 10 * k for k in range(20)]

    assert amounts(simulate, DSE.replace("strength: 0.6", "strength: 0"), burst) == pytest.approx(
        [1, 1, 1, 1], rel=1e-6
    )
