"""What each circuit in circuits/ does: rates, and what its script in plots/ measures, in all conditions.

    uv run python -m benchmarks.circuits [NAME ...] [--seeds 5] [--workers 4] [--backend cuda]

runs each of them as written and in all its conditions with five seeds (`thalia study`), and keeps the numbers after each as
JSON and the raster of the first seed as a small picture, from which the site makes a page; with `--figures`, the
figures in plots/ are drawn from the same runs; with `--rasters`, only that picture is made. Then it renders the tables in docs/results.md; with `--render`, it does
nothing else.
"""

import argparse
import importlib
import json
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

import thalia
from benchmarks.rendering import render
from plots.conditions import FIRST_SEED, joined, record

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "circuits"
COLOURS, WIDTH = 64, 900  # pixels, of a raster


def script_of(name: str) -> ModuleType | None:
    """The script in plots/ that measures and draws a circuit."""
    return (
        importlib.import_module(f"plots.{name}") if (ROOT / f"plots/{name}.py").exists() else None
    )


def measure(name: str, options: argparse.Namespace) -> None:
    """Run a circuit in all its conditions, and keep its numbers and pictures after each seed."""
    circuit, script = ROOT / "circuits" / f"{name}.yaml", script_of(name)
    run = getattr(script, "studied", None) or _studied(circuit)
    numbers = cache(script.numbers) if hasattr(script, "numbers") else None  # each run once
    given = {"workers": options.workers, "backend": options.backend}
    made: list[thalia.Study] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
            made.append(run(seed, output=Path(folder) / f"seed_{seed}", **given))
            kept = record(joined(made), circuit, numbers, getattr(script, "PUBLISHED", None))
            _keep(kept, joined(made), circuit, script, options)


def _keep(
    kept: dict[str, Any],
    made: thalia.Study,
    circuit: Path,
    script: ModuleType | None,
    options: argparse.Namespace,
) -> None:
    file = options.output / f"{circuit.stem}.json"
    file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    save_raster(made.runs["baseline"][min(made.runs["baseline"])], file.with_suffix(".png"))
    if options.figures and script:
        _save(script.figure(made), options.figures / f"{circuit.stem}.png")


def draw_raster(name: str, options: argparse.Namespace) -> None:
    """Draw the first seed of a circuit as written, and keep no numbers of it."""
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(
            ROOT / "circuits" / f"{name}.yaml",
            seed=FIRST_SEED,
            backend=options.backend,
            output=Path(folder) / "run.h5",
        )
        save_raster(run, options.output / f"{name}.png")


def save_raster(run: thalia.Run, picture: Path, stop: float | None = None) -> None:
    """Save the spikes of a run until a time; of one that recorded none, its samples or weights."""
    shown = "raster" if run.spikes else "traces" if run.traces else "weights"
    until = {} if stop is None else {"stop": stop}
    _save(getattr(thalia.figures, shown)(run, **until), picture, WIDTH)


def _studied(circuit: Path):
    """What runs a circuit whose script does not run it itself."""
    return lambda seed, **options: thalia.study(circuit, seeds=(seed,), progress=False, **options)


def _save(figure: Figure, picture: Path, width: int | None = None) -> None:
    """Save a figure with few colours, at most as wide as it says, in pixels."""
    with tempfile.TemporaryDirectory() as folder:
        image = Image.open(thalia.figures.save(figure, f"{folder}/figure.png")).convert("RGB")
        if width:
            image.thumbnail((width, width))
        image.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(picture, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--backend")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, help="folder of the figures, such as plots")
    parser.add_argument("--rasters", action="store_true", help="only draw the first seed")
    parser.add_argument("--render", action="store_true", help="only render what is kept")
    options = parser.parse_args()
    for folder in filter(None, (options.output, options.figures)):
        folder.mkdir(parents=True, exist_ok=True)
    names = options.names or sorted(file.stem for file in (ROOT / "circuits").glob("*.yaml"))
    for name in () if options.render else names:
        (draw_raster if options.rasters else measure)(name, options)
        print(name, flush=True)
    if options.output == RESULTS:
        render()


if __name__ == "__main__":
    main()
