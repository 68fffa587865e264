"""Figures of experiments from the numbers that are kept of them, in results/learning.

python plots/kept.py [choice four_patterns odours] [-o plots]
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import thalia
from thalia.figures import PALETTE

ROOT = Path(__file__).parent.parent
FAINT, INK = "#BBBBBB", "#222222"
BASELINE = "baseline_"  # before the name of a method without a network

type Kept = Mapping[str, Any]  # what results/learning has of an experiment


def stages(
    axes: Axes,
    kept: Kept,
    measures: Mapping[str, str],
    conditions: Sequence[str],
    line: str = "-",
) -> None:
    """Measures one after another, with conditions in colours: mean and 95 % interval over seeds.

    Parameters
    ----------
    measures : mapping from a measure to what is written below it
    conditions
        Those that have all of them.
    """
    shade = dict(zip(conditions, PALETTE, strict=False))
    places = np.arange(len(measures))
    shifts = np.linspace(-0.18, 0.18, len(conditions))
    for shift, name in zip(shifts, conditions, strict=True):
        found = [kept["conditions"][name]["aggregate"][each] for each in measures]
        means, low, high = np.array([(f["mean"], f["low"], f["high"]) for f in found]).T
        label = f"{name.replace('_', ' ')}, {_seeds(kept, name)} seeds"
        axes.plot(places + shift, means, "." + line, lw=1, ms=5, color=shade[name], label=label)
        axes.vlines(places + shift, low, high, color=shade[name], lw=4, alpha=0.35)
    axes.set_xticks(places, [*measures.values()])
    if kept["chance"] is not None:
        axes.axhline(kept["chance"], color=FAINT, lw=1, ls=":", zorder=0)


def bars(axes: Axes, kept: Kept, measure: str, conditions: Sequence[str]) -> None:
    """A measure of conditions below each other: every seed, the mean, and its 95 % interval."""
    places = np.arange(len(conditions))[::-1]
    for place, name in zip(places, conditions, strict=True):
        found = kept["conditions"][name]["aggregate"][measure]
        values = sorted(kept["conditions"][name]["seeds"][measure].values())
        spread = np.linspace(-0.2, 0.2, len(values))
        axes.plot(values, place + spread, ".", ms=2.5, color=PALETTE[0], alpha=0.4)
        axes.hlines(place, found["low"], found["high"], color=PALETTE[0], lw=5, alpha=0.35)
        axes.plot(found["mean"], place, "|", ms=11, mew=2, color=PALETTE[0])
    axes.set_yticks(places, [name.replace("_", " ") for name in conditions])


def _seeds(kept: Kept, condition: str) -> int:
    return len(kept["conditions"][condition]["seeds"][kept["result"]])


def _networks(kept: Kept) -> list[str]:
    return [name for name in kept["conditions"] if not name.startswith(BASELINE)]


@thalia.figures.styled
def choice(kept: Kept) -> Figure:
    """Shares of rewarded choices before learning, after it, and after the reversal."""
    figure = Figure(figsize=(8, 3.6))
    axes = figure.subplots()
    measures = {
        "untrained": "before learning",
        "after_first": "after 50 trials",
        "after_last": "after 50 more, with\nthe other action rewarded",
    }
    stages(axes, kept, measures, _networks(kept))
    axes.set(ylabel="share of rewarded choices", ylim=(0, 1.02), title="choice")
    figure.legend(loc="outside right center")
    return figure


@thalia.figures.styled
def four_patterns(kept: Kept) -> Figure:
    """Shares of right choices through learning and reversal; and with time between both."""
    figure = Figure(figsize=(11, 6.4))
    upper, lower = figure.subplots(2)
    measures = {
        "untrained": "before learning",
        "last_100": "last 100 trials",
        "reversal_first_100": "first 100 of the reversal",
        "reversal_last_100": "last 100 of it",
    }
    delayed = [name for name in _networks(kept) if name.startswith("retained")]
    stages(upper, kept, measures, [name for name in _networks(kept) if name not in delayed])
    upper.set(ylabel="share of right choices", ylim=(0, 1.02), title="each stage frozen")
    upper.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    measures = {
        "untrained": "before learning",
        "trained": "after it",
        "after_other": "after an hour\nof other patterns",
        "after_sleep": "after sleep",
        "reversal_last_100": "last 100 trials\nof the reversal",
    }
    stages(lower, kept, measures, delayed)
    lower.set(ylabel="share of right choices", ylim=(0, 1.02), title="an hour before the reversal")
    lower.axhline(kept["goal"], color=FAINT, lw=1, zorder=0)
    lower.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@thalia.figures.styled
def odours(kept: Kept) -> Figure:
    """Accuracies, avoidance through training and extinction, reversal, and generalisation."""
    figure = Figure(figsize=(11, 8))
    (told, avoided), (changed, similar) = figure.subplots(2, 2)
    bars(told, kept, "accuracy", _networks(kept))
    told.set(xlabel="share of right choices", title="controls, and wirings of the claws")
    told.axvline(kept["chance"], color=FAINT, lw=1, ls=":", zorder=0)
    told.axvline(kept["goal"], color=FAINT, lw=1, zorder=0)
    _avoided(avoided, kept)
    measures = {
        **{f"accuracy_{1 + k}": f"pair {1 + k}" for k in range(5)},
        "after_extinction": "after\nextinction",
        "after_reversal": "after\nreversal",
    }
    stages(changed, kept, measures, ["learning", "no_feedback"], line="")
    changed.set(ylabel="share of right choices", title="each pair, and later", ylim=(0, 1.04))
    changed.legend(loc="lower left")
    _generalised(similar, kept)
    return figure


def _avoided(axes: Axes, kept: Kept) -> None:
    """Spikes for the odour with the outcome and for the other one, before and after the trials."""
    measures = {
        "avoidance_naive": (FAINT, "new"),
        "avoidance_trained": (PALETTE[1], "trained: with the outcome"),
        "avoidance_other_trained": (PALETTE[0], "trained: the other odour"),
    }
    names = _networks(kept)
    places = np.arange(len(names))[::-1]
    for shift, (measure, (colour, label)) in zip((0.25, 0, -0.25), measures.items(), strict=True):
        found = [kept["conditions"][name]["aggregate"][measure] for name in names]
        means, low, high = np.array([(f["mean"], f["low"], f["high"]) for f in found]).T
        axes.barh(places + shift, means, 0.22, color=colour, label=label)
        axes.hlines(places + shift, low, high, color=INK, lw=1)
    label = "extinguished: with the outcome"
    for name in ("learning", "no_feedback"):
        found = kept["conditions"][name]["aggregate"]["avoidance_extinguished"]
        axes.plot(found["mean"], places[names.index(name)], "x", color=INK, label=label)
        label = ""
    axes.set_yticks(places, [name.replace("_", " ") for name in names])
    axes.set(xlabel="avoidance (spikes of an output neuron)", title="what is avoided")
    axes.legend(loc="upper right")


def _generalised(axes: Axes, kept: Kept) -> None:
    """The change of avoidance of novel odours against the overlap of their codes, by quarters."""
    names = [
        name for name in _networks(kept) if "overlap_4" in kept["conditions"][name]["aggregate"]
    ]
    shade = dict(zip(names, PALETTE, strict=False))
    for name in names:
        found = kept["conditions"][name]["aggregate"]
        overlaps = [found[f"overlap_{1 + k}"]["mean"] for k in range(4)]
        changes = [found[f"change_{1 + k}"] for k in range(4)] + [found["change_trained"]]
        means, low, high = np.array([(f["mean"], f["low"], f["high"]) for f in changes]).T
        label = f"{name.replace('_', ' ')}, {_seeds(kept, name)} seeds"
        axes.plot(overlaps, means[:-1], ".-", color=shade[name], label=label)
        axes.plot(1, means[-1], "*", ms=8, color=shade[name])
        axes.vlines([*overlaps, 1], low, high, color=shade[name], lw=4, alpha=0.35)
    axes.set(
        xlabel="overlap with the punished odour (1: itself)",
        ylabel="more avoidance (spikes)",
        title="novel odours, after one was punished",
    )
    axes.legend()


FIGURES = {"choice": choice, "four_patterns": four_patterns, "odours": odours}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="all by default")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    for name in options.names or FIGURES:
        kept = json.loads((ROOT / "results/learning" / f"{name}.json").read_text("utf-8"))
        thalia.figures.save(FIGURES[name](kept), options.output / f"{name}.png")
