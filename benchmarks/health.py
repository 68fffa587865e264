"""What `thalia health` says of every circuit with plastic synapses, and of the regions that learn in experiments.

    uv run python -m benchmarks.health [NAME ...] [--seeds 5] [--workers 4] [-o results/health.json]

runs each circuit as written, with its own seed, and judges each of its phases; and records each experiment with seeds
that it was not tuned with, and judges it as a whole. Verdicts and all findings are kept. The file is written anew after
each; those that are in it already and are not named stay.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import thalia
from plots.conditions import provenance

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "health.json"
# whose regions have known ranges; `odours`, which goes back to an earlier state, cannot be recorded
EXPERIMENTS = ("four_patterns", "gating", "choice")
KEPT = ("where", "measure", "value", "expected")  # of a finding
FIRST_SEED = 700  # those before it were used for tuning


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
        return {
            "seed": int(run.attributes["seed"]),
            "duration_s": run.duration,
            "phases": {phase: _said(thalia.health(run, phase)) for phase, _, _ in run.phases},
        }


def judged_while_learning(name: str, seed: int) -> dict[str, Any]:
    """Verdict and findings of an experiment with a seed, without controls."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"output": folder, "workers": 1, "record": True, "progress": False}
        done = thalia.learn(name, controls=[], seeds=1, base_seed=seed, **options)
        run = thalia.Run(Path(folder) / f"{done.logs[0].condition}_{seed}.h5")
        return {"duration_s": run.duration, **_said(thalia.health(run))}


def _said(found: thalia.Health) -> dict[str, Any]:
    findings = [asdict(each) for each in found.findings]
    return {
        "verdict": found.verdict,
        "findings": [{key: each[key] for key in KEPT} for each in findings],
    }


def told(judged: Mapping[str, Mapping[str, Any]], kind: str) -> Iterator[str]:
    """What is out of range in words: each measure once, with the least and the greatest value.

    And in how many of those `judged`, where these are several seeds or phases, the `kind`.
    """
    together: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for finding in (finding for each in judged.values() for finding in each["findings"]):
        together.setdefault((finding["where"], finding["measure"]), []).append(finding)
    for (where, measure), found in together.items():
        low, high = (f"{value([each['value'] for each in found]):.3g}" for value in (min, max))
        values = low if low == high else f"{low} to {high}"
        some = f" in {len(found)} of {len(judged)} {kind}" if len(found) < len(judged) else ""
        yield f"{where}: {measure} {values}{some}, expected {found[0]['expected']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=5, help="of an experiment")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = {}
        for name in options.names or [*plastic_circuits(), *EXPERIMENTS]:
            if name not in EXPERIMENTS:
                jobs[pool.submit(judged, name)] = name, None
                continue
            for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
                jobs[pool.submit(judged_while_learning, name, seed)] = name, seed
        for job in as_completed(jobs):
            name, seed = jobs[job]
            made = provenance(f"python -m benchmarks.health {name}")
            before = kept.get(name, {}).get("seeds", {})
            found = job.result()
            kept[name] = made | (found if seed is None else {"seeds": {**before, str(seed): found}})
            options.output.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
            print(name, "" if seed is None else seed, flush=True)


if __name__ == "__main__":
    main()
