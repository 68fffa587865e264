"""The cortical microcircuit in NEST, static, with the same tables, scaling, drive and thalamic volleys.

python benchmarks/cortex_nest.py --scale 0.1 --duration 2 --seed 1 --threads 1
"""

import time

import nest
import numpy as np
from microcircuit import (
    DELAY,
    DELAY_SD,
    NAMES,
    TAU_SYN,
    V_MEAN,
    V_SD,
    VOLLEY,
    command_line,
    processor_seconds,
    report,
    scaled,
)  # fmt: skip

options = command_line(threads=1, rule="none")

started = processor_seconds()
circuit = scaled(options.scale)
nest.set_verbosity("M_ERROR")
nest.ResetKernel()
nest.set(
    resolution=0.1,
    rng_seed=options.seed,
    local_num_threads=options.threads,
    print_time=False,
    overwrite_files=True,
)

neuron = {"C_m": 250.0, "tau_m": 10.0, "E_L": -65.0, "V_th": -50.0, "V_reset": -65.0, "t_ref": 2.0,
          "tau_syn_ex": TAU_SYN, "tau_syn_in": TAU_SYN}  # fmt: skip
populations, recorders = [], []
for index in range(len(NAMES)):
    cells = nest.Create(
        "iaf_psc_exp",
        int(circuit["sizes"][index]),
        params={**neuron, "I_e": circuit["current"][index]},
    )
    cells.V_m = nest.random.normal(mean=V_MEAN[index], std=V_SD[index])
    populations.append(cells)
thalamus = nest.Create("parrot_neuron", circuit["thalamic_size"])

# devices after all cells: between them it takes threads long to find a cell while they connect
for index, cells in enumerate(populations):
    recorder = nest.Create("spike_recorder")
    background = nest.Create("poisson_generator", params={"rate": circuit["external_rate"][index]})
    nest.Connect(background, cells, syn_spec={"weight": circuit["external_weight"], "delay": 0.1})
    nest.Connect(cells, recorder)
    recorders.append(recorder)


# as small as in plasticity_thalia.py, so that the activity is that of the static circuit
STDP = {"synapse_model": "stdp_synapse", "lambda": 1e-5, "alpha": 1.05, "mu_plus": 0.0, "mu_minus": 0.0, "tau_plus": 20.0,
        "Wmax": 2 * circuit["weights"].max()}  # fmt: skip


def synapse(weight, kind, plastic=False):
    low, high = (0.0, np.inf) if weight > 0 else (-np.inf, 0.0)
    return {
        **(STDP if plastic else {"synapse_model": "static_synapse"}),
        "weight": nest.math.redraw(
            nest.random.normal(mean=weight, std=abs(weight) * 0.1), min=low, max=high
        ),
        "delay": nest.math.redraw(
            nest.random.normal(mean=DELAY[kind], std=DELAY_SD[kind]), min=0.05, max=np.inf
        ),
    }


for row, post in enumerate(populations):
    for column, pre in enumerate(populations):
        if count := int(circuit["synapses"][row, column]):
            rule = {"rule": "fixed_total_number", "N": count}
            plastic = options.rule == "stdp_pair" and row % 2 == column % 2 == 0
            nest.Connect(
                pre,
                post,
                rule,
                synapse(circuit["weights"][row, column], NAMES[column][-1], plastic),
            )

for start in np.arange(VOLLEY["start"], options.duration * 1e3, VOLLEY["period"]):
    volley = nest.Create(
        "poisson_generator",
        params={"rate": VOLLEY["rate"], "start": start, "stop": start + VOLLEY["width"]},
    )
    nest.Connect(volley, thalamus)
for row, post in enumerate(populations):
    if count := int(circuit["thalamic_synapses"][row]):
        nest.Connect(
            thalamus,
            post,
            {"rule": "fixed_total_number", "N": count},
            synapse(circuit["external_weight"], "e"),
        )

nest.Prepare()
built = processor_seconds()
begin = time.perf_counter()
nest.Run(options.duration * 1e3)
simulated = time.perf_counter() - begin
nest.Cleanup()
rates = [
    np.count_nonzero(recorder.get("events")["times"] > 500.0) / (size * (options.duration - 0.5))
    for recorder, size in zip(recorders, circuit["sizes"], strict=True)
]
report(
    "nest" if options.rule == "none" else f"nest, {options.rule}",
    options.seed,
    started,
    built,
    simulated,
    rates,
    options.duration,
)
