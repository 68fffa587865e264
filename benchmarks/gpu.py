"""What a GPU makes of the microcircuit: alone, with pair STDP, many at once, as brian2cuda runs it; and of three-factor synapses.

Prints one line a row: seconds of simulation over seconds of model time, and how long everything before the first step took.
Spikes are counted and thrown away (`record.spikes: none`); the settling of the first half second is in the time.

python -m benchmarks.gpu --rows static,dc,stdp,replicas,stock,three_factor --scale 1 --duration 10 --seeds 1,2,3
"""

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter

import thalia
from benchmarks.microcircuit import BACKGROUND, EXTERNAL, NAMES, TAU_SYN, WEIGHT
from benchmarks.rendering import RESULTS, render
from benchmarks.speed import median_of, write
from plots.conditions import provenance

KEPT = RESULTS / "speed" / "gpu.json"
CORTEX = Path(__file__).parent.parent / "circuits" / "cortex.yaml"
QUIET = {
    "pathways.thalamocortical.plasticity": [], "record.weights.pathways": ["none"], "record.spikes": ["none"],
    "stimuli.volley.rate": "0 Hz",
}  # fmt: skip
CURRENTS = {  # of the same mean as the Poisson background, at full scale
    f"stimuli.{'background' if name == NAMES[0] else f'current_{name}'}":
        {"kind": "current", "target": name, "amplitude": f"{count * BACKGROUND * WEIGHT * TAU_SYN * 1e-3} pA"}
    for name, count in zip(NAMES, EXTERNAL, strict=True)
}  # fmt: skip
PAIR = {
    "rule": "stdp_pair",
    "parameters": {"a_plus": 1e-5, "a_minus": 1.05e-5},
}  # so small that the activity stays


def plastic(settings: dict) -> thalia.Circuit:
    """The microcircuit with pair STDP on every pathway from excitatory to excitatory neurons."""
    circuit = thalia.expand(thalia.load(CORTEX, settings))
    rules = (thalia.RuleUse.model_validate(PAIR),)
    pathways = {
        name: each.model_copy(
            update={"plasticity": rules if each.pre[0][-1] == each.post[0][-1] == "e" else ()}
        )
        for name, each in circuit.pathways.items()
    }
    return circuit.with_(pathways=pathways, phases=())


def row(
    name: str, circuit: thalia.Circuit, seed: int, options: argparse.Namespace, **more: object
) -> dict[str, float]:
    """Print a row, and give times as times model time, seconds, and rates in Hz."""
    with tempfile.TemporaryDirectory() as folder:
        begin = perf_counter()
        run = thalia.run(circuit, output=f"{folder}/run.h5", seed=seed, duration=f"{options.duration} s",
                         checkpoint_every="1000 s", **{"backend": "cuda", "scale": options.scale} | more)  # fmt: skip
        seconds = run.results["timings_s"]
        everything = perf_counter() - begin
    before = everything - seconds["simulate"] - seconds["store"]
    rates = " ".join(f"{run.rates.get(each, 0):.2f}" for each in NAMES)
    parts = " ".join(f"{key} {seconds[key]:.2f}" for key in ("wire", "emit", "build", "simulate"))
    print(
        f"{name:16} seed {seed}: {seconds['simulate'] / options.duration:.4f} x model time, {before:.1f} s before ({parts}), {rates}",
        flush=True,
    )
    found = {"rtf": seconds["simulate"] / options.duration, "before_s": before}
    return found | {each: float(run.rates.get(each, 0)) for each in NAMES}


def keep(rows: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> None:
    """Medians over seeds of the rows of single circuits, next to those of other rows that are kept."""
    kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    command = f"python -m benchmarks.gpu --scale {options.scale:g} --duration {options.duration:g}"
    for name, lines in rows.items():
        seeds = ",".join(options.seeds.split(",")[: len(lines)])
        kept[name] = provenance() | {
            "command": f"{command} --rows {name} --seeds {seeds}",
            **{key: median_of(lines, key) for key in lines[0]},
        }
    write(options.output, kept)


def replicas(options: argparse.Namespace) -> None:
    for count in (1, 8, 32):
        circuit = thalia.load(CORTEX, QUIET)
        given = [
            {"seed": seed, "scale": 0.1, "duration": f"{options.duration} s"}
            for seed in range(1, count + 1)
        ]
        results = [each for _, each in thalia.run_together([circuit] * count, given, count)]
        seconds = results[0]["timings_s"]["simulate"]
        print(
            f"replicas {count:3}: {count * options.duration / seconds:.1f} microcircuit-seconds a second (scale 0.1)",
            flush=True,
        )


def three_factor(options: argparse.Namespace) -> None:
    from benchmarks.three_factor import thalia_side

    given = argparse.Namespace(
        seconds=5, dt=0.1, seed=1, pre=1000, post=1000, rate=10, precision="double"
    )
    cpp, cuda = (thalia_side(given, "three-factor", backend) for backend in ("cpp", "cuda"))
    print(
        f"a million three-factor synapses: {cpp / 5:.3f} and {cuda / 5:.3f} x model time, {cpp / cuda:.1f} times as fast",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="static")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--duration", type=float, default=10.0)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("-o", "--output", type=Path, default=KEPT)
    options = parser.parse_args()
    circuits = {
        "static": lambda: thalia.load(CORTEX, QUIET),
        "single": lambda: thalia.load(CORTEX, QUIET),
        "dc": lambda: thalia.load(CORTEX, QUIET | CURRENTS),
        "stdp": lambda: plastic(QUIET),
        "stock": lambda: thalia.load(CORTEX, {**QUIET, "backend.unmodified": "true"}),
    }
    more = {"single": {"precision": "single"}, "stock": {"scale": 0.1}}
    others = {"replicas": replicas, "three_factor": three_factor}
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in map(int, options.seeds.split(",")):
        for name in options.rows.split(","):
            if name in others:
                others[name](options)
                continue
            found = row(name, circuits[name](), seed, options, **more.get(name, {}))
            rows.setdefault(name, []).append(found)
            keep(rows, options)
    if options.output == KEPT:
        render()


if __name__ == "__main__":
    main()
