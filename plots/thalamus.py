"""Spindles of a thalamic nucleus asleep, single spikes awake, and neither without the inhibition between its cells.

python plots/thalamus.py [-o plots/thalamus.png] [--seeds 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis import spike_trains
from thalia.analysis.spike_trains import bootstrap_interval, burst_fraction, population_rate
from thalia.compiler.expand import expand

CIRCUIT = Path(__file__).parent.parent / "circuits" / "thalamus.yaml"
RELAY, LOOP = "lgn.relay", "lgn.reticular_to_relay"
WIDTH = 0.005  # seconds
SHORT = 0.0055  # seconds: intervals within a burst
INK, BLUE, RED = "#222222", "#0072B2", "#D55E00"


def simulated(seed: int, inhibition: bool, folder: Path) -> thalia.Run:
    """The circuit with a seed, with or without inhibition of its relay cells."""
    circuit = expand(thalia.load(CIRCUIT))
    pathways = {
        name: pathway for name, pathway in circuit.pathways.items() if inhibition or name != LOOP
    }
    return thalia.run(
        circuit.with_(pathways=pathways), seed=seed, output=folder / "run.h5", overwrite=True
    )


def spectrum(run: thalia.Run, phase: str) -> tuple[np.ndarray, np.ndarray]:
    """Frequency, and power of the rate of the relay cells over its median between 1 and 50 Hz."""
    (start, stop), spikes = within(run, phase), run.spikes[RELAY]
    late = spikes.times[(spikes.times >= start) & (spikes.times < stop)]
    rate = population_rate(late - start, spikes.size, stop - start, WIDTH)
    return spike_trains.spectrum(rate, WIDTH, 1, 50)


def within(run: thalia.Run, phase: str) -> tuple[float, float]:
    """Start and end of a phase, in seconds."""
    return next((start, stop) for name, start, stop in run.phases if name == phase)


def numbers(run: thalia.Run, phase: str) -> dict[str, float]:
    """Frequency and height of the highest peak of the spectrum, rate, and fraction of spikes in bursts."""
    frequency, power = spectrum(run, phase)
    (start, stop), spikes = within(run, phase), run.spikes[RELAY]
    late = (spikes.times >= start) & (spikes.times < stop)
    bursts = burst_fraction(spikes.times[late], spikes.neurons[late], SHORT, least=2)
    return {
        "peak": float(frequency[power.argmax()]), "height": float(power.max()),
        "rate": run.results["rates_by_phase_hz"][phase][RELAY], "bursts": bursts or 0.0,
    }  # fmt: skip


def draw(seeds: int) -> Figure:
    """The figure; the numbers of all seeds are printed."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=[1.3, 1])
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(1, seeds + 1):
        for inhibition in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                run = simulated(seed, inhibition, Path(folder))
                for phase in ("asleep", "awake"):
                    found.setdefault(
                        f"{phase}{'' if inhibition else ', no inhibition'}", []
                    ).append(numbers(run, phase))
                    if seed == 1:
                        colour, style = (
                            (BLUE if phase == "asleep" else RED),
                            ("-" if inhibition else ":"),
                        )
                        lower.plot(
                            *spectrum(run, phase),
                            style,
                            color=colour,
                            lw=1.2,
                            label=list(found)[-1],
                        )
                if seed == 1 and inhibition:
                    spikes = run.spikes[RELAY]
                    upper.plot(spikes.times, spikes.neurons, ".", ms=1, color=INK)
    upper.set(
        title="relay cells, seed 1: asleep until 6 s, awake after",
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
    for condition, each in found.items():
        told = {key: bootstrap_interval(np.array([one[key] for one in each])) for key in each[0]}
        print(condition, {key: f"{mean:.2f} +- {half:.2f}" for key, (mean, half) in told.items()})
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    draw(options.seeds).savefig(options.output, dpi=160)
