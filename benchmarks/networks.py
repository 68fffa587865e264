"""Thalia, Brian2 by hand, NEST and ANNarchy on two standard networks, in turn, as ratios.

uv run --group peers python -m benchmarks.networks --duration 1 --rounds 3 [--annarchy PYTHON]

The medians are kept in results/speed/networks.json.

ANNarchy needs an environment of its own (`pip install ANNarchy "numpy<2.3" cmake`), whose Python is the option's value.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.speed import median_of
from benchmarks.tables import SPEED, keep, times

parser = argparse.ArgumentParser()
parser.add_argument("--duration", type=float, default=1.0)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--annarchy", type=Path)
parser.add_argument("-o", "--output", type=Path, default=SPEED / "networks.json")
options = parser.parse_args()

HERE = Path(__file__).parent
NETWORKS = {
    "coba": ["--network", "coba"],
    "brunel": ["--network", "brunel"],
    "brunel, STDP": ["--network", "brunel", "--plastic"],
}
PYTHONS = {name: Path(sys.executable) for name in ("thalia", "brian2", "nest")}
if options.annarchy:
    PYTHONS["annarchy"] = options.annarchy.absolute()
results: dict[tuple[str, str], list[dict]] = {}
for seed in range(
    options.rounds + 1
):  # the first round fills the cache of compiled programs, and counts for nobody
    for network, flags in NETWORKS.items():
        for side, python in PYTHONS.items() if seed else [("thalia", Path(sys.executable))]:
            command = [
                python,
                HERE / f"networks_{side}.py",
                *flags,
                "--duration",
                str(options.duration),
                "--seed",
                str(max(seed, 1)),
            ]
            path = f"{python.parent}:{os.environ['PATH']}"  # where ANNarchy finds its cmake
            done = subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                cwd=HERE,
                check=False,
                env={**os.environ, "PATH": path},
            )
            lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
            if not lines:
                print(f"{side}, {network} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
            elif seed:
                results.setdefault((network, side), []).append(json.loads(lines[-1]))
                print(network, lines[-1], flush=True)

COLUMNS = {
    "rtf": "times model time",
    "against": "against Thalia",
    "exc": "excitatory, Hz",
    "inh": "inhibitory, Hz",
    "weight": "mean weight, mV",
    "peak_gb": "peak GB",
}
rows, ratios = {}, {}
for network in NETWORKS:
    sides = {side: lines for (of, side), lines in results.items() if of == network}
    rtf = {side: median_of(lines, "rtf") for side, lines in sides.items()}
    ratios[network] = times(rtf, "thalia")
    for side, lines in sides.items():
        row = {"rtf": rtf[side], "peak_gb": median_of(lines, "peak_gb")}
        row |= {"against": ratios[network][side]} if side in ratios[network] else {}
        row |= {n: statistics.mean(each["rates"][n] for each in lines) for n in ("exc", "inh")}
        if "weight" in lines[0]:
            row["weight"] = statistics.mean(each["weight"] for each in lines)
        rows[f"{network}: {side}"] = row
keep(
    options.output,
    f"python -m benchmarks.networks --duration {options.duration:g} --rounds {options.rounds}",
    COLUMNS,
    rows,
    side="network: side",
    times_thalia=ratios,
)
