"""A cue held over a delay by prefrontal cells; and without the cue, dopamine, or NMDA receptors.

python plots/prefrontal.py [-o plots/prefrontal.png] [--seeds 5]
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "prefrontal.yaml"
WIDTH = 0.05  # seconds
TITLES = {
    "baseline": "cue",
    "nmda_blocked": "NMDA blocked",
    "nmda_blocked_more_drive": "NMDA blocked, more drive",
}
COLOURS = {
    "pfc.first": "#D55E00",
    "pfc.second": "#0072B2",
    "pfc.others": "#999999",
    "pfc.interneurons": "#222222",
}


def rates(run: thalia.Run, phase: str) -> dict[str, float]:
    """Mean rate of every population in a phase, in Hz."""
    return run.results["rates_by_phase_hz"][phase]


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates of all groups at rest and in the delay, in Hz."""
    return {
        f"{population} {phase}": rates(run, phase)[population]
        for population in COLOURS
        for phase in ("rest", "delay")
    }


def draw(study: thalia.Study) -> Figure:
    """The figure, of the first seed; the numbers of all seeds are printed."""
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    axes = figure.subplots(2, len(study.runs), sharex=True, sharey="row", height_ratios=[1, 1.4])
    for column, (condition, runs) in enumerate(study.runs.items()):
        _draw_run(axes[:, column], runs[1])
        axes[0, column].set(title=TITLES.get(condition, condition.replace("_", " ")))
    for condition, found in study.measure(numbers).items():
        print(condition, {key: f"{each:.1f}" for key, each in found.items()})
    axes[0, 0].set(ylabel="cell, 40 of each group")
    axes[1, 0].set(ylabel="rate (Hz)")
    axes[1, 0].legend(fontsize=7, frameon=False)
    return figure


def _draw_run(axes, run: thalia.Run) -> None:
    for row, (population, colour) in enumerate(COLOURS.items()):
        spikes = run.spikes[population]
        some = spikes.neurons < 40
        axes[0].plot(spikes.times[some], spikes.neurons[some] + 45 * row, ".", ms=0.8, color=colour)
        rate = thalia.analysis.population_rate(spikes.times, spikes.size, run.duration, WIDTH)
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
    parser.add_argument(
        "--runs", type=Path, help="folder of the run files, to continue an earlier study"
    )
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    draw(thalia.study(CIRCUIT, seeds=seeds, output=options.runs)).savefig(options.output, dpi=160)
