"""What `thalia health` says of every circuit with plastic synapses, in each of its phases.

    uv run python -m benchmarks.health [NAME ...] [--workers 4] [-o results/health.json]

runs each of them as written, with its own seed, and keeps the verdicts and all findings. The file is written anew
after each circuit; those that are in it already and are not named stay.
"""

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import thalia
from plots.conditions import provenance

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "health.json"


def plastic_circuits() -> list[str]:
    """The names of the circuits of which a synapse may change, those with the fewest steps first."""
    files = {file.stem: file for file in sorted((ROOT / "circuits").glob("*.yaml"))}
    plans = {name: thalia.plan_of(thalia.load(file)) for name, file in files.items()}
    found = {name: plan for name, plan in plans.items() if any(s.is_plastic for s in plan.synapses)}
    return sorted(found, key=lambda name: found[name].duration / found[name].dt)


def judged(name: str) -> dict[str, Any]:
    """Verdict and findings of each phase of a circuit."""
    with tempfile.TemporaryDirectory() as folder:
        circuit = thalia.load(ROOT / "circuits" / f"{name}.yaml")
        run = thalia.run(circuit, output=Path(folder) / "run.h5", progress=False)
        if not list(run.spikes):
            return {"not judged": "records no spikes"}
        found = {phase: thalia.health(run, phase) for phase, _, _ in run.phases}
        return {
            "seed": int(run.attributes["seed"]),
            "duration_s": run.duration,
            "phases": {
                phase: {
                    "verdict": each.verdict,
                    "findings": [finding.text() for finding in each.findings],
                }
                for phase, each in found.items()
            },
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = {pool.submit(judged, name): name for name in options.names or plastic_circuits()}
        for job in as_completed(jobs):
            name = jobs[job]
            kept[name] = {**provenance(f"python -m benchmarks.health {name}"), **job.result()}
            options.output.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
            print(name, flush=True)


if __name__ == "__main__":
    main()
