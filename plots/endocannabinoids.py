"""Suppression of inhibition and of excitation after a burst: conductances, rates, and controls.

python plots/endocannabinoids.py [-o plots/endocannabinoids.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.figures import band

CIRCUIT = Path(__file__).parent.parent / "circuits" / "endocannabinoids.yaml"
BEFORE, EARLY, LATE = (2.0, 10.0), (11.5, 14.5), (70.0, 90.0)  # seconds; the burst is from 10 to 11
SECONDS = np.arange(0, 90)
LEAST = 0.1  # of what is lost, below which nothing recovers
RECOVERY = np.arange(11.5, 51.5, 2.0)  # borders of the bins from which the time constant is fitted
# the trace of each kind of input, and its variable
CONDUCTANCES = {
    "cck": ("inhibition", "gaba_a_g"),
    "pv": ("inhibition", "gaba_a_2_g"),
    "layer 5": ("excitation", "ampa_g"),
    "layer 2/3": ("excitation", "ampa_2_g"),
}
WITH_RECEPTORS = ("cck", "layer 5")
PANELS = (  # title, source whose terminals have receptors, one whose have none, and the cells
    ("hippocampus, inhibition", "cck", "pv", "bursting"),
    ("layer 5 of the cortex, excitation", "layer 5", "layer 2/3", "layer_5"),
)
COLOURS = {"baseline": "#D55E00", "receptors_blocked": "#0072B2", "no_burst": "#888888"}


def conductance(run: thalia.Run, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds, and the mean conductance from one source onto the cells that burst."""
    name, variable = CONDUCTANCES[source]
    trace = run.traces[name]
    return trace.time, trace[variable].mean(axis=1)


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
    """The share of each input that is lost early and late, its recovery, and changes of rates."""
    found = {}
    for source in CONDUCTANCES:
        times, values = conductance(run, source)
        relative = values / mean_within(times, values, BEFORE)
        early = found[f"{source} lost early"] = 1 - mean_within(times, relative, EARLY)
        found[f"{source} lost late"] = 1 - mean_within(times, relative, LATE)
        if source in WITH_RECEPTORS:
            lost = early > LEAST
            found[f"{source} recovery (s)"] = recovery(times, relative) if lost else np.nan
    for population in ("bursting", "neighbours", "layer_5"):
        early, before = (rate(run, population, span) for span in (EARLY, BEFORE))
        found[f"{population} before (Hz)"] = before
        found[f"{population} more early (Hz)"] = early - before
    return found


def figure(study: thalia.Study) -> Figure:
    """Conductances relative to those before the burst, and rates, over seeds with intervals."""
    made = Figure(figsize=(10, 5.6), layout="constrained")
    axes = made.subplots(2, 2, sharex=True, sharey="row")
    for place, (title, with_receptors, without, population) in enumerate(PANELS):
        upper, lower = axes[:, place]
        for condition, runs in study.runs.items():
            lost = np.array([_relative(run, with_receptors) for run in runs.values()])
            label = f"{with_receptors}, {condition.replace('baseline', 'as written')}"
            band(upper, SECONDS + 0.5, lost, COLOURS[condition], label=label.replace("_", " "))
            twos = SECONDS[::2]
            rates = [[rate(run, population, (s, s + 2)) for s in twos] for run in runs.values()]
            band(lower, twos + 1, np.array(rates), COLOURS[condition])
        spared = np.array([_relative(run, without) for run in study.runs["baseline"].values()])
        band(upper, SECONDS + 0.5, spared, "black", ls=":", label=f"{without}, as written")
        upper.set(title=title, ylim=(0, 1.8))
        upper.legend(frameon=False, fontsize=8, ncols=2)
        lower.set(xlabel="time (s); the burst is from 10 to 11 s", ylim=(0, 16))
    axes[0, 0].set(ylabel="conductance (before = 1)")
    axes[1, 0].set(ylabel="rate (Hz)")
    return made


def _relative(run: thalia.Run, source: str) -> list[float]:
    """The conductance from a source in each second, relative to that before the burst."""
    times, values = conductance(run, source)
    relative = values / mean_within(times, values, BEFORE)
    return [mean_within(times, relative, (s, s + 1)) for s in SECONDS]


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
