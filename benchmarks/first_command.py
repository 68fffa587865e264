"""What the first command of the README prints, kept in results/first_command.json and shown on the pages.

uv run python -m benchmarks.first_command
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import thalia
from benchmarks.rendering import RESULTS, render
from benchmarks.speed import write
from plots.conditions import provenance

ROOT = Path(__file__).parent.parent
COMMAND = ["thalia", "run", "circuits/cortex.yaml"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", *COMMAND, "-o", f"{folder}/run.h5"],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "80"},
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
    rates, _, _ = done.stdout.partition("  plastic pathway")
    lines = [line.rstrip() for line in rates.rstrip().splitlines()]
    made = provenance(" ".join(COMMAND)) | {"seeds": [thalia.load("cortex").seed]}
    write(RESULTS / "first_command.json", made | {"lines": lines})
    render()


if __name__ == "__main__":
    main()
