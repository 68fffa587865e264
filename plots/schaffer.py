"""Weights of Schaffer collaterals after pairs with doublets, with single spikes, with neither.

python plots/schaffer.py [-o plots/schaffer.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "schaffer.yaml"
SHOWN = {
    "baseline": ("doublets", "#D55E00"),
    "single_spikes": ("single spikes", "#0072B2"),
    "alone": ("CA3 alone", "#666666"),
}


def course(run: thalia.Run) -> tuple[np.ndarray, np.ndarray]:
    """The mean weight over time, as a fraction of the first, and the times in seconds."""
    weights = run.weights["schaffer"]
    mean = weights.w.mean(axis=1)
    return weights.time, mean / mean[0]


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """The change of the mean weight, in percent."""
    return {"change (%)": 100 * float(course(run)[1][-1] - 1)}


def figure(study: thalia.Study) -> Figure:
    """Mean weights over time, of every seed."""
    made = Figure(figsize=(5, 3.2), layout="constrained")
    axis = made.subplots()
    for condition, (label, colour) in SHOWN.items():
        for place, run in enumerate(study.runs[condition].values()):
            times, mean = course(run)
            axis.plot(times, 100 * mean, color=colour, label="" if place else label)
    axis.axhline(100, color="#cccccc", zorder=0)
    axis.set(xlabel="time (s)", ylabel="mean weight (% of the first)")
    axis.legend(frameon=False, fontsize=8)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
