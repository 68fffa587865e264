"""A cue held over a delay by prefrontal cells, and what is left without the cue, without dopamine, or without NMDA.

python plots/prefrontal.py [-o plots/prefrontal.png] [--seeds 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis.spike_trains import bootstrap_interval, population_rate
from thalia.compiler.expand import expand

CIRCUIT = Path(__file__).parent.parent / "circuits" / "prefrontal.yaml"
NMDA = "pfc.slow."
WIDTH = 0.05  # seconds
CONDITIONS: dict[str, dict[str, str]] = {
    "cue": {},
    "no cue": {"stimuli.cue.rate": "0 Hz"},
    "no dopamine": {"modulators.dopamine.tonic": "0"},
    "NMDA blocked": {},
    "NMDA blocked, more drive": {
        "stimuli.background.rate": "2550 Hz"
    },  # for resting rates near those with NMDA
}
COLOURS = {
    "pfc.first": "#D55E00",
    "pfc.second": "#0072B2",
    "pfc.others": "#999999",
    "pfc.interneurons": "#222222",
}


def simulated(seed: int, condition: str, folder: Path) -> thalia.Run:
    """The circuit with a seed, in one of `CONDITIONS`."""
    circuit = expand(thalia.load(CIRCUIT, set=CONDITIONS[condition]))
    pathways = {
        name: each
        for name, each in circuit.pathways.items()
        if "NMDA" not in condition or not name.startswith(NMDA)
    }
    return thalia.run(
        circuit.with_(pathways=pathways), seed=seed, output=folder / "run.h5", overwrite=True
    )


def rates(run: thalia.Run, phase: str) -> dict[str, float]:
    """Mean rate of every population in a phase, in Hz."""
    return run.results["rates_by_phase_hz"][phase]


def draw(seeds: int) -> Figure:
    """The figure, of the first seed; the numbers of all seeds are printed."""
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    axes = figure.subplots(2, len(CONDITIONS), sharex=True, sharey="row", height_ratios=[1, 1.4])
    for column, condition in enumerate(CONDITIONS):
        found: dict[str, list[float]] = {}
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                run = simulated(seed, condition, Path(folder))
                for population in COLOURS:
                    for phase in ("rest", "delay"):
                        found.setdefault(f"{population} {phase}", []).append(
                            rates(run, phase)[population]
                        )
                if seed == 1:
                    _draw_run(axes[:, column], run)
        axes[0, column].set(title=condition)
        told = {key: bootstrap_interval(np.array(values)) for key, values in found.items()}
        print(condition, {key: f"{mean:.1f} +- {half:.1f}" for key, (mean, half) in told.items()})
    axes[0, 0].set(ylabel="cell, 40 of each group")
    axes[1, 0].set(ylabel="rate (Hz)")
    axes[1, 0].legend(fontsize=7, frameon=False)
    return figure


def _draw_run(axes, run: thalia.Run) -> None:
    for row, (population, colour) in enumerate(COLOURS.items()):
        spikes = run.spikes[population]
        some = spikes.neurons < 40
        axes[0].plot(spikes.times[some], spikes.neurons[some] + 45 * row, ".", ms=0.8, color=colour)
        rate = population_rate(spikes.times, spikes.size, run.duration, WIDTH)
        axes[1].plot(
            (np.arange(len(rate)) + 0.5) * WIDTH,
            rate,
            color=colour,
            lw=1.2,
            label=population.removeprefix("pfc."),
        )
    axes[0].axvspan(2, 2.5, color="#D55E00", alpha=0.12, lw=0)
    axes[1].axvspan(2, 2.5, color="#D55E00", alpha=0.12, lw=0)
    axes[1].set(xlabel="time (s)", xlim=(0, run.duration))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    draw(options.seeds).savefig(options.output, dpi=160)
