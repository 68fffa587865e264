"""What the network of each experiment does in its first trials: a small raster, which the site shows.

    uv run python -m benchmarks.rasters [NAME ...]

runs the first trials of each of them with one seed, without controls, and draws its first seconds. No number is kept.
Tasks that take the network back to an earlier state cannot be recorded, which is said.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import thalia
from benchmarks.circuits import save_raster

ROOT = Path(__file__).parent.parent
RASTERS = ROOT / "results" / "rasters"
SEED, SHOWN = 123, 4.0  # seconds
# trials that are run: of images a trial is the whole set, and a gate needs a stream
TRIALS, OTHERS = 8, {"digits": 1, "gate": 40, "liquid": 1}
ASKED = {"record.spikes": "all", "record.weights.pathways": "none"}


def draw(name: str) -> None:
    """Draw the first seconds of an experiment."""
    trials = OTHERS.get(name, TRIALS)
    with tempfile.TemporaryDirectory() as folder:
        thalia.learn(name, seeds=1, base_seed=SEED, controls=[], trials=trials, set=ASKED,
                     record=True, output=folder, workers=1, progress=False)  # fmt: skip
        run = thalia.Run(Path(folder) / f"learning_{SEED}.h5")
        save_raster(run, RASTERS / f"{name}.png", min(SHOWN, run.duration))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    every = sorted(file.stem for file in (ROOT / "thalia/library/experiments").glob("*.yaml"))
    for name in parser.parse_args().names or every:
        try:
            draw(name)
        except thalia.CircuitError as error:
            print(error, file=sys.stderr)
        else:
            print(name, flush=True)


if __name__ == "__main__":
    main()
