"""Purkinje cells learn to pause to a tone followed by an error, but not to a light; controls.

python plots/cerebellum.py [-o plots/cerebellum.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "cerebellum.yaml"
WINDOWS = {
    "rest": (0.0, 0.15),
    "tone": (0.25, 0.45),
    "light": (0.65, 0.85),
}  # seconds into a trial, none of them with an error
WIDTH = 0.025  # seconds
COLOURS = {"tone": "#D55E00", "light": "#0072B2"}


def response(run: thalia.Run, population: str, phase: str, shown: str) -> float:
    """Rate of a population in the window of a stimulus minus that before the tone, in Hz."""
    times, cells, trials = _within(run, population, phase)
    rate = {
        name: ((times >= start) & (times < stop)).sum() / (cells * trials * (stop - start))
        for name, (start, stop) in WINDOWS.items()
    }
    return float(rate[shown] - rate["rest"])


def weights(run: thalia.Run, shown: str) -> np.ndarray:
    """Mean weight over time of granule cells driven by one stimulus only, relative to the start."""
    afferents = {
        name: np.bincount(
            run.weights[f"{name}_fibres"].post, minlength=run.spikes["cb.granule"].size
        )
        for name in COLOURS
    }
    other = "light" if shown == "tone" else "tone"
    driven = (afferents[shown] >= 4) & (afferents[other] <= 1)
    parallel = run.weights["cb.parallel"]
    each = parallel.w[:, driven[parallel.pre]]
    return each.mean(axis=1) / each[0].mean()


def numbers(run: thalia.Run) -> dict[str, float]:
    """Remaining weights, and changes of the responses of Purkinje and nuclear cells, in Hz."""
    found = {f"{shown}, weight left (share)": float(weights(run, shown)[-1]) for shown in COLOURS}
    for shown in COLOURS:
        for population in ("purkinje", "nuclei"):
            after, before = (
                response(run, f"cb.{population}", phase, shown) for phase in ("after", "before")
            )
            found[f"{shown}, {population} (Hz more than before)"] = after - before
    return found


def _within(run: thalia.Run, population: str, phase: str) -> tuple[np.ndarray, int, float]:
    """Spike times within trials of one second, number of cells, and number of trials of a phase."""
    start, stop = next((start, stop) for name, start, stop in run.phases if name == phase)
    spikes = run.spikes[population]
    return (
        spikes.times[(spikes.times >= start) & (spikes.times < stop)] % 1,
        spikes.size,
        stop - start,
    )


def figure(study: thalia.Study) -> Figure:
    """The figure, of the first seed."""
    made = Figure(figsize=(11, 6.5), layout="constrained")
    axes = made.subplots(3, len(study.runs), sharey="row")
    for column, (condition, runs) in enumerate(study.runs.items()):
        _draw_run(axes[:, column], runs[min(runs)])
        axes[0, column].set(title=condition.replace("baseline", "paired").replace("_", " "))
    axes[0, 0].set(ylabel="weight / initial weight")
    axes[0, 0].legend(fontsize=8, frameon=False)
    axes[1, 0].set(ylabel="Purkinje cells (Hz)")
    axes[1, 0].legend(fontsize=8, frameon=False)
    axes[2, 0].set(ylabel="nuclear cells (Hz)")
    return made


def _draw_run(axes, run: thalia.Run) -> None:
    for shown, colour in COLOURS.items():
        axes[0].plot(
            run.weights["cb.parallel"].time, weights(run, shown), color=colour, label=shown
        )
    axes[0].set(xlabel="time (s)", ylim=(0, None))
    edges = np.arange(0, 1 + WIDTH / 2, WIDTH)
    for row, population in ((1, "purkinje"), (2, "nuclei")):
        for phase, colour in (("before", "#999999"), ("after", "#222222")):
            times, cells, trials = _within(run, f"cb.{population}", phase)
            rate = np.histogram(times, edges)[0] / (cells * trials * WIDTH)
            axes[row].plot(edges[:-1] + WIDTH / 2, rate, color=colour, lw=1.2, label=phase)
        for shown, start in (("tone", 0.2), ("light", 0.6)):
            axes[row].axvspan(start, start + 0.3, color=COLOURS[shown], alpha=0.12, lw=0)
        axes[row].set(xlabel="time in a trial (s)", xlim=(0, 1))


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
