"""The microcircuit on threads and on processes of NEST, as it is exported, and on threads of Thalia.

python benchmarks/nest_scaling.py --scale 0.1 --threads 1,2,4 --processes 2,4 --mixed 2x2 \
    --thalia 1,4 [--python PYTHON-WITH-NEST] [--output results/nest_scaling/tenth.json]

NEST draws the synapses itself (`--connectivity statistical`); the thalamocortical pathway has no
plasticity. `python -m benchmarks.rendering` writes the rows of results/nest_scaling/*.json into
docs/scaling.md. Memory is the largest resident set of a process, times their number.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
CIRCUIT = HERE.parent / "circuits" / "cortex.yaml"
RESULTS = HERE.parent / "results" / "nest_scaling"
STATIC = {"pathways.thalamocortical.plasticity": "[]", "record.weights.pathways": "none"}


def main():
    options = command_line()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for threads in options.thalia:
            keep(rows, on_thalia(options, threads, Path(scratch)), options)
        folder = exported(options, Path(scratch))
        ways = [*((1, n) for n in options.threads), *((n, 1) for n in options.processes)]
        ways += [tuple(map(int, each.split("x"))) for each in options.mixed]
        for processes, threads in ways:
            keep(rows, on_nest(folder, processes, threads, options), options)


def command_line():
    def numbers(text):
        return [int(each) for each in text.split(",") if each]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--duration", type=float, default=1.0, help="model time in seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=numbers, default=[])
    parser.add_argument("--processes", type=numbers, default=[])
    parser.add_argument("--mixed", type=lambda text: text.split(","), default=[])
    parser.add_argument("--thalia", type=numbers, default=[], help="threads; 0: its own choice")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def exported(options, scratch):
    folder = scratch / "nest"
    words = ["export", CIRCUIT, "--to", "nest", "-o", folder, "--connectivity", "statistical"]
    words += [
        "--seed",
        options.seed,
        "--scale",
        options.scale,
        "--duration",
        f"{options.duration} s",
    ]
    words += [word for path, value in STATIC.items() for word in ("--set", f"{path}={value}")]
    subprocess.run([sys.executable, "-m", "thalia", *map(str, words)], check=True)
    return folder


def on_nest(folder, processes, threads, options):
    """One run of the program, as a row."""
    for each in (folder / "output").glob("*"):
        each.unlink()
    several = ["mpirun", "-n", str(processes), "--oversubscribe"] if processes > 1 else []
    before = time.perf_counter()
    done = subprocess.run(
        [*several, options.python, str(folder / "run.py"), "--threads", str(threads)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )
    if done.returncode:
        return {
            "simulator": "nest",
            "processes": processes,
            "threads": threads,
            "failed": done.stderr[-2000:],
        }
    built, simulated = map(
        float, re.search(r"built in ([\d.]+) s, simulated in ([\d.]+) s", done.stdout).groups()
    )
    number, digest = spikes_of(folder)
    return {
        "simulator": "nest",
        "processes": processes,
        "threads": threads,
        "build_s": built,
        "times_model_time": round(simulated / options.duration, 3),
        "command_s": round(time.perf_counter() - before, 1),
        "spikes": number,
        "digest": digest,
    }  # fmt: skip


def spikes_of(folder):
    """How many spikes there are, and a digest of them in their order."""
    import h5py
    import numpy as np

    found = {}
    for file in sorted((folder / "output").glob("*.h5")):
        with h5py.File(file) as h5:
            for name, each in h5["spikes"].items():
                pairs = np.stack([np.rint(each["timestamps"][:] * 10), each["node_ids"][:]]).astype(
                    "i8"
                )
                found.setdefault(name, []).append(pairs)
    joined = {name: np.concatenate(parts, axis=1) for name, parts in sorted(found.items())}
    digest = hashlib.sha256()
    for each in joined.values():
        digest.update(each[:, np.lexsort((each[1], each[0]))].tobytes())
    return sum(each.shape[1] for each in joined.values()), digest.hexdigest()[:12]


def on_thalia(options, threads, scratch):
    """One run, after a short one that compiles, as a row."""
    import thalia

    def run(duration):
        return thalia.run(
            CIRCUIT,
            set=STATIC,
            seed=options.seed,
            scale=options.scale,
            duration=duration,
            threads=threads or None,
            output=scratch / "run.h5",
            overwrite=True,
            progress=False,
        )

    run("10 ms")
    before = time.perf_counter()
    done = run(f"{options.duration} s")
    return {
        "simulator": "thalia",
        "processes": 1,
        "threads": threads or None,
        "times_model_time": round(done.results["timings_s"]["simulate"] / options.duration, 3),
        "command_s": round(time.perf_counter() - before, 1),
        "spikes": sum(len(train.times) for train in done.spikes.values()),
    }


def keep(rows, row, options):
    """Print a row, and write all so far."""
    row["largest_process_gb"] = round(
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6, 2
    )
    rows.append(row)
    print(json.dumps(row), flush=True)
    table = {
        "thalia": version("thalia"),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": " ".join(["python", "benchmarks/nest_scaling.py", *sys.argv[1:]]),
        "circuit": "circuits/cortex.yaml",
        "scale": options.scale,
        "seed": options.seed,
        "model_s": options.duration,
        "machine": {"processors": len(os.sched_getaffinity(0)), "system": platform.system()},
        "rows": rows,
    }
    if options.output:
        options.output.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def table():
    """The rows of all machines and sizes, as they stand on the page."""
    lines = [
        "| scale | processors | simulator | processes | threads of each | built in s | times model time |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for file in sorted(RESULTS.glob("*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        lines += [
            f"| {found['scale']:g} | {found['machine']['processors']} | {row['simulator'].replace('nest', 'NEST').replace('thalia', 'Thalia')} "
            f"| {row['processes']} | {row['threads'] or 'chosen'} | {row.get('build_s', '')} | {row['times_model_time']:.2f} |"
            for row in found["rows"]
            if "failed" not in row
        ]  # fmt: skip
    return "\n\n" + "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
