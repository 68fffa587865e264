"""The microcircuit on one and on more threads: time, and whether every bit is the same.

python benchmarks/threads.py --scale 1 --duration 0.2 --threads 1,2,4,8,16 [--output benchmarks/threads.json]

`--render` writes the rows of benchmarks/threads.json into benchmarks/README.md instead.
The first number of threads is the one that others are compared with. A row of `threads: null` is
the program's own choice among the available ones.
"""

import argparse
import dataclasses
import json
import os
import platform
import resource
from pathlib import Path
from time import perf_counter

import thalia
from thalia.compiler.pipeline import plan_of
from thalia.simulation.loop import Clock
from thalia.simulation.network import Engine, Network

HERE = Path(__file__).parent
CIRCUIT = HERE.parent / "circuits" / "cortex.yaml"
BEGIN, END = "<!-- threads: begin -->", "<!-- threads: end -->"
WARM = 200  # steps before the time is taken


def main():
    options = command_line()
    if options.render:
        return render()
    plan = plan_of(thalia.load(CIRCUIT, {"scale": str(options.scale), "seed": str(options.seed)}))
    started = perf_counter()
    network = Network.build(plan, Engine.for_plan(plan, "cpp"), Clock(), thalia.backends.silent)
    built = perf_counter() - started
    steps = round(options.duration / plan.dt)
    rows = [measured(network, threads, steps) for threads in [*options.threads, None]]
    first = rows[0]
    table = {
        "circuit": "circuits/cortex.yaml",
        "scale": options.scale,
        "seed": options.seed,
        "synapses": network.synapses,
        "model_s": options.duration,
        "wire_and_build_s": round(built, 2),
        "peak_gb": {
            "wiring": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            "program": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6, 2),
        },
        "machine": {"processors": os.cpu_count(), "processor": processor(), "system": platform.system()},
        "rows": [
            {
                "threads": row["threads"],
                "load_s": round(row["load_s"], 2),
                "times_model_time": round(row["seconds"] / options.duration, 3),
                "speed_up": round(first["seconds"] / row["seconds"], 2),
                "same_bits": row["state"] == first["state"],
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
    table = json.loads((HERE / "threads.json").read_text(encoding="utf-8"))
    lines = ["| threads | times model time | speed-up | loading, s |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {row['threads'] or 'chosen'} | {row['times_model_time']:.2f} | {row['speed_up']:.2f} | {row['load_s']:.1f} |"
        for row in table["rows"]
    ]
    page = HERE / "README.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    text = f"{before}{BEGIN}\n\n{chr(10).join(lines)}\n\n{END}{rest.partition(END)[2]}"
    page.write_text(text, encoding="utf-8")


def measured(network, threads, steps):
    engine = dataclasses.replace(network.engine, threads=threads)
    started = perf_counter()
    session = dataclasses.replace(network, engine=engine).start()
    loaded = perf_counter()
    session.advance(WARM)
    begin = perf_counter()
    session.advance(steps)
    seconds = perf_counter() - begin
    state = b"".join(
        session.read(f"neurons_lif_current.{name}").tobytes() for name in ("v", "current_exp_i")
    )
    session.close()
    return {"threads": threads, "load_s": loaded - started, "seconds": seconds, "state": state}  # fmt: skip


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
