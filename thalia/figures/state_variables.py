"""State variables over time."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalia.errors import fail
from thalia.figures.style import GREY, colours, styled
from thalia.figures.view import Moment, View
from thalia.recording.results import Traces
from thalia.recording.run_file import Run

MOST_LINES = 10  # neurons that are drawn one by one
MOST_POINTS = 4000  # of a line, beyond which the lowest and the highest of several are drawn
MOST_PANELS = 12
QUANTILES = (0.05, 0.95)


@styled
def traces(
    run: Run,
    *,
    start: Moment = None,
    stop: Moment = None,
    neurons: object = None,
    populations: Sequence[str] | str | None = None,
) -> Figure:
    """Every recorded state variable over time: of up to ten neurons, or the mean and the range.

    The band is from the 5th to the 95th percentile of the neurons. Of more than 4,000 points, each
    pair that is drawn is the lowest and the highest of several, so that no peak is lost.

    Parameters
    ----------
    run : Run
    start, stop, neurons, populations
        What is shown; see `raster`. Of the neurons, those that were recorded.

    Raises
    ------
    CircuitError
        If nothing of them is recorded.
    """
    view = View.of(run, start, stop, neurons, populations)
    colour = colours(list(run.sizes))
    panels = [
        (name, variable)
        for name, each in run.traces.items()
        if each.population in view.populations and len(_columns(each, view))
        for variable in each
    ]
    if not panels:
        raise fail(
            f"{run.file}: has no traces of these neurons",
            "record some, as in `traces: {v: {population: e, variables: [v], every: 1 ms}}`",
        )
    shown, (unit, scale) = panels[:MOST_PANELS], view.clock
    figure = Figure(figsize=(9, 1.7 * len(shown) + 0.9))
    rows = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, variable) in zip(rows, shown, strict=True):
        each = run.traces[name]
        _draw(axes, each, variable, view, colour[each.population])
        view.mark_phases(axes, scale, names=axes is rows[0])
    rows[-1].set(xlabel=f"time ({unit})", xlim=(view.start * scale, view.stop * scale))
    if len(panels) > len(shown):
        more = f"{len(panels) - len(shown)} more are in the file"
        figure.supxlabel(more, fontsize=8, color=GREY)
    return figure


def _columns(traces: Traces, view: View) -> NDArray[np.intp]:
    """The columns of the neurons that are shown."""
    return np.flatnonzero(np.isin(traces.neurons, view.neurons(traces.population)))


def _draw(axes: Axes, traces: Traces, variable: str, view: View, colour: str) -> None:
    inside = (traces.time >= view.start) & (traces.time <= view.stop)
    columns = _columns(traces, view)
    time, values = traces.time[inside] * view.clock[1], traces[variable][inside][:, columns]
    if len(columns) > MOST_LINES:
        low, high = np.quantile(values, QUANTILES, axis=1) if len(values) else (time, time)
        axes.fill_between(time, low, high, color=colour, alpha=0.25, lw=0)
        axes.plot(time, values.mean(axis=1), color=colour, lw=1.1)
        who = f"mean and 90 % of {len(columns):,} neurons"
    else:
        for number, column in enumerate(values.T):
            fade = 1 - 0.7 * number / max(1, len(columns))
            axes.plot(*_thinned(time, column), color=colour, lw=0.9, alpha=fade)
        numbers = ", ".join(map(str, traces.neurons[columns]))
        who = f"neuron {numbers}" if len(columns) == 1 else f"neurons {numbers}"
    axes.set_ylabel(
        f"{variable} ({traces.units[variable]})" if traces.units[variable] else variable
    )
    axes.set_title(f"{traces.name}: {traces.population}, {who}", pad=16)


def _thinned(
    time: NDArray[np.float64], values: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A line of fewer points with the same peaks: the lowest and the highest of each stretch."""
    step = -(-2 * len(values) // MOST_POINTS)
    if step < 3:
        return time, values
    whole = len(values) // step * step
    stretches = values[:whole].reshape(-1, step)
    ends = np.sort([stretches.argmin(axis=1), stretches.argmax(axis=1)], axis=0)
    places = (np.arange(0, whole, step) + ends).T.ravel()
    places = np.concatenate([places, np.arange(whole, len(values))])
    return time[places], values[places]
