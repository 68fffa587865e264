"""State variables over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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

type Floats = NDArray[np.floating[Any]]


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
        if each.population in view.populations and len(columns_of(each, view))
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


@dataclass(frozen=True)
class Course:
    """A state variable over time as it is drawn: lines of single neurons, or their mean and range.

    Each line is its times, in units of the view's clock, and its values; `band` are times, and the
    5th and the 95th percentile of the neurons. `who` says which neurons these are.
    """

    lines: tuple[tuple[Floats, Floats], ...]
    band: tuple[Floats, Floats, Floats] | None
    who: str


def columns_of(traces: Traces, view: View) -> NDArray[np.intp]:
    """The columns of the neurons that are shown."""
    return np.flatnonzero(np.isin(traces.neurons, view.neurons(traces.population)))


def course_of(traces: Traces, variable: str, view: View) -> Course:
    """A state variable of the neurons, and in the time, that a view shows."""
    inside = (traces.time >= view.start) & (traces.time <= view.stop)
    columns = columns_of(traces, view)
    time, values = traces.time[inside] * view.clock[1], traces[variable][inside][:, columns]
    if len(columns) > MOST_LINES:
        low, high = np.quantile(values, QUANTILES, axis=1) if len(values) else (time, time)
        band = _thinned_band(time, low, high)
        who = f"mean and 90 % of {len(columns):,} neurons"
        return Course((thinned(time, values.mean(axis=1)),), band, who)
    numbers = ", ".join(map(str, traces.neurons[columns]))
    who = f"neuron {numbers}" if len(columns) == 1 else f"neurons {numbers}"
    return Course(tuple(thinned(time, column) for column in values.T), None, who)


def label_of(traces: Traces, variable: str) -> str:
    """A variable with its unit."""
    return f"{variable} ({traces.units[variable]})" if traces.units[variable] else variable


def _draw(axes: Axes, traces: Traces, variable: str, view: View, colour: str) -> None:
    course = course_of(traces, variable, view)
    if course.band:
        axes.fill_between(*course.band, color=colour, alpha=0.25, lw=0)
    for number, (time, values) in enumerate(course.lines):
        fade = 1 - 0.7 * number / len(course.lines)
        axes.plot(time, values, color=colour, lw=0.9, alpha=fade)
    axes.set_ylabel(label_of(traces, variable))
    axes.set_title(f"{traces.name}: {traces.population}, {course.who}", pad=16)


def thinned(time: Floats, values: Floats) -> tuple[Floats, Floats]:
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


def _thinned_band(time: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """A band of fewer points, as wide as the widest place of each stretch."""
    starts = np.arange(0, len(time), -(-len(time) // MOST_POINTS) or 1)
    if len(starts) == len(time):
        return time, low, high
    return time[starts], np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
