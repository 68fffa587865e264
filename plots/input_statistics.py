"""What cells make of rhythmic, coincident, fluctuating and moving input, and without each of these.

python plots/input_statistics.py [-o plots/input_statistics.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "input_statistics.yaml"
BEGIN, END = 0.5, 20.0  # seconds
RHYTHMS = {"slow": 4.0, "fast": 64.0}  # Hz
TURNS = 0.5  # of the bump, per second
BIN = 0.05  # seconds, in which spikes are counted


def times_of(run: thalia.Run, population: str) -> np.ndarray:
    """The times of the spikes of a population after the begin, in seconds."""
    times = run.spikes[population].times
    return times[times >= BEGIN]


def locking(run: thalia.Run, population: str) -> float:
    """The vector strength of the spikes in the rhythm of the input, 0 to 1."""
    return float(abs(np.exp(2j * np.pi * RHYTHMS[population] * times_of(run, population)).mean()))


def rate(run: thalia.Run, population: str) -> float:
    """The rate of a population, in Hz."""
    return len(times_of(run, population)) / run.spikes[population].size / (END - BEGIN)


def correlation(run: thalia.Run, population: str) -> float:
    """The mean correlation of the counts of two cells."""
    spikes = run.spikes[population]
    edges = [np.arange(spikes.size + 1) - 0.5, np.arange(BEGIN, END + 1e-9, BIN)]
    counts = np.histogram2d(spikes.neurons, spikes.times, edges)[0]
    matrix = np.corrcoef(counts)
    return float((matrix.sum() - len(matrix)) / (len(matrix) * (len(matrix) - 1)))


def following(run: thalia.Run) -> float:
    """How well the place of the spikes on the ring follows the bump that moves, 0 to 1."""
    spikes = run.spikes["ring"]
    late = spikes.times >= BEGIN
    place = spikes.neurons[late] / spikes.size - TURNS * (spikes.times[late] - BEGIN)
    return float(abs(np.exp(2j * np.pi * place).mean()))


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """The measures of all kinds of input."""
    return {
        "slow rhythm": locking(run, "slow"),
        "fast rhythm": locking(run, "fast"),
        "inputs (Hz)": rate(run, "inputs"),
        "coincident (Hz)": rate(run, "coincident"),
        "correlation": correlation(run, "fluctuating"),
        "following": following(run),
    }


def figure(study: thalia.Study) -> Figure:
    """Spikes of the first second and a half, of the baseline."""
    made = Figure(figsize=(10, 4), layout="constrained")
    run = study.runs["baseline"][min(study.runs["baseline"])]
    shown = ("slow", "fast", "coincident", "fluctuating", "ring")
    for axis, population in zip(made.subplots(1, len(shown), sharex=True), shown, strict=True):
        spikes = run.spikes[population]
        early = spikes.times < 2.0
        axis.plot(spikes.times[early], spikes.neurons[early], ".", markersize=1, color="black")
        axis.set(title=population, xlabel="time (s)", yticks=[])
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
