"""How far taste spreads through the small invented connectome, as it is wired, and rewired.

python plots/fly.py [-o plots/fly.png] [--seeds 5] [--json FILE]
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "fly.yaml"
NEURONS = CIRCUIT.with_name("fly_neurons.csv")


def rates(run: thalia.Run) -> tuple[np.ndarray, np.ndarray]:
    """Rate of each neuron, in Hz, and which are excited by taste: (n_neurons,) each."""
    with NEURONS.open(encoding="utf-8") as file:
        excited = {row["root_id"] for row in csv.DictReader(file) if row["excited"] == "1"}
    spikes = run.spikes["brain"]
    counts = np.bincount(spikes.neurons, minlength=spikes.size)
    taste = np.array([str(each) in excited for each in run.identifiers["brain"]])
    return counts / run.duration, taste


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Rates of the neurons that taste and of those that they reach, and how many these are."""
    each, taste = rates(run)
    return {
        "taste neurons (Hz)": float(each[taste].mean()),
        "other neurons (Hz)": float(each[~taste].mean()),
        "other neurons that fire (share)": float(np.mean(each[~taste] > 0)),
        "fastest other neuron (Hz)": float(each[~taste].max()),
    }


def figure(study: thalia.Study) -> Figure:
    """Rates of the neurons by rank, of all seeds."""
    made = Figure(figsize=(6.5, 3.4), layout="constrained")
    axes = made.subplots()
    colours = ("#222222", "#0072B2", "#D55E00", "#009E73", "#CC79A7")
    for (condition, runs), colour in zip(study.runs.items(), colours, strict=True):
        ranked = []
        for run in runs.values():
            each, taste = rates(run)
            ranked.append(np.sort(each[~taste])[::-1])
        label = condition.replace("baseline", "as wired").replace("_", " ")
        axes.plot(np.mean(ranked, axis=0), color=colour, lw=1.3, label=label)
    axes.set(
        xlabel="neurons that are not excited, by rate",
        ylabel="rate (Hz)",
        xlim=(-1, 40),
        title=f"invented connectome, mean of {len(study.runs['baseline'])} seeds",
    )
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)
