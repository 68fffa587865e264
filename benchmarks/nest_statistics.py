"""Exported circuits on NEST beside Thalia: rates, irregularity, correlations and plastic weights, over seeds.

python -m benchmarks.nest_statistics [--circuits brunel_stdp,coba] [--seeds 5] [--workers 4] \
    [--python PYTHON-WITH-NEST] [--output results/nest.json]

A seed gives both the same network; Poisson spikes are different ones. Two distributions of weights
are compared by the largest distance of their cumulative distributions (Kolmogorov and Smirnov): of
the same seed on both, and of different seeds of Thalia. `python -m benchmarks.rendering` writes the
tables into docs/nest.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations
from pathlib import Path
from time import perf_counter

import h5py
import numpy as np

import thalia
from plots.conditions import provenance

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "nest.json"
MEASURES = {"rate": "rate (Hz)", "cv": "CV", "correlation": "correlation"}
STATIC = {
    "pathways.thalamocortical.plasticity": "[]",
    "record.weights.pathways": "none",
    # a volley reaches the full cortex in the second of these
    "phases": "[{name: settle, duration: 600 ms}, {name: volley, duration: 150 ms}, {name: between, duration: 450 ms}]",
}


@dataclass(frozen=True)
class Case:
    """A circuit with what is changed in it, the options of `thalia run`, and its plastic pathways.

    On `all_cores` both simulators have as many threads as there are, four at least, else one; with `nestml` what NEST
    has not is described and compiled. Measured is the last phase, and apart from it what is `also` named.
    """

    circuit: str
    says: str
    options: dict = field(default_factory=dict)
    set: dict = field(default_factory=dict)
    plastic: tuple = ()
    connectivity: str = "same"
    all_cores: bool = False
    nestml: bool = False
    also: tuple = ()


CASES = {
    "brunel_stdp": Case(
        "brunel",
        "the network of Brunel, scale 0.2, with `stdp_pair` between excitatory cells and onto inhibitory ones",
        {"scale": 0.2},
        {
            "pathways.excitation.plasticity": "[{rule: stdp_pair, a_plus: 0.01, a_minus: 0.0105}]",
            "pathways.excitation.w_max": "0.2 mV",
            "pathways.excitation.delay": "{axonal: 1.5 ms, dendritic: 3 ms}",
        },
        ("excitation.exc_to_exc", "excitation.exc_to_inh"),
    ),
    "brunel_pairs": Case(
        "benchmarks/brunel_pairs.yaml",
        "the same network with the same rule described in NESTML",
        {"scale": 0.2},
        plastic=("excitation.exc_to_exc", "excitation.exc_to_inh"),
        nestml=True,
    ),
    "coba": Case("coba", "the network of Vogels & Abbott, full scale, 1 s", {"duration": "1 s"}),
    "reward": Case(
        "reward",
        "`reward.yaml`, 100 s, with delays of the same meaning in both",
        {"duration": "100 s"},
        {"pathways.learns.delay": "{axonal: 1 ms, dendritic: 3 ms}", "modulators.dopamine.delay": "3 ms"},
        ("learns",),
    ),
    "izhikevich": Case(
        "izhikevich",
        "the network of Izhikevich, its cells described in NESTML, with noise in each, 200 ms",
        {"duration": "200 ms"},
        nestml=True,
    ),
    "cortex": Case(
        "cortex",
        "the cortical microcircuit, scale 0.1, with its plasticity, 2 s",
        {"scale": 0.1},
        {"pathways.thalamocortical.delay": "{axonal: 1.5 ms, dendritic: 3 ms}"},
        ("thalamocortical.th_to_l4e", "thalamocortical.th_to_l4i"),
    ),
    "cortex_volley": Case(
        "cortex",
        "the cortical microcircuit, scale 0.15, without its plasticity, the 25 ms of a volley of 300 Hz",
        {"scale": 0.15},
        {
            "pathways.thalamocortical.plasticity": "[]",
            "record.weights.pathways": "none",
            "stimuli.volley.rate": "300 Hz",
            "stimuli.volley.start": "200 ms",
            "phases": "[{name: settle, duration: 200 ms}, {name: volley, duration: 25 ms}]",
        },
    ),
    "cortex_full": Case(
        "cortex",
        "the cortical microcircuit, full scale, without its plasticity, 0.45 s between volleys of the thalamus, and the 0.15 s of one; synapses that NEST draws",
        {"scale": 1},
        STATIC,
        connectivity="statistical",
        all_cores=True,
        also=("volley",),
    ),
    "cortex_full_same": Case(
        "cortex",
        "the cortical microcircuit, full scale, without its plasticity, 0.45 s between volleys of the thalamus, and the 0.15 s of one; the same synapses",
        {"scale": 1},
        STATIC,
        all_cores=True,
        also=("volley",),
    ),
}  # fmt: skip


def main():
    options = command_line()
    names = options.circuits.split(",") if options.circuits else [*CASES]
    table = (
        json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    )
    with ProcessPoolExecutor(options.workers) as pool:
        work = {
            pool.submit(one, name, seed, options.python): (name, seed)
            for seed in range(1, options.seeds + 1)
            for name in names
        }
        found = {}
        for each in as_completed(work):
            name, seed = work[each]
            try:
                found.setdefault(name, {})[seed] = each.result()
            except Exception as error:  # one that fails costs its seed, and is told
                print(f"{name}, seed {seed}: {error}", file=sys.stderr, flush=True)
                continue
            command = (
                f"python -m benchmarks.nest_statistics --circuits {name} --seeds {options.seeds}"
            )
            table[name] = provenance(command) | summary(found[name])
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
            print(name, seed, flush=True)


def command_line():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--circuits", default="")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args()


def one(name, seed, python):
    """Both simulators with one seed: measures of `thalia health`, and the last weights."""
    case = CASES[name]
    cores = len(os.sched_getaffinity(0))
    threads = max(4, cores) if case.all_cores else 1
    own = case.circuit.endswith(".yaml")
    file = ROOT / case.circuit if own else ROOT / "circuits" / f"{case.circuit}.yaml"
    with tempfile.TemporaryDirectory() as scratch:
        tell = partial(print, f"{name}, seed {seed}:", file=sys.stderr, flush=True)
        mine = thalia.run(
            file,
            seed=seed,
            set=case.set,
            threads=threads,
            output=Path(scratch) / "run.h5",
            progress=False,
            **case.options,
        )
        tell("Thalia has run,", mine.results["timings_s"])
        folder = Path(scratch) / "nest"
        words = ["export", file, "--to", "nest", "-o", folder, "--seed", seed]
        words += [word for key, value in case.options.items() for word in (f"--{key}", value)]
        words += [word for path, value in case.set.items() for word in ("--set", f"{path}={value}")]
        words += ["--connectivity", case.connectivity, *(["--nestml"] if case.nestml else [])]
        before = perf_counter()
        called([sys.executable, "-m", "thalia", *map(str, words)])
        exported = perf_counter() - before
        tell(f"exported in {exported:.1f} s")
        if case.nestml:
            called([python, str(folder / "build.py")])
        told = called(
            [python, str(folder / "run.py"), "--threads", str(threads)],
            OMP_NUM_THREADS=str(threads),
            **({"OMP_WAIT_POLICY": "passive"} if threads > cores else {}),
        )
        built, simulated = map(
            float, re.search(r"built in ([\d.]+) s, simulated in ([\d.]+)", told).groups()
        )
        tell(f"NEST built in {built} s, simulated in {simulated} s")
        there = thalia.Run(folder)
        return {
            "threads": threads,
            "seconds": {
                "thalia": [
                    sum(v for k, v in mine.results["timings_s"].items() if k != "simulate"),
                    mine.results["timings_s"]["simulate"],
                ],
                "nest": [exported + built, simulated],
            },
            "thalia": measures(mine, case.also),
            "nest": measures(there, case.also),
            "weights": {
                pathway: (np.sort(np.abs(mine.weights[pathway].w[-1])), of_nest(folder, pathway))
                for pathway in case.plastic
            },
        }


def called(words, **environment):
    env = os.environ | environment
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False, env=env)
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])
    return done.stdout


def measures(run, also):
    """By the name of a population, and of the phase if it is not the last."""
    return {
        f"{name}, {phase}" if phase else name: {key: each.get(key) for key in MEASURES}
        for phase in ("", *also)
        for name, each in thalia.health(run, phase).populations.items()
        if each.get("rate") is not None
    }


def of_nest(folder, pathway):
    """The last weights, sorted."""
    with h5py.File(folder / "output" / "spikes_0.h5") as file:
        return np.sort(np.abs(file[f"weights/{pathway}/weight"][:]))


def distance(a, b):
    """The largest distance of two cumulative distributions."""
    both = np.concatenate([a, b])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def summary(seeds):
    """Means and standard deviations over seeds."""
    runs = [seeds[each] for each in sorted(seeds)]
    populations = {
        name: {
            key: {who: moments([run[who].get(name, {}).get(key) for run in runs]) for who in ("thalia", "nest")}
            for key in MEASURES
        }
        for name in runs[0]["thalia"]
    }  # fmt: skip
    weights = {}
    for pathway in runs[0]["weights"]:
        pairs = [run["weights"][pathway] for run in runs]
        weights[pathway] = {
            "mean": {who: moments([p[k].mean() for p in pairs]) for k, who in enumerate(("thalia", "nest"))},
            "cv": {who: moments([p[k].std() / p[k].mean() for p in pairs]) for k, who in enumerate(("thalia", "nest"))},
            "distance_same_seed": moments([distance(*p) for p in pairs]),
            "distance_other_seed": moments([distance(a[0], b[0]) for a, b in permutations(pairs, 2)]),
        }  # fmt: skip
    seconds = {
        who: [round(float(np.mean(each)), 2) for each in zip(*(r["seconds"][who] for r in runs), strict=True)]
        for who in ("thalia", "nest")
    }  # fmt: skip
    return {
        "seeds": sorted(seeds),
        "threads": runs[0]["threads"],
        "populations": populations,
        "weights": weights,
        "seconds": seconds,
    }


def moments(values):
    """The mean and the standard deviation; None where it cannot be told."""
    known = np.array([each for each in values if each is not None], float)
    if not len(known):
        return None
    spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    return [float(f"{known.mean():.4g}"), float(f"{spread:.3g}")]


def table(name):
    """What stands on the page of one circuit."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))[name]
    titles = [f"{word}, {who}" for word in MEASURES.values() for who in ("Thalia", "NEST")]
    says, seeds = CASES[name].says, len(found["seeds"])
    over = f"{seeds} seeds, mean ± SD" if seeds > 1 else "1 seed"
    lines = [f"{says[0].upper()}{says[1:]}; {over}:", ""]
    lines += [f"| population | {' | '.join(titles)} |", f"| --- |{' --- |' * len(titles)}"]
    for population, each in found["populations"].items():
        cells = [shown(each[key][who], seeds) for key in MEASURES for who in ("thalia", "nest")]
        lines.append(f"| {population} | {' | '.join(cells)} |")
    if found["weights"]:
        lines += [
            "",
            "| weights of | mean, Thalia | mean, NEST | CV, Thalia | CV, NEST | distance, same seed | distance, other seeds |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for pathway, each in found["weights"].items():
            cells = [
                shown(each[key][who], seeds) for key in ("mean", "cv") for who in ("thalia", "nest")
            ]
            cells += [
                shown(each["distance_same_seed"], seeds),
                shown(each["distance_other_seed"], seeds),
            ]
            lines.append(f"| `{pathway}` | {' | '.join(cells)} |")
    if CASES[name].all_cores:
        (built, ran), (exported, there) = found["seconds"]["thalia"], found["seconds"]["nest"]
        lines += [
            "",
            f"On {found['threads']} threads Thalia took {built:.0f} s to build and {ran:.0f} s to simulate; the export and "
            f"building in NEST took {exported:.0f} s, and simulating {there:.0f} s.",
        ]
    made = f"`{found['command']}`, version {found['thalia']}, {found['date']}, {found['machine']}."
    return "\n\n" + "\n".join([*lines, "", made]) + "\n\n"


def shown(pair, seeds):
    if not pair:
        return ""
    return f"{pair[0]:.3g} ± {pair[1]:.2g}" if seeds > 1 else f"{pair[0]:.3g}"


if __name__ == "__main__":
    main()
