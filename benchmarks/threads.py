"""The microcircuit on one and on more threads: time, and whether every bit is the same.

python -m benchmarks.threads --scale 1 --duration 1 --threads 1,2,4,8,16 [--output benchmarks/threads.json]

`--render` writes the rows of benchmarks/threads*.json into benchmarks/README.md instead.
The first number of threads is the one that others are compared with. A row of `threads: null` is
the program's own choice among the available ones.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import thalia
from plots.conditions import provenance

HERE = Path(__file__).parent
CIRCUIT = HERE.parent / "circuits" / "cortex.yaml"
BEGIN, END = "<!-- threads: begin -->", "<!-- threads: end -->"


def main():
    options = command_line()
    if options.render:
        render()
        return
    measured(options, 1, "10 ms")  # compiles
    rows = [
        measured(options, threads, f"{options.duration} s") for threads in [*options.threads, None]
    ]
    first = rows[0]
    table = provenance(" ".join(["python -m benchmarks.threads", *sys.argv[1:]])) | {
        "circuit": "circuits/cortex.yaml",
        "scale": options.scale,
        "seed": options.seed,
        "model_s": options.duration,
        "processors": len(os.sched_getaffinity(0)),
        "processor": processor(),
        "rows": [
            {
                "threads": row["threads"],
                "times_model_time": round(row["seconds"] / options.duration, 3),
                "speed_up": round(first["seconds"] / row["seconds"], 2),
                "same_spikes": row["spikes"] == first["spikes"],
            }
            for row in rows
        ],
    }  # fmt: skip
    text = json.dumps(table, indent=2)
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n", encoding="utf-8")


def command_line():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--duration", type=float, default=0.5, help="model time in seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2]
    )
    parser.add_argument("--output", type=Path)
    parser.add_argument("--render", action="store_true")
    return parser.parse_args()  # fmt: skip


def render():
    lines = [
        "| scale | processors | threads | times model time | speed-up |",
        "| --- | --- | --- | --- | --- |",
    ]
    for file in sorted(HERE.glob("threads*.json")):
        table = json.loads(file.read_text(encoding="utf-8"))
        lines += [
            f"| {table['scale']:g} | {table['processors']} | {row['threads'] or 'chosen'} "
            f"| {row['times_model_time']:.2f} | {row['speed_up']:.2f} |"
            for row in table["rows"]
        ]
    page = HERE / "README.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    text = f"{before}{BEGIN}\n\n{chr(10).join(lines)}\n\n{END}{rest.partition(END)[2]}"
    page.write_text(text, encoding="utf-8")


def measured(options, threads, duration):
    """A run, whose time includes the program's choice of threads and their slices."""
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(
            CIRCUIT,
            output=f"{folder}/run.h5",
            backend="cpp",
            scale=options.scale,
            seed=options.seed,
            duration=duration,
            threads=threads,
            progress=False,
        )
        spikes = hashlib.sha256()
        for name in run.spikes:
            spikes.update(run.spikes[name].times.tobytes() + run.spikes[name].neurons.tobytes())
        seconds = run.results["timings_s"]["simulate"]
    row = {"threads": threads, "seconds": seconds}
    print(json.dumps(row), file=sys.stderr, flush=True)
    return {**row, "spikes": spikes.hexdigest()}


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), ""
    )


if __name__ == "__main__":
    main()
