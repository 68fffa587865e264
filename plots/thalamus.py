"""Spindles of a thalamic nucleus asleep, single spikes awake, and no spindles without inhibition.

python plots/thalamus.py [-o plots/thalamus.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "thalamus.yaml"
RELAY = "lgn.relay"
WIDTH = 0.005  # seconds
SHORT = 0.0055  # seconds: intervals within a burst
PUBLISHED = {"peak of the spectrum, asleep (Hz)": "7 to 15 (spindles; from memory)"}
INK, BLUE, RED = "#222222", "#0072B2", "#D55E00"


def spectrum(run: thalia.Run, phase: str) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies from 1 to 50 Hz, and power of the relay cells' rate relative to its median."""
    (start, stop), spikes = within(run, phase), run.spikes[RELAY]
    late = spikes.times[(spikes.times >= start) & (spikes.times < stop)]
    rate = thalia.analysis.population_rate(late - start, spikes.size, stop - start, WIDTH)
    return thalia.analysis.spectrum(rate, WIDTH, 1, 50)


def within(run: thalia.Run, phase: str) -> tuple[float, float]:
    """Start and end of a phase, in seconds."""
    return next((start, stop) for name, start, stop in run.phases if name == phase)


def numbers(run: thalia.Run) -> dict[str, float]:
    """Frequency and height of the largest peak, rate, spikes in bursts, and of those by chance."""
    return {
        name.format(phase): value
        for phase in ("asleep", "awake")
        for name, value in _numbers_of(run, phase).items()
    }


def _numbers_of(run: thalia.Run, phase: str) -> dict[str, float]:
    frequency, power = spectrum(run, phase)
    (start, stop), spikes = within(run, phase), run.spikes[RELAY]
    late = (spikes.times >= start) & (spikes.times < stop)
    bursts = thalia.analysis.burst_fraction(
        spikes.times[late], spikes.neurons[late], SHORT, least=2
    )
    by_chance = thalia.analysis.bursts_by_chance(spikes.neurons[late], stop - start, SHORT, least=2)
    return {
        "peak of the spectrum, {} (Hz)": float(frequency[power.argmax()]),
        "its height, {} (times the median)": float(power.max()),
        "rate, {} (Hz)": run.results["rates_by_phase_hz"][phase][RELAY],
        "spikes in bursts, {} (share)": bursts or 0.0,
        "spikes in bursts by chance, {} (share)": by_chance,
    }


def figure(study: thalia.Study) -> Figure:
    """The figure, of the first seed."""
    made = Figure(figsize=(10, 4.6), layout="constrained")
    upper, lower = made.subplots(2, 1, height_ratios=[1.3, 1])
    first = min(study.runs["baseline"])
    spikes = study.runs["baseline"][first].spikes[RELAY]
    upper.plot(spikes.times, spikes.neurons, ".", ms=1, color=INK)
    for (condition, runs), style in zip(study.runs.items(), ("-", ":"), strict=True):
        for phase, colour in (("asleep", BLUE), ("awake", RED)):
            label = phase if condition == "baseline" else f"{phase}, {condition.replace('_', ' ')}"
            lower.plot(*spectrum(runs[first], phase), style, color=colour, lw=1.2, label=label)
    upper.set(
        title=f"relay cells, seed {first}: asleep until 6 s, awake after",
        ylabel="cell",
        xlabel="time (s)",
        xlim=(0, 12),
    )
    lower.axvspan(7, 15, color=BLUE, alpha=0.08, lw=0)
    lower.set(
        yscale="log",
        xlabel="frequency (Hz)",
        ylabel="power over median",
        ylim=(0.05, None),
        xlim=(1, 50),
    )
    lower.legend(fontsize=8, frameon=False, ncols=2)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)
