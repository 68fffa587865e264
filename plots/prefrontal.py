"""A cue held over a delay by prefrontal cells; and without the cue, dopamine, or NMDA receptors.

python plots/prefrontal.py [-o plots/prefrontal.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "prefrontal.yaml"
WIDTH = 0.05  # seconds
PUBLISHED = {
    "first, delay (Hz)": "about 20 (Wang 2002, from memory)",
    "others, rest (Hz)": "about 3 (Wang 2002, from memory)",
    "interneurons, rest (Hz)": "about 9 (Wang 2002, from memory)",
}
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
        f"{population.removeprefix('pfc.')}, {phase} (Hz)": rates(run, phase)[population]
        for population in COLOURS
        for phase in ("rest", "delay")
    }


def figure(study: thalia.Study) -> Figure:
    """The figure, of the first seed."""
    made = Figure(figsize=(12, 4.6), layout="constrained")
    axes = made.subplots(2, len(study.runs), sharex=True, sharey="row", height_ratios=[1, 1.4])
    for column, (condition, runs) in enumerate(study.runs.items()):
        _draw_run(axes[:, column], runs[min(runs)])
        axes[0, column].set(title=TITLES.get(condition, condition.replace("_", " ")))
    axes[0, 0].set(ylabel="cell, 40 of each group")
    axes[1, 0].set(ylabel="rate (Hz)")
    axes[1, 0].legend(fontsize=7, frameon=False)
    return made


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
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)
