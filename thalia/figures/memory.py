"""Figures of a memory: what time has left, whether confidence can be trusted, what counts."""

from pathlib import Path as FilePath

import numpy as np
from matplotlib.figure import Figure

from thalia.errors import fail
from thalia.figures.style import GREY, PALETTE, styled
from thalia.memory.calibration import BINS, EDGES
from thalia.memory.kept import kept_in
from thalia.training.memory_network import CUES

MEANS = 8  # along the axis, each of as many items


@styled
def retention(file: str | FilePath) -> Figure:
    """How surely the own code of each item recalled it in the last sleep, against its age.

    The age is the number of items that were stored after it. Items with outcomes or associations
    are marked.

    Raises
    ------
    CircuitError
        If the memory has not slept.
    """
    kept = kept_in(file)
    items = [each for each in kept.items.present if each.told.confidence is not None]
    if not items:
        raise fail(f"{file}: no item was tested, which sleep does", f"thalia memory sleep {file}")
    age = np.array([kept.items.last - each.number for each in items])
    confidence = np.array([each.told.confidence for each in items])
    is_marked = np.array([bool(each.told.outcomes or each.told.partners) for each in items])
    figure = Figure(figsize=(6, 3.6))
    axes = figure.subplots()
    for group, name, colour in (
        (~is_marked, "stored only", PALETTE[0]),
        (is_marked, "with outcomes or associations", PALETTE[1]),
    ):
        if group.any():
            axes.plot(age[group], confidence[group], ".", ms=4, color=colour, label=name)
    parts = np.array_split(np.argsort(age, kind="stable"), min(MEANS, len(items)))
    means = [[values[part].mean() for part in parts] for values in (age, confidence)]
    axes.plot(*means, color=GREY, lw=1.4, label="mean of neighbours")
    axes.set(xlabel="items stored since", ylabel="confidence of recall", ylim=(0, 1.02))
    axes.set_title(f"{len(items)} items in the last sleep")
    axes.legend(loc="best")
    return figure


@styled
def calibration(file: str | FilePath) -> Figure:
    """How often what was recalled was right, by how much surer it was than all else, in tests.

    Points are observed, the line is the chance that is told, and below is how many tests there
    were. Bins are equally wide in the figure, with their edges at the axis.

    Raises
    ------
    CircuitError
        If there were none.
    """
    told = kept_in(file).calibration
    if not told.asked.any():
        raise fail(f"{file}: there were no tests, which sleep makes", f"thalia memory sleep {file}")
    bins = np.arange(BINS)
    some = told.asked > 0
    figure = Figure(figsize=(4.8, 5))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    share = told.right[some] / told.asked[some]
    above.plot(bins[some], share, "o", ms=5, color=PALETTE[0], label="observed")
    above.step(bins, told.curve(), where="mid", color=PALETTE[1], lw=1.4, label="chance told")
    above.set(ylabel="share that was right", ylim=(-0.02, 1.04))
    error = "" if told.error is None else f", error {told.error:.3f}"
    above.set_title(f"calibration{error}")
    above.legend(loc="upper left")
    below.bar(bins, told.asked, width=0.9, color=GREY)
    below.set(xlabel="confidence above that of any other item", ylabel="tests")
    below.set_xticks(bins[1:] - 0.5, [f"{edge:g}" for edge in EDGES], fontsize="small")
    return figure


@styled
def cues(file: str | FilePath) -> Figure:
    """How much each cue counted in the rank of what is recalled, outcome after outcome.

    Raises
    ------
    CircuitError
        If no outcome of a recall was reported.
    """
    counts = kept_in(file).counts
    if not len(counts):
        raise fail(
            f"{file}: no outcome of a recall was reported, so only similarity counts",
            "memory.outcome(item, grade) after memory.recall(cue)",
        )
    figure = Figure(figsize=(6, 3.4))
    axes = figure.subplots()
    start = np.eye(len(CUES))[0]  # similarity alone
    after = np.vstack([start, counts])
    for name, values, colour in zip(CUES, after.T, PALETTE, strict=False):
        axes.plot(np.arange(len(after)), values, color=colour, lw=1.4, label=name)
    axes.set(xlabel="outcomes", ylabel="share of the weights", ylim=(0, 1.02))
    axes.set_title("what counts in the rank of an item")
    axes.legend(loc="best")
    return figure
