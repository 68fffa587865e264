"""SONATA networks of BMTK, of Blue Brain's layout, and Thalia's own export, read back to the same network.

`bmtk/` holds what the script in `BMTK` made with BMTK 1.2.0 (NetworkBuilder), whose edges are in two groups.
"""

import h5py
import numpy as np
import pytest

import thalia
from tests.data.test_nodes import wired
from tests.helpers import ROOT
from thalia.compiler.plan import Plan
from thalia.connectivity.build import positions, wire

BMTK = """
from bmtk.builder.networks import NetworkBuilder
net = NetworkBuilder("v1")
point = dict(model_type="point_neuron", model_template="nest:iaf_psc_delta")
net.add_nodes(N=6, pop_name="exc", ei="e", dynamics_params="exc.json", v_th=np.linspace(-52, -50, 6),
              x=np.arange(6.0) * 10, y=np.zeros(6), **point)
net.add_nodes(N=3, pop_name="inh", ei="i", dynamics_params="inh.json", v_th=np.full(3, -51.0),
              x=np.arange(3.0) * 10, y=np.ones(3), **point)
net.add_edges(source={"ei": "e"}, target={"ei": "i"}, syn_weight=1.5, delay=1.2, dynamics_params="ExcToInh.json",
              connection_rule=lambda s, t: (s["node_id"] + t["node_id"]) % 2, model_template="static_synapse")
made = net.add_edges(source={"ei": "i"}, target={"ei": "e"}, delay=2.0, dynamics_params="InhToExc.json",
                     connection_rule=lambda s, t: int((s["node_id"] * t["node_id"]) % 3 != 1), model_template="static_synapse")
made.add_properties("syn_weight", rule=lambda s, t: -0.5 * (1 + s["node_id"] - t["node_id"] / 10), dtypes=float)
net.build()
net.save(output_dir="bmtk")
"""
CIRCUIT = """
thalia: 1
name: from_bmtk
duration: 10 ms
populations:
  v1: {file: v1_nodes.h5, types: v1_node_types.csv, by: pop_name, neuron: lif_current,
       parameters: {v_th: v_th * mV}, positions: [x * um, y * um]}
pathways:
  recurrent: {pre: v1, post: v1, connect: {file: v1_v1_edges.h5, types: v1_v1_edge_types.csv}, synapse: delta,
              weight: syn_weight * mV, delay: delay * ms}
"""


def test_a_network_of_bmtk_is_read_as_its_rules_made_it():
    plan = thalia.plan_of(thalia.loads(CIRCUIT, folder=ROOT / "tests/data/bmtk"))

    excitation = [
        ("v1.exc", s, "v1.inh", t - 6, 1.5) for s in range(6) for t in range(6, 9) if (s + t) % 2
    ]
    inhibition = [
        ("v1.inh", s - 6, "v1.exc", t, round(-0.5 * (1 + s - t / 10), 9))
        for s in range(6, 9) for t in range(6) if (s * t) % 3 != 1
    ]  # fmt: skip
    assert wired(plan) == sorted(excitation + inhibition)
    delays = {p.name: {*np.round(p.axonal.numbers * 1e3, 9).tolist()} for _, p in plan.pathways()}
    assert delays == {"recurrent.v1_exc_to_v1_inh": {1.2}, "recurrent.v1_inh_to_v1_exc": {2.0}}
    group, member = plan.population("v1.exc")
    thresholds = wire(plan).groups[group.name]["v_th"][member.start : member.stop]
    assert thresholds == pytest.approx(np.linspace(-52e-3, -50e-3, 6))
    assert positions(member.name, member.size, member.space, 1)[:, 0] == pytest.approx(
        np.arange(6) * 1e-5
    )


def blue_brain(folder):
    """Nodes and edges in the layout of Blue Brain: one group, no indices of it, texts in a library, type -1."""
    with h5py.File(folder / "nodes.h5", "w") as h5:
        nodes = h5.create_group("nodes/column")
        nodes["node_type_id"] = np.full(4, -1)
        nodes["0/x"] = np.arange(4.0)
        nodes["0/mtype"] = np.array([0, 1, 1, 0], "u4")
        nodes.create_dataset(
            "0/@library/mtype", data=["L5_TPC:A", "L23_BP"], dtype=h5py.string_dtype()
        )
    with h5py.File(folder / "edges.h5", "w") as h5:
        edges = h5.create_group("edges/column__column__chemical")
        edges["edge_type_id"] = np.full(3, -1)
        edges["source_node_id"], edges["target_node_id"] = np.array([3, 0, 1]), np.array([0, 1, 2])
        edges["0/conductance"], edges["0/delay"] = (
            np.array([0.5, 0.25, 1.5]),
            np.array([1.0, 2.0, 0.5]),
        )
        edges["0/delay"].attrs["units"] = "ms"
        edges["0/syn_type_id"] = np.array([113, 113, 8])


def test_a_network_in_the_layout_of_blue_brain_is_read(tmp_path):
    blue_brain(tmp_path)
    text = """
thalia: 1
name: column
duration: 10 ms
populations:
  column: {file: nodes.h5, neuron: lif_conductance}
pathways:
  excitation: {pre: column, post: column, connect: {file: edges.h5, where: syn_type_id >= 100}, synapse: ampa,
               weight: conductance * nS, delay: delay}
"""
    plan = thalia.plan_of(thalia.loads(text, folder=tmp_path))

    assert [(i, j, round(w * 1e6, 6)) for _, i, _, j, w in wired(plan)] == [
        (0, 1, 0.25),
        (3, 0, 0.5),
    ]
    by_type = text.replace(
        "neuron: lif_conductance", "by: mtype, neuron: lif_conductance"
    ).partition("pathways")[0]
    sizes = {
        m.name: m.size
        for _, m in thalia.plan_of(thalia.loads(by_type, folder=tmp_path)).populations()
    }
    assert sizes == {"column.l5_tpc_a": 2, "column.l23_bp": 2}


ORIGINAL = """
thalia: 1
name: original
duration: 200 ms
populations:
  e: {neuron: lif_current, size: 30, space: {extent: [1 mm, 1 mm]}}
  i: {neuron: lif_current, size: 10}
pathways:
  ee: {pre: e, post: e, connect: {probability: 0.2}, synapse: delta, weight: "uniform(0.1 mV, 1 mV)", delay: "uniform(0.5 ms, 3 ms)"}
  ei: {pre: e, post: i, connect: {rule: fixed_indegree, number: 5}, synapse: delta, weight: 1 mV, delay: 1 ms}
  ie: {pre: i, post: e, connect: {probability: 0.3}, synapse: delta, weight: -0.5 mV, delay: 0.7 ms}
stimuli:
  drive: {kind: current, target: [e, i], amplitude: "spread(380 pA, 500 pA)"}
"""
READ_BACK = """
thalia: 1
name: read_back
duration: 200 ms
populations:
  e: {file: nodes.h5, population: e, neuron: lif_current, positions: [x * um, y * um]}
  i: {file: nodes.h5, population: i, neuron: lif_current}
pathways:
  ee: {pre: e, post: e, connect: {file: edges.h5, population: ee, duplicates: keep}, synapse: delta, weight: syn_weight, delay: delay}
  ei: {pre: e, post: i, connect: {file: edges.h5, population: ei, duplicates: keep}, synapse: delta, weight: syn_weight, delay: delay}
  ie: {pre: i, post: e, connect: {file: edges.h5, population: ie, duplicates: keep}, synapse: delta, weight: syn_weight, delay: delay}
stimuli:
  drive: {kind: current, target: [e, i], amplitude: "spread(380 pA, 500 pA)"}
"""


def places(plan: Plan):
    member = plan.population("e")[1]
    return positions(member.name, member.size, member.space, plan.seed)


def test_what_is_exported_is_read_back_to_the_same_network(tmp_path):
    """The same synapses, the same places, and as nothing is drawn in the second network, the same spikes."""
    original = thalia.loads(ORIGINAL)
    first = thalia.run(original, output=tmp_path / "first.h5", backend="runtime")
    folder = thalia.export(first, "sonata", tmp_path / "network")

    again = thalia.loads(READ_BACK, folder=folder)
    second = thalia.run(again, output=tmp_path / "second.h5", backend="runtime", seed=7)

    assert wired(thalia.plan_of(again)) == wired(thalia.plan_of(original))
    assert places(thalia.plan_of(again)) == pytest.approx(places(thalia.plan_of(original)))
    assert len(first.spikes["e"]) > 100
    for name in ("e", "i"):
        assert np.array_equal(first.spikes[name].times, second.spikes[name].times)
        assert np.array_equal(first.spikes[name].neurons, second.spikes[name].neurons)


PLASTIC = """
thalia: 1
name: normalised
duration: 200 ms
populations:
  pre: {neuron: poisson, size: 20, parameters: {rate: 60 Hz}}
  cells: {neuron: lif_current, size: 3}
pathways:
  one: {pre: pre, post: cells, connect: {probability: 0.7}, synapse: current_exp, weight: "uniform(100 pA, 900 pA)",
        delay: {axonal: 1 ms, dendritic: 0.4 ms}, w_max: 1 nA, plasticity: [{rule: stdp_pair, a_plus: 0.05, a_minus: 0.03}, normalise]}
stimuli: {drive: {kind: current, target: cells, amplitude: 450 pA}}
record: {weights: {pathways: all}}
"""


def test_what_rules_multiply_weights_by_is_exported_beside_them(tmp_path):
    """`normalise` keeps the sum of what arrives at a neuron, which weights alone do not show."""
    run = thalia.run(thalia.loads(PLASTIC), output=tmp_path / "r.h5", backend="runtime")

    folder = thalia.export(run, "sonata", tmp_path / "network")

    with h5py.File(folder / "edges.h5") as h5:
        own = h5["edges/one/0"]
        arriving, back = own["syn_weight"][:] * own["efficacy"][:], own["dendritic_delay"][:]
        post, rules = h5["edges/one/target_node_id"][:].astype(int), own["efficacy"].attrs["rules"]
    before = np.bincount(post, run.weights["one"].w[0], minlength=3)
    assert np.abs(run.weights["one"].w[-1] - run.weights["one"].w[0]).max() > 100
    assert np.bincount(post, arriving, minlength=3) == pytest.approx(before, rel=1e-6)
    assert rules == "normalise"
    assert {*np.round(back, 9)} == {0.4}


def test_nwb_has_the_efficacy_beside_the_weights(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    run = thalia.run(thalia.loads(PLASTIC), output=tmp_path / "r.h5", backend="runtime")

    with pynwb.NWBHDF5IO(str(thalia.export(run, "nwb")), "r") as file:
        table = file.read().processing["simulation"]["synapses_one"].to_dataframe()

    assert (table["weight"] * table["efficacy"]).to_numpy() == pytest.approx(
        run.weights["one"].arriving[-1]
    )
