"""A conductance-based network with numbers of its own against NEST 3.10, over seeds."""

import numpy as np
import pytest

import thalia

pytestmark = [pytest.mark.reference, pytest.mark.peer]
SEEDS, SECONDS = range(1, 6), 3
EXCITATORY, INHIBITORY, PROBABILITY = 2000, 500, 0.1
CELL = {"C_m": 250.0, "g_L": 16.7, "E_L": -70.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 2.0, "E_ex": 0.0, "E_in": -80.0,
        "tau_syn_ex": 3.0, "tau_syn_in": 7.0}  # fmt: skip
CIRCUIT = f"""
thalia: 1
name: coba
populations:
  e:
    neuron: lif_conductance
    size: {EXCITATORY}
    parameters: &cell {{c_m: 250 pF, g_l: 16.7 nS, e_l: -70 mV, v_th: -50 mV, v_reset: -60 mV, t_ref: 2 ms}}
    initial: &start {{v: "uniform(-70 mV, -50 mV)"}}
  i: {{neuron: lif_conductance, size: {INHIBITORY}, parameters: *cell, initial: *start}}
pathways:
  excitation: {{pre: e, post: [e, i], connect: {{probability: {PROBABILITY}}}, synapse: {{part: ampa, tau: 3 ms}}, weight: 0.9 nS, delay: 1.5 ms}}
  inhibition: {{pre: i, post: [e, i], connect: {{probability: {PROBABILITY}}}, synapse: {{part: gaba_a, tau: 7 ms}}, weight: 14 nS, delay: 1.5 ms}}
stimuli:
  drive: {{kind: poisson, target: [e, i], rate: 8 Hz, number: 1000, synapse: {{part: ampa, tau: 3 ms}}, weight: 0.9 nS}}
phases: [{{name: settle, duration: 500 ms}}, {{name: measure, duration: {SECONDS} s}}]
record: {{spikes: all}}
"""


def of_nest(seed):
    import nest

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=0.1, rng_seed=seed, local_num_threads=2)
    cells = [nest.Create("iaf_cond_exp", n, params=CELL) for n in (EXCITATORY, INHIBITORY)]
    drive = nest.Create("poisson_generator", params={"rate": 8000.0})
    for each in cells:
        each.set(V_m=nest.random.uniform(-70.0, -50.0))
        nest.Connect(drive, each, syn_spec={"weight": 0.9, "delay": 0.1})
        for pre, weight in zip(cells, (0.9, -14.0), strict=True):
            rule = {"rule": "pairwise_bernoulli", "p": PROBABILITY}
            nest.Connect(pre, each, rule, syn_spec={"weight": weight, "delay": 1.5})
    recorders = [nest.Create("spike_recorder", params={"start": 500.0}) for _ in cells]
    for each, recorder in zip(cells, recorders, strict=True):
        nest.Connect(each, recorder)
    nest.Simulate(500.0 + SECONDS * 1e3)
    return [r.n_events / len(c) / SECONDS for r, c in zip(recorders, cells, strict=True)]


def of_thalia(seed, folder):
    run = thalia.run(thalia.loads(CIRCUIT), seed=seed, output=folder / f"{seed}.h5")
    return [run.results["rates_by_phase_hz"]["measure"][name] for name in "ei"]


def test_rates_agree_within_the_spread_over_seeds(tmp_path):
    found = np.array([of_thalia(seed, tmp_path) for seed in SEEDS])
    expected = np.array([of_nest(seed) for seed in SEEDS])
    error = np.sqrt((found.var(axis=0, ddof=1) + expected.var(axis=0, ddof=1)) / len(SEEDS))
    print(found.mean(axis=0), expected.mean(axis=0), error, found.std(axis=0))

    assert expected.mean() > 2
    assert (np.abs(found.mean(axis=0) - expected.mean(axis=0)) < 4 * error).all()
