"""Thalia against Brian2 by hand and NEST on the cortical microcircuit, in turn, as ratios.

    uv run --group peers python -m benchmarks.cortex --scale 0.1 --duration 2 --rounds 3

Each side runs in a process of its own, one thread each. The medians are kept in results/speed/cortex.json after every
round, and rendered on the pages that name them.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.rendering import RESULTS, render
from benchmarks.speed import median_of, write
from plots.conditions import provenance

HERE = Path(__file__).parent
KEPT = RESULTS / "speed" / "cortex.json"
SIDES = {
    "Thalia, empty cache": ["cortex_thalia.py", "--cold"],
    "Thalia": ["cortex_thalia.py"],
    "Brian2": ["cortex_brian2.py"],
    "NEST": ["cortex_nest.py"],
}


def measured(side: str, options: argparse.Namespace, **more: Any) -> dict[str, Any] | None:
    """What a side prints; None, and why, if it fails."""
    script, *flags = SIDES[side]
    given = {"scale": options.scale, "duration": options.duration} | more
    arguments = [text for key, value in given.items() for text in (f"--{key}", str(value))]
    done = subprocess.run(
        [sys.executable, HERE / script, *arguments, *flags],
        capture_output=True,
        encoding="utf-8",
        cwd=HERE,
        env=os.environ | {"THALIA_THREADS": "1"},
        check=False,
    )
    if done.returncode:
        print(f"{script} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def kept(lines: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> dict[str, Any]:
    """Medians of all sides, and how many times as long as Thalia they take."""
    keys = ("build_cpu_s", "rtf", "peak_gb")
    sides = {side: {key: median_of(each, key) for key in keys} for side, each in lines.items()}
    rates = {
        side: {name: median_of([line["rates"] for line in each], name) for name in each[0]["rates"]}
        for side, each in lines.items()
    }
    cold, others = "Thalia, empty cache", [side for side in ("Brian2", "NEST") if side in lines]
    return provenance() | {
        "command": f"python -m benchmarks.cortex --scale {options.scale:g} "
        f"--duration {options.duration:g} --rounds {len(lines['Thalia'])}",
        "sides": sides,
        "rates_hz": rates,
        "times_thalia": {side: sides[side]["rtf"] / sides["Thalia"]["rtf"] for side in others},
        "building_times_thalia": {
            side: sides[side]["build_cpu_s"] / sides[cold]["build_cpu_s"] for side in others
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--duration", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, default=KEPT)
    options = parser.parse_args()
    lines: dict[str, list[dict[str, Any]]] = {}
    measured("Thalia", options, duration=0.1)  # fills the cache
    for seed in range(1, options.rounds + 1):
        for side in SIDES:
            if line := measured(side, options, seed=seed):
                lines.setdefault(side, []).append(line)
                print(json.dumps(line), flush=True)
        write(options.output, kept(lines, options))
    if options.output == KEPT:
        render()


if __name__ == "__main__":
    main()
