"""Rates while input is low and after it is back, with scaling and without.

python plots/deprivation.py [-o plots/deprivation.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "deprivation.yaml"
TARGETS = {"cortex": 5.0, "hippocampus": 2.0, "striatum": 2.0}  # Hz
COLOURS = {"cortex": "#0072B2", "hippocampus": "#D55E00", "striatum": "#009E73"}
BIN, LATE = 20.0, 100.0  # seconds
NEAR = 0.15  # of the target, within which a rate is back


def rates(run: thalia.Run, population: str) -> np.ndarray:
    """Rate in bins of 20 s from the beginning, in Hz."""
    spikes = run.spikes[population]
    edges = np.arange(0, run.duration + BIN / 2, BIN)
    return np.histogram(spikes.times, edges)[0] / spikes.size / BIN


def return_time(course: np.ndarray, target: float) -> float:
    """Seconds to the end of the first of two bins in a row near the target; all without any."""
    near = abs(course - target) < NEAR * target
    both = np.flatnonzero(near[:-1] & near[1:])
    return BIN * (both[0] + 1 if len(both) else len(course))


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Rates before, just after both changes and late after them, and the times to return."""
    found = {}
    for population, target in TARGETS.items():
        course = rates(run, population)
        for phase, start, stop in run.phases:
            inside = course[round(start / BIN) : round(stop / BIN)]
            found[f"{population} {phase}, first 20 s, Hz"] = inside[0]
            found[f"{population} {phase}, last 100 s, Hz"] = inside[-round(LATE / BIN) :].mean()
            if phase != "before":
                found[f"{population} {phase}, back after, s"] = return_time(inside, target)
    return found


def figure(study: thalia.Study) -> Figure:
    """Rates over their targets against time, with 95 % intervals over seeds, for each condition."""
    made = Figure(figsize=(9, 3.2), layout="constrained")
    axes = made.subplots(1, len(study.runs), sharey=True)
    for axis, (condition, runs) in zip(axes, study.runs.items(), strict=True):
        for population, target in TARGETS.items():
            courses = np.array([rates(run, population) / target for run in runs.values()])
            times = BIN * (np.arange(courses.shape[1]) + 0.5)
            intervals = [thalia.analysis.mean_interval(column) for column in courses.T]
            mean, half = np.array([(each.mean, each.half) for each in intervals]).T
            axis.plot(times, mean, color=COLOURS[population], label=population)
            axis.fill_between(
                times, mean - half, mean + half, color=COLOURS[population], alpha=0.2, lw=0
            )
        _, start, stop = next(iter(runs.values())).phases[1]
        axis.axvspan(start, stop, color="#999999", alpha=0.2, lw=0)
        axis.axhline(1, color="#999999", lw=0.8)
        axis.set(title=condition.replace("_", " "), xlabel="time (s)", ylim=(0, 3))
    axes[0].set(ylabel="rate / target")
    axes[0].legend(frameon=False, fontsize=8)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
