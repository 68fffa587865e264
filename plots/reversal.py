"""A choice learned by dopamine and then reversed: rates at the cue, trial by trial, and controls.

python plots/reversal.py [-o plots/reversal.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.figures import band

CIRCUIT = Path(__file__).parent.parent / "circuits" / "reversal.yaml"
PERIOD, CUE, ACTION, TRIALS = (
    3.0,
    1.05,
    1.5,
    40,
)  # seconds; the first spikes of a cue take 12 ms and some more to act
LAST = 6  # trials at the end of a phase that are reported
SIDES = {"left": "#D55E00", "right": "#0072B2"}


def at_the_cue(run: thalia.Run, population: str) -> np.ndarray:
    """Mean rate of a population between cue and action, in Hz, (n_trials,)."""
    spikes = run.spikes[population]
    starts = np.arange(TRIALS) * PERIOD + CUE
    times = np.sort(spikes.times)
    return (
        (np.searchsorted(times, starts + ACTION - CUE) - np.searchsorted(times, starts))
        / (ACTION - CUE)
        / spikes.size
    )


def rates(run: thalia.Run) -> dict[str, np.ndarray]:
    """Rates at the cue of the projection cells of both channels, in Hz, (n_trials,) each."""
    return {
        f"{side}.{cell}": at_the_cue(run, f"{side}.{cell}")
        for cell in ("d1", "d2")
        for side in SIDES
    }


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates in the last trials of each phase, and how often left D1 cells fire more."""
    found, half = rates(run), TRIALS // 2
    spans = {"learned": slice(half - LAST, half), "reversed": slice(TRIALS - LAST, TRIALS)}
    told = {
        f"{name}, {span} (Hz)": float(values[part].mean())
        for span, part in spans.items()
        for name, values in found.items()
    }
    chosen = found["left.d1"] > found["right.d1"]
    return told | {
        f"left ahead, {span} (share)": float(chosen[part].mean()) for span, part in spans.items()
    }


def figure(study: thalia.Study) -> Figure:
    """The figure, of all seeds with their 95 % intervals."""
    made = Figure(figsize=(11, 4.6), layout="constrained")
    axes = made.subplots(2, len(study.runs), sharex=True, sharey=True)
    for column, (condition, runs) in enumerate(study.runs.items()):
        _draw_condition(axes[:, column], [rates(run) for run in runs.values()])
        axes[0, column].set(title=condition.replace("baseline", "whole").replace("_", " "))
    for row, cell in enumerate(("D1", "D2")):
        axes[row, 0].set(ylabel=f"{cell} cells at the cue (Hz)", ylim=(0, None))
    axes[0, 0].legend(fontsize=8, frameon=False, loc="upper left")
    return made


def _draw_condition(axes, found: list[dict[str, np.ndarray]]) -> None:
    trials = np.arange(TRIALS) + 1
    for axis, cell in zip(axes, ("d1", "d2"), strict=True):
        axis.axvline(TRIALS / 2 + 0.5, color="#999999", lw=0.8, ls="--")
        for side, colour in SIDES.items():
            values = np.array([each[f"{side}.{cell}"] for each in found])
            band(axis, trials, values, colour, lw=1.2, label=side)
    axes[1].set(xlabel="trial")


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
