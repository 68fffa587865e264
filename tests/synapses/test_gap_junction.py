"""Gap junctions: the coupling coefficient, the eigenmodes of passive cells, and the potentials and spikes of other simulators."""

import numpy as np
import pytest
from scipy.linalg import expm

import thalia
from thalia.codegen.listing import describe
from thalia.compiler.pipeline import plan_of
from thalia.connectivity.build import wire
from thalia.errors import CircuitError

C_M, G_L, E_L = 200e-12, 10e-9, -65e-3
PASSIVE = (
    "neuron: lif_conductance, parameters: {v_th: 100 mV, e_l: -65 mV, g_l: 10 nS, c_m: 200 pF}"
)
PAIR = f"""
thalia: 1
name: coupled
duration: 20 ms
dt: 0.1 ms
populations:
  a: {{{PASSIVE}, size: 2, initial: {{v: "spread(-65 mV, -45 mV)"}}}}
pathways:
  p: {{pre: a, post: a, connect: {{rule: all_to_all}}, synapse: gap_junction, weight: 5 nS}}
record: {{traces: {{x: {{population: a, variables: [v], every: 4 ms}}}}}}
"""


def test_the_coupling_coefficient(simulate):
    """A current into one of two cells: of its change of potential, g/(g + gL) reaches the other."""
    text = PAIR.replace("20 ms", "400 ms").replace("spread(-65 mV, -45 mV)", "-65 mV")
    text = text.replace("size: 2", "size: 1").replace("post: a", "post: b")
    text = text.replace("pathways:", f"  b: {{{PASSIVE}, size: 1}}\npathways:").replace("rule: all_to_all", "rule: one_to_one")  # fmt: skip
    text = text.replace("record: {traces: {", "stimuli: {s: {kind: current, target: a, amplitude: 100 pA}}\nrecord: {traces: {y: {population: b, variables: [v], every: 4 ms}, ")  # fmt: skip
    traces = simulate(text).traces
    first, second = (traces[name]["v"][-1, 0] * 1e-3 - E_L for name in "xy")

    assert first == pytest.approx(100e-12 / (G_L + 5e-9 * G_L / (G_L + 5e-9)), rel=1e-6)
    assert second / first == pytest.approx(5 / (5 + 10), rel=1e-6)


def errors(simulate, dt, backend="runtime"):
    """Errors of the sum and of the difference of two potentials, in volt."""
    run = simulate(PAIR.replace("dt: 0.1 ms", f"dt: {dt} ms"), backend=backend)
    v = run.traces["x"]["v"][2].astype(float) * 1e-3 - E_L
    together, apart = 20e-3 * np.exp(-8e-3 * G_L / C_M), 20e-3 * np.exp(-8e-3 * (G_L + 10e-9) / C_M)  # fmt: skip
    return v.sum() - together, v[1] - v[0] - apart


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_the_two_modes_of_a_pair(simulate, backend):
    """The mean relaxes with gL/C, to rounding, and the difference with (gL + 2g)/C, to second order."""
    coarse, fine = (errors(simulate, dt, backend) for dt in (0.8, 0.4))

    assert [*coarse[:1], *fine[:1]] == pytest.approx([0, 0], abs=1e-8)
    assert abs(fine[1]) < 1e-5
    assert np.log2(coarse[1] / fine[1]) == pytest.approx(2, abs=0.1)


NETWORK = """
thalia: 1
name: network
duration: 10 ms
dt: 0.05 ms
populations:
  a: {neuron: lif_conductance, parameters: {v_th: 100 mV, e_l: -65 mV, g_l: 10 nS, c_m: 200 pF}, size: 12, initial: {v: "spread(-65 mV, -45 mV)"}}
  b: {neuron: lif_current, parameters: {v_th: 100 mV, tau_m: 15 ms, c_m: 150 pF, e_l: -60 mV}, size: 8, initial: {v: "spread(-70 mV, -50 mV)"}}
pathways:
  within: {pre: a, post: a, connect: {probability: 0.4}, synapse: gap_junction, weight: "uniform(0.5 nS, 2 nS)"}
  across: {pre: b, post: a, connect: {probability: 0.3}, synapse: gap_junction, weight: "uniform(0.5 nS, 2 nS)"}
record: {traces: {x: {population: a, variables: [v], every: 1 ms, neurons: 12}, y: {population: b, variables: [v], every: 1 ms, neurons: 8}}}
"""


def test_a_network_of_two_models_is_its_matrix_exponential(simulate):
    plan = plan_of(thalia.loads(NETWORK))
    starts = {"neurons_a": 0, "neurons_b": 12}
    coupling = np.zeros((20, 20))
    for each in plan.synapses:
        wired = wire(plan).synapses[each.name]
        ends = wired.pre + starts[each.pre], wired.post + starts[each.post]
        np.add.at(coupling, ends, wired.variables["w"])
    coupling = coupling + coupling.T
    leak, capacitance = np.repeat([10e-9, 10e-9], [12, 8]), np.repeat([200e-12, 150e-12], [12, 8])
    rest = np.repeat([-65e-3, -60e-3], [12, 8])
    start = np.concatenate([np.linspace(-65e-3, -45e-3, 12), np.linspace(-70e-3, -50e-3, 8)])
    matrix = (coupling - np.diag(leak + coupling.sum(axis=1))) / capacitance[:, None]
    steady = -np.linalg.solve(matrix, leak * rest / capacitance)
    run = simulate(NETWORK)
    found = np.hstack([run.traces[name]["v"][9] for name in "xy"]) * 1e-3

    assert coupling[:12, :12].any()
    assert coupling[12:, :12].any()
    assert not coupling.diagonal().any()
    assert found == pytest.approx(steady + expm(matrix * 9e-3) @ (start - steady), abs=2e-7)


def test_each_pair_of_a_population_is_connected_with_its_probability():
    """One junction for a pair, whichever of the two is called the presynaptic neuron."""
    text = NETWORK.replace("size: 12", "size: 200")
    plan = plan_of(thalia.loads(text))
    wired = wire(plan).synapses["synapses_within"]
    pairs = 200 * 199 / 2

    assert (wired.pre < wired.post).all()
    assert len(wired) == pytest.approx(0.4 * pairs, abs=4 * np.sqrt(0.24 * pairs))
    assert "pathway within: 7,960 synapses" in describe(plan)


SPIKING = """
thalia: 1
name: spiking
duration: 200 ms
dt: 0.1 ms
populations:
  a: {neuron: lif_conductance, parameters: {v_th: -50 mV, v_reset: -60 mV, e_l: -65 mV, g_l: 10 nS, c_m: 200 pF, t_ref: 0 ms}, size: 5,
      initial: {v: "spread(-65 mV, -51 mV)"}}
pathways:
  p: {pre: a, post: a, connect: {rule: all_to_all}, synapse: gap_junction, weight: 0.3 nS}
stimuli:
  s: {kind: current, target: a, amplitude: "spread(160 pA, 240 pA)"}
"""


def of_brian2(dt):
    """Spike times in seconds and neurons of the same cells, with Brian2's summed variable."""
    import brian2 as b2

    b2.set_device("runtime")
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = dt * b2.ms
    cells = b2.NeuronGroup(
        5, "dv/dt = (10*nS*(-65*mV - v) + drive + gap)/(200*pF) : volt\ndrive : amp\ngap : amp",
        threshold="v >= -50*mV", reset="v = -60*mV", method="exact",
    )  # fmt: skip
    cells.v, cells.drive = np.linspace(-65, -51, 5) * b2.mV, np.linspace(160, 240, 5) * b2.pA
    coupled = b2.Synapses(cells, cells, "gap_post = 0.3*nS*(v_pre - v_post) : amp (summed)")
    coupled.connect(condition="i != j")
    spikes = b2.SpikeMonitor(cells)
    b2.Network(cells, coupled, spikes).run(200 * b2.ms)
    return np.asarray(spikes.t), np.asarray(spikes.i)


def test_spikes_are_those_of_brian2(simulate):
    """Five driven cells, all coupled, and Brian2's summed variable, which is held over a step."""
    times, neurons = of_brian2(0.1)
    own = simulate(SPIKING).spikes["a"]
    trains = [(own.times[own.neurons == k], times[neurons == k]) for k in range(5)]

    assert sum(len(theirs) for _, theirs in trains) > 40
    assert [len(ours) for ours, _ in trains] == [len(theirs) for _, theirs in trains]
    late = np.concatenate([ours - theirs for ours, theirs in trains])
    assert abs(late).max() < 0.25e-3
    uncoupled = simulate(SPIKING.replace("0.3 nS", "0 nS")).spikes["a"]
    assert len(uncoupled.times) != len(own.times)


@pytest.mark.parametrize(("old", "new", "message"), [
    ("weight: 5 nS", "weight: 5 nS, delay: 1 ms", "pathways.p.delay: 'gap_junction' transmits in every step, and has no delay, found 1 ms"),
    ("weight: 5 nS", "weight: -5 nS", "pathways.p.weight: "),
    ("weight: 5 nS", "weight: 5 nS, compartment: apical", "has no compartment 'apical'"),
    ("rule: all_to_all", "rule: fixed_indegree, number: 1",
     "pathways.p.connect: 'gap_junction' couples a with itself, and 'fixed_indegree' tells sides\n    hint: connect pairs with a `probability`, or `all_to_all`"),
    ("pre: a, post: a", "pre: given, post: a", "pathways.p.synapse: transmits the presynaptic 'v', which given lacks"),
    ("record:", "  q: {pre: a, post: b, connect: {rule: all_to_all}, synapse: gap_junction, weight: 1 nS}\n  r: {pre: b, post: a, connect: {rule: all_to_all}, synapse: gap_junction, weight: 1 nS}\nrecord:",
     "pathways.r.pre: 'q' couples a and b in both directions, and so does this\n    hint: remove one of them"),
])  # fmt: skip
def test_what_cannot_be_is_told(old, new, message):
    text = PAIR.replace("pathways:", f"  given: {{neuron: spike_source, size: 2}}\n  b: {{{PASSIVE}, size: 2}}\npathways:")  # fmt: skip
    assert old in text
    with pytest.raises(CircuitError) as caught:
        plan_of(thalia.loads(text.replace(old, new)))
    assert message in str(caught.value)


@pytest.mark.parametrize("rewire", ["degree_preserving", "erdos_renyi"])
def test_rewired_junctions_stay_pairs(rewire):
    """Every cell keeps its number of junctions, or all have as many together; none is there twice."""
    both = [
        wire(plan_of(thalia.loads(NETWORK, set=changes))).synapses["synapses_within"]
        for changes in ({}, {"pathways.within.rewire": rewire})
    ]
    degrees = [np.bincount(np.concatenate([w.pre, w.post]), minlength=12) for w in both]
    pairs = [{frozenset(pair) for pair in zip(w.pre, w.post, strict=True)} for w in both]

    assert (degrees[0] == degrees[1]).all() == (rewire == "degree_preserving")
    assert [len(each) for each in pairs] == [len(w) for w in both]
    assert len(both[0]) == len(both[1])
    assert pairs[0] != pairs[1]
