"""Two channels of the striatum at rest and asked to act, with and without parts of inhibition.

python plots/striatum.py [-o plots/striatum.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "striatum.yaml"
WIDTH = 0.05  # seconds
PUBLISHED = {
    "d1, rest (Hz)": "0.1 (Lindahl & Kotaleski 2016)",
    "d2, rest (Hz)": "0.1 (Lindahl & Kotaleski 2016)",
    "fsi, rest (Hz)": "15 (Lindahl & Kotaleski 2016)",
}
COLOURS = {"left.d1": "#D55E00", "right.d1": "#0072B2"}


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates at rest, and of the projection cells of the requested and the other channel, in Hz.

    Each is the mean over both sides.
    """
    rates = run.results["rates_by_phase_hz"]
    sides = ("left", "right")
    found = {
        f"{cell}, rest (Hz)": np.mean([rates["rest"][f"{side}.{cell}"] for side in sides])
        for cell in ("d1", "d2", "fsi", "tan")
    }
    for cell in ("d1", "d2"):
        found[f"{cell}, requested channel (Hz)"] = np.mean(
            [rates[side][f"{side}.{cell}"] for side in sides]
        )
        found[f"{cell}, other channel (Hz)"] = np.mean(
            [rates[side][f"{other}.{cell}"] for side, other in (sides, sides[::-1])]
        )
    return {key: float(value) for key, value in found.items()}


def figure(study: thalia.Study) -> Figure:
    """The figure, of the first seed."""
    made = Figure(figsize=(11, 4.6), layout="constrained")
    axes = made.subplots(2, len(study.runs), sharex=True, sharey="row")
    for column, (condition, runs) in enumerate(study.runs.items()):
        _draw_run(axes[:, column], runs[min(runs)])
        axes[0, column].set(title=condition.replace("baseline", "whole").replace("_", " "))
    axes[0, 0].set(ylabel="D1 cell, 485 a channel")
    axes[1, 0].set(ylabel="rate of D1 cells (Hz)")
    axes[1, 0].legend(fontsize=8, frameon=False)
    return made


def _draw_run(axes, run: thalia.Run) -> None:
    for row, (population, colour) in enumerate(COLOURS.items()):
        spikes = run.spikes[population]
        axes[0].plot(spikes.times, spikes.neurons + 500 * row, ".", ms=1, color=colour)
        rate = thalia.analysis.population_rate(spikes.times, spikes.size, run.duration, WIDTH)
        axes[1].plot(
            (np.arange(len(rate)) + 0.5) * WIDTH,
            rate,
            color=colour,
            lw=1.2,
            label=population.removesuffix(".d1"),
        )
        for axis in axes:
            axis.axvspan(2 + 2 * row, 3 + 2 * row, color=colour, alpha=0.12, lw=0)
    axes[1].set(xlabel="time (s)", xlim=(1, run.duration))


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)
