"""Graded transmission: what arrives in every step is the weights times the presynaptic signals, at the site that is named."""

import numpy as np
import pytest

import thalia
from thalia.backends.cuda import backend
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError

CIRCUIT = """
thalia: 1
name: graded
duration: 100 ms
dt: 1 ms
populations:
  sources: {neuron: leaky_readout, size: 2, parameters: {target: -1}, initial: {v: "spread(-55 mV, -45 mV)"}}
  cells: {neuron: lif_surrogate, size: 3}
pathways:
  p: {pre: sources, post: cells, connect: {rule: all_to_all}, synapse: graded, compartment: teaching, weight: 0.5}
record: {traces: {x: {population: cells, variables: [graded_teaching_total], every: 1 ms, neurons: 3}}}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_it_is_the_sum_of_weights_times_signals(simulate, backend):
    """Two values decay from 10 and 20 with 30 ms, each plus 1; half of their sum arrives a step later."""
    traces = simulate(CIRCUIT, backend=backend).traces["x"]

    begin = traces.time * 1e3 - 1  # of the step before a sample
    expected = 0.5 * (30 * np.exp(-begin / 30) + 2)
    assert traces["graded_teaching_total"][1:] == pytest.approx(
        np.tile(expected[1:, None], 3), rel=1e-6
    )


def test_two_pathways_add_up_and_the_soma_gets_nothing(simulate):
    both = CIRCUIT.replace(
        "record:",
        """  q: {pre: sources, post: cells, connect: {rule: one_to_one}, synapse: graded, compartment: teaching, weight: -2}
record:""",
    ).replace("[graded_teaching_total]", "[graded_teaching_total, graded_teaching_2_total, v]")
    both = both.replace("size: 3", "size: 2").replace("neurons: 3", "neurons: 2")

    run = simulate(both)
    first, second, v = (
        run.traces["x"][f"{name}"][50]
        for name in ("graded_teaching_total", "graded_teaching_2_total", "v")
    )

    assert first == pytest.approx(-0.25 * (second[0] + second[1]))
    assert v == pytest.approx(-65)


@pytest.mark.parametrize(("old", "new", "message"), [
    ("compartment: teaching", "compartment: teacher", "pathways.p.compartment: cells is a 'lif_surrogate', which has no compartment 'teacher'\n    hint: did you mean 'teaching'"),
    ("cells: {neuron: lif_surrogate", "cells: {neuron: lif_current", "has no compartment 'teaching'\n    hint: its synapses all end on the soma: remove 'compartment'"),
    ("weight: 0.5", "weight: 0.5, delay: 2 ms", "pathways.p.delay: 'graded' transmits in every step, and has no delay, found 2 ms\n    hint: remove 'delay'"),
    ("synapse: graded", "synapse: [dse, graded]", "pathways.p.synapse: 'graded' transmits without spikes, and this scales what a spike does"),
    (", compartment: teaching", "", "pathways.p.synapse: it brings a bare number, and the soma takes a current\n    hint: name a compartment that takes it, as in `compartment: apical`"),
    ("sources: {neuron: leaky_readout, size: 2, parameters: {target: -1}, initial: {v: \"spread(-55 mV, -45 mV)\"}}", "sources: {neuron: lif_current, size: 2}",
     "pathways.p.synapse: transmits the presynaptic 'signal', which sources lacks\n    hint: neurons that have it: leaky_readout"),
    ("record:", "stimuli: {s: {kind: current, target: cells, compartment: teaching, amplitude: 5 pA}}\nrecord:",
     "stimuli.s.compartment: 'teaching' takes a bare number, and this is a current"),
    ("record:", "stimuli: {s: {kind: poisson, target: sources, compartment: apical, rate: 5 Hz, weight: 1 pA}}\nrecord:",
     "stimuli.s.compartment: sources is a 'leaky_readout', which has no compartment 'apical'"),
    ("synapse: graded, compartment: teaching, weight: 0.5", "synapse: current_exp, compartment: teaching, weight: 5 pA, delay: 1 ms",
     "pathways.p.synapse: it brings a current, and the compartment 'teaching' takes a bare number\n    hint: choose another synapse"),
])  # fmt: skip
def test_what_cannot_be_is_told(old, new, message):
    assert old in CIRCUIT
    with pytest.raises(CircuitError) as caught:
        plan_of(thalia.loads(CIRCUIT.replace(old, new)))
    assert message in str(caught.value)


def test_a_gpu_is_refused_in_words():
    assert "p: graded transmission runs on the backends cpp and runtime only" in backend.refuse(
        plan_of(thalia.loads(CIRCUIT))
    )


def test_a_graded_synapse_of_ones_own_may_have_parameters(simulate):
    own = """
synapses:
  halved:
    summary: Half of the weight times the presynaptic value.
    parameters: {share: {default: 0.5, meaning: what arrives}}
    weight: "1"
    neuron: "total : 1"
    current: total
    in_every_step: total = share*w*value_pre
"""
    text = CIRCUIT.replace("synapse: graded", "synapse: halved").replace(
        "graded_teaching_total", "halved_teaching_total"
    )

    traces = simulate(text + own).traces["x"]

    begin, total = traces.time * 1e3 - 1, traces["halved_teaching_total"]
    assert total[1:, 0] == pytest.approx(0.25 * 30 * np.exp(-begin[1:] / 30), rel=1e-6)
