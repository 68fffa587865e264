"""What a seed of `thalia learn choice` takes on a processor and on a GPU, by which a brain that learns may gain or lose.

Each is run twice, one process and one thread: the first time builds the program into an empty cache, the second finds it there.

python -m benchmarks.choice --backends cpp,cuda -o results/speed/choice.json
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from time import perf_counter

import thalia
from benchmarks.rendering import RESULTS
from benchmarks.speed import write
from plots.conditions import provenance

KEPT = RESULTS / "speed" / "choice.json"
SEED = 700


def seconds(backend: str, folder: Path) -> float:
    """Wall-clock seconds of the experiment without its controls, with three digits."""
    begin = perf_counter()
    thalia.learn("choice", controls=[], seeds=1, base_seed=SEED, workers=1, backend=backend,
                 output=folder, progress=False)  # fmt: skip
    return float(f"{perf_counter() - begin:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", default="cpp,cuda")
    parser.add_argument("-o", "--output", type=Path, default=KEPT)
    options = parser.parse_args()
    kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    for backend in options.backends.split(","):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["THALIA_CACHE"] = f"{folder}/cache"
            made = provenance(f"python -m benchmarks.choice --backends {backend}")
            for which in ("built_s", "cached_s"):
                made = made | {which: seconds(backend, Path(folder) / which)}
                kept[backend] = {**made, "seed": SEED}
                write(options.output, kept)
        print(backend, json.dumps(kept[backend]), flush=True)


if __name__ == "__main__":
    main()
