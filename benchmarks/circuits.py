"""What each circuit in circuits/ does: rates with intervals, its conditions, and a raster.

    uv run python -m benchmarks.circuits [NAME ...] [--workers 4] [-o results/gallery]

runs each of them as written and in all its conditions with five seeds (`thalia study`), and keeps the numbers as
JSON and the raster of the first seed as a small picture, from which the site makes a page. By default those that take
seconds; the others are named in docs/results.md.
"""

import argparse
import json
import platform
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image

import thalia

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "gallery"
SEEDS = (1, 2, 3, 4, 5)
# cheapest first
CHEAP = (
    *("pair", "coba", "ping", "izhikevich", "ring_attractor", "working_memory", "brunel"),
    *("prefrontal", "striatum", "thalamus", "basal_ganglia", "balanced", "fly", "cortical_column"),
    *("cortex", "worm"),
)
COLOURS, WIDTH = 32, 900  # of a raster


def measured(name: str, workers: int, picture: Path) -> dict[str, Any]:
    """Rates of every population in the last phase, with intervals, and published ones."""
    circuit = thalia.load(ROOT / "circuits" / f"{name}.yaml")
    with tempfile.TemporaryDirectory() as folder:
        made = thalia.study(
            circuit, seeds=SEEDS, output=f"{folder}/study", workers=workers, progress=False
        )
        run = made.runs["baseline"][SEEDS[0]]
        _draw(run, picture)
        measures = made.measure()
        backend, digest = run.attributes["backend"], _rounded(run.results)
    conditions = {
        condition: {
            "says": made.says[condition],
            "rates_hz": {
                population: {
                    **asdict(each.interval),
                    **({"difference": asdict(each.difference.interval)} if each.difference else {}),
                }
                for population, each in found.items()
            },
        }
        for condition, found in measures.items()
    }
    reference = circuit.reference
    return {
        "circuit": name,
        "command": f"thalia study circuits/{name}.yaml --seeds 1:5",
        "thalia": version("thalia"),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {platform.system()}",
        "backend": backend,
        "seeds": list(SEEDS),
        "neurons": digest["neurons"],
        "synapses": digest["synapses"],
        "phase": run.phases[-1][0] if run.phases else "",
        "published_hz": {k: v.mean for k, v in reference.rates.items()} if reference else {},
        "published_source": reference.source if reference else "",
        "conditions": conditions,
    }


def _rounded(summary: Any) -> dict[str, int]:
    return {key: int(summary[key]) for key in ("neurons", "synapses")}


def _draw(run: thalia.Run, picture: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        draw = thalia.figures.raster if len(run.spikes) else thalia.figures.traces
        drawn = thalia.figures.save(draw(run), f"{folder}/raster.png")
        image = Image.open(drawn).convert("RGB")
        image.thumbnail((WIDTH, WIDTH))
        image.quantize(COLOURS).save(picture, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.names or CHEAP:
        found = measured(name, options.workers, options.output / f"{name}.png")
        (options.output / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        print(name, flush=True)


if __name__ == "__main__":
    main()
