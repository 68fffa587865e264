"""A receptive field that correlated input forms by the triplet rule, and none without it.

python plots/receptive_field.py [-o plots/receptive_field.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "receptive_field.yaml"
PLACES, APART, NEAR = 10, 50, 35  # places on the ring, inputs between them, inputs of a place
SETTLED = 100.0  # seconds, from which on the rate is measured
PUBLISHED = {
    "width there (inputs)": "10, of the profile of the input (Clopath et al. 2010, its program)"
}
COLOURS = {"baseline": "#D55E00", "plasticity_off": "#999999"}


def around(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights of the inputs around the place that has most of them, 35 to either side."""
    middle = PLACES * APART // 2
    shifted = (np.roll(weights, middle - APART * place - APART // 2) for place in range(PLACES))
    return max((each[middle - NEAR : middle + NEAR + 1] for each in shifted), key=np.sum)


def place_field(weights: NDArray[np.float64]) -> tuple[float, float]:
    """Share of the sum that is around the best of ten places, and the deviation there."""
    best = around(weights)
    place = np.arange(-NEAR, NEAR + 1) + 0.5
    centre = np.average(place, weights=best)
    return float(best.sum() / weights.sum()), float(
        np.sqrt(np.average((place - centre) ** 2, weights=best))
    )


def measures(weights: NDArray[np.float64], rate: float) -> Mapping[str, float]:
    """What a field is like, from the weights of all inputs, (500,), and the rate in Hz."""
    share, width = place_field(weights)
    return {
        "weights at the best of ten places (share)": share,
        "width there (inputs)": width,
        "rate (Hz)": rate,
    }


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """The field in the end, and the rate of the second half."""
    spikes = np.count_nonzero(run.spikes["cell"].times > SETTLED)
    return measures(run.weights["learn"].arriving[-1], spikes / (run.duration - SETTLED))


def figure(study: thalia.Study) -> Figure:
    """Weights by input of the first seed, and around the best place of all."""
    made = Figure(figsize=(8.5, 3.2), layout="constrained")
    left, right = made.subplots(1, 2, width_ratios=[1.6, 1])
    seed = min(study.runs["baseline"])
    for condition, colour in COLOURS.items():
        runs = study.runs[condition]
        label = condition.replace("baseline", "learned").replace("_", " ")
        left.plot(runs[seed].weights["learn"].arriving[-1], color=colour, lw=1, label=label)
        for run in runs.values():
            each = around(run.weights["learn"].arriving[-1])
            right.plot(np.arange(-NEAR, NEAR + 1), each, color=colour, lw=0.8)
    left.set(xlabel="input", ylabel="weight (nS)", title=f"seed {seed}")
    left.legend(frameon=False, fontsize=8)
    right.set(xlabel="input, from the best place", title=f"{len(study.runs['baseline'])} seeds")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)
