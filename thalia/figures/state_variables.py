"""State variables of neurons and synapses over time."""

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

    So are variables of synapses that are recorded with the weights, such as eligibility traces. The
    band is from the 5th to the 95th percentile of the neurons or synapses. Of more than 4,000
    points, each pair that is drawn is the lowest and the highest of several, so that no peak is
    lost.

    Parameters
    ----------
    run : Run
    start, stop, neurons, populations
        What is shown; see `raster`. Of the neurons, those that were recorded, and synapses onto
        those.

    Raises
    ------
    CircuitError
        If nothing of them is recorded.
    """
    view = View.of(run, start, stop, neurons, populations)
    colour, panels = colours(list(run.sizes)), panels_of(run, view)
    if not panels:
        raise fail(
            f"{run.file}: has no traces of these neurons",
            "record some, as in `traces: {v: {population: e, variables: [v], every: 1 ms}}`",
        )
    shown, (unit, scale) = panels[:MOST_PANELS], view.clock
    figure = Figure(figsize=(9, 1.7 * len(shown) + 0.9))
    rows = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(rows, shown, strict=True):
        _draw(axes, panel, view, colour[panel.population])
        view.mark_phases(axes, scale, names=axes is rows[0])
    rows[-1].set(xlabel=f"time ({unit})", xlim=(view.start * scale, view.stop * scale))
    if len(panels) > len(shown):
        more = f"{len(panels) - len(shown)} more are in the file"
        figure.supxlabel(more, fontsize=8, color=GREY)
    return figure


@dataclass(frozen=True)
class Panel:
    """A variable over time: `values` are (n_times, n), `numbers` those of the neurons or synapses.

    `of` is where it is recorded, `noun` what has it; it is drawn in the colour of `population`.
    """

    of: str
    noun: str
    variable: str
    unit: str
    population: str
    time: Floats
    numbers: NDArray[np.integer[Any]]
    values: Floats

    @property
    def label(self) -> str:
        """The variable with its unit."""
        return f"{self.variable} ({self.unit})" if self.unit else self.variable


def panels_of(run: Run, view: View) -> list[Panel]:
    """Variables of the neurons that a view shows, and of synapses onto them."""
    found = []
    for name, each in run.traces.items():
        if each.population in view.populations:
            of = f"{name}: {each.population}"
            shown = np.flatnonzero(np.isin(each.neurons, view.neurons(each.population)))
            found += [
                Panel(
                    *(of, "neuron", variable, each.units[variable], each.population),
                    *(each.time, each.neurons[shown], values[:, shown]),
                )
                for variable, values in each.items()
            ]
    for name, pathway in run.weights.items():
        post = pathway.ends[1]
        if post in view.populations:
            shown = np.flatnonzero(np.isin(pathway.post, view.neurons(post)))
            found += [
                Panel(
                    *(name, "synapse", variable, pathway.units[variable], post),
                    *(pathway.time, shown, values[:, shown]),
                )
                for variable, values in pathway.variables.items()
            ]
    return [panel for panel in found if len(panel.numbers) and len(panel.time)]


@dataclass(frozen=True)
class Course:
    """A variable over time as it is drawn: lines of single neurons, or their mean and range.

    Each line is its times, in units of the view's clock, and its values; `band` are times, and the
    5th and the 95th percentile of the neurons. `who` says which neurons or synapses these are.
    """

    lines: tuple[tuple[Floats, Floats], ...]
    band: tuple[Floats, Floats, Floats] | None
    who: str


def course_of(panel: Panel, view: View) -> Course:
    """A variable in the time that a view shows."""
    inside = (panel.time >= view.start) & (panel.time <= view.stop)
    time, values = panel.time[inside] * view.clock[1], panel.values[inside]
    count = len(panel.numbers)
    if count > MOST_LINES:
        low, high = np.quantile(values, QUANTILES, axis=1) if len(values) else (time, time)
        band = _thinned_band(time, low, high)
        who = f"mean and 90 % of {count:,} {panel.noun}s"
        return Course((thinned(time, values.mean(axis=1)),), band, who)
    numbers = ", ".join(map(str, panel.numbers))
    who = f"{panel.noun}{'' if count == 1 else 's'} {numbers}"
    return Course(tuple(thinned(time, column) for column in values.T), None, who)


def _draw(axes: Axes, panel: Panel, view: View, colour: str) -> None:
    course = course_of(panel, view)
    if course.band:
        axes.fill_between(*course.band, color=colour, alpha=0.25, lw=0)
    for number, (time, values) in enumerate(course.lines):
        fade = 1 - 0.7 * number / len(course.lines)
        axes.plot(time, values, color=colour, lw=0.9, alpha=fade)
    axes.set_ylabel(panel.label)
    axes.set_title(f"{panel.of}, {course.who}", pad=16)


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
