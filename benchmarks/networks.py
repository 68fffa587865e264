"""Thalia, Brian2 by hand, NEST and ANNarchy on two standard networks, in turn, as ratios.

uv run --group peers python -m benchmarks.networks --duration 1 --rounds 3 [--annarchy PYTHON]

The medians are kept in results/speed/networks.json.

ANNarchy needs an environment of its own (`pip install ANNarchy "numpy<2.3" cmake`), whose Python is the option's value.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    "COBA": ["--network", "coba"],
    "Brunel": ["--network", "brunel"],
    "Brunel, STDP": ["--network", "brunel", "--plastic"],
}
SIDES = {"thalia": "Thalia", "brian2": "Brian2 by hand", "nest": "NEST", "annarchy": "ANNarchy"}
PYTHONS = {name: Path(sys.executable) for name in ("thalia", "brian2", "nest")}
if options.annarchy:
    PYTHONS["annarchy"] = options.annarchy.absolute()
COLUMNS = {
    "rtf": "times model time",
    "against": "against Thalia",
    "exc": "excitatory, Hz",
    "inh": "inhibitory, Hz",
    "weight": "mean weight, mV",
    "peak_gb": "peak GB",
}


def measured(network: str, side: str, seed: int) -> dict[str, Any] | None:
    """What a side prints; None, and why, if it fails."""
    python, given = PYTHONS[side], ["--duration", str(options.duration), "--seed", str(seed)]
    done = subprocess.run(
        [python, HERE / f"networks_{side}.py", *NETWORKS[network], *given],
        capture_output=True,
        encoding="utf-8",
        cwd=HERE,
        check=False,
        # where ANNarchy finds its cmake
        env={**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        print(f"{side}, {network} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    print(network, lines[-1], flush=True)
    return dict(json.loads(lines[-1]))


def kept(results: dict[tuple[str, str], list[dict[str, Any]]], rounds: int) -> None:
    """Keep medians of all sides, and how many times as long as Thalia they take."""
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
            rows[f"{network}: {SIDES[side]}"] = row
    keep(
        options.output,
        f"python -m benchmarks.networks --duration {options.duration:g} --rounds {rounds}",
        COLUMNS,
        rows,
        seeds=range(1, rounds + 1),
        side="network: side",
        times_thalia=ratios,
    )


found: dict[tuple[str, str], list[dict[str, Any]]] = {}
for each in NETWORKS:
    measured(each, "thalia", 1)  # fills the cache of compiled programs, and counts for nobody
for turn in range(1, options.rounds + 1):
    for each, by in itertools.product(NETWORKS, PYTHONS):
        if line := measured(each, by, turn):
            found.setdefault((each, by), []).append(line)
    kept(found, turn)
