"""Expected and unexpected volleys in layer 4, the response to an omission, and controls.

python plots/predictive_column.py [-o plots/predictive_column.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.figures import band

CIRCUIT = Path(__file__).parent.parent / "circuits" / "predictive_column.yaml"
FIRST, PERIOD, CYCLES = 242.0, 3.0, 29  # of the test, in seconds
ONSETS = {"expected": 0.1, "unexpected": 1.1, "omitted": 2.1, "rest": 2.6}  # of b, within a cycle
RESPONSE = 0.05  # seconds after the onset
COLOURS = {"expected": "#0072B2", "unexpected": "#D55E00", "omitted": "#009E73"}


def around(run: thalia.Run, what: str, begin: float, end: float) -> np.ndarray:
    """Times of the spikes of layer 4's b cells relative to an onset, in seconds, of all cycles."""
    times = run.spikes["l4_b"].times
    onsets = FIRST + PERIOD * np.arange(CYCLES) + ONSETS[what]
    near = times[:, None] - onsets
    return near[(near >= begin) & (near < end)]


def response(run: thalia.Run, what: str) -> float:
    """Spikes of a cell in the response, in the mean."""
    return len(around(run, what, 0, RESPONSE)) / CYCLES / run.spikes["l4_b"].size


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Spikes of a cell in each response, the index of expectation, and the omission response."""
    found = {what: response(run, what) for what in ONSETS}
    evoked = {what: found[what] - found["rest"] for what in ("expected", "unexpected")}
    difference = evoked["unexpected"] - evoked["expected"]
    index = difference / (evoked["unexpected"] + evoked["expected"])
    return {**found, "index": index, "omission": found["omitted"] - found["rest"]}


def figure(study: thalia.Study) -> Figure:
    """Rates around the time of b, with intervals over seeds, for each condition."""
    made = Figure(figsize=(10, 3.2), layout="constrained")
    bins = np.arange(-0.15, 0.2501, 0.01)
    for axis, (condition, runs) in zip(
        made.subplots(1, len(study.runs), sharey=True), study.runs.items(), strict=True
    ):
        for what, colour in COLOURS.items():
            counts = [
                np.histogram(around(run, what, bins[0], bins[-1]), bins)[0]
                / run.spikes["l4_b"].size
                for run in runs.values()
            ]
            rates = np.array(counts) / CYCLES / (bins[1] - bins[0])
            band(axis, 1e3 * (bins[:-1] + bins[1:]) / 2, rates, colour, label=what)
        axis.set(title=condition.replace("_", " "), xlabel="time from b (ms)")
    made.axes[0].set(ylabel="rate of layer 4, b cells (Hz)")
    made.axes[0].legend(frameon=False, fontsize=8)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
