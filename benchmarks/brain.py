"""Does a brain of fourteen regions keep up? What `brain.yaml` takes to build, next to `cortex.yaml`, and to simulate.

Each program is built into an empty cache, and simulates with plasticity on; times of simulation are over model time, spikes
are counted and thrown away. Goals: built within 3 times the time of `cortex.yaml`, and simulated in real time on one H200.
A second run, whose program is in the cache, says what of the first one's time was loading, and which parts a step has: on a
GPU a kernel each.

python -m benchmarks.brain --backends cpp,cuda --duration 10 -o results/speed/brain.json
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import thalia
from benchmarks.rendering import RESULTS
from benchmarks.speed import write
from plots.conditions import provenance

KEPT = RESULTS / "speed" / "brain.json"
CIRCUITS = Path(__file__).parent.parent / "circuits"
COUNTED = {"record.spikes": ["none"], "record.weights.pathways": ["none"]}
PROFILED = 0.2  # seconds of model time: on a GPU each kernel is waited for
LONGEST = 5  # parts of a step that are kept


def measured(name: str, backend: str, duration: float) -> dict[str, Any]:
    """Seconds to wire and to build a circuit with its own seed and at its own size, and times model time.

    To build is to generate the source, to compile it, and to load the network into the program. Parts of a step are
    those that took any time, and the longest ones in microseconds of a step, which are longer than without a profile.
    """
    circuit = thalia.load(CIRCUITS / f"{name}.yaml", COUNTED)
    given = {"backend": backend, "checkpoint_every": "1000 s", "progress": False}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["THALIA_CACHE"] = folder
        first = thalia.run(circuit, output=f"{folder}/run.h5", duration=f"{duration} s", **given)
        again = thalia.run(circuit, output=f"{folder}/again.h5", duration=f"{PROFILED} s", profile=True, **given)  # fmt: skip
        seconds, cached = (run.results["timings_s"] for run in (first, again))
        spent = {k: v for k, v in again.results["profile_s"].items() if v and k != "record"}
    found = {
        "build_s": seconds["emit"] + seconds["build"],
        "generate_s": seconds["emit"] - cached["emit"],
        "compile_s": seconds["build"],
        "load_s": cached["emit"],
        "wire_s": seconds["wire"],
        "rtf": seconds["simulate"] / duration,
    }
    steps = PROFILED / first.attributes["dt"]
    longest = sorted(spent, key=spent.__getitem__, reverse=True)[:LONGEST]
    return {key: float(f"{value:.3g}") for key, value in found.items()} | {
        "parts": len(spent),
        "longest_us": {part: float(f"{spent[part] / steps * 1e6:.3g}") for part in longest},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", default="cpp,cuda")
    parser.add_argument("--duration", type=float, default=10.0)
    parser.add_argument("-o", "--output", type=Path, default=KEPT)
    options = parser.parse_args()
    kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    for backend in options.backends.split(","):
        rows = {
            name: measured(name, backend, options.duration) for name in ("cortex", "brain")
        }  # the first one also builds the header that all programs share
        times = rows["brain"]["build_s"] / rows["cortex"]["build_s"]
        asked = f"--backends {backend} --duration {options.duration:g}"
        kept[backend] = provenance(f"python -m benchmarks.brain {asked}") | {
            "processors": os.cpu_count(),
            "seeds": [thalia.load("brain").seed],
            **rows,
            "build_of_brain_over_cortex": float(f"{times:.3g}"),
        }
        print(backend, json.dumps(kept[backend]), flush=True)
        write(options.output, kept)


if __name__ == "__main__":
    main()
