"""Thalia against Brian2 by hand and NEST on the cortical microcircuit, in turn, as ratios.

    uv run --group peers python -m benchmarks.cortex --scale 0.1 --duration 2 --rounds 3
    uv run --group peers python -m benchmarks.cortex --scale 1 --duration 1 --rounds 1 --threads 16 --sides Thalia NEST \
        -o results/speed/cortex_full.json

Each side runs in a process of its own, on one thread unless said otherwise (Brian2 by hand always). The medians are kept
in results/speed/cortex.json after every round, and rendered on the pages that name them.
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

HERE = Path(__file__).parent
KEPT = SPEED / "cortex.json"
SIDES = {
    "Thalia, empty cache": ["cortex_thalia.py", "--cold"],
    "Thalia": ["cortex_thalia.py"],
    "Brian2": ["cortex_brian2.py"],
    "NEST": ["cortex_nest.py"],
}
COLUMNS = {
    "build_cpu_s": "build, processor s",
    "rtf": "simulation, times model time",
    "peak_gb": "peak GB of the largest process",
}


def measured(side: str, options: argparse.Namespace, **more: Any) -> dict[str, Any] | None:
    """What a side prints; None, and why, if it fails."""
    script, *flags = SIDES[side]
    given = {"scale": options.scale, "duration": options.duration} | more
    given |= {"threads": options.threads} if side == "NEST" else {}
    arguments = [text for key, value in given.items() for text in (f"--{key}", str(value))]
    done = subprocess.run(
        [sys.executable, HERE / script, *arguments, *flags],
        capture_output=True,
        encoding="utf-8",
        cwd=HERE,
        env=os.environ | {"THALIA_THREADS": str(options.threads)},
        check=False,
    )
    if done.returncode:
        print(f"{script} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def kept(lines: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> None:
    """Keep medians of all sides, and how many times as long as Thalia they take."""
    sides = {side: {key: median_of(each, key) for key in COLUMNS} for side, each in lines.items()}
    rates = {
        side: {name: median_of([line["rates"] for line in each], name) for name in each[0]["rates"]}
        for side, each in lines.items()
    }
    keep(
        options.output,
        f"python -m benchmarks.cortex --scale {options.scale:g} --duration {options.duration:g} "
        f"--rounds {len(lines['Thalia'])} --threads {options.threads}",
        COLUMNS,
        sides,
        seeds=range(1, len(lines["Thalia"]) + 1),
        rates_hz=rates,
        times_thalia=times({side: each["rtf"] for side, each in sides.items()}, "Thalia"),
        building_times_thalia=times(
            {side: each["build_cpu_s"] for side, each in sides.items()}, "Thalia, empty cache"
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--duration", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("-o", "--output", type=Path, default=KEPT)
    options = parser.parse_args()
    lines: dict[str, list[dict[str, Any]]] = {}
    measured("Thalia", options, duration=0.1)  # fills the cache
    for seed in range(1, options.rounds + 1):
        for side in options.sides:
            if line := measured(side, options, seed=seed):
                lines.setdefault(side, []).append(line)
                print(json.dumps(line), flush=True)
        kept(lines, options)


if __name__ == "__main__":
    main()
