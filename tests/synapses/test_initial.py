"""Receptors that do not begin at zero, as in the published network of conductance-based neurons."""

import numpy as np
import pytest

import thalia
from thalia.errors import CircuitError

TEXT = """
thalia: 1
name: initial
duration: 20 ms
populations:
  source: {neuron: spike_source, size: 1}
  one: {neuron: lif_conductance, size: 400, initial: {ampa_g: "normal(4 nS, 1 nS, min=0 nS)", gaba_a_g: 6 nS}}
  other: {neuron: lif_conductance, size: 3}
pathways:
  fast: {pre: source, post: one, connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms}
  slow: {pre: source, post: one, connect: {rule: all_to_all}, synapse: gaba_a, weight: 1 nS, delay: 1 ms}
  third: {pre: source, post: other, connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms}
stimuli: {none: {kind: spikes, target: source, times: {0: [19 ms]}}}
record:
  spikes: none
  traces:
    one: {population: one, variables: [ampa_g, gaba_a_g], every: 1 ms, neurons: all}
    other: {population: other, variables: [ampa_g], every: 1 ms, neurons: all}
"""


@pytest.fixture(scope="module", params=["runtime", "cpp"])
def run(request, tmp_path_factory):
    file = tmp_path_factory.mktemp("initial") / "run.h5"
    text = TEXT.replace("source: {neuron", "source: {excites_and_inhibits: a test, neuron")
    return thalia.run(thalia.loads(text), backend=request.param, output=file)


def test_conductances_begin_where_the_circuit_says_and_decay(run):
    traces = run.traces["one"]
    time = traces.time[:18]

    expected = 6 * np.exp(-time / 10e-3)
    np.testing.assert_allclose(traces["gaba_a_g"][:18], np.tile(expected[:, None], 400), rtol=1e-5)
    decayed = traces["ampa_g"][0] * np.exp(-time / 5e-3)[:, None]
    np.testing.assert_allclose(traces["ampa_g"][:18], decayed, rtol=1e-5)


def test_they_are_drawn_from_their_distribution(run):
    first = run.traces["one"]["ampa_g"][0]

    assert first.mean() == pytest.approx(4, abs=0.2)
    assert first.std() == pytest.approx(1, abs=0.15)


def test_another_population_of_the_same_neurons_begins_at_zero(run):
    assert (run.traces["other"]["ampa_g"][:18] == 0).all()


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("gaba_a_g: 6 mV", "populations.one.initial.gaba_a_g: expected a conductance"),
        ("gaba_a_g: -6 nS", "a conductance cannot be negative"),
        ("gaba_b_g: 6 nS", "'gaba_b_g' is not a state variable of lif_conductance"),
    ],
)
def test_what_they_cannot_begin_with_is_refused(written, message):
    text = TEXT.replace("gaba_a_g: 6 nS", written)

    with pytest.raises(CircuitError, match=message):
        thalia.plan_of(thalia.loads(text))
