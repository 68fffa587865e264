"""What pruning saves: processor time per second of model time, and memory, with its rounds charged.

    uv run python -m benchmarks.structural --sources 2000 --rounds 3
    uv run python -m benchmarks.structural --experiment digits --conditions four_hundred,four_hundred_pruned --rounds 3

Poisson neurons onto leaky neurons that other input makes fire, with pair STDP, in steps of 1 ms, on one thread. Sides run in turn:

whole     every potential synapse is there, and none is pruned
pruned_1  `structural` keeps a quarter of them connected, with a round every second
pruned_10 with a round every ten seconds
kept_10   the same, but those that are not connected stay in memory, where spikes pass them by
sparse    as many synapses as are connected there, drawn once, and none else in memory

Memory is what is resident of the program that simulates, and of the process that commands it, when the run ends.

With `--experiment` the sides are conditions of an experiment, the first of which is the whole. All have the same seed in a round, so that
what was learned stands beside the processor time of the whole run.
"""

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import thalia
from benchmarks.rendering import RESULTS
from benchmarks.speed import memory_in_use, processor_seconds, write
from plots.conditions import provenance

parser = argparse.ArgumentParser()
parser.add_argument("--sources", type=int, default=2000)
parser.add_argument("--cells", type=int, default=500)
parser.add_argument("--rate", type=float, default=10.0, help="of the sources, in Hz")
parser.add_argument("--seconds", type=float, default=20.0, help="of model time")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--experiment", help="in place of the network with pair STDP")
parser.add_argument(
    "--conditions", default="learning,pruned", help="of the experiment, with commas"
)
parser.add_argument(
    "--base-seed", type=int, default=700, help="of the first round of the experiment"
)
parser.add_argument("--output", type=Path, default=RESULTS / "speed" / "structural.json")
options = parser.parse_args()
STRUCTURAL = ", {{rule: structural, filled: 0.25, growth: 0.5, interval: {} s}}"
SIDES = {
    "whole": ("{rule: all_to_all}", ""),
    "pruned_1": ("{rule: all_to_all}", STRUCTURAL.format(1)),
    "pruned_10": ("{rule: all_to_all}", STRUCTURAL.format(10)),
    "kept_10": ("{rule: all_to_all}", STRUCTURAL.format(10)),
    "sparse": (f"{{rule: fixed_indegree, number: {options.sources // 4}, multapses: false}}", ""),
}


def circuit(connect: str, structural: str) -> thalia.Circuit:
    return thalia.loads(f"""
thalia: 1
name: structural
dt: 1 ms
duration: {options.seconds} s
populations:
  source: {{neuron: poisson, size: {options.sources}, parameters: {{rate: {options.rate} Hz}}}}
  cells: {{neuron: lif_current, size: {options.cells}}}
pathways:
  p: {{pre: source, post: cells, connect: {connect}, synapse: delta, weight: "uniform(0 mV, 0.01 mV)", w_max: 0.01 mV, delay: 1 ms,
      plasticity: [stdp_pair{structural}]}}
stimuli: {{drive: {{kind: poisson, target: cells, rate: 300 Hz, synapse: delta, weight: 3 mV}}}}
record: {{spikes: []}}
""")


def measured(side: str) -> dict[str, float]:
    """What a run of a side took, from the first step to the last."""
    with tempfile.TemporaryDirectory() as folder:
        started, memory = 0.0, (0.0, 0.0)

        def begins(what: str, fraction: float, detail: str = "") -> None:
            nonlocal started, memory
            if what == "simulating":
                started = started or processor_seconds()
                program, commands = memory_in_use()
                memory = program or memory[0], commands  # the program may have ended

        given = {"threads": 1, "backend": "cpp", "progress": begins}
        with (
            patch("thalia.backends.loading.is_compacted", lambda *_: False)
            if side == "kept_10"
            else nullcontext()
        ):
            run = thalia.run(circuit(*SIDES[side]), output=f"{folder}/run.h5", **given)
        return {
            "seconds": (processor_seconds() - started) / options.seconds,
            "found": run.results["rates_hz"]["cells"],
            "program_mb": memory[0],
            "command_mb": memory[1],
        }


def learned(seed: int, sides: list[str]) -> dict[str, dict[str, float]]:
    """What each condition of the experiment took, as a whole, and its result."""
    controls = [side for side in sides if side != "learning"]
    # two, of which the first bears the start of the worker
    given = {"controls": controls, "seeds": 2, "base_seed": seed, "workers": 1, "progress": False}
    with tempfile.TemporaryDirectory() as folder:
        done = thalia.learn(options.experiment, output=f"{folder}/log", **given)
    result = done.experiment.result
    return {
        log.config["condition"]: {
            "seconds": log.costs[1]["processor_seconds"],
            "found": log.finals[1][result],
            "command_mb": log.costs[1]["peak_bytes"] / 1e6,
        }
        for log in done.logs
        if log.costs  # a baseline has none
    }


def columns() -> dict[str, str]:
    """What a table calls the numbers of a side."""
    ratios = {
        "ratio": "ratio to the first, median",
        "lowest": "least ratio",
        "highest": "greatest ratio",
    }
    if options.experiment:
        seconds, found = "processor s", "result"
        memory = {"command_mb": "greatest memory, MB"}
    else:
        seconds, found = "processor s per s of model time", "rate of the cells, Hz"
        memory = {"program_mb": "program, MB", "command_mb": "command, MB"}
    return {"seconds": seconds, **ratios, "found": found, **memory}


def main() -> None:
    sides = options.conditions.split(",") if options.experiment else [*SIDES]
    if not options.experiment:
        for side in sides:
            measured(side)  # compiles
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for number in range(options.rounds):
        if options.experiment:
            of = learned(options.base_seed + number, sides)
        else:
            of = {side: measured(side) for side in sides}
        print(of, flush=True)
        for side in sides:
            found[side].append(of[side])
    whole, told = found[sides[0]], {}
    for side, rounds in found.items():
        ratios = [a["seconds"] / b["seconds"] for a, b in zip(rounds, whole, strict=True)]
        row = {"ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
        row |= {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        told[side] = {name: float(f"{value:.3g}") for name, value in row.items()}
    name = options.experiment or "stdp"
    old = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    command = " ".join(["python -m benchmarks.structural", *sys.argv[1:]])
    seeds = [options.base_seed + n for n in range(len(whole))] if options.experiment else [1]
    made = {**provenance(command), "seeds": seeds, "columns": columns(), "sides": told}
    write(options.output, old | {name: made})


if __name__ == "__main__":  # workers of experiments import this file
    main()
