"""Where activity goes from a cued place on a track that was learned in one direction, and controls.

python plots/track.py [-o plots/track.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "track.yaml"
CUE, AFTER = 21.0, 0.04  # seconds: its onset, and what follows
PLACE = 0.5  # of the cue, as a fraction of the track
HIDDEN = 0.05  # next to the cue, which is not counted


def recalled(run: thalia.Run, end: float = AFTER) -> tuple[np.ndarray, np.ndarray]:
    """Times since the cue in seconds, and places ahead of it as fractions of the track."""
    spikes = run.spikes["ca3"]
    late = (spikes.times >= CUE) & (spikes.times < CUE + end)
    ahead = (spikes.neurons[late] / spikes.size - PLACE + 0.5) % 1 - 0.5
    return spikes.times[late] - CUE, ahead


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Spikes of a cell ahead of the cue and behind it, and the difference over the sum."""
    _, place = recalled(run)
    cells = run.spikes["ca3"].size * (0.5 - HIDDEN)
    ahead = float(np.count_nonzero(place > HIDDEN)) / cells
    behind = float(np.count_nonzero(place < -HIDDEN)) / cells
    both = ahead + behind
    return {"ahead": ahead, "behind": behind, "direction": (ahead - behind) / both if both else 0.0}


def figure(study: thalia.Study) -> Figure:
    """Spikes after the cue, of the first seed of each condition."""
    made = Figure(figsize=(10, 3.2), layout="constrained")
    for axis, (condition, runs) in zip(
        made.subplots(1, len(study.runs), sharey=True), study.runs.items(), strict=True
    ):
        times, place = recalled(runs[min(runs)])
        axis.plot(1e3 * times, place, ".", color="#0072B2", markersize=3)
        axis.set(title=condition.replace("_", " "), xlabel="time since the cue (ms)")
        axis.set(xlim=(0, 1e3 * AFTER), ylim=(-0.5, 0.5))
    made.axes[0].set(ylabel="place ahead of the cue (tracks)")
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
