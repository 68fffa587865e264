"""The same rows in NEST, given to it as arrays, and in Thalia: the same spikes."""

import numpy as np
import pytest

import thalia

pytestmark = pytest.mark.peer
NEURONS, SYNAPSES = 40, 300
CIRCUIT = """
thalia: 1
name: same
duration: 200 ms
populations: {e: {file: n.csv, neuron: lif_current, parameters: {v_th: threshold * mV}}}
pathways: {ee: {pre: e, post: e, connect: {file: e.npz}, synapse: {part: current_exp, tau: 2 ms}, weight: w * pA, delay: d * ms}}
stimuli: {drive: {kind: current, target: e, amplitude: 450 pA}}
"""


def test_synapses_from_data_spike_as_in_nest(tmp_path):
    """Exact integration in both; NEST dates a spike at the end of its step, Thalia at the beginning."""
    nest = pytest.importorskip("nest")
    generator = np.random.default_rng(5)
    pre, post = np.divmod(generator.permutation(NEURONS**2)[:SYNAPSES], NEURONS)
    weight, delay = generator.uniform(20, 400, SYNAPSES), generator.integers(5, 40, SYNAPSES) * 0.1
    threshold = np.linspace(-60, -48, NEURONS)
    np.savez(tmp_path / "e.npz", pre=pre, post=post, w=weight, d=delay)
    np.savetxt(tmp_path / "n.csv", threshold, header="threshold", comments="")
    run = thalia.run(
        thalia.loads(CIRCUIT, folder=tmp_path), output=tmp_path / "r.h5", backend="runtime"
    )

    nest.ResetKernel()
    nest.set(resolution=0.1)
    cell = {
        "C_m": 250.0,
        "tau_m": 10.0,
        "E_L": -65.0,
        "V_m": -65.0,
        "V_reset": -65.0,
        "t_ref": 2.0,
        "tau_syn_ex": 2.0,
        "tau_syn_in": 2.0,
        "I_e": 450.0,
    }
    cells = nest.Create("iaf_psc_exp", NEURONS, params=cell)
    cells.V_th = threshold.tolist()
    first = cells[0].global_id
    nest.Connect(
        pre + first,
        post + first,
        "one_to_one",
        {"weight": weight, "delay": delay, "synapse_model": "static_synapse"},
    )
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(200.0)

    spikes, events = run.spikes["e"], recorder.events
    ours = sorted(zip(np.round(spikes.times * 1e4).astype(int), spikes.neurons, strict=True))
    theirs = sorted(
        zip(np.round(events["times"] * 10).astype(int) - 1, events["senders"] - first, strict=True)
    )
    assert len(ours) > 300
    assert ours == theirs
