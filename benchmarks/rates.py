"""Rates of the cortical microcircuit, here and in NEST, at a tenth and in full, on processors and on a GPU.

    uv run --group peers python -m benchmarks.rates [ROW ...]

All rows have a thalamic volley every second and no plasticity; rates are those after the first half second. They
are kept in results/microcircuit.json, next to those of other rows, and rendered in docs/results.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import thalia
from benchmarks.microcircuit import NAMES
from benchmarks.rendering import RESULTS, render
from benchmarks.speed import write
from plots.conditions import provenance

HERE = Path(__file__).parent
KEPT = RESULTS / "microcircuit.json"
SETTLING = 0.5  # seconds


@dataclass(frozen=True)
class Row:
    """Who simulates which scale of it, for how many seconds after settling, with which seeds."""

    says: str
    of: Callable[["Row", int], Sequence[float]]  # rates of a seed, in Hz
    scale: float
    seconds: float
    seeds: Sequence[int]


def _thalia(row: Row, seed: int, backend: str = "cpp") -> list[float]:
    phases = [
        {"name": "settle", "duration": f"{SETTLING} s", "plasticity": "off"},
        {"name": "measure", "duration": f"{row.seconds} s", "plasticity": "off"},
    ]
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(
            HERE.parent / "circuits" / "cortex.yaml",
            set={"phases": phases},
            seed=seed,
            scale=row.scale,
            backend=backend,
            output=Path(folder) / "run.h5",
        )
        return [run.rates[name] for name in NAMES]


def _thalia_on_gpu(row: Row, seed: int) -> list[float]:
    return _thalia(row, seed, "cuda")


def _nest(row: Row, seed: int) -> list[float]:
    given = {
        "scale": row.scale,
        "duration": row.seconds + SETTLING,
        "seed": seed,
        "threads": len(os.sched_getaffinity(0)),
    }
    arguments = [text for key, value in given.items() for text in (f"--{key}", str(value))]
    done = subprocess.run(
        [sys.executable, HERE / "cortex_nest.py", *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=HERE,
        check=True,
    )
    return list(json.loads(done.stdout.strip().splitlines()[-1])["rates"].values())


ROWS = {
    "thalia": Row("Thalia", _thalia, 0.1, 5, range(11, 16)),
    "nest": Row("NEST 3.10", _nest, 0.1, 5, range(11, 16)),
    "full": Row("Thalia", _thalia, 1, 5, range(11, 14)),
    "full_gpu": Row("Thalia on a GPU", _thalia_on_gpu, 1, 10, range(11, 14)),
    "full_nest": Row("NEST 3.10", _nest, 1, 1.5, (11,)),
}


def kept(name: str, found: Sequence[Sequence[float]]) -> dict[str, Any]:
    """A row with the means and intervals of its rates, of the seeds that were run."""
    row = ROWS[name]
    return provenance(f"python -m benchmarks.rates {name}") | {
        "says": row.says,
        "scale": row.scale,
        "seconds": row.seconds,
        "seeds": list(row.seeds[: len(found)]),
        "rates_hz": {
            of: asdict(thalia.analysis.mean_interval(np.array(values)))
            for of, values in zip(NAMES, zip(*found, strict=True), strict=True)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}")
    parser.add_argument("-o", "--output", type=Path, default=KEPT)
    options = parser.parse_args()
    rows = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    for name in options.rows or ROWS:
        row, found = ROWS[name], []
        for seed in row.seeds:
            found.append(row.of(row, seed))
            rows[name] = kept(name, found)
            write(options.output, {each: rows[each] for each in ROWS if each in rows})
            print(name, seed, flush=True)
    if options.output == KEPT:
        render()


if __name__ == "__main__":
    main()
