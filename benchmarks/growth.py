"""How costs grow: with the number of synapses, and with the number of pathways.

uv run python benchmarks/growth.py --largest 1e8

Poisson neurons at 10 Hz, all onto leaky neurons, whose weights are too small to make them fire: synaptic events are known. Wiring and
simulating should grow with synapses and events, building not with pathways.
"""

import argparse
import os
import tempfile
from pathlib import Path

from microcircuit import processor_seconds

import thalia

parser = argparse.ArgumentParser()
parser.add_argument("--largest", type=float, default=1e8)
options = parser.parse_args()
RATE = 10.0


def circuit(populations: int, size: int, degree: int, rule: str = "") -> thalia.Circuit:
    lines = ["thalia: 1", "name: growth", "dt: 0.1 ms", "duration: 1 s", "populations:"]
    for k in range(populations):
        lines.append(
            f"  source{k}: {{neuron: poisson, size: {size}, parameters: {{rate: {RATE} Hz}}}}"
        )
        lines.append(f"  cell{k}: {{neuron: lif_current, size: {size}}}")
    lines.append("pathways:")
    for k in range(populations):
        lines.append(
            f"  path{k}: {{pre: source{k}, post: cell{k}, connect: {{rule: fixed_indegree, number: {degree}}}, synapse: current_exp,"
            f" weight: '1e-3 pA', delay: 'normal(1.5 ms, 0.75 ms, min=0.1 ms)'{rule}}}"
        )
    lines.append("record: {spikes: []}")
    return thalia.loads("\n".join(lines))


def sizes() -> None:
    print(
        "| synapses | wiring, ns a synapse | simulation, ns an event | of which at synapses | peak GB |\n| --- | --- | --- | --- | --- |"
    )
    count = 1e4
    while count <= options.largest:
        size = round((10 * count) ** 0.5)
        degree = round(count / size)
        with tempfile.TemporaryDirectory() as folder:
            run = thalia.run(circuit(1, size, degree), output=f"{folder}/run.h5", profile=True)
        results = run.results
        synapses, seconds = results["synapses"], results["timings_s"]
        events = synapses * RATE
        at_synapses = sum(
            value for name, value in results["profile_s"].items() if name.startswith("synapses")
        )
        memory = int(
            next(
                line
                for line in Path("/proc/self/status").read_text("utf-8").splitlines()
                if "VmHWM" in line
            ).split()[1]
        )
        print(
            f"| {synapses:,} | {seconds['wire'] / synapses * 1e9:.0f} | {seconds['simulate'] / events * 1e9:.1f}"
            f" | {at_synapses / events * 1e9:.1f} | {memory / 1e6:.2f} |",
            flush=True,
        )
        count *= 10


def pathways() -> None:
    print("\n| pathways | planning and building, processor s | code objects |\n| --- | --- | --- |")
    for count in (1, 4, 16, 64):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["THALIA_CACHE"] = folder
            before = processor_seconds()
            run = thalia.run(
                circuit(count, 100, 10, ", plasticity: [stdp_pair]"),
                output=f"{folder}/run.h5",
                duration="0.1 ms",
            )
            spent = processor_seconds() - before
            print(
                f"| {count} | {spent:.1f} | {run.results['compiled']['code_objects']} |", flush=True
            )


sizes()
pathways()
