"""How far a touch spreads through the nervous system of the worm, as it is wired, and rewired.

python plots/worm.py [-o plots/worm.png] [--seeds 5] [--json FILE]
"""

import csv
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "worm.yaml"
NEURONS = CIRCUIT.with_name("worm_neurons.csv")
TOUCHED = ("PLML", "PLMR")
KINDS = {"sensory": "#0072B2", "inter": "#D55E00", "motor": "#009E73"}
MOVED = 0.01  # mV, from which on a potential counts as moved


def studied(seed: int, output: Path | None = None, **options: Any) -> thalia.Study:
    """All conditions, with the touch, and beside them the same without it.

    Neurons rest at their thresholds only with the wiring as it is: what a touch does to a
    rewired network is its difference to the same network without one.
    """
    output = output or Path(tempfile.mkdtemp())
    made = thalia.study(CIRCUIT, seeds=(seed,), output=output / "touched", **options)
    thalia.study(
        CIRCUIT,
        seeds=(seed,),
        output=output / "left_alone",
        set={"stimuli.touch.amplitude": "0 pA"},
        **options,
    )
    return made


def moved(run: thalia.Run) -> np.ndarray:
    """How much the touch changes each potential, (n_times, n_neurons), in mV."""
    condition, seed = run.file.parts[-2:]
    alone = thalia.Run(run.file.parents[2] / "left_alone" / condition / seed)
    return run.traces["v"]["v"] - alone.traces["v"]["v"]


def kinds(run: thalia.Run) -> dict[str, np.ndarray]:
    """Which neurons are of each kind, (n_neurons,), without those that are touched."""
    with NEURONS.open(encoding="utf-8") as file:
        of = {row["name"]: row["kind"] for row in csv.DictReader(file)}
    names = [str(name) for name in run.identifiers["worm"]]
    return {
        kind: np.array([of[name] == kind and name not in TOUCHED for name in names])
        for kind in KINDS
    }


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """How much potentials change in the end, of each kind of neuron, and how many do."""
    end = abs(moved(run)[-1])
    touched = np.array([str(name) in TOUCHED for name in run.identifiers["worm"]])
    found = {"touched neurons (mV)": float(end[touched].mean())}
    found |= {
        f"{kind} neurons (mV)": float(end[which].mean()) for kind, which in kinds(run).items()
    }
    return found | {
        f"neurons that move by {MOVED} mV (share)": float(np.mean(end[~touched] >= MOVED))
    }


def figure(study: thalia.Study) -> Figure:
    """Potentials over time as it is wired, and mean changes in every condition."""
    made = Figure(figsize=(9.5, 3.4), layout="constrained")
    left, right = made.subplots(1, 2, width_ratios=[1, 1.2])
    run = next(iter(study.runs["baseline"].values()))
    times, change = run.traces["v"].time * 1e3, moved(run)
    for kind, which in kinds(run).items():
        left.plot(times, change[:, which], color=KINDS[kind], lw=0.5)
    left.set_yscale("symlog", linthresh=MOVED)
    left.set(xlabel="time from the touch (ms)", ylabel="change (mV)", title="as it is wired")
    found = study.measure(numbers)
    for shift, (kind, colour) in enumerate(KINDS.items()):
        each = [of[f"{kind} neurons (mV)"].interval for of in found.values()]
        places = np.arange(len(each)) + 0.18 * (shift - 1)
        means, halves = [one.mean for one in each], [one.half for one in each]
        right.errorbar(places, means, halves, fmt="s", ms=5, capsize=3, color=colour, label=kind)
    names = [name.replace("baseline", "as wired").replace("_", "\n") for name in found]
    right.set_xticks(range(len(names)), names, fontsize=8)
    right.set(
        ylabel="mean change (mV)",
        title=f"{len(study.runs['baseline'])} seeds, mean and 95 % interval",
        ylim=(-0.005, 0.1),
    )
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, studied=studied)
