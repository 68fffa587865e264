"""Two standard networks in Thalia: `coba.yaml`, and `brunel.yaml` with or without STDP between excitatory cells.

python benchmarks/networks_thalia.py --network brunel --plastic --duration 2 --seed 1
"""

import tempfile
from pathlib import Path

import numpy as np
from microcircuit import command_line, processor_seconds, report

import thalia

options = command_line(network="coba", plastic=False)
# lambda 0.01, alpha 2.02, and a largest weight of 0.3 mV, multiplicative
STDP = {"a_plus": 0.01, "a_minus": 0.0202, "mu_plus": 1, "mu_minus": 1}

settings = {
    "pathways.recurrent.plasticity": [{"rule": "stdp_pair", **STDP}],
    "pathways.recurrent.w_max": "0.3 mV",
}
circuit = thalia.load(
    Path(__file__).parent / f"{options.network}.yaml", settings if options.plastic else None
)
with tempfile.TemporaryDirectory() as folder:
    started = processor_seconds()
    run = thalia.run(
        circuit, output=f"{folder}/run.h5", seed=options.seed, duration=f"{options.duration} s"
    )
    seconds = run.results["timings_s"]
    built = processor_seconds() - seconds["simulate"] - seconds["store"]
    weight = {}
    if options.plastic:
        weight = {"weight": round(float(np.mean(run.weights["recurrent"].w[-1])), 4)}
    report("thalia", options.seed, started, built, seconds["simulate"], [run.rates["exc"], run.rates["inh"]], options.duration,
           ["exc", "inh"], **weight)  # fmt: skip
