"""synaptic_scaling multiplies all weights of a neuron by one factor, whose logarithm follows the missing rate."""

import numpy as np
import pytest

TEXT = """
thalia: 1
name: scaling
duration: 4 s
dt: 0.5 ms
populations:
  pre: {neuron: spike_source, size: 3}
  trigger: {neuron: spike_source, size: 1}
  cell: {neuron: lif_current, size: 1}
pathways:
  scaled: {pre: pre, post: cell, connect: {rule: all_to_all}, synapse: {part: current_exp, tau: 1 ms}, weight: "uniform(1 pA, 4 pA)",
           delay: 1 ms, w_max: 5 pA,
           plasticity: [{rule: synaptic_scaling, target: 10 Hz, tau_rate: 500 ms, beta: 0.05, factor_max: 20}]}
  force: {pre: trigger, post: cell, connect: {rule: all_to_all}, synapse: delta, weight: 100 mV, delay: 1 ms}
stimuli:
  pre: {kind: spikes, target: pre, times: {0: [3500 ms], 1: [3600 ms], 2: [3700 ms]}}
  trigger: {kind: spikes, target: trigger, times: {0: [500 ms, 900 ms, 1000 ms]}}
PHASES
record:
  traces: {cell: {population: cell, variables: [synaptic_scaling_log_factor, current_exp_i], every: 0.5 ms}}
"""
POST = np.array([0.5015, 0.9015, 1.0015])  # forced spikes, a delay and a step later


def log_factor(t):
    """beta * integral of (target - rate), the rate a sum of exponentials of area one that starts at the target."""
    beta, target, tau = 0.05, 10, 0.5
    heard = sum(1 - np.exp(-(t - s) / tau) for s in POST if s < t)
    return beta * (target * t - target * tau * (1 - np.exp(-t / tau)) - heard)


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_the_factor_follows_its_closed_form(simulate, backend):
    run = simulate(TEXT.replace("PHASES", ""), backend=backend)

    values = run.traces["cell"]["synaptic_scaling_log_factor"][:, 0]
    assert values[[1600, 4000, 7000]] == pytest.approx(
        [log_factor(t) for t in (0.8, 2.0, 3.5)], rel=2e-3
    )
    weights = run.weights["scaled"]
    assert weights.arriving[0] == pytest.approx(weights.w[0])
    assert weights.arriving[-1] == pytest.approx(weights.w[-1] * np.exp(log_factor(4.0)), rel=2e-3)


def test_every_synapse_is_multiplied_by_the_same_factor(simulate):
    """What a spike delivers is its weight times the factor at that time; the weights themselves do not move."""
    run = simulate(TEXT.replace("PHASES", ""))

    current = run.traces["cell"]["current_exp_i"][:, 0]
    log = run.traces["cell"]["synaptic_scaling_log_factor"][:, 0]
    arrivals = [7000 + 3, 7200 + 3, 7400 + 3]  # a step after the delay
    delivered = np.array([current[a - 2 : a + 3].max() for a in arrivals])
    weights = run.weights["scaled"].w
    assert np.array_equal(weights[0], weights[-1])
    assert delivered / weights[-1] == pytest.approx(np.exp(log[arrivals]), rel=1e-3)


def test_with_plasticity_off_the_factor_stands_still(simulate):
    phases = "phases: [{name: learn, duration: 2 s}, {name: test, duration: 2 s, plasticity: off}]"

    run = simulate(TEXT.replace("PHASES", phases))

    log = run.traces["cell"]["synaptic_scaling_log_factor"][:, 0]
    assert log[4000] > log[3000] > 0
    assert np.ptp(log[4001:]) == 0


def test_a_factor_at_its_bound_leaves_it_as_soon_as_the_rate_crosses_the_target(simulate):
    """Silence alone would bring 30 times the logarithm of the bound; eight spikes then lower it from the bound itself."""
    text = TEXT.replace("PHASES", "").replace("beta: 0.05", "beta: 0.5")
    text = text.replace("factor_max: 20", "factor_max: 1.5")
    spikes = ", ".join(f"{2820 + 20 * n} ms" for n in range(8))
    run = simulate(text.replace("500 ms, 900 ms, 1000 ms", spikes), backend="runtime")

    log = run.traces["cell"]["synaptic_scaling_log_factor"][:, 0]
    assert log[2000:5600] == pytest.approx(np.log(1.5), rel=1e-6)
    assert log[6400] < np.log(1.5) - 0.1
