"""Two standard networks in NEST; see networks_thalia.py. Its conductance-based neuron has an adaptive solver and no other."""

import time

import nest
import numpy as np
from microcircuit import command_line, processor_seconds, report

options = command_line(network="coba", plastic=False)
started = processor_seconds()
nest.set_verbosity("M_ERROR")
nest.ResetKernel()
nest.set(resolution=0.1, rng_seed=options.seed, local_num_threads=1, print_time=False)


def coba():
    cell = {"C_m": 200.0, "g_L": 10.0, "E_L": -60.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0, "E_ex": 0.0, "E_in": -80.0,
            "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "I_e": 200.0}  # fmt: skip
    cells = nest.Create("iaf_cond_exp", 4000, params=cell)
    cells.V_m = nest.random.uniform(-60.0, -50.0)
    random = {"rule": "pairwise_bernoulli", "p": 0.02}
    nest.Connect(cells[:3200], cells, random, {"weight": 6.0, "delay": 0.1})
    nest.Connect(cells[3200:], cells, random, {"weight": -67.0, "delay": 0.1})
    return cells, 3200


def brunel():
    cell = {
        "tau_m": 20.0,
        "C_m": 1.0,
        "E_L": 0.0,
        "V_th": 20.0,
        "V_reset": 0.0,
        "t_ref": 2.0,
        "V_m": 0.0,
    }
    cells = nest.Create("iaf_psc_delta", 10000, params=cell)
    drive = nest.Create("poisson_generator", params={"rate": 20000.0})
    nest.Connect(drive, cells, syn_spec={"weight": 0.1, "delay": 0.1})
    exc, inh = cells[:8000], cells[8000:]
    stdp = {"synapse_model": "stdp_synapse", "lambda": 0.01, "alpha": 2.02, "mu_plus": 1.0, "mu_minus": 1.0, "tau_plus": 20.0,
            "Wmax": 0.3}  # fmt: skip
    static = {"synapse_model": "static_synapse"}
    nest.Connect(exc, exc, {"rule": "fixed_indegree", "indegree": 800},
                 {**(stdp if options.plastic else static), "weight": 0.1, "delay": 1.5})  # fmt: skip
    nest.Connect(
        exc,
        inh,
        {"rule": "fixed_indegree", "indegree": 800},
        {**static, "weight": 0.1, "delay": 1.5},
    )
    nest.Connect(
        inh,
        cells,
        {"rule": "fixed_indegree", "indegree": 200},
        {**static, "weight": -0.5, "delay": 1.5},
    )
    return cells, 8000


cells, number = {"coba": coba, "brunel": brunel}[options.network]()
recorder = nest.Create("spike_recorder")
nest.Connect(cells, recorder)
nest.Prepare()
built = processor_seconds()
begin = time.perf_counter()
nest.Run(options.duration * 1e3)
simulated = time.perf_counter() - begin
nest.Cleanup()
counts = np.bincount(recorder.get("events")["senders"] - 1, minlength=len(cells))
rates = [part.mean() / options.duration for part in (counts[:number], counts[number : len(cells)])]
weight = {}
if options.plastic:
    some = nest.GetConnections(
        source=cells[:80], synapse_model="stdp_synapse"
    )  # of all it would take minutes
    weight = {"weight": round(float(np.mean(some.get("weight"))), 4)}
report(
    "nest",
    options.seed,
    started,
    built,
    simulated,
    rates,
    options.duration,
    ["exc", "inh"],
    **weight,
)
