"""The whole-brain model of the fly: the spikes of the published Brian2 program on a small connectome of the same columns."""

import csv

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT

CIRCUIT = ROOT / "circuits" / "fly.yaml"
STEPS = 3000


def given_times():
    """Steps at which each of the 21 excited neurons gets input, 150 Hz."""
    generator = np.random.default_rng(1)
    return [np.flatnonzero(generator.random(STEPS - 50) < 0.015) + 10 for _ in range(21)]


def of_brian2(lost_while_refractory=True):
    """Spikes as (step, neuron), of `model.py` of the program with given input in place of Poisson input."""
    import brian2 as b2

    b2.set_device("runtime")
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.1 * b2.ms
    with (ROOT / "circuits" / "fly_neurons.csv").open(encoding="utf-8") as file:
        excited = np.array([row["excited"] == "1" for row in csv.DictReader(file)])
    with (ROOT / "circuits" / "fly_synapses.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    held = "(unless refractory)" if lost_while_refractory else ""
    namespace = {"v_0": -52 * b2.mV, "v_rst": -52 * b2.mV, "v_th": -45 * b2.mV, "t_mbr": 20 * b2.ms, "tau": 5 * b2.ms}  # fmt: skip
    cells = b2.NeuronGroup(
        len(excited),
        f"dv/dt = (v_0 - v + g) / t_mbr : volt (unless refractory)\ndg/dt = -g / tau : volt {held}\nrfc : second",
        method="linear", threshold="v > v_th", reset="v = v_rst; g = 0 * mV", refractory="rfc", namespace=namespace,
    )  # fmt: skip
    cells.v, cells.rfc = -52 * b2.mV, np.where(excited, 0, 2.2) * b2.ms
    synapses = b2.Synapses(cells, cells, "w : volt", on_pre="g += w", delay=1.8 * b2.ms)
    synapses.connect(
        i=[int(row["Presynaptic_Index"]) for row in rows],
        j=[int(row["Postsynaptic_Index"]) for row in rows],
    )
    synapses.w = np.array([int(row["Excitatory x Connectivity"]) for row in rows]) * 0.275 * b2.mV
    times = given_times()
    source = b2.SpikeGeneratorGroup(
        21,
        np.repeat(np.arange(21), [len(each) for each in times]),
        np.concatenate(times) * 0.1 * b2.ms,
    )
    taste = b2.Synapses(source, cells, on_pre="v += 68.75*mV", delay=0.1 * b2.ms)
    taste.connect(i=np.arange(21), j=np.flatnonzero(excited))
    spikes = b2.SpikeMonitor(cells)
    b2.Network(cells, synapses, source, taste, spikes).run(STEPS * 0.1 * b2.ms)
    return set(
        zip(
            np.rint(spikes.t / (0.1 * b2.ms)).astype(int).tolist(),
            spikes.i[:].tolist(),
            strict=True,
        )
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The circuit with the same given input, from a table of who gets which."""
    folder = tmp_path_factory.mktemp("fly")
    for name in ("fly_neurons.csv", "fly_synapses.csv"):
        (folder / name).write_text((ROOT / "circuits" / name).read_text())
    with (folder / "fly_neurons.csv").open(encoding="utf-8") as file:
        excited = [k for k, row in enumerate(csv.DictReader(file)) if row["excited"] == "1"]
    lines = ["pre,post", *(f"{k},{neuron}" for k, neuron in enumerate(excited))]
    (folder / "taste.csv").write_text("\n".join(lines) + "\n")
    listed = ", ".join(
        f"{k}: [{', '.join(f'{0.1 * step:.1f} ms' for step in steps)}]"
        for k, steps in enumerate(given_times())
    )
    text = CIRCUIT.read_text()
    text = text[: text.index("stimuli:")].replace("duration: 1 s", "duration: 300 ms")
    text = text.replace("pathways:", "  given: {neuron: spike_source, size: 21}\npathways:\n"
        "  taste: {pre: given, post: brain, connect: {file: taste.csv, by: index}, synapse: delta, weight: 68.75 mV, delay: 0.1 ms}")  # fmt: skip
    text += f"stimuli: {{given: {{kind: spikes, target: given, times: {{{listed}}}}}}}\n"
    circuit = thalia.loads(text, folder=folder)
    return thalia.run(circuit, backend="runtime", output=folder / "run.h5")


def steps_and_neurons(run):
    spikes = run.spikes["brain"]
    return set(zip(np.rint(spikes.times * 1e4).astype(int).tolist(), spikes.neurons.tolist(), strict=True))  # fmt: skip


def test_every_spike_is_that_of_the_published_program(run):
    found, expected = steps_and_neurons(run), of_brian2()

    assert found == expected
    assert len({neuron for _, neuron in found}) > 30


def test_input_during_refractoriness_is_lost(run):
    """Without the program's `unless refractory` on the synaptic input, there are other spikes."""
    assert steps_and_neurons(run) != of_brian2(lost_while_refractory=False)
