"""A brain of fourteen regions at rest and with visual input: spikes, and rates in published ranges.

python plots/brain.py [-o plots/brain.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "brain.yaml"
CELLS, SECONDS = 8, 1.0  # of each population that are drawn, and for how long
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222"]


def ranges(run: thalia.Run) -> dict[str, tuple[float, float]]:
    """The published range of every population that has one, in Hz."""
    return {name: (low, high) for name, (low, high) in run.structure["reference"]["ranges"].items()}


def outside(found: thalia.Health, limits: dict[str, tuple[float, float]]) -> list[str]:
    """The populations whose rate is not in its range."""
    rates = {name: measures["rate"] for name, measures in found.populations.items()}
    return [
        f"{name} {rates[name]:.2f} Hz"
        for name, (low, high) in limits.items()
        if not low <= rates[name] <= high
    ]


def numbers(run: thalia.Run) -> dict[str, float]:
    """How many populations have a rate in its published range, and how many are ok."""
    found, limits = thalia.health(run), ranges(run)
    healthy = sum(found.of(name) == "ok" for name in found.populations)
    return {
        "populations in their published range": float(len(limits) - len(outside(found, limits))),
        "populations with a published range": float(len(limits)),
        "populations ok": float(healthy),
        "populations": float(len(found.populations)),
    }


def figure(study: thalia.Study) -> Figure:
    """Spikes and rates of the first seed."""
    made = Figure(figsize=(12, 7), layout="constrained")
    raster, rates = made.subplots(1, 2)
    first = min(study.runs["baseline"])
    limits = ranges(study.runs["baseline"][first])
    _raster(raster, study.runs["baseline"][first])
    for (condition, runs), marker in zip(study.runs.items(), ("o", "x"), strict=True):
        title = condition.replace("baseline", "at rest")
        _rates(rates, thalia.health(runs[first]), limits, marker, title)
    rates.legend(fontsize=7, frameon=False)
    return made


def _raster(axes, run: thalia.Run) -> None:
    start, row, ticks = run.phases[-1][1], 0, {}
    regions = dict.fromkeys(name.partition(".")[0] for name in run.spikes)
    for index, region in enumerate(regions):
        first = row
        for name in (each for each in run.spikes if each.partition(".")[0] == region):
            spikes = run.spikes[name]
            some = (
                (spikes.times >= start)
                & (spikes.times < start + SECONDS)
                & (spikes.neurons < CELLS)
            )
            axes.plot(
                spikes.times[some] - start,
                spikes.neurons[some] + row,
                ".",
                ms=1,
                color=COLOURS[index % len(COLOURS)],
            )
            row += CELLS
        ticks[region] = (first + row) / 2
    axes.set(xlabel="time at rest (s)", title=f"{CELLS} cells of each population", ylim=(row, 0))
    axes.set_yticks(list(ticks.values()), list(ticks), fontsize=7)


def _rates(
    axes, found: thalia.Health, limits: dict[str, tuple[float, float]], marker: str, label: str
) -> None:
    places, (low, high) = np.arange(len(limits)), zip(*limits.values(), strict=True)
    rates = [found.populations[name]["rate"] for name in limits]
    axes.hlines(places, low, high, color="#CCCCCC", lw=4, zorder=0)
    axes.plot(rates, places, marker, ms=3.5, mfc="none", color="#222222", label=label)
    axes.set_yticks(places, list(limits), fontsize=4)
    axes.set(
        xscale="log",
        xlim=(0.05, 200),
        xlabel="rate (Hz); published ranges in grey",
        ylim=(len(limits), -1),
    )


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
