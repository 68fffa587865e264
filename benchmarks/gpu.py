"""What a GPU makes of the microcircuit: alone, with pair STDP, many at once, as brian2cuda runs it; and of three-factor synapses.

Spikes are counted and thrown away (`record.spikes: none`); the settling of the first half second is in the time. Rows are
kept in results/speed/gpu.json, next to those that are kept.

python -m benchmarks.gpu --rows static,dc,stdp,single,replicas,three_factor --scale 1 --duration 10 --seeds 1,2,3
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

import thalia
from benchmarks.microcircuit import BACKGROUND, EXTERNAL, NAMES, TAU_SYN, WEIGHT
from benchmarks.speed import median_of
from benchmarks.tables import SPEED, keep

KEPT = SPEED / "gpu.json"
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
    """Print a row, and give times as times model time, seconds before the first step, and rates in Hz."""
    with tempfile.TemporaryDirectory() as folder:
        begin = perf_counter()
        run = thalia.run(circuit, output=f"{folder}/run.h5", seed=seed, duration=f"{options.duration} s",
                         checkpoint_every="1000 s", **{"backend": "cuda", "scale": options.scale} | more)  # fmt: skip
        seconds = run.results["timings_s"]
        everything = perf_counter() - begin
    before = everything - seconds["simulate"] - seconds["store"]
    rates = {each: float(run.rates.get(each, 0)) for each in NAMES}
    parts = " ".join(f"{key} {seconds[key]:.2f}" for key in ("wire", "emit", "build", "simulate"))
    print(f"{name}, seed {seed}: {before:.1f} s before ({parts}), {rates}", flush=True)
    return {"rtf": seconds["simulate"] / options.duration, "before_s": before, **rates}


def replicas(options: argparse.Namespace) -> dict[str, float]:
    """Times model time of each of 1, 8 and 32 microcircuits of a tenth, in one network."""
    found = {}
    for count in (1, 8, 32):
        circuit = thalia.load(CORTEX, QUIET)
        given = [
            {"seed": seed, "scale": 0.1, "duration": f"{options.duration} s"}
            for seed in range(1, count + 1)
        ]
        results = [each for _, each in thalia.run_together([circuit] * count, given, count)]
        seconds = results[0]["timings_s"]["simulate"]
        name = f"{count} microcircuits in one network, scale 0.1, each"
        found[name if count > 1 else "one microcircuit, scale 0.1"] = seconds / (
            count * options.duration
        )
    return found


def three_factor(_: argparse.Namespace) -> dict[str, float]:
    """Times model time of a million synapses with three factors, here and on a processor beside it."""
    from benchmarks.three_factor import thalia_side

    given = argparse.Namespace(
        seconds=5, dt=0.1, seed=1, pre=1000, post=1000, rate=10, precision="double"
    )
    for backend in ("cpp", "cuda"):
        thalia_side(given, "three-factor", backend)  # compiles
    return {
        f"a million three-factor synapses at 10 Hz{beside}": thalia_side(
            given, "three-factor", backend
        )
        / given.seconds
        for backend, beside in (("cuda", ""), ("cpp", ", on one processor core"))
    }


SAYS = {
    "static": "microcircuit, Poisson drive",
    "single": "the same, synapses in single precision",
    "dc": "the same with DC drive",
    "stdp": "the same with pair STDP from excitatory to excitatory neurons",
    "stock": "scale 0.1, brian2cuda as it is",
}


def device() -> str:
    """What the GPU is called."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.split(
        "\n"
    )[0]


def gathered(
    rows: dict[str, list[dict[str, float]]],
    others: dict[str, float],
    options: argparse.Namespace,
) -> None:
    """Keep medians over seeds, next to rows that are kept."""
    before = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    medians = {
        name: {key: median_of(lines, key) for key in lines[0]} for name, lines in rows.items()
    }
    sides = dict(before.get("sides", {}))
    for name, each in medians.items():
        scale = "" if name == "stock" else f", scale {options.scale:g}"
        sides[SAYS[name] + scale] = {
            "rtf": each["rtf"],
            "before_s": each["before_s"],
            "seeds": len(rows[name]),
        }
    sides |= {title: {"rtf": value, "seeds": 1} for title, value in others.items()}
    keep(
        options.output,
        f"python -m benchmarks.gpu --scale {options.scale:g} --duration {options.duration:g}",
        {
            "rtf": "times model time",
            "before_s": "from the command to the first step, s",
            "seeds": "seeds",
        },
        sides,
        seeds=[*map(int, options.seeds.split(","))],
        side="circuit",
        device=device(),
        **{**{name: before[name] for name in SAYS if name in before}, **medians},
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
    several = {"replicas": replicas, "three_factor": three_factor}
    rows: dict[str, list[dict[str, float]]] = {}
    others: dict[str, float] = {}
    for seed in map(int, options.seeds.split(",")):
        for name in options.rows.split(","):
            if name not in several:
                found = row(name, circuits[name](), seed, options, **more.get(name, {}))
                rows.setdefault(name, []).append(found)
            elif seed == int(options.seeds.split(",")[0]):
                others |= several[name](options)
            gathered(rows, others, options)


if __name__ == "__main__":
    main()
