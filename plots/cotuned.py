"""Tuning of excitatory and inhibitory synapses before and after learning, and controls.

python plots/cotuned.py [-o plots/cotuned.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "cotuned.yaml"
PLACES = 50  # of the ring
END = 110.0  # of learning, in seconds


def tuning(run: thalia.Run, pathway: str, sample: int) -> np.ndarray:
    """The mean weight from each place to each cell, (n_cells, n_places), in nS."""
    weights = run.weights[pathway]
    n_post, n_pre = weights.shape
    summed = np.zeros((n_post, PLACES))
    np.add.at(summed, (weights.post, weights.pre * PLACES // n_pre), weights.w[sample])
    return summed * PLACES / n_pre


def correlation(run: thalia.Run, sample: int) -> float:
    """The mean correlation, over places, of a cell's inhibitory and excitatory weights."""
    both = zip(tuning(run, "excite", sample), tuning(run, "inhibit", sample), strict=True)
    return float(np.mean([np.corrcoef(*each)[0, 1] for each in both]))


def rate(run: thalia.Run, begin: float, end: float) -> float:
    """The rate of the cells, in Hz."""
    spikes = run.spikes["cells"]
    within = (spikes.times >= begin) & (spikes.times < end)
    return float(np.count_nonzero(within)) / spikes.size / (end - begin)


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Correlation of both tunings and rate of the cells, before learning and after it."""
    return {
        "correlation before": correlation(run, 0),
        "correlation after": correlation(run, -1),
        "rate before (Hz)": rate(run, 0, 10),
        "rate after (Hz)": rate(run, END, run.duration),
    }


def figure(study: thalia.Study) -> Figure:
    """Weights by place relative to the one that a cell prefers, in the mean, of the first seed."""
    made = Figure(figsize=(10, 3.2), layout="constrained")
    for axis, (condition, runs) in zip(
        made.subplots(1, len(study.runs), sharey=True), study.runs.items(), strict=True
    ):
        run = runs[min(runs)]
        best = tuning(run, "excite", -1).argmax(axis=1)
        for pathway, sample, colour, label in (
            ("excite", -1, "#D55E00", "excitation"),
            ("inhibit", 0, "#aaccee", "inhibition before"),
            ("inhibit", -1, "#0072B2", "inhibition after"),
        ):
            turned = [
                np.roll(each, PLACES // 2 - place)
                for each, place in zip(tuning(run, pathway, sample), best, strict=True)
            ]
            axis.plot(
                np.arange(PLACES) - PLACES // 2, np.mean(turned, axis=0), color=colour, label=label
            )
        axis.set(title=condition.replace("_", " "), xlabel="place from the preferred one")
    made.axes[0].set(ylabel="weight (nS)")
    made.axes[0].legend(frameon=False, fontsize=8)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
