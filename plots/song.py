"""Synapses that compete by STDP, and that learn latencies; without plasticity, neither.

python plots/song.py [-o plots/song.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "song.yaml"
STRONGEST = 0.15  # nS, the greatest weight
PERIOD, FEW = 0.25, 20  # seconds between volleys, and how many of them are compared
PUBLISHED = {
    "weights below a tenth of the greatest (share)": "most (Song, Miller & Abbott 2000, figure 2)",
    "weights above nine tenths of it (share)": "a second peak (figure 2)",
    "response earlier by (ms)": "earlier and shorter (figure 4)",
}
COLOURS = {"baseline": "#D55E00", "latency": "#0072B2", "plasticity_off": "#999999"}


def final(run: thalia.Run) -> np.ndarray:
    """Weights in the end, in parts of the greatest one."""
    return run.weights["excitation"].w[-1] / STRONGEST


def competition(run: thalia.Run) -> dict[str, float]:
    """Rate of the cell in the last fifth, in Hz, and how many weights are at either bound."""
    weights, begin = final(run), 0.8 * run.duration
    spikes = np.count_nonzero(run.spikes["cell"].times > begin)
    return {
        "rate in the last fifth (Hz)": spikes / (run.duration - begin),
        "weights below a tenth of the greatest (share)": float(np.mean(weights < 0.1)),
        "weights above nine tenths of it (share)": float(np.mean(weights > 0.9)),
    }


def by_latency(run: thalia.Run) -> np.ndarray:
    """Mean weights of each tenth of the inputs, the earliest first."""
    order = np.argsort(run.weights["excitation"].delay, kind="stable")
    return final(run)[order].reshape(10, -1).mean(axis=1)


def latencies(run: thalia.Run) -> dict[str, float]:
    """What became of early and late inputs, and of the cell's response to a volley."""
    weights = by_latency(run)
    volley, since = np.divmod(run.spikes["cell"].times, PERIOD)
    first = [since[volley == k].min() for k in np.unique(volley)]
    spikes = np.bincount(volley.astype(int))
    return {
        "weights of the earliest tenth (share of the greatest)": float(weights[0]),
        "weights of the second tenth": float(weights[1]),
        "weights of the later half": float(weights[5:].max()),
        "response earlier by (ms)": float(np.mean(first[:FEW]) - np.mean(first[-FEW:])) * 1e3,
        "spikes of a response, at first": float(spikes[:FEW].mean()),
        "spikes of a response, in the end": float(spikes[-FEW:].mean()),
    }


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """How the weights are distributed, and, where inputs have latencies, what they make of them."""
    has_latencies = np.ptp(run.weights["excitation"].delay) > 0
    return competition(run) | (latencies(run) if has_latencies else {})


def figure(study: thalia.Study) -> Figure:
    """Weights in the end, of all seeds."""
    made = Figure(figsize=(8.5, 3.2), layout="constrained")
    left, right = made.subplots(1, 2)
    edges = np.linspace(0, 1, 21)
    for condition in ("baseline", "plasticity_off"):
        each = [np.histogram(final(run), edges)[0] for run in study.runs[condition].values()]
        label = condition.replace("baseline", "steady inputs").replace("_", " ")
        left.stairs(np.mean(each, axis=0) / 1000, edges, color=COLOURS[condition], label=label)
    left.set(xlabel="weight / greatest weight", ylabel="share of the inputs", title="competition")
    left.legend(frameon=False, fontsize=8)
    places = np.arange(10) + 0.5
    for run in study.runs["latency"].values():
        right.plot(10 * places, by_latency(run), "o-", ms=3, lw=1, color=COLOURS["latency"])
    right.set(
        xlabel="inputs in the order of their latency (%)",
        ylabel="mean weight / greatest weight",
        title=f"volleys, {len(study.runs['latency'])} seeds",
        ylim=(0, 1.05),
    )
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)
