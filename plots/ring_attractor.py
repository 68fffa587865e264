"""A bump of activity that a cue leaves on a ring, how it drifts, and the controls.

python plots/ring_attractor.py [-o plots/ring_attractor.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "ring_attractor.yaml"
CUE = 180.0  # degrees
CELLS = 1024
TITLES = {
    "baseline": "a cue is held",
    "follows": "a moving cue is followed",
    "no_cue": "without a cue",
    "flat": "without neighbours nothing is held",
}


def centre(run: thalia.Run, start: float, stop: float) -> tuple[float, float]:
    """Where the bump is in degrees, and its sharpness from 0 to 1, by the mean vector of spikes."""
    spikes = run.spikes["e"]
    within = (spikes.times >= start) & (spikes.times < stop)
    angles = (spikes.neurons[within] + 0.5) * 2 * np.pi / CELLS
    vector = np.exp(1j * angles).mean() if len(angles) else 0j
    return float(np.degrees(np.angle(vector)) % 360), float(abs(vector))


def turn(degrees: float) -> float:
    """An angle between -180 and 180 degrees."""
    return (degrees + 180) % 360 - 180


def numbers(run: thalia.Run) -> dict[str, float]:
    """The sharpness of the bump in the last second, and how far it is from the cue then."""
    end, sharpness = centre(run, 3.0, 4.0)
    first = centre(run, 0.75, 1.0)[0]
    return {
        "sharpness": sharpness,
        "distance from the first cue (degrees)": turn(end - CUE),
        "movement since the cue, either way (degrees)": abs(turn(end - first)),
    }


def drift(runs: dict[int, thalia.Run]) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds, and for each run how far the bump has moved since the cue, in degrees."""
    times = np.arange(1.0, 4.0, 0.25)
    moved = []
    for run in runs.values():
        first = centre(run, 0.75, 1.0)[0]
        moved.append([turn(centre(run, t, t + 0.25)[0] - first) for t in times])
    return times + 0.125, np.array(moved)


def figure(study: thalia.Study) -> Figure:
    """Spikes of the first seed, and the drift of all."""
    made = Figure(figsize=(11, 5), layout="constrained")
    axes = made.subplot_mosaic(
        [["baseline", "follows", "drift"], ["no_cue", "flat", "drift"]], width_ratios=[1, 1, 1]
    )
    first = min(study.runs["baseline"])
    for condition, title in TITLES.items():
        _raster(axes[condition], study.runs[condition][first], title)
    _drift(axes["drift"], *drift(study.runs["baseline"]))
    return made


def _raster(axes, run: thalia.Run, title: str) -> None:
    spikes = run.spikes["e"]
    axes.plot(spikes.times, (spikes.neurons + 0.5) * 360 / CELLS, ".", ms=0.4, color="#0072B2")
    axes.axvspan(0.5, 0.75, color="#999999", alpha=0.3, lw=0)
    axes.set(yticks=[0, 90, 180, 270, 360], xlim=(0, 4), ylim=(0, 360))
    axes.set_xlabel("time (s)", fontsize=8)
    axes.set_ylabel("preferred direction (degrees)", fontsize=8)
    axes.set_title(title, fontsize=9)


def _drift(axes, times: np.ndarray, moved: np.ndarray) -> None:
    axes.plot(times, moved.T, color="#999999", lw=0.8)
    spread = np.sqrt((moved**2).mean(axis=0))
    axes.plot(times, spread, color="#D55E00", label="root mean square")
    axes.axhline(0, color="black", lw=0.5)
    axes.set_xlabel("time (s)", fontsize=8)
    axes.set_ylabel("movement of the bump since the cue (degrees)", fontsize=8)
    axes.set_title(f"it drifts: {len(moved)} seeds", fontsize=9)
    axes.legend(fontsize=7, frameon=False)


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
