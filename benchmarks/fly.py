"""A network as large and as sparse as the brain of the fly: `fly.yaml`, static, or plastic with a modulator; and NEST.

python -m benchmarks.fly --duration 10 --rounds 2 [--nest]

The medians are kept in results/speed/fly.json.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import thalia
from benchmarks.speed import median_of
from benchmarks.tables import SPEED, keep

PLASTIC = {
    "populations.dopaminergic": {"neuron": "poisson", "size": 20, "parameters": {"rate": "5 Hz"}},
    "modulators.dopamine": {
        "kind": "first_order",
        "released_by": "dopaminergic",
        "tau": "200 ms",
    },
    "pathways.excitation.plasticity": [{"rule": "d1_stdp", "modulator": "dopamine"}],
    "pathways.excitation.w_max": "1 nA",
}
CELLS = ("exc", "inh")


def of_thalia(options, seed, plastic=False):
    circuit = thalia.load(Path(__file__).parent / "fly.yaml", PLASTIC if plastic else None)
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(
            circuit, output=f"{folder}/run.h5", seed=seed, duration=f"{options.duration} s"
        )
        return run.results["timings_s"]["simulate"], {n: run.rates[n] for n in CELLS}


def of_thalia_plastic(options, seed):
    """The same with two traces times dopamine on all excitatory synapses."""
    return of_thalia(options, seed, plastic=True)


def of_nest(options, seed):
    """The same tables in NEST, static, on one thread."""
    import nest

    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.SetKernelStatus(
        {"resolution": 0.1, "rng_seed": seed, "local_num_threads": options.threads}
    )
    cell = {"C_m": 200.0, "tau_m": 20.0, "E_L": -52.0, "V_th": -45.0, "V_reset": -52.0, "V_m": -52.0,
            "t_ref": 2.2, "tau_syn_ex": 5.0, "tau_syn_in": 5.0}  # fmt: skip
    size = {"exc": 97047, "inh": 41592}
    cells = {name: nest.Create("iaf_psc_exp", number, params=cell) for name, number in size.items()}
    sources = nest.Create("parrot_neuron", 21)
    nest.Connect(nest.Create("poisson_generator", params={"rate": 100.0}), sources)
    number = {
        ("exc", "exc"): 7394000,
        ("exc", "inh"): 3168983,
        ("inh", "exc"): 3170300,
        ("inh", "inh"): 1358700,
    }
    sigma = 0.8325546111576977  # of the logarithm, for a standard deviation equal to the mean
    weight = {
        "exc": nest.random.lognormal(mean=2.302585092994046 - sigma**2 / 2, std=sigma),
        "inh": nest.math.min(nest.random.normal(mean=-10.0, std=4.0), 0.0),
    }
    for (pre, post), count in number.items():
        nest.Connect(cells[pre], cells[post], {"rule": "fixed_total_number", "N": count},
                     {"weight": weight[pre], "delay": 1.8})  # fmt: skip
    for post in CELLS:
        nest.Connect(sources, cells[post], {"rule": "pairwise_bernoulli", "p": 0.001},
                     {"weight": 165.0, "delay": 1.8})  # fmt: skip
    recorders = {name: nest.Create("spike_recorder") for name in CELLS}
    for name in CELLS:
        nest.Connect(cells[name], recorders[name])
    nest.Prepare()
    begin = time.perf_counter()
    nest.Run(1e3 * options.duration)
    seconds = time.perf_counter() - begin
    nest.Cleanup()
    return seconds, {n: recorders[n].n_events / size[n] / options.duration for n in CELLS}


SIDES = {
    "Thalia, static": of_thalia,
    "Thalia, two traces × dopamine on all excitatory synapses": of_thalia_plastic,
    "NEST, static": of_nest,
}
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--duration", type=float, default=10, help="model time in seconds")
parser.add_argument("--rounds", type=int, default=2)
parser.add_argument("--nest", action="store_true")
parser.add_argument("--threads", type=int, default=1, help="of NEST")
parser.add_argument("-o", "--output", type=Path, default=SPEED / "fly.json")
options = parser.parse_args()
COLUMNS = {
    "times_model_time": "times model time",
    "exc": "excitatory, Hz",
    "inh": "inhibitory, Hz",
}
found: dict[str, list[dict[str, float]]] = {}
for seed in range(1, options.rounds + 1):
    for name, side in SIDES.items():
        if name.startswith("NEST") and not options.nest:
            continue
        seconds, rates = side(options, seed)
        line = {"times_model_time": seconds / options.duration, **rates}
        found.setdefault(name, []).append(line)
        print(json.dumps({"side": name, "seed": seed, **line}), flush=True)
        medians = {key: {n: median_of(each, n) for n in COLUMNS} for key, each in found.items()}
        keep(
            options.output,
            f"python -m benchmarks.fly --duration {options.duration:g} --rounds {seed}",
            COLUMNS,
            medians,
            seeds=range(1, seed + 1),
        )
