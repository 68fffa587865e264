"""Variables of synapses are recorded with the weights: eligibility traces against their closed forms."""

import numpy as np
import pytest

import thalia
from thalia.compiler.pipeline import compile_circuit
from thalia.errors import CircuitError

CIRCUIT = """
thalia: 1
name: eligible
duration: 200 ms
dt: 0.1 ms
populations:
  pre: {neuron: spike_source, size: 2}
  teacher: {neuron: spike_source, size: 1}
  post: {neuron: lif_current, size: 1}
modulators: {dopamine: {kind: first_order, tonic: 1, baseline: 0}}
pathways:
  fires: {pre: teacher, post: post, connect: &all {rule: all_to_all}, synapse: delta, weight: 60 mV, delay: 1 ms}
  own:
    pre: pre
    post: post
    connect: *all
    synapse: delta
    weight: 0.01 mV
    w_max: 2 mV
    delay: 1 ms
    plasticity: [{rule: dopamine_stdp, modulator: dopamine}]
  made:
    pre: pre
    post: post
    connect: *all
    synapse: delta
    weight: 0.01 mV
    w_max: 2 mV
    delay: 1 ms
    plasticity: [{rule: stdp_pair, modulator: dopamine, eligibility: {decay: 100 ms, rate: 1 Hz}}]
stimuli:
  given: {kind: spikes, target: pre, times: {0: [10 ms, 100 ms], 1: [50 ms]}}
  taught: {kind: spikes, target: teacher, times: {0: [20 ms]}}
record:
  weights:
    every: 10 ms
    variables: [dopamine_stdp_eligibility, dopamine_stdp_pre_trace, dopamine_stdp_post_trace, stdp_pair_eligibility]
"""
STEP, ARRIVES, FIRES = 0.1, 11.0, 21.1  # ms; of the first presynaptic spike, and of the neuron


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    file = tmp_path_factory.mktemp("synapses") / "run.h5"
    return thalia.run(thalia.loads(CIRCUIT), backend="runtime", output=file, progress=False)


def left(tau, since, time):
    """Of a trace that has decayed since a step, at the end of the step before a time, in ms."""
    return np.exp(-(time - STEP - since) / tau)


def test_traces_of_synapses_decay_as_their_closed_forms(run):
    """One is rescaled, one brought up to date at spikes, one kept in the neuron; a pair makes 0.005 eligible."""
    own = run.weights["own"]
    assert run.spikes["post"].times * 1e3 == pytest.approx([FIRES])
    row = own.time.tolist().index(pytest.approx(0.09))
    found = {name: values[row, 0] for name, values in own.variables.items()}

    assert found == pytest.approx({
        "dopamine_stdp_pre_trace": left(20, ARRIVES, 90),
        "dopamine_stdp_post_trace": left(20, FIRES, 90),
        "dopamine_stdp_eligibility": 0.005 * np.exp(-(FIRES - ARRIVES) / 20) * left(1000, FIRES, 90),
    }, rel=1e-6)  # fmt: skip
    assert (
        own.variables["dopamine_stdp_eligibility"][row, 1] < 0
    )  # it came after the neuron had fired


def test_an_eligibility_that_a_rule_is_given_has_the_unit_of_the_weight(run):
    """A pair changes 0.005 of 2 mV; only pathways that have a variable record it."""
    made = run.weights["made"]
    row = made.time.tolist().index(pytest.approx(0.09))

    assert made.units == {"stdp_pair_eligibility": "mV"}
    assert made.variables["stdp_pair_eligibility"][row, 0] == pytest.approx(
        0.01 * np.exp(-(FIRES - ARRIVES) / 20) * left(100, FIRES, 90), rel=1e-6
    )


def test_they_are_drawn_with_the_traces_of_neurons(run):
    """Of two synapses each has a line."""
    figure = thalia.figures.traces(run, start="15 ms")
    first = figure.axes[0]

    assert (first.get_title("left"), first.get_ylabel()) == (
        "made, synapses 0, 1",
        "stdp_pair_eligibility (mV)",
    )
    assert [len(axes.lines) for axes in figure.axes] == [2] * 4


def test_they_are_kept_when_synapses_are_selected(run):
    own = run.weights["own"].select(np.array([False, True]), np.arange(21) > 9)

    assert {each.shape for each in own.variables.values()} == {(11, 1)}


def test_an_unknown_variable_of_synapses_is_refused():
    """Also one of a pathway whose weights are not recorded."""
    text = CIRCUIT.replace("    every: 10 ms", "    every: 10 ms\n    pathways: [own]")
    with pytest.raises(CircuitError) as caught:
        compile_circuit(thalia.loads(text))

    assert str(caught.value).endswith(
        "record.weights.variables: 'stdp_pair_eligibility' is no variable of the synapses whose weights are "
        "recorded\n    hint: did you mean 'dopamine_stdp_eligibility'? Known: dopamine_stdp_eligibility, "
        "dopamine_stdp_post_trace, dopamine_stdp_pre_trace"
    )
