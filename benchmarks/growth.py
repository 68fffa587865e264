"""How costs grow: with the number of synapses, and with the number of pathways.

uv run python -m benchmarks.growth --largest 1e8

Poisson neurons at 10 Hz, all onto leaky neurons, whose weights are too small to make them fire: synaptic events are known. Wiring and
simulating should grow with synapses and events, building not with pathways. Kept in
results/speed/growth.json and growth_pathways.json.
"""

import argparse
import os
import tempfile
from pathlib import Path

import thalia
from benchmarks.microcircuit import processor_seconds
from benchmarks.tables import SPEED, keep

parser = argparse.ArgumentParser()
parser.add_argument("--largest", type=float, default=1e8)
parser.add_argument("-o", "--output", type=Path, default=SPEED, help="folder")
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
    rows = {}
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
        a_synapse, an_event = 1e9 / synapses, 1e9 / events
        rows[f"{synapses:,}"] = {
            "wiring": seconds["wire"] * a_synapse,
            "simulation": seconds["simulate"] * an_event,
            "synapses": at_synapses * an_event,
            "peak_gb": memory / 1e6,
        }
        print(synapses, rows[f"{synapses:,}"], flush=True)
        count *= 10
    keep(
        options.output / "growth.json",
        f"python -m benchmarks.growth --largest {options.largest:g}",
        {
            "wiring": "wiring, ns a synapse",
            "simulation": "simulation, ns an event",
            "synapses": "of which at synapses",
            "peak_gb": "peak GB",
        },
        rows,
        seeds=[circuit(1, 1, 1).seed],
        side="synapses",
    )


def pathways() -> None:
    rows = {}
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
            objects = int(run.results["compiled"]["code_objects"])
            rows[f"{count}"] = {"build_cpu_s": spent, "objects": objects}
            print(count, rows[f"{count}"], flush=True)
    keep(
        options.output / "growth_pathways.json",
        f"python -m benchmarks.growth --largest {options.largest:g}",
        {"build_cpu_s": "planning and building, processor s", "objects": "code objects"},
        rows,
        seeds=[circuit(1, 1, 1).seed],
        side="pathways",
    )


sizes()
pathways()
