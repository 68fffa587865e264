"""Weights among ten cells that fire in turn, or at rates of their own, and without plasticity.

python plots/direction.py [-o plots/direction.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "direction.yaml"


def matrix(run: thalia.Run) -> np.ndarray:
    """The weights at the end, (n_pre, n_post), in pA; not a number for a cell and itself."""
    weights = run.weights["recurrent"]
    found = np.full(weights.shape, np.nan)
    found[weights.pre, weights.post] = weights.w[-1]
    return found


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Weights to the next cell and back in pA, and those among the four cells in the middle."""
    weights = matrix(run)
    n = len(weights)
    here, there = np.arange(n), (np.arange(n) + 1) % n
    middle = weights[n // 2 - 2 : n // 2 + 2, n // 2 - 2 : n // 2 + 2]
    return {
        "to the next (pA)": float(weights[here, there].mean()),
        "back (pA)": float(weights[there, here].mean()),
        "in the middle (pA)": float(np.nanmean(middle)),
    }


def figure(study: thalia.Study) -> Figure:
    """The weights of the first seed of each condition."""
    made = Figure(figsize=(10, 3.2), layout="constrained")
    for axis, (condition, runs) in zip(
        made.subplots(1, len(study.runs), sharey=True), study.runs.items(), strict=True
    ):
        shown = axis.imshow(matrix(runs[min(runs)]), vmin=0, vmax=20, cmap="viridis")
        axis.set(title=condition.replace("_", " "), xlabel="to cell")
    made.axes[0].set(ylabel="from cell")
    made.colorbar(shown, ax=made.axes, label="weight (pA)")
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
