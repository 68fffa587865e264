"""Two channels of the striatum at rest and asked to act, whole, without fast-spiking inhibition, and without collaterals.

python plots/striatum.py [-o plots/striatum.png] [--seeds 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis.spike_trains import bootstrap_interval, population_rate
from thalia.compiler.expand import expand

CIRCUIT = Path(__file__).parent.parent / "circuits" / "striatum.yaml"
CONDITIONS = ("whole", "no fast-spiking inhibition", "no inhibition across", "no collaterals")
CUT = {
    "no fast-spiking inhibition": ("feedforward", "_to_right.", "_to_left."),
    "no inhibition across": ("left_to_right", "right_to_left"),
    "no collaterals": ("collaterals",),
}
WIDTH = 0.05  # seconds
COLOURS = {"left.d1": "#D55E00", "right.d1": "#0072B2"}


def simulated(seed: int, condition: str, folder: Path) -> thalia.Run:
    """The circuit with a seed, in one of `CONDITIONS`."""
    circuit = expand(thalia.load(CIRCUIT))
    cut = CUT.get(condition, ())
    pathways = {
        name: pathway
        for name, pathway in circuit.pathways.items()
        if not any(word in name for word in cut)
    }
    return thalia.run(
        circuit.with_(pathways=pathways), seed=seed, output=folder / "run.h5", overwrite=True
    )


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates at rest, and those of D1 cells of the channel that is asked and of the other, in Hz, the mean of both ways."""
    rates = run.results["rates_by_phase_hz"]
    sides = ("left", "right")
    found = {
        f"rest {cell}": np.mean([rates["rest"][f"{side}.{cell}"] for side in sides])
        for cell in ("d1", "d2", "fsi")
    }
    for cell in ("d1", "d2"):
        found[f"asked {cell}"] = np.mean([rates[side][f"{side}.{cell}"] for side in sides])
        found[f"other {cell}"] = np.mean(
            [rates[side][f"{other}.{cell}"] for side, other in (sides, sides[::-1])]
        )
    return {key: float(value) for key, value in found.items()}


def draw(seeds: int) -> Figure:
    """The figure, of the first seed; the numbers of all seeds are printed."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots(2, len(CONDITIONS), sharex=True, sharey="row")
    for column, condition in enumerate(CONDITIONS):
        found: dict[str, list[float]] = {}
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                run = simulated(seed, condition, Path(folder))
                for key, value in numbers(run).items():
                    found.setdefault(key, []).append(value)
                if seed == 1:
                    _draw_run(axes[:, column], run)
        axes[0, column].set(title=condition)
        told = {key: bootstrap_interval(np.array(values)) for key, values in found.items()}
        print(condition, {key: f"{mean:.2f} +- {half:.2f}" for key, (mean, half) in told.items()})
    axes[0, 0].set(ylabel="D1 cell, 485 a channel")
    axes[1, 0].set(ylabel="rate of D1 cells (Hz)")
    axes[1, 0].legend(fontsize=8, frameon=False)
    return figure


def _draw_run(axes, run: thalia.Run) -> None:
    for row, (population, colour) in enumerate(COLOURS.items()):
        spikes = run.spikes[population]
        axes[0].plot(spikes.times, spikes.neurons + 500 * row, ".", ms=1, color=colour)
        rate = population_rate(spikes.times, spikes.size, run.duration, WIDTH)
        axes[1].plot(
            (np.arange(len(rate)) + 0.5) * WIDTH,
            rate,
            color=colour,
            lw=1.2,
            label=population.removesuffix(".d1"),
        )
        for axis in axes:
            axis.axvspan(2 + 2 * row, 3 + 2 * row, color=colour, alpha=0.12, lw=0)
    axes[1].set(xlabel="time (s)", xlim=(1, run.duration))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    draw(options.seeds).savefig(options.output, dpi=160)
