"""By which terms the weights from layer 5 to layer 5 of the cortical column fall, in spontaneous activity.

    uv run python -m benchmarks.drift [--seconds 40] [-o results/drift.json]

runs a column of 1,000 cells with all its plasticity, puts the spikes at a sample of its synapses into the rules, term by term, and
keeps the changes as parts of w_max a second: pairs and triplets that depress, triplets that potentiate, and heterosynaptic depression,
next to what the weights did, and to what the window gives for independent spikes at the mean rate. BCM is left out.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import thalia
from plots.conditions import provenance
from plots.half_hour import rounded

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "drift.json"
CIRCUIT = ROOT / "circuits" / "cortical_column.yaml"
PATHWAY, CELLS, SETTLE, SIZE = "v1.l5_to_l5", "v1.l5", 1.0, 1000
# seconds: Pfister & Gerstner (2006), table 3, as in stdp_triplet
TAU_PLUS, TAU_MINUS, TAU_X, TAU_Y = 0.0168, 0.0337, 0.101, 0.125
FRACTION = 0.3  # of the mean depression that a silent input loses, as in heterosynaptic
SAMPLE = 120  # postsynaptic cells

type Times = NDArray[np.float64]


def trace(spikes: Times, at: Times, tau: float) -> Times:
    """The sum of exp(-(t - s)/tau) over the spikes s before each time t, both in order."""
    found, level, last, place = np.zeros(len(at)), 0.0, 0.0, 0
    for index, time in enumerate(at):
        while place < len(spikes) and spikes[place] < time:
            level = level * np.exp(-(spikes[place] - last) / tau) + 1
            last, place = spikes[place], place + 1
        found[index] = level * np.exp(-(time - last) / tau)
    return found


def terms(run: thalia.Run, seed: int = 1) -> dict[str, float]:
    """The mean change of a weight by each term, as a part of w_max a second."""
    rule = thalia.expand(thalia.load(CIRCUIT)).pathways[PATHWAY]
    window = {key: value.mean for key, value in rule.rules[0].parameters.items()}
    delay = rule.delay.axonal[0][0].mean
    weights, spikes = run.weights[PATHWAY], run.spikes[CELLS]
    trains = [np.sort(spikes.times[spikes.neurons == cell]) for cell in range(spikes.size)]
    slow = [trace(train, train, TAU_X) for train in trains]
    found = dict.fromkeys(("pairs", "triplets", "potentiation", "heterosynaptic"), 0.0)
    count = 0
    for cell in np.random.default_rng(seed).permutation(spikes.size)[:SAMPLE]:
        fired, inputs = trains[cell], weights.pre[weights.post == cell]
        slow_post = trace(fired, fired, TAU_Y)
        arrived = [trains[source] + delay for source in inputs]
        lost = []
        for source, times in zip(inputs, arrived, strict=True):
            after = trace(fired, times, TAU_MINUS)
            pairs = window["a2_minus"] * after
            triplets = window["a3_minus"] * after * slow[source]
            gained = window["a3_plus"] * trace(times, fired, TAU_PLUS) * slow_post
            found["pairs"] -= pairs[times > SETTLE].sum()
            found["triplets"] -= triplets[times > SETTLE].sum()
            found["potentiation"] += gained[fired > SETTLE].sum()
            lost.append(pairs + triplets)
        found["heterosynaptic"] -= _of_silent(fired, arrived, lost)
        count += len(inputs)
    return {key: value / count / (run.duration - SETTLE) for key, value in found.items()}


def _of_silent(fired: Times, arrived: list[Times], lost: list[Times]) -> float:
    """What all inputs of a cell lose together, as they were silent between two of its spikes."""
    if len(arrived) == 0 or len(fired) < 2:
        return 0.0
    mean, _ = np.histogram(np.concatenate(arrived), fired, weights=np.concatenate(lost))
    mean = mean / len(arrived) * (fired[1:] > SETTLE)
    silent = sum(np.histogram(times, fired)[0] == 0 for times in arrived)
    return FRACTION * float((mean * silent).sum())


def independent(rate: float) -> dict[str, float]:
    """The change of a weight by each term of the window for independent Poisson spikes, as a part of w_max a second."""
    rule = thalia.expand(thalia.load(CIRCUIT)).pathways[PATHWAY].rules[0].parameters
    a3_plus, a2_minus, a3_minus = (rule[key].mean for key in ("a3_plus", "a2_minus", "a3_minus"))
    found = {
        "pairs": -a2_minus * TAU_MINUS * rate**2,
        "triplets": -a3_minus * TAU_MINUS * TAU_X * rate**3,
        "potentiation": a3_plus * TAU_PLUS * TAU_Y * rate**3,
    }
    return {**found, "sum": sum(found.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    changes = {
        "phases": [
            {"name": "settle", "duration": f"{SETTLE} s", "plasticity": "off"},
            {"name": "learn", "duration": f"{options.seconds} s"},
        ],
        "stimuli.volley.rate": "0 Hz",
        "regions.v1.size": SIZE,
        "record.weights": {"pathways": [PATHWAY], "every": f"{options.seconds} s"},
    }
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(CIRCUIT, output=f"{folder}/run.h5", set=changes, progress=False)
        weights, by_term = run.weights[PATHWAY], terms(run)
        share = weights.w / weights.w_max
        rate = run.results["rates_by_phase_hz"]["learn"][CELLS]
        cv = thalia.health(run, "learn").populations[CELLS]["cv"]
        found = {
            **by_term,
            "sum": sum(by_term.values()),
            "measured": float((share[-1] - share[0]).mean()) / options.seconds,
            "rate": rate,
            "cv": cv,
        }
    kept: dict[str, Any] = provenance(f"python -m benchmarks.drift --seconds {options.seconds:g}")
    kept["seeds"] = [thalia.load(CIRCUIT).seed]
    kept |= rounded(found) | {"independent": rounded(independent(rate))}
    options.output.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
