"""The search of a fit: how near it came, and which values it tried."""

from pathlib import Path as FilePath

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from thalia.errors import fail
from thalia.figures.style import FAINT, PALETTE, styled
from thalia.parallel.fit import Fit
from thalia.parallel.search_space import Dimension

COLUMNS = 3


@styled
def fit_figure(fit: Fit) -> Figure:
    """The distance to the target of every trial, in order and against each value.

    Raises
    ------
    CircuitError
        If no trial ended.
    """
    trials = [each for each in fit.trials if each.distance is not None]
    if not trials:
        raise fail(f"{fit.folder}: no trial ended, so there is nothing to draw")
    panels = 1 + len(fit.dimensions)
    rows = -(-panels // COLUMNS)
    figure = Figure(figsize=(3.2 * min(panels, COLUMNS), 2.8 * rows))
    first, *others = np.atleast_1d(figure.subplots(rows, min(panels, COLUMNS), sharey=True)).flat
    order = np.array([each.index for each in trials])
    distances = np.array([float(each.distance or 0) for each in trials])
    first.plot(order, distances, "o", ms=3, color=FAINT, label="trial")
    first.step(order, np.minimum.accumulate(distances), where="post", lw=1.5, label="nearest yet")
    first.set(
        xlabel="trial",
        ylabel="distance to the target",
        title=f"target: {FilePath(fit.target.name).name}",
    )
    first.set_yscale("symlog", linthresh=max(float(np.median(distances)) / 10, 1e-3))
    first.set_ylim(bottom=-first.yaxis.get_transform().linthresh / 10)
    first.legend(fontsize=8)
    for axes, dimension in zip(others, fit.dimensions, strict=False):
        values = [dimension.number(each.settings[dimension.path]) for each in trials]
        dots = axes.scatter(values, distances, c=order, s=12, cmap="viridis")
        if axes is others[len(fit.dimensions) - 1]:
            figure.colorbar(dots, ax=axes, label="trial")
        if fit.best is not None:
            best = dimension.number(fit.best.settings[dimension.path])
            axes.axvline(best, lw=0.8, color=PALETTE[1])
        _scale(axes, dimension)
    for axes in others[len(fit.dimensions) :]:
        axes.set_visible(False)
    return figure


def _scale(axes: Axes, dimension: Dimension) -> None:
    parent, _, name = dimension.label.rpartition(".")
    axes.set_xlabel(f"{parent}.\n{name}" if len(dimension.label) > 24 else dimension.label)
    if dimension.choices:
        axes.set_xticks(range(len(dimension.choices)), dimension.choices)
    elif dimension.log:
        axes.set_xscale("log")
