"""What inputs with common spikes weigh more than others, by rule, after each of two minutes.

python plots/correlated_inputs.py [-o plots/correlated_inputs.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "correlated_inputs.yaml"
CELLS = (
    *("pair", "reversed", "culture", "heterosynaptic", "scaled", "fading", "metaplastic"),
    *("power_law", "consolidated", "pruned"),
)
MINUTES = {"first": 60.0, "second": 120.0}  # their ends in seconds: a is correlated, then b


def difference(run: thalia.Run, cell: str) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds, and the mean weight of a less that of b, as a fraction of w_max."""
    a, b = (run.weights[f"to_{cell}.{inputs}_to_{cell}"] for inputs in "ab")
    return a.time, (a.w.mean(axis=1) - b.w.mean(axis=1)) / (a.w_max or 1)


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """The difference at the end of each minute, by cell."""
    found = {}
    for cell in CELLS:
        times, course = difference(run, cell)
        for minute, end in MINUTES.items():
            found[f"{cell}, {minute} minute"] = float(course[np.searchsorted(times, end)])
    return found


def figure(study: thalia.Study) -> Figure:
    """The difference over time of each seed, by cell."""
    made = Figure(figsize=(10, 4), layout="constrained")
    for axis, cell in zip(made.subplots(2, 5, sharex=True, sharey=True).flat, CELLS, strict=True):
        for run in study.runs["baseline"].values():
            axis.plot(*difference(run, cell), color="#0072B2", linewidth=1)
        axis.axhline(0, color="#cccccc", zorder=0)
        axis.axvline(MINUTES["first"], color="#cccccc", zorder=0)
        axis.set(title=cell.replace("_", " "))
    made.supxlabel("time (s)")
    made.supylabel("weight of a less that of b (of w_max)")
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
