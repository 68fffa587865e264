"""Projection neurons of the striatum that inhibition returns to their rate, if it is plastic.

python plots/striatal_balance.py [-o plots/striatal_balance.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "striatal_balance.yaml"
CELLS = ("d1", "d2")
DRIVEN, SPAN, WIDTH = 15.0, 5.0, 2.5  # seconds: when the drive rises, what is averaged, and bins
TARGET = 1.0  # Hz
COLOURS = {"baseline": "#D55E00", "plasticity_off": "#222222"}


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates in Hz just before the drive rises, just after it, and in the end; weights in nS."""
    spans = {
        "before": DRIVEN - SPAN,
        "just after": DRIVEN,
        "in the end": run.duration - SPAN,
    }
    found = {
        f"{cell}, {name} (Hz)": _rate(run, cell, begin)
        for cell in CELLS
        for name, begin in spans.items()
    }
    for cell in CELLS:
        inhibition = run.weights[f"channel.feedforward.channel_fsi_to_channel_{cell}"]
        found[f"weight on {cell}, in the end (nS)"] = float(np.mean(inhibition.w[-1]))
    return found


def _rate(run: thalia.Run, cell: str, begin: float) -> float:
    spikes = run.spikes[f"channel.{cell}"]
    inside = (spikes.times >= begin) & (spikes.times < begin + SPAN)
    return float(np.count_nonzero(inside) / spikes.size / SPAN)


def figure(study: thalia.Study) -> Figure:
    """Rates over time with and without plasticity, each seed a line."""
    made = Figure(figsize=(9, 3.6), layout="constrained")
    axes = made.subplots(1, len(CELLS), sharex=True, sharey=True)
    for axis, cell in zip(axes, CELLS, strict=True):
        for condition, colour in COLOURS.items():
            for number, run in enumerate(study.runs[condition].values()):
                label = condition.replace("baseline", "plastic").replace("_", " ")
                _draw(axis, run, cell, color=colour, label=None if number else label)
        axis.axvline(DRIVEN, color="#bbbbbb", lw=1, ls=":")
        axis.axhline(TARGET, color="#bbbbbb", lw=1)
        axis.set(title=f"{cell.upper()} cells", xlabel="time (s)", ylim=(0, None))
    axes[0].set(ylabel="rate (Hz)")
    axes[1].legend(fontsize=8, frameon=False)
    return made


def _draw(axis, run: thalia.Run, cell: str, **style) -> None:
    spikes = run.spikes[f"channel.{cell}"]
    rate = thalia.analysis.population_rate(spikes.times, spikes.size, run.duration, WIDTH)
    axis.plot((np.arange(len(rate)) + 0.5) * WIDTH, rate, lw=1, **style)


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
