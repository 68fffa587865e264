"""Down-scaling gives the numbers of an independent implementation of van Albada et al. (2015)."""

import numpy as np
import pytest

import thalia
from benchmarks import microcircuit
from tests.helpers import ROOT
from thalia.codegen.listing import describe
from thalia.compiler.options import with_options
from thalia.connectivity.build import wire
from thalia.syntax.units import constant

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


def drive_of(plan):
    """The number of sources and the weight of each stimulus."""
    return [(each.number, each.weight.mean) for drive in plan.drives for each in drive.members]


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
    """(1 - sqrt(s)) number rate w tau, in pA.

    A conductance has no such rule, and pulses have no steady mean: all of their sources stay.
    """
    text = MIXED.format(stimulus=stimulus)
    plan, full = thalia.plan_of(thalia.loads(text)), thalia.loads(text.replace("scale: 0.25", ""))
    member = plan.groups[0].members[0]

    if current is None:
        assert "bias" not in member.parameters
        assert (
            "kept: all sources of noise, for whose mean no constant current makes up" in plan.notes
        )
        assert drive_of(plan) == drive_of(thalia.plan_of(full))
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


@pytest.mark.parametrize("weight", ["100 pA", '"drive(0.3, 8 Hz)"'])
def test_a_preset_is_the_numbers_that_it_stands_for(weight):
    """In every pass: the same text of the plan, whichever way the time constant is given."""
    text = PRESET.replace("100 pA", weight)
    by_number = text.replace("preset: published", "tau: 20 ms").replace("name: preset", "name: p")

    plans = [thalia.plan_of(thalia.loads(each)) for each in (text, by_number)]

    texts = [describe(plan).partition("\n")[2] for plan in plans]
    assert texts[0] == texts[1]


WIRED = """
thalia: 1
name: wired
duration: 1 ms
scale: {scale}
reference: {{source: none, rates: {{a: 8 Hz}}}}
populations: {{a: {{neuron: lif_current, size: 400}}, b: {{neuron: lif_current, size: 400}}}}
pathways:
  p: {{pre: a, post: b, connect: {connect}, synapse: {{part: current_exp, tau: 2 ms}}, weight: 10 pA, delay: 1 ms}}
"""
FEWER_NEURONS = "{neurons: 0.1}"


@pytest.mark.parametrize(
    ("connect", "scale", "before", "after"),
    [
        ("{rule: fixed_indegree, number: 3}", 0.1, 3, 1),
        ("{rule: fixed_indegree, number: 15}", 0.1, 15, 2),
        ("{rule: fixed_indegree, number: 100}", 0.1, 100, 10),
        ("{rule: fixed_outdegree, number: 3}", 0.1, 3, 1),
        ("{rule: fixed_total_number, number: 5}", 0.1, 5 / 400, 1 / 40),
        ("{rule: fixed_total_number, number: 40000}", 0.1, 100, 10),
        ("{rule: all_to_all}", 0.1, 400, 40),
        ("{rule: all_to_all}", "{neurons: 0.5, synapses: 0.1}", 400, 200),
        ("{rule: all_to_all}", FEWER_NEURONS, 400, 40),
        ("{rule: one_to_one}", 0.1, 1, 1),
        ("{probability: 1}", FEWER_NEURONS, 400, 40),
        ("{probability: 0.5}", FEWER_NEURONS, 200, 40),
        ("{probability: 1}", 0.5, 400, 200),
    ],
)
def test_mean_and_variance_are_kept_for_the_synapses_that_there_are(connect, scale, before, after):
    """Variance: K' w'^2 = K w^2. Mean: the current is what K w rate tau loses."""
    plan = thalia.plan_of(thalia.loads(WIRED.format(connect=connect, scale=scale)))
    (wired,) = wire(plan).synapses.values()
    (lost,) = plan.population("b")[1].parameters.get("bias", (constant(0),))
    weight = wired.variables["w"][0]

    assert len(wired) / plan.population("b")[1].size == pytest.approx(after)
    assert weight**2 * after == pytest.approx(10e-12**2 * before)
    assert lost.mean == pytest.approx(8 * 2e-3 * (before * 10e-12 - after * weight), abs=1e-24)


def notes_of(connect, scale=0.1, more=""):
    text = WIRED.format(connect=connect, scale=scale)
    return list(
        thalia.plan_of(thalia.loads(text.replace("delay: 1 ms", f"delay: 1 ms{more}"))).notes
    )


VARIANCE = (
    "kept: variance of the synaptic input at the same rates "
    "(weights divided by the root of the fraction of synapses)"
)
MEAN = "kept: mean of the synaptic input of 1 population (constant current; van Albada 2015)"
NUMBERS = (
    "not kept: numbers of neurons and synapses, and with them the correlations, which grow as 1/N"
)
SPARSENESS = "not kept: the number of neurons, and with it sparseness: correlations grow"


@pytest.mark.parametrize(
    ("connect", "scale", "notes"),
    [
        ("{rule: fixed_indegree, number: 100}", 0.1, [VARIANCE, MEAN, NUMBERS]),
        ("{rule: fixed_indegree, number: 100}", 1, []),
        ("{rule: fixed_indegree, number: 100}", "{neurons: 0.5}", [SPARSENESS]),
        ("{rule: one_to_one}", "{neurons: 0.5}", [SPARSENESS]),
        (
            "{rule: fixed_indegree, number: 3}",
            0.1,
            [VARIANCE, MEAN, "not kept: one fraction of synapses per neuron, 0.1: 1 of 3 in p", NUMBERS],
        ),
        (
            "{rule: all_to_all}",
            FEWER_NEURONS,
            [VARIANCE, MEAN, "not kept: one fraction of synapses per neuron, 1: 40 of 400 in p", SPARSENESS],
        ),
        (
            "{rule: one_to_one}",
            0.1,
            ["not kept: one fraction of synapses per neuron, 0.1: 1 of 1 in p", NUMBERS],
        ),
    ],
)  # fmt: skip
def test_every_note_follows_from_what_was_done(connect, scale, notes):
    assert notes_of(connect, scale) == notes


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("rates: {a: 8 Hz}", "rates: {b: 8 Hz}"), "no rate of a under `reference:`"),
        (("delay: 1 ms", "delay: 1 ms, release: 1 - m"), "modulators change its release"),
        (
            ("connect: {rule: fixed_indegree, number: 100}",
             "connect: {rule: distance, probability: 0.5, width: 1 mm}"),
            "its in-degree depends on the positions of neurons",
        ),
        (
            ("synapse: {part: current_exp, tau: 2 ms}, weight: 10 pA", "synapse: ampa, weight: 1 nS"),
            "its synapse is no plain current",
        ),
        (
            ("synapse: {part: current_exp, tau: 2 ms}", "synapse: [half, current_exp]"),
            "its mean efficacy at a given rate is not defined",
        ),
        (
            ("a: {neuron: lif_current, size: 400}", "a: {neuron: poisson, size: 400}"),
            "the rate of a is not steady",
        ),
    ],
)  # fmt: skip
def test_a_mean_that_is_not_known_is_not_said_to_be_kept(change, why):
    text = WIRED.format(connect="{rule: fixed_indegree, number: 100}", scale=0.1)
    text = text.replace("lif_current, size: 400}}", "lif_conductance, size: 400}}")
    text = (
        text.replace("size: 400", "size: 400, space: {extent: [1 mm]}")
        if "distance" in change[1]
        else text
    )
    text = text.replace(*change)
    if "not steady" in why:
        text = text.replace("rates: {a: 8 Hz}", "rates: {}")
        text += "stimuli: {s: {kind: poisson_pulses, target: a}}\n"
    text += "modulators: {m: {kind: first_order, tonic: 0.5, baseline: 0}}\n"
    text += "synapses: {half: {summary: half, on_pre: efficacy = 0.5}}\n"

    plan = thalia.plan_of(thalia.loads(text))

    assert f"not kept: mean input through p: {why}" in plan.notes
    assert not any(note.startswith("kept: mean") for note in plan.notes)
    assert "bias" not in plan.population("b")[1].parameters


def bias_of(text, population="b"):
    """The current that makes up for what a population has lost, in pA."""
    plan = thalia.plan_of(thalia.loads(text))
    return 1e12 * sum(value.mean for value in plan.population(population)[1].parameters["bias"])


HALF = 1 - 0.25**0.5


def test_short_term_depression_leaves_less_to_make_up_for():
    """Depression with U = 0.5 and 800 ms at 8 Hz leaves U/(1 + U r tau) (Tsodyks & Markram 1997)."""
    text = WIRED.format(connect="{rule: fixed_indegree, number: 100}", scale=0.25)
    depressing = text.replace("synapse: {", "synapse: [{part: tsodyks_markram}, {").replace(
        "tau: 2 ms}", "tau: 2 ms}]"
    )

    expected = HALF * 100 * 8 * 10 * 2e-3 * 0.5 / (1 + 0.5 * 8 * 0.8)
    assert bias_of(depressing) == pytest.approx(expected, rel=1e-4)


def test_a_step_of_the_potential_is_a_charge_of_the_membrane():
    text = WIRED.format(connect="{rule: fixed_indegree, number: 100}", scale=0.25)
    text = text.replace("{part: current_exp, tau: 2 ms}, weight: 10 pA", "delta, weight: 0.1 mV")

    # 250 pF, the default of lif_current
    assert bias_of(text) == pytest.approx(HALF * 100 * 8 * 0.1e-3 * 250)


def test_sources_fire_at_their_own_rate_and_that_of_their_stimuli():
    text = WIRED.format(connect="{rule: fixed_indegree, number: 100}", scale=0.25)
    text = text.replace("rates: {a: 8 Hz}", "rates: {}")
    text = text.replace(
        "a: {neuron: lif_current,", "a: {neuron: poisson, parameters: {rate: 2 Hz},"
    )

    more = text + "stimuli: {s: {kind: poisson, target: a, rate: 3 Hz}}\n"

    assert bias_of(text) == pytest.approx(HALF * 100 * 2 * 10 * 2e-3)
    assert bias_of(more) == pytest.approx(HALF * 100 * 5 * 10 * 2e-3)


def test_what_a_compartment_loses_is_made_up_for_there():
    text = WIRED.format(connect="{rule: fixed_indegree, number: 100}", scale=0.25)
    text = text.replace("b: {neuron: lif_current", "b: {neuron: two_compartment")
    text = text.replace("delay: 1 ms", "delay: 1 ms, compartment: apical")

    plan = thalia.plan_of(thalia.loads(text))

    member = plan.population("b")[1]
    assert "bias" not in member.parameters
    (lost,) = member.parameters["current_compensation_b_apical_amplitude"]
    assert lost.mean == pytest.approx(HALF * 100 * 8 * 10e-12 * 2e-3)


def test_the_mean_of_a_truncated_weight_is_what_is_lost():
    """Half of a normal distribution around 0 has a mean of sqrt(2/pi) standard deviations."""
    text = WIRED.format(connect="{rule: fixed_indegree, number: 100}", scale=0.25)
    text = text.replace("weight: 10 pA", 'weight: "normal(0 pA, 10 pA, min=0 pA)"')

    expected = HALF * 100 * 8 * 10 * np.sqrt(2 / np.pi) * 2e-3
    assert bias_of(text) == pytest.approx(expected)
