"""Thalia, Brian2 by hand, NEST and ANNarchy on two standard networks, in turn, as ratios.

uv run --group peers python benchmarks/networks.py --duration 1 --rounds 3 [--annarchy PYTHON]

ANNarchy needs an environment of its own (`pip install ANNarchy "numpy<2.3" cmake`), whose Python is the option's value.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--duration", type=float, default=1.0)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--annarchy", type=Path)
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

print(
    "\n| network | side | times model time | against Thalia | rates, Hz | mean weight, mV | peak GB |"
)
print("| --- | --- | --- | --- | --- | --- | --- |")
for (network, side), lines in results.items():
    rtf, mine = (
        statistics.median(each["rtf"] for each in results[network, which])
        for which in (side, "thalia")
    )
    rates = ", ".join(
        f"{statistics.mean(each['rates'][name] for each in lines):.1f}" for name in ("exc", "inh")
    )
    weight = (
        f"{statistics.mean(each['weight'] for each in lines):.4f}" if "weight" in lines[0] else ""
    )
    peak = statistics.median(each["peak_gb"] for each in lines)
    print(
        f"| {network} | {side} | {rtf:.2f} | {rtf / mine:.1f} | {rates} | {weight} | {peak:.2f} |"
    )
