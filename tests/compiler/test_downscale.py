"""Down-scaling gives the numbers of an independent implementation of van Albada et al. (2015)."""

import numpy as np
import pytest

import thalia
from benchmarks import microcircuit
from tests.helpers import ROOT
from thalia.compiler.options import with_options

FACTORS = [0.1, 0.5]


def plan_at(factor):
    return thalia.plan_of(
        with_options(thalia.load(ROOT / "circuits" / "cortex.yaml"), scale=factor)
    )


@pytest.mark.parametrize("factor", [*FACTORS, 1.0])
def test_sizes_and_synapses_are_those_of_the_reference(factor):
    plan, expected = plan_at(factor), microcircuit.scaled(factor)
    sizes = {member.name: member.size for _, member in plan.populations()}
    counts = {pathway.name: pathway.connect.number[0][0].mean for _, pathway in plan.pathways()}

    found = np.array(
        [
            [counts.get(f"local.{pre}_to_{post}", 0) for pre in microcircuit.NAMES]
            for post in microcircuit.NAMES
        ]
    )

    assert [sizes[name] for name in microcircuit.NAMES] == expected["sizes"].tolist()
    assert (
        np.abs(found - expected["synapses"]).max() <= 3e-8 * expected["synapses"].max()
    )  # ln(1 - 1/N^2) loses digits there


@pytest.mark.parametrize("factor", FACTORS)
def test_weights_and_currents_make_up_for_what_is_lost(factor):
    plan, expected = plan_at(factor), microcircuit.scaled(factor)
    bias = {
        member.name: sum(v.mean for v in member.parameters["bias"]) * 1e12
        for group, member in plan.populations()
        if group.part == "lif_current"
    }
    weights = {pathway.name: pathway.weight.mean * 1e12 for _, pathway in plan.pathways()}

    assert [bias[name] for name in microcircuit.NAMES] == pytest.approx(
        expected["current"].tolist(), rel=1e-6
    )
    assert weights["local.l4e_to_l23e"] == pytest.approx(expected["weights"][0, 2])
    assert weights["local.l23i_to_l4e"] == pytest.approx(expected["weights"][2, 1])


PLASTIC = """
thalia: 1
name: plastic
duration: 1 s
populations: {a: {neuron: poisson, size: 400, parameters: {rate: 5 Hz}}, b: {neuron: lif_current, size: 400}}
pathways:
  p:
    {pre: a, post: b, connect: {probability: 0.5}, synapse: current_exp, weight: 3 pA, w_min: 1 pA, w_max: 4 pA, delay: 1 ms, plasticity: [stdp_pair]}
"""


def test_bounds_grow_with_the_weights():
    """A quarter of the synapses, twice as strong; else the weight would stand above its bound."""
    (pathway,) = (
        each
        for _, each in thalia.plan_of(with_options(thalia.loads(PLASTIC), scale=0.25)).pathways()
    )

    assert [
        value.mean for value in (pathway.w_min, pathway.weight, pathway.w_max)
    ] == pytest.approx([2e-12, 6e-12, 8e-12])


def test_the_full_circuit_is_the_published_one():
    """77,169 neurons and 298.88 million local synapses (Potjans & Diesmann 2014)."""
    plan = plan_at(1.0)
    local = sum(
        pathway.connect.number[0][0].mean
        for _, pathway in plan.pathways()
        if pathway.name.startswith("local")
    )

    assert sum(group.size for group in plan.groups if group.part == "lif_current") == 77_169
    assert local == pytest.approx(298.88e6, abs=5e3)
    assert "bias" not in plan.groups[0].all_parameters()


def test_the_plan_says_what_was_kept_and_what_was_not():
    notes = plan_at(0.1).notes

    assert any(note.startswith("kept: variance of the synaptic input") for note in notes)
    assert any(note.startswith("not kept: numbers of neurons and synapses") for note in notes)


MIXED = """
thalia: 1
name: mixed
duration: 10 ms
scale: 0.25
populations: {{a: {{neuron: lif_conductance, size: 100}}}}
stimuli: {{noise: {stimulus}}}
"""


@pytest.mark.parametrize(
    ("stimulus", "current"),
    [
        (
            "{kind: poisson, target: a, number: 100, rate: 8 Hz, weight: 10 pA}",
            0.5 * 100 * 8 * 10 * 0.5e-3,
        ),
        ("{kind: poisson, target: a, number: 100, rate: 8 Hz, weight: 1 nS}", None),
        ("{kind: poisson_pulses, target: a, number: 100, rate: 8 Hz, weight: 10 pA}", None),
    ],
    ids=["current", "conductance", "varying"],
)
def test_only_a_steady_drive_of_plain_current_is_made_up_for(stimulus, current):
    """(1 - sqrt(s)) number rate w tau, in pA; a conductance has no such rule, and pulses have no steady mean."""
    plan = thalia.plan_of(thalia.loads(MIXED.format(stimulus=stimulus)))
    member = plan.groups[0].members[0]

    if current is None:
        assert "bias" not in member.parameters
        assert any(note.startswith("not kept: mean input through noise") for note in plan.notes)
    else:
        assert sum(v.mean for v in member.parameters["bias"]) * 1e12 == pytest.approx(current)


PRESET = """
thalia: 1
name: preset
duration: 1 ms
scale: {neurons: 1, synapses: 0.25}
reference: {source: none, rates: {a: 8 Hz}}
synapses:
  slow:
    summary: A current with a published time constant.
    parameters: {tau: {default: 5 ms, meaning: decay}}
    weight: pA
    neuron: "dg/dt = -g/tau : amp"
    current: g
    on_pre: g += w
    charge: w*tau
    presets: {published: {source: someone, parameters: {tau: 20 ms}}}
populations:
  a: {neuron: lif_current, size: 10}
pathways:
  p: {pre: a, post: a, connect: {rule: fixed_indegree, number: 4}, synapse: {part: slow, preset: published},
    weight: 100 pA, delay: 1 ms}
"""


def test_what_is_lost_is_made_up_for_with_the_numbers_of_a_preset():
    plan = thalia.plan_of(thalia.loads(PRESET))

    # half of the mean current of 4 synapses at 8 Hz, each with 100 pA x 20 ms a spike
    (lost,) = plan.population("a")[1].parameters["bias"]
    assert lost.mean == pytest.approx(0.5 * 4 * 8 * 100e-12 * 20e-3)
