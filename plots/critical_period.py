"""Ocular dominance of layer 4 while an eye is closed, in the critical period and after it.

python plots/critical_period.py [-o plots/critical_period.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "critical_period.yaml"
ENDS = {"both open": 20.0, "left closed": 60.0, "right closed": 100.0}  # of the phases, in seconds
COLOURS = {
    "baseline": "#D55E00",
    "still_immature": "#0072B2",
    "adult": "#222222",
    "none_closed": "#009E73",
}


def dominance(run: thalia.Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times in seconds, and how much more weight the right eye has, from -1 to 1."""
    left, right = (
        run.weights[f"thalamocortical.{eye}_relay_to_layer_4"] for eye in ("left", "right")
    )
    sums = [np.asarray(each.w).sum(axis=1) for each in (left, right)]
    return np.asarray(left.time), (sums[1] - sums[0]) / (sums[1] + sums[0])


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """The dominance of the right eye at the end of each phase."""
    time, index = dominance(run)
    return {name: float(index[np.argmin(abs(time - end))]) for name, end in ENDS.items()}


def figure(study: thalia.Study) -> Figure:
    """Dominance over time, each seed a line."""
    made = Figure(figsize=(6, 4), layout="constrained")
    axes = made.subplots()
    axes.axvspan(ENDS["both open"], ENDS["left closed"], color="#eeeeee", zorder=0)
    for condition, colour in COLOURS.items():
        for number, run in enumerate(study.runs[condition].values()):
            label = condition.replace("_", " ") if not number else None
            axes.plot(*dominance(run), color=colour, lw=1, label=label)
    axes.set(
        xlabel="time (s); left eye closed in grey, then the right one",
        ylabel="dominance of the right eye",
    )
    axes.legend(frameon=False, fontsize=8)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
