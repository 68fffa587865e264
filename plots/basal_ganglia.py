"""Two channels of the basal ganglia, one of which is asked to act, and the effect of three lesions.

python plots/basal_ganglia.py [-o plots/basal_ganglia.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "basal_ganglia.yaml"
SIDES = ("left", "right")
CELLS = ("gpe", "stn", "snr", "gpi")
WIDTH = 0.05  # seconds
PUBLISHED = {
    "gpe, rest (Hz)": "30 (Lindahl & Kotaleski 2016)",
    "stn, rest (Hz)": "10 (Lindahl & Kotaleski 2016)",
    "snr, rest (Hz)": "30 (Lindahl & Kotaleski 2016)",
}
COLOURS = {"left": "#D55E00", "right": "#0072B2"}


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates at rest, and of the pars reticulata of the requested and the other channel, in Hz.

    Each is the mean over both sides.
    """
    rates = run.results["rates_by_phase_hz"]
    found = {
        f"{cell}, rest (Hz)": np.mean([rates["rest"][f"{side}_output.{cell}"] for side in SIDES])
        for cell in CELLS
    }
    found["snr, requested channel (Hz)"] = np.mean(
        [rates[side][f"{side}_output.snr"] for side in SIDES]
    )
    found["snr, other channel (Hz)"] = np.mean(
        [rates[side][f"{other}_output.snr"] for side, other in (SIDES, SIDES[::-1])]
    )
    return {key: float(value) for key, value in found.items()}


def figure(study: thalia.Study) -> Figure:
    """The figure, of the first seed."""
    made = Figure(figsize=(11, 4.6), layout="constrained")
    axes = made.subplots(2, len(study.runs), sharex=True, sharey="row")
    for column, (condition, runs) in enumerate(study.runs.items()):
        _draw_run(axes[:, column], runs[min(runs)])
        axes[0, column].set(title=condition.replace("baseline", "whole").replace("_", " "))
    axes[0, 0].set(ylabel="D1 cells (Hz)")
    axes[1, 0].set(ylabel="pars reticulata (Hz)", ylim=(0, None))
    axes[1, 0].legend(fontsize=8, frameon=False)
    return made


def _draw_run(axes, run: thalia.Run) -> None:
    for start, (side, colour) in zip((2, 4), COLOURS.items(), strict=True):
        for axis, population in zip(axes, (f"{side}.d1", f"{side}_output.snr"), strict=True):
            spikes = run.spikes[population]
            rate = thalia.analysis.population_rate(spikes.times, spikes.size, run.duration, WIDTH)
            axis.plot((np.arange(len(rate)) + 0.5) * WIDTH, rate, color=colour, lw=1.2, label=side)
            axis.axvspan(start, start + 1, color=colour, alpha=0.12, lw=0)
    axes[1].set(xlabel="time (s)", xlim=(1, run.duration))


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)
