"""The output of two channels of the basal ganglia where one is asked to act, whole and with each of three ways cut.

python plots/basal_ganglia.py [-o plots/basal_ganglia.png] [--seeds 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis.spike_trains import bootstrap_interval, population_rate
from thalia.compiler.expand import expand

CIRCUIT = Path(__file__).parent.parent / "circuits" / "basal_ganglia.yaml"
CONDITIONS = {
    "whole": (),
    "no direct way": ("direct_",),
    "no indirect way": ("indirect_",),
    "no subthalamic reach": ("subthalamic_",),
}  # and how the pathways that are cut begin
SIDES = ("left", "right")
CELLS = ("gpe", "stn", "snr", "gpi")
WIDTH = 0.05  # seconds
COLOURS = {"left": "#D55E00", "right": "#0072B2"}


def simulated(seed: int, condition: str, folder: Path) -> thalia.Run:
    """The circuit with a seed, in one of `CONDITIONS`."""
    circuit = expand(thalia.load(CIRCUIT))
    cut = CONDITIONS[condition]
    pathways = {
        name: pathway for name, pathway in circuit.pathways.items() if not name.startswith(cut)
    }
    return thalia.run(
        circuit.with_(pathways=pathways), seed=seed, output=folder / "run.h5", overwrite=True
    )


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates at rest, and of the pars reticulata of the channel that is asked and of the other, in Hz, the mean of both ways."""
    rates = run.results["rates_by_phase_hz"]
    found = {
        f"rest {cell}": np.mean([rates["rest"][f"{side}_output.{cell}"] for side in SIDES])
        for cell in CELLS
    }
    found["asked snr"] = np.mean([rates[side][f"{side}_output.snr"] for side in SIDES])
    found["other snr"] = np.mean(
        [rates[side][f"{other}_output.snr"] for side, other in (SIDES, SIDES[::-1])]
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
        print(condition, {key: f"{mean:.1f} +- {half:.1f}" for key, (mean, half) in told.items()})
    axes[0, 0].set(ylabel="D1 cells (Hz)")
    axes[1, 0].set(ylabel="pars reticulata (Hz)", ylim=(0, None))
    axes[1, 0].legend(fontsize=8, frameon=False)
    return figure


def _draw_run(axes, run: thalia.Run) -> None:
    for start, (side, colour) in zip((2, 4), COLOURS.items(), strict=True):
        for axis, population in zip(axes, (f"{side}.d1", f"{side}_output.snr"), strict=True):
            spikes = run.spikes[population]
            rate = population_rate(spikes.times, spikes.size, run.duration, WIDTH)
            axis.plot((np.arange(len(rate)) + 0.5) * WIDTH, rate, color=colour, lw=1.2, label=side)
            axis.axvspan(start, start + 1, color=colour, alpha=0.12, lw=0)
    axes[1].set(xlabel="time (s)", xlim=(1, run.duration))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    draw(options.seeds).savefig(options.output, dpi=160)
