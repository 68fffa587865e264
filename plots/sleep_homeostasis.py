"""Responses, weights, adenosine and sleep pressure in a day and a night, and controls.

python plots/sleep_homeostasis.py [-o plots/sleep_homeostasis.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "sleep_homeostasis.yaml"
EVENING, MIDNIGHT, MORNING = 160.0, 200.0, 240.0  # seconds
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73")


def rate(run: thalia.Run, begin: float, end: float) -> float:
    """The rate of cortex, in Hz."""
    spikes = run.spikes["cortex"]
    within = (spikes.times >= begin) & (spikes.times < end)
    return float(np.count_nonzero(within)) / spikes.size / (end - begin)


def weight(run: thalia.Run) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds, and the mean weight of what cortex hears, in pA."""
    weights = run.weights["hear"]
    return weights.time, weights.w.mean(axis=1)


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """What the day and the night do to responses and weights."""
    times, mean = weight(run)
    return {
        "response late in the day (Hz)": rate(run, EVENING - 20, EVENING),
        "weight in the evening (pA)": float(mean[np.searchsorted(times, EVENING)]),
        "weight in the morning (pA)": float(mean[-1]),
        "slow waves until midnight (Hz)": rate(run, EVENING, MIDNIGHT),
        "slow waves after it (Hz)": rate(run, MIDNIGHT, MORNING),
    }


def figure(study: thalia.Study) -> Figure:
    """Modulators, weights and rates over time, of the first seed of each condition."""
    made = Figure(figsize=(10, 3.6), layout="constrained")
    levels, weights, rates = made.subplots(1, 3, sharex=True)
    bins = np.arange(0, MORNING + 1, 10)
    for (condition, runs), colour in reversed(list(zip(study.runs.items(), COLOURS, strict=True))):
        run = runs[min(runs)]
        for name, style in (("adenosine", "-"), ("pressure", "--")):
            level = run.modulators[name]
            levels.plot(level.time, level.value, style, color=colour)
        weights.plot(*weight(run), color=colour, label=condition.replace("_", " "))
        counts = np.histogram(run.spikes["cortex"].times, bins)[0]
        rates.step(bins[1:], counts / run.spikes["cortex"].size / 10, color=colour)
    levels.set(ylabel="adenosine (–), pressure (- -)")
    weights.set(ylabel="mean weight (pA)")
    weights.legend(frameon=False, fontsize=8, loc="upper left")
    weights.set(ylim=(None, 1.4 * weights.get_ylim()[1]))
    rates.set(ylabel="rate of cortex (Hz)")
    for axis in made.axes:
        axis.axvspan(EVENING, MORNING, color="#eeeeee", zorder=0)
        axis.set(xlabel="time (s)")
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
