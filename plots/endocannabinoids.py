"""Suppression of inhibition after a burst: inhibitory conductances and rates, and controls.

python plots/endocannabinoids.py [-o plots/endocannabinoids.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "endocannabinoids.yaml"
BEFORE, EARLY, LATE = (2.0, 10.0), (11.5, 14.5), (70.0, 90.0)  # seconds; the burst is from 10 to 11
LEAST = 0.1  # of what is lost, below which nothing recovers
RECOVERY = np.arange(11.5, 51.5, 2.0)  # borders of the bins from which the time constant is fitted
CONDUCTANCES = {"cck": "gaba_a_g", "pv": "gaba_a_2_g"}
COLOURS = {"baseline": "#D55E00", "receptors_blocked": "#0072B2", "no_burst": "#888888"}


def conductance(run: thalia.Run, cell: str) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds, and the mean conductance of one kind of inhibition of bursting cells."""
    trace = run.traces["inhibition"]
    return trace.time, trace[CONDUCTANCES[cell]].mean(axis=1)


def mean_within(times: np.ndarray, values: np.ndarray, span: tuple[float, float]) -> float:
    """The mean of the values in a span of time."""
    return float(values[(times >= span[0]) & (times < span[1])].mean())


def rate(run: thalia.Run, population: str, span: tuple[float, float]) -> float:
    """The rate of a population in a span of time, in Hz."""
    spikes = run.spikes[population]
    within = (spikes.times >= span[0]) & (spikes.times < span[1])
    return float(np.count_nonzero(within) / spikes.size / (span[1] - span[0]))


def recovery(times: np.ndarray, relative: np.ndarray) -> float:
    """The time constant of the recovery in seconds, by least squares."""
    lost = 1 - np.array([mean_within(times, relative, span) for span in pairwise(RECOVERY)])
    middle = (RECOVERY[:-1] + RECOVERY[1:]) / 2
    candidates = np.geomspace(1, 300, 600)
    decays = np.exp(-(middle - middle[0]) / candidates[:, None])
    scales = (decays @ lost) / (decays**2).sum(axis=1)
    errors = ((scales[:, None] * decays - lost) ** 2).sum(axis=1)
    return float(candidates[errors.argmin()])


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """The share of inhibition that is lost early and late, its recovery, and changes of rates."""
    found = {}
    for cell in CONDUCTANCES:
        times, values = conductance(run, cell)
        relative = values / mean_within(times, values, BEFORE)
        found[f"{cell} lost early"] = 1 - mean_within(times, relative, EARLY)
        found[f"{cell} lost late"] = 1 - mean_within(times, relative, LATE)
        if cell == "cck":
            lost = found["cck lost early"] > LEAST
            found["recovery (s)"] = recovery(times, relative) if lost else np.nan
    for population in ("bursting", "neighbours"):
        early, before = (rate(run, population, span) for span in (EARLY, BEFORE))
        found[f"{population} before (Hz)"] = before
        found[f"{population} more early (Hz)"] = early - before
    return found


def figure(study: thalia.Study) -> Figure:
    """Conductances relative to those before the burst, and rates, of the first seed."""
    made = Figure(figsize=(8, 5.2), layout="constrained")
    upper, lower = made.subplots(2, 1, sharex=True)
    for condition, runs in study.runs.items():
        run = runs[min(runs)]
        times, values = conductance(run, "cck")
        relative = values / mean_within(times, values, BEFORE)
        seconds = np.arange(0, 90)
        binned = [mean_within(times, relative, (s, s + 1)) for s in seconds]
        upper.plot(seconds + 0.5, binned, color=COLOURS[condition], label=condition)
        rates = [rate(run, "bursting", (s, s + 2)) for s in seconds[:-1:2]]
        lower.plot(seconds[:-1:2] + 1, rates, color=COLOURS[condition])
    times, values = conductance(study.runs["baseline"][min(study.runs["baseline"])], "pv")
    relative = values / mean_within(times, values, BEFORE)
    binned = [mean_within(times, relative, (s, s + 1)) for s in np.arange(0, 90)]
    upper.plot(np.arange(0, 90) + 0.5, binned, color="black", linestyle=":", label="PV, baseline")
    upper.set(ylabel="inhibition (before = 1)", ylim=(0, 1.3))
    upper.legend(frameon=False, fontsize=8)
    lower.set(ylabel="rate (Hz)", xlabel="time (s)", ylim=(0, 15))
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
