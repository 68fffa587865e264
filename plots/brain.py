"""A brain of fourteen regions at rest, and as the retina sees: spikes, and every population's rate within its published range.

python plots/brain.py [-o plots/brain.png] [--seeds 3] [--backend cuda]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis.health import Health, health
from thalia.analysis.spike_trains import bootstrap_interval

CIRCUIT = Path(__file__).parent.parent / "circuits" / "brain.yaml"
CONDITIONS: dict[str, dict[str, str]] = {
    "at rest": {},
    "seeing": {"stimuli.sight.start": "1 s", "stimuli.sight.width": "100 s"},
}
CELLS, SECONDS = 8, 1.0  # of each population that are drawn, and for how long
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222"]


def simulated(seed: int, condition: str, folder: Path, backend: str | None = None) -> thalia.Run:
    """The circuit with a seed, in one of `CONDITIONS`."""
    circuit = thalia.load(CIRCUIT, set=CONDITIONS[condition])
    return thalia.run(circuit, seed=seed, output=folder / "run.h5", overwrite=True, backend=backend)


def ranges(run: thalia.Run) -> dict[str, tuple[float, float]]:
    """The published range of every population that has one, in Hz."""
    return {name: (low, high) for name, (low, high) in run.structure["reference"]["ranges"].items()}


def outside(found: Health, limits: dict[str, tuple[float, float]]) -> list[str]:
    """The populations whose rate is not in its range."""
    rates = {name: measures["rate"] for name, measures in found.populations.items()}
    return [
        f"{name} {rates[name]:.2f} Hz"
        for name, (low, high) in limits.items()
        if not low <= rates[name] <= high
    ]


def draw(seeds: int, backend: str | None) -> Figure:
    """The figure, of the first seed; the numbers of all seeds are printed."""
    figure = Figure(figsize=(12, 7), layout="constrained")
    raster, rates = figure.subplots(1, 2)
    for condition, marker in zip(CONDITIONS, ("o", "x"), strict=True):
        within: list[float] = []
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                run = simulated(seed, condition, Path(folder), backend)
                found, limits = health(run), ranges(run)
                beyond = outside(found, limits)
                within.append(len(limits) - len(beyond))
                print(
                    condition,
                    seed,
                    found.verdict,
                    beyond,
                    [finding.text() for finding in found.findings],
                )
                if seed == 1:
                    _rates(rates, found, limits, marker, condition)
                    if condition == "at rest":
                        _raster(raster, run)
        mean, half = bootstrap_interval(np.array(within))
        print(f"{condition}: {mean:.1f} +- {half:.1f} of {len(limits)} populations in their range")
    rates.legend(fontsize=7, frameon=False)
    return figure


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
    axes, found: Health, limits: dict[str, tuple[float, float]], marker: str, label: str
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
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--backend")
    options = parser.parse_args()
    draw(options.seeds, options.backend).savefig(options.output, dpi=160)
