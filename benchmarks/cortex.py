"""Thalia against Brian2 by hand and NEST on the cortical microcircuit, in turn, as ratios.

uv run --group peers python benchmarks/cortex.py --scale 0.1 --duration 2 --rounds 3
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--scale", type=float, default=0.1)
parser.add_argument("--duration", type=float, default=2.0)
parser.add_argument("--rounds", type=int, default=3)
options = parser.parse_args()

HERE = Path(__file__).parent
SIDES = [
    ["cortex_thalia.py", "--cold"],
    ["cortex_thalia.py"],
    ["cortex_brian2.py"],
    ["cortex_nest.py"],
]
results: dict[str, list[dict]] = {}
subprocess.run(
    [sys.executable, HERE / "cortex_thalia.py", "--duration", "0.1"],
    capture_output=True,
    cwd=HERE,
    check=True,
)  # fill the cache
for seed in range(1, options.rounds + 1):
    for script, *flags in SIDES:
        common = [
            "--scale",
            str(options.scale),
            "--duration",
            str(options.duration),
            "--seed",
            str(seed),
        ]
        done = subprocess.run(
            [sys.executable, HERE / script, *common, *flags],
            capture_output=True,
            encoding="utf-8",
            cwd=HERE,
            check=False,
        )
        if done.returncode:
            print(f"{script} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
            continue
        line = json.loads(done.stdout.strip().splitlines()[-1])
        results.setdefault(line["side"], []).append(line)
        print(json.dumps(line), flush=True)

print("\n| side | build, processor s | times model time | peak GB |\n| --- | --- | --- | --- |")
median = {
    side: {
        key: statistics.median(line[key] for line in lines)
        for key in ("build_cpu_s", "rtf", "peak_gb")
    }
    for side, lines in results.items()
}
for side, figures in median.items():
    print(
        f"| {side} | {figures['build_cpu_s']:.1f} | {figures['rtf']:.2f} | {figures['peak_gb']:.2f} |"
    )
mine = "thalia, cached"
for other in ("brian2 by hand", "nest"):
    if other in median:
        print(f"simulation: {other} / thalia = {median[other]['rtf'] / median[mine]['rtf']:.1f}")
if "brian2 by hand" in median:
    print(
        f"building: brian2 by hand / thalia, cold = {median['brian2 by hand']['build_cpu_s'] / median['thalia, cold']['build_cpu_s']:.1f}"
    )
