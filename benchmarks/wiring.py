"""What wiring and loading cost: time and memory for each synapse, on one processor and more.

    uv run python -m benchmarks.wiring                            # scale 0.3 of the microcircuit, and 10 million synapses of every rule
    uv run python -m benchmarks.wiring --scale 1 --processors 2,16 --rules 0    # the full microcircuit

writes `benchmarks/wiring.json`, or `--output`, and the table of all such files in `benchmarks/README.md`. Every side runs in a process of its own that may use so many
processors, in turn, `--rounds` times; the least of each number is kept, since other work can only add to it. Programs are compiled before anything is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import numpy as np

import thalia

HERE = Path(__file__).parent
BEGIN, END = "<!-- wiring: begin -->", "<!-- wiring: end -->"
CIRCUIT = """
thalia: 1
name: rule
duration: 1 ms
populations: {{a: {{neuron: lif_current, size: 10000}}, b: {{neuron: lif_current, size: 10000}}}}
pathways:
  p: {{pre: a, post: b, connect: {connect}, synapse: current_exp, weight: 'lognormal(1 pA, 0.5 pA)', delay: 'normal(1.5 ms, 0.75 ms, min=0.1 ms)'}}
"""
RULES = {
    "fixed_total_number": "{rule: fixed_total_number, number: 10000000}",
    "fixed_indegree": "{rule: fixed_indegree, number: 1000}",
    "fixed_indegree, no multapses": "{rule: fixed_indegree, number: 1000, multapses: false}",
    "fixed_outdegree": "{rule: fixed_outdegree, number: 1000}",
    "pairwise_bernoulli": "{probability: 0.1}",
}
MICROCIRCUIT = "microcircuit"


def measure(case: str, scale: float, processors: int) -> dict[str, float]:
    """One side, in this process."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])
    if case == MICROCIRCUIT:
        circuit = thalia.load(HERE.parent / "circuits" / "cortex.yaml", set={"scale": str(scale)})
    else:
        circuit = thalia.loads(CIRCUIT.format(connect=RULES[case]))
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(circuit, output=f"{folder}/run.h5", duration="0.1 ms")
    seconds = run.results["timings_s"]
    return {
        "synapses": run.results["synapses"],
        "wire": seconds["wire"],
        "load": seconds["emit"],
        "peak": getrusage(RUSAGE_SELF).ru_maxrss * 1024,
        "compiled": not run.results["compiled"]["cached"],
    }


def in_turn(cases: list[str], options: argparse.Namespace) -> list[dict[str, object]]:
    """The least numbers of all sides."""
    processors = [int(each) for each in options.processors.split(",")]
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for index in range(options.rounds + 1):
        for case in cases:
            for count in processors:
                words = [
                    sys.executable,
                    "-m",
                    "benchmarks.wiring",
                    f"--side={json.dumps([case, options.scale, count])}",
                ]
                done = subprocess.run(
                    words, cwd=HERE.parent, capture_output=True, encoding="utf-8", check=True
                )
                if index:  # before, the program is compiled
                    found.setdefault((case, count), []).append(
                        json.loads(done.stdout.splitlines()[-1])
                    )
                print(case, count, done.stdout.splitlines()[-1], file=sys.stderr, flush=True)
    assert not any(one["compiled"] for each in found.values() for one in each)
    return [
        {"case": case, "processors": count}
        | {key: min(one[key] for one in each) for key in each[0] if key != "compiled"}
        for (case, count), each in found.items()
    ]


def rows_of(results: dict) -> list[str]:
    """The results as lines of a table."""
    lines = []
    alone = {row["case"]: row["wire"] for row in results["rows"] if row["processors"] == 1}
    for row in results["rows"]:
        count, case = row["synapses"], row["case"]
        name = f"{case}, scale {results['scale']:g}" if case == MICROCIRCUIT else case
        ratio = f"{row['wire'] / alone[case]:.2f}" if case in alone else ""
        wire, load = (f"{row[key] / count * 1e9:.1f}" for key in ("wire", "load"))
        cells = [
            name,
            f"{count:,.0f}",
            str(row["processors"]),
            wire,
            ratio,
            f"{row['peak'] / 1e9:.2f}",
            load,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def render() -> None:
    """Write the table of every `benchmarks/wiring*.json`."""
    lines = [
        "| network | synapses | processors | wiring, ns a synapse | against one | peak GB | loading, ns a synapse |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for file in sorted(HERE.glob("wiring*.json")):
        lines += rows_of(json.loads(file.read_text("utf-8")))
    page = HERE / "README.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    text = "\n".join(lines)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", "utf-8")


def main() -> None:
    """Measure, and write the numbers and the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--processors", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rules", type=int, default=1, help="whether to measure every rule, too")
    parser.add_argument("--output", type=Path, default=HERE / "wiring.json")
    parser.add_argument("--render", action="store_true")
    parser.add_argument("--side")
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(*json.loads(options.side))))
        return
    if options.render:
        render()
        return
    rows = in_turn([MICROCIRCUIT, *(RULES if options.rules else ())], options)
    from plots.conditions import provenance  # whose imports the measured sides do without

    results = provenance(" ".join(["python -m benchmarks.wiring", *sys.argv[1:]])) | {
        "seeds": [1],  # that of every circuit that says no other
        "processors": os.cpu_count(),
        "numpy": np.__version__,
        "scale": options.scale,
        "rounds": options.rounds,
        "rows": rows,
    }
    options.output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    render()


if __name__ == "__main__":
    main()
