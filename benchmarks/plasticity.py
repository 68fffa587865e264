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
results: dict[str, list[dict]] = {}
for seed in range(options.rounds + 1):  # the first round fills the cache of compiled programs
    for script, rule in SIDES if seed else SIDES[:3]:
        common = [
            "--scale",
            str(options.scale),
            "--duration",
            str(options.duration),
            "--seed",
            str(max(seed, 1)),
            "--rule",
            rule,
        ]
        python = options.annarchy.absolute() if "annarchy" in script else Path(sys.executable)
        environment = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}
        command = [python, HERE / script, *common]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", cwd=HERE, check=False, env=environment
        )
        if done.returncode:
            print(f"{script} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        elif seed:
            line = json.loads(
                next(text for text in done.stdout.splitlines() if text.startswith("{"))
            )
            results.setdefault(line["side"], []).append(line)
            print(json.dumps(line), flush=True)

median = {side: median_of(lines, "rtf") for side, lines in results.items()}
keep(
    options.output,
    f"python -m benchmarks.plasticity --scale {options.scale:g} --duration {options.duration:g} --rounds {options.rounds}",
    {"rtf": "times model time", "peak_gb": "peak GB"},
    {
        side: {key: median_of(lines, key) for key in ("rtf", "peak_gb")}
        for side, lines in results.items()
    },
    times_thalia={rule: times(median, f"thalia, {rule}") for rule in ("none", "stdp_pair")},
)
