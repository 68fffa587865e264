"""What plasticity costs: the microcircuit static, with pair and with triplet STDP on E to E, and three peers with pair STDP.

uv run --group peers python -m benchmarks.plasticity --scale 0.1 --duration 4 --rounds 3 [--annarchy PYTHON]

The medians are kept in results/speed/plasticity.json.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.speed import median_of
from benchmarks.tables import SPEED, keep, times

parser = argparse.ArgumentParser()
parser.add_argument("--scale", type=float, default=0.1)
parser.add_argument("--duration", type=float, default=4.0)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--annarchy", type=Path, help="a Python with ANNarchy; see networks.py")
parser.add_argument("-o", "--output", type=Path, default=SPEED / "plasticity.json")
options = parser.parse_args()

HERE = Path(__file__).parent
SIDES = [("plasticity_thalia.py", rule) for rule in ("none", "stdp_pair", "stdp_triplet")]
SIDES += [("cortex_nest.py", "stdp_pair"), ("cortex_brian2.py", "stdp_pair")]
if options.annarchy:
    SIDES += [("cortex_annarchy.py", "none"), ("cortex_annarchy.py", "stdp_pair")]


def measured(script: str, rule: str, seed: int) -> dict[str, Any] | None:
    """What a side prints; None, and why, if it fails."""
    given = {"scale": options.scale, "duration": options.duration, "seed": seed, "rule": rule}
    python = options.annarchy.absolute() if "annarchy" in script else Path(sys.executable)
    done = subprocess.run(
        [python, HERE / script, *(text for k, v in given.items() for text in (f"--{k}", str(v)))],
        capture_output=True,
        encoding="utf-8",
        cwd=HERE,
        check=False,
        env={**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"},
    )
    if done.returncode:
        print(f"{script} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    line = next(text for text in done.stdout.splitlines() if text.startswith("{"))
    print(line, flush=True)
    return dict(json.loads(line))


def kept(results: dict[str, list[dict[str, Any]]], rounds: int) -> None:
    """Keep medians of all sides, and how many times as long as Thalia they take."""
    median = {side: median_of(lines, "rtf") for side, lines in results.items()}
    keep(
        options.output,
        f"python -m benchmarks.plasticity --scale {options.scale:g} --duration {options.duration:g} --rounds {rounds}",
        {"rtf": "times model time", "peak_gb": "peak GB"},
        {
            side: {key: median_of(lines, key) for key in ("rtf", "peak_gb")}
            for side, lines in results.items()
        },
        seeds=range(1, rounds + 1),
        times_thalia={rule: times(median, f"thalia, {rule}") for rule in ("none", "stdp_pair")},
    )


found: dict[str, list[dict[str, Any]]] = {}
for side in SIDES[:3]:
    measured(*side, 1)  # fills the cache of compiled programs
for turn in range(1, options.rounds + 1):
    for side in SIDES:
        if line := measured(*side, turn):
            found.setdefault(line["side"], []).append(line)
    kept(found, turn)
