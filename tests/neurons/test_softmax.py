"""A softmax: shares of activity as SciPy computes them, their error, the rates that they drive, and shunting."""

import numpy as np
import pytest
from scipy.special import softmax

import thalia
from thalia.errors import CircuitError

# a current of 250 pF/200 ms = 1.25 pA holds the potential 1 mV above rest
CIRCUIT = """
thalia: 1
name: shares
duration: 400 ms
dt: 1 ms
populations:
  cues: {neuron: spike_source, size: 1}
  readout: {neuron: softmax, size: 4, parameters: {e_l: -60 mV}, initial: {v: "spread(-61 mV, -58 mV)"}}
  voices: {neuron: poisson, size: 400}
  seen: {neuron: lif_surrogate, size: 4}
pathways:
  compete: {pre: readout, post: readout, connect: {rule: all_to_all}, synapse: divisive_inhibition, compartment: pool, weight: 1}
  say: {pre: readout, post: voices, connect: {rule: blocks, blocks: 4, within: 1}, synapse: graded_rate, weight: 500 Hz}
  error: {pre: readout, post: seen, connect: {rule: one_to_one}, synapse: graded, compartment: teaching, weight: 1}
  shunt: {pre: cues, post: readout, connect: {rule: all_to_all}, synapse: {part: current_exp, tau: 2 ms}, compartment: shunt, weight: 100 pA, delay: 1 ms}
stimuli:
  hold: {kind: current, target: readout, amplitude: "spread(-1.25 pA, 2.5 pA)"}
  cue: {kind: spikes, target: cues, times: {0: [300 ms]}}
  target: {kind: current, target: {population: readout, neurons: "2:3"}, compartment: target, amplitude: 100 pA}
  outcome: {kind: current, target: readout, compartment: outcome, amplitude: 100 pA}
record:
  spikes: all
  traces:
    x: {population: readout, variables: [v], every: 1 ms, neurons: 4}
    rates: {population: voices, variables: [graded_rate_total], every: 1 ms, neurons: "0:400:100"}
    errors: {population: seen, variables: [graded_teaching_total], every: 1 ms, neurons: 4}
"""
POTENTIALS = np.array([-1.0, 0, 1, 2])


@pytest.fixture(scope="module", params=["runtime", "cpp"])
def run(request, tmp_path_factory):
    output = tmp_path_factory.mktemp("softmax") / "run.h5"
    return thalia.run(thalia.loads(CIRCUIT), output=output, backend=request.param)


def test_shares_are_the_softmax_of_the_potentials(run):
    rates = run.traces["rates"]["graded_rate_total"][200]

    assert run.traces["x"]["v"][200] == pytest.approx(POTENTIALS - 60, rel=1e-6)
    assert rates / 500 == pytest.approx(softmax(POTENTIALS), rel=1e-5)


def test_the_signal_is_the_share_minus_the_target(run):
    expected = softmax(POTENTIALS) - np.array([0, 0, 1, 0])

    assert run.traces["errors"]["graded_teaching_total"][200] == pytest.approx(expected, abs=1e-5)


def test_they_drive_rates_that_add_up(run):
    """A hundred voices each, over 298 ms: the standard deviation of 6,700 spikes is 82 at most."""
    spikes = run.spikes["voices"]
    early = (spikes.times > 0.002) & (spikes.times <= 0.3)
    counts = np.bincount(spikes.neurons[early] // 100, minlength=4)

    expected = softmax(POTENTIALS) * 100 * 500 * 0.298
    assert counts == pytest.approx(expected, abs=4 * np.sqrt(expected.max()))


def test_a_shunt_brings_the_potential_to_rest(run):
    """400 times the leak, decaying with 2 ms: exp(-400 * 2/200) of it is left, and then it is held again."""
    v = run.traces["x"]["v"][[300, 316]] + 60

    after = POTENTIALS * (1 - np.exp(-13 / 200)) + v[0] * np.exp(-4)
    assert v[0] == pytest.approx(POTENTIALS, rel=1e-6)
    assert v[1] == pytest.approx(after, abs=0.03)


def test_only_a_source_takes_a_rate():
    text = CIRCUIT.replace("neuron: poisson", "neuron: lif_current")

    with pytest.raises(CircuitError, match="voices is a 'lif_current' and cannot receive a rate"):
        thalia.plan_of(thalia.loads(text))
