"""The cortical microcircuit as plain numbers, and its down-scaling, written out independently of Thalia.

Potjans & Diesmann (2014) Cereb Cortex 24:785, as in INM-6/microcircuit-PD14-model
(PyNEST/src/microcircuit/network_params.py); scaling of van Albada et al. (2015), as there in helpers.py.
"""

import numpy as np

NAMES = ["l23e", "l23i", "l4e", "l4i", "l5e", "l5i", "l6e", "l6i"]
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
EXTERNAL = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
V_MEAN = np.array([-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43])
V_SD = np.array([5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48])
FULL_RATES = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])
PROBABILITY = np.array([
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
    [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
])  # fmt: skip
THALAMIC_SIZE = 902
THALAMIC_PROBABILITY = np.array([0, 0, 0.0983, 0.0619, 0, 0, 0.0512, 0.0196])
WEIGHT, INHIBITION, TAU_SYN, BACKGROUND = 87.81, -4.0, 0.5, 8.0  # pA, relative, ms, Hz
DELAY, DELAY_SD = {"e": 1.5, "i": 0.75}, {"e": 0.75, "i": 0.375}  # ms
VOLLEY = {"rate": 120.0, "start": 700.0, "width": 10.0, "period": 1000.0}


def _synapses(probability, n_pre, n_post):
    return np.log(1 - probability) / np.log(1 - 1 / (n_pre * n_post))


def scaled(scale):
    """Sizes, synapse counts, weights (pA) and compensating currents (pA) at a scale of neurons and in-degrees."""
    full = _synapses(PROBABILITY, SIZES[None, :], SIZES[:, None])
    weights = np.tile(np.where(np.arange(8) % 2 == 0, WEIGHT, INHIBITION * WEIGHT), (8, 1))
    weights[0, 2] = 2 * WEIGHT
    in_degree = full / SIZES[:, None]
    root = np.sqrt(scale)
    recurrent = (in_degree * weights * FULL_RATES[None, :]).sum(axis=1)
    external = EXTERNAL * WEIGHT * BACKGROUND
    thalamic = _synapses(THALAMIC_PROBABILITY, THALAMIC_SIZE, SIZES)
    return {
        "sizes": np.round(SIZES * scale).astype(int),
        "synapses": np.round(full * scale * scale).astype(int),
        "weights": weights / root,
        "current": 1e-3 * TAU_SYN * (1 - root) * (recurrent + external),
        "external_rate": EXTERNAL * scale * BACKGROUND,
        "external_weight": WEIGHT / root,
        "thalamic_size": round(THALAMIC_SIZE * scale),
        "thalamic_synapses": np.round(thalamic * scale * scale).astype(int),
    }


def command_line(**more):
    """The options that every side takes, and its own: `command_line(threads=1)` adds `--threads`."""
    import argparse

    parser = argparse.ArgumentParser()
    for name, default in {"scale": 0.1, "duration": 2.0, "seed": 1, **more}.items():
        if isinstance(default, bool):
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def report(side, seed, started, built, simulated, rates, duration, names=NAMES, **more):
    """One line of JSON: processor seconds to build, wall seconds to simulate, rates."""
    import json
    import resource

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({
        "side": side, "seed": seed, "build_cpu_s": round(built - started, 2), "simulate_s": round(simulated, 3),
        "rtf": round(simulated / duration, 3), "peak_gb": round(max(u.ru_maxrss for u in used) / 1e6, 2),
        "rates": {name: round(float(rate), 3) for name, rate in zip(names, rates, strict=True)},
        **more,
    }))  # fmt: skip


def processor_seconds():
    """Processor time of this process and of its finished children."""
    import os

    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
