"""The weights of plastic pathways, before and after."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from thalia.analysis.spike_trains import weight_matrix
from thalia.errors import fail
from thalia.figures.style import FAINT, GREY, INK, PALETTE, styled
from thalia.figures.view import Moment, View
from thalia.recording.results import Weights
from thalia.recording.run_file import Run

MAX_CELLS = 160  # rows and columns of a weight matrix before it is averaged in blocks
MAX_PATHWAYS = 5


@styled
def weights(
    run: Run,
    *,
    start: Moment = None,
    stop: Moment = None,
    neurons: object = None,
    populations: Sequence[str] | str | None = None,
) -> Figure:
    """For each recorded pathway: weights before and after, their changes, and the weight matrix.

    Parameters
    ----------
    run : Run
    start, stop : times, optional
        Between which weights changed; by default the first and the last time that is recorded.
    neurons : selection, optional
        Of the postsynaptic neurons, as in `raster`.
    populations : names, optional
        Pathways to these; by default all.

    Raises
    ------
    CircuitError
        If the run has no weights of them.
    """
    view = View.of(run, start, stop, neurons, populations)
    found = {name: _part(run.weights[name], view) for name in run.weights}
    names = [name for name, each in found.items() if len(each) and len(each.time)]
    if not names:
        raise fail(
            f"{run.file}: has no weights of these pathways",
            "record them with `record: {weights: {pathways: [NAME]}}`",
        )
    shown = names[:MAX_PATHWAYS]
    figure = _drawn({name: found[name] for name in shown})
    if len(names) > len(shown):
        figure.supxlabel(
            f"{len(names) - len(shown)} more pathways, which --population shows",
            fontsize=8,
            color=GREY,
        )
    return figure


@styled
def weights_of(pathway: Weights) -> Figure:
    """The same figure of one pathway, at all times at which its weights are known."""
    return _drawn({pathway.pathway: pathway})


def _drawn(pathways: Mapping[str, Weights]) -> Figure:
    """A row for each pathway."""
    figure = Figure(figsize=(10, 2.5 * len(pathways) + 0.4))
    grid = figure.subplots(len(pathways), 3, squeeze=False, width_ratios=[1.2, 1, 1.1])
    for row, (name, pathway) in zip(grid, pathways.items(), strict=True):
        _draw_distributions(row[0], pathway, name)
        _draw_change(row[1], pathway)
        _draw_matrix(row[2], pathway, figure)
    return figure


def _part(pathway: Weights, view: View) -> Weights:
    """The synapses onto neurons that are shown, at the recorded times that are."""
    post = pathway.ends[1]
    if post not in view.populations:
        return pathway.select(np.zeros(len(pathway), bool), np.ones(len(pathway.time), bool))
    times = (pathway.time >= view.start) & (pathway.time <= view.stop)
    return pathway.select(np.isin(pathway.post, view.neurons(post)), times)


def _draw_distributions(axes: Axes, pathway: Weights, name: str) -> None:
    before, after = pathway.arriving[0], pathway.arriving[-1]
    low, high = min(before.min(), after.min()), max(before.max(), after.max())
    pad = 0.02 * (high - low) or 0.5 * abs(high) or 1.0
    bins = list(np.linspace(low - pad, high + pad, 61))
    axes.hist(before, bins, color=FAINT, label=f"{pathway.time[0]:g} s")
    axes.hist(
        after, bins, histtype="step", color=PALETTE[0], lw=1.4, label=f"{pathway.time[-1]:g} s"
    )
    axes.set(xlabel=f"{pathway.meaning} ({pathway.unit})", ylabel="synapses")
    axes.set_title(name)
    axes.legend(loc="best", handlelength=1.2)


def _draw_change(axes: Axes, pathway: Weights) -> None:
    change = pathway.arriving[-1] - pathway.arriving[0]
    moved = np.count_nonzero(change) / max(1, len(change))
    reach = np.abs(change).max(initial=0) or 1.0
    bins = list(np.linspace(-reach, reach, 62))
    axes.hist(change[change < 0], bins, color=PALETTE[1], label="weaker")
    axes.hist(change[change > 0], bins, color=PALETTE[2], label="stronger")
    axes.axvline(0, color=INK, lw=0.8)
    axes.set(xlabel=f"change ({pathway.unit})", yscale="log" if change.any() else "linear")
    axes.set_title(f"{moved:.0%} of {len(change):,} changed")
    if change.any():
        axes.legend(loc="best", handlelength=1.0)


def _draw_matrix(axes: Axes, pathway: Weights, figure: Figure) -> None:
    rows, columns = (min(size, MAX_CELLS) for size in pathway.shape)
    post, pre = (
        np.minimum(index * cells // size, cells - 1)
        for index, cells, size in (
            (pathway.post, rows, pathway.shape[0]),
            (pathway.pre, columns, pathway.shape[1]),
        )
    )
    total = weight_matrix(pre, post, pathway.arriving[-1], (rows, columns))
    count = weight_matrix(pre, post, np.ones(len(pre)), (rows, columns))
    image = axes.imshow(
        total / count,
        aspect="auto",
        cmap="viridis",
        interpolation="nearest",
        origin="upper",
        extent=(0, pathway.shape[1], pathway.shape[0], 0),
    )
    axes.set(xlabel=f"from {pathway.ends[0]}", ylabel=f"to {pathway.ends[1]}")
    axes.set_title("mean weight at the end")
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(pathway.unit)
    bar.outline.set_visible(False)
