"""A small column learns orientations, without each rule and without all; half of them disappear.

python plots/orientation.py [-o plots/orientation.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "orientation.yaml"
EACH, SHOWN, TURN = 0.3, 8, 180  # seconds of a grating, their number, degrees
LEARNED = 5  # tests, one a minute, until half of the orientations are no longer shown
FOLLOWING = range(LEARNED + 1, 9)  # the tests thereafter
FEWEST = 8  # spikes of a cell in a test
LAYERS = ("v1.l4", "v1.l23")
COLOURS = {
    "baseline": "#222222",
    "no_stdp": "#0072B2",
    "no_bcm": "#D55E00",
    "no_heterosynaptic": "#009E73",
    "no_scaling": "#CC79A7",
    "no_inhibitory": "#E69F00",
    "frozen": "#56B4E9",
    "all_off": "#999999",
}
FOLLOWED = ("baseline", "no_heterosynaptic", "frozen", "all_off")  # the others are as the baseline


def orientation(times: np.ndarray) -> np.ndarray:
    """The orientation shown at each time of a test, in degrees."""
    turn = np.floor(times / EACH + 1e-9) * 0.618034
    return np.floor(SHOWN * (turn % 1)) * TURN / SHOWN


def answers(run: thalia.Run, population: str, test: int) -> tuple[np.ndarray, np.ndarray]:
    """By cell: the sum of a unit vector at twice the orientation for each spike, and spikes."""
    start, stop = next((a, b) for name, a, b in run.phases if name == f"test_{test}")
    spikes = run.spikes[population]
    inside = (spikes.times >= start) & (spikes.times < stop)
    vectors = np.exp(2j * np.radians(orientation(spikes.times[inside])))
    cells = spikes.neurons[inside]
    total = np.zeros(spikes.size, complex)
    np.add.at(total, cells, vectors)
    return total, np.bincount(cells, minlength=spikes.size)


def selectivity(run: thalia.Run, population: str, test: int) -> float:
    """Root mean square over cells of the vector strength of their spikes.

    Without the pairs of a spike with itself, so that few spikes at random have a mean of zero.
    """
    total, count = answers(run, population, test)
    fires = count >= FEWEST
    square = (abs(total[fires]) ** 2 - count[fires]) / (count[fires] * (count[fires] - 1))
    return float(np.sqrt(max(square.mean(), 0))) if fires.any() else 0.0


def among_shown(run: thalia.Run, population: str, test: int) -> np.ndarray:
    """Whether the preferred orientation of each cell is nearest to one of 0 to 67.5 degrees."""
    total, _ = answers(run, population, test)
    return (np.degrees(np.angle(total)) / 2 + TURN / SHOWN / 2) % TURN < TURN / 2


def moved(run: thalia.Run, population: str, test: int) -> float:
    """Part of the cells that preferred an orientation no longer shown and now prefer one that is.

    Cells with fewer spikes than `FEWEST` in either test are left out.
    """
    fires = np.ones(run.sizes[population], bool)
    for each in (LEARNED, test):
        fires &= answers(run, population, each)[1] >= FEWEST
    lost = fires & ~among_shown(run, population, LEARNED)
    return float(among_shown(run, population, test)[lost].mean()) if lost.any() else 0.0


def beside_the_field(run: thalia.Run) -> float:
    """Mean weight of the half of the inputs that a layer 4 cell prefers less, over the others."""
    weights = run.weights["thalamocortical"]
    index = np.searchsorted(weights.time, 60.0 * LEARNED)
    w, pre, post = weights.w[index], weights.pre, weights.post
    angles = np.exp(2j * np.pi * pre / run.sizes["thalamus"])
    size = run.sizes["v1.l4"]
    centre = np.zeros(size, complex)
    np.add.at(centre, post, w * angles)
    near = np.real(angles * np.conj(centre[post])) > 0
    return float(w[~near].mean() / w[near].mean())


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Selectivity by minute, rates and their spread after learning, and how fields follow."""
    found = {
        f"{layer} selectivity, {test} min": selectivity(run, layer, test)
        for layer in LAYERS
        for test in range(LEARNED + 1)
    }
    found |= {
        f"{layer} moved, {test} min": moved(run, layer, test)
        for layer in LAYERS
        for test in FOLLOWING
    }
    for layer in LAYERS:
        _, count = answers(run, layer, LEARNED)
        found |= {f"{layer} Hz": count.mean() / 9.6, f"{layer} spread Hz": count.std() / 9.6}
    return found | {"weights beside the field": beside_the_field(run)}


def figure(study: thalia.Study) -> Figure:
    """Selectivity against time in both layers, and the part of the fields that followed."""
    made = Figure(figsize=(12.5, 3.4), layout="constrained")
    *layers, follow = made.subplots(1, 3)
    measures = study.measure(numbers)
    for condition, found in measures.items():
        style = {"color": COLOURS[condition], "label": condition.replace("_", " ")}
        for axis, layer in zip(layers, LAYERS, strict=True):
            _line(axis, found, f"{layer} selectivity, {{}} min", range(LEARNED + 1), style)
        if condition in FOLLOWED:
            _line(follow, found, "v1.l4 moved, {} min", FOLLOWING, style)
    for axis, layer in zip(layers, LAYERS, strict=True):
        axis.set(xlabel="time (min)", ylabel="selectivity", title=layer, ylim=(0, None))
    follow.set(xlabel="time (min)", ylabel="part of the layer 4 cells", ylim=(0, 1))
    follow.set(title="fields that left the half that is gone")
    made.legend(*layers[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return made


def _line(axis, found, name: str, minutes, style) -> None:
    each = [found[name.format(minute)] for minute in minutes]
    axis.errorbar(
        minutes, [m.mean for m in each], [m.half for m in each], capsize=2, lw=1.2, **style
    )


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
