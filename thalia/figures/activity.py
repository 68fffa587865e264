"""Mean rates of populations, and levels of modulators."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from thalia.analysis.spike_trains import mean_rate
from thalia.analysis.variability import LEAST_OF_A_NEURON, interval_cv
from thalia.errors import fail
from thalia.figures.style import FAINT, GREY, INK, colours, say_clipped, styled
from thalia.figures.view import Moment, View
from thalia.recording.run_file import Run

LARGEST_CV = 1.7  # that is drawn


@styled
def rates(
    run: Run,
    *,
    start: Moment = None,
    stop: Moment = None,
    neurons: object = None,
    populations: Sequence[str] | str | None = None,
) -> Figure:
    """Mean rates next to published ones if there are any, and irregularity.

    Parameters
    ----------
    run : Run
    start, stop : times, optional
        By default the last phase.
    neurons, populations
        What is shown; see `raster`.

    Raises
    ------
    CircuitError
        If a part is asked for of which no spikes are recorded, or which is not there.
    """
    phase, begin, end = run.phases[-1]
    if start is None and stop is None:
        start, stop, when = begin, end, f"phase '{phase}' ({begin:g} to {end:g} s)"
    else:
        when = ""
    view = View.of(run, start, stop, neurons, populations)
    mean = _rates(view, of_summary=bool(when) and view.chosen is None)
    names, colour = list(mean), colours(list(run.sizes))
    figure = Figure(figsize=(9, 0.36 * len(names) + 1.6))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    places = np.arange(len(names))
    left.barh(places, list(mean.values()), 0.66, color=[colour[name] for name in names])
    reference = run.structure["reference"]
    if reference:
        _draw_published(left, names, reference["rates"])
        figure.supxlabel(reference["source"], fontsize=7, color=GREY)
    left.set_yticks(places, names)
    left.invert_yaxis()
    left.tick_params(axis="y", length=0)
    left.set(xlabel="mean rate (Hz)")
    left.set_title(f"{view.title()}, {when or f'{view.start:g} to {view.stop:g} s'}")
    _draw_irregularity(right, view, names, colour)
    return figure


def _rates(view: View, of_summary: bool) -> dict[str, float]:
    """Mean rate of each population that is shown, in Hz."""
    if of_summary:  # which also has those whose spikes are not recorded
        return {name: rate for name, rate in view.run.rates.items() if name in view.populations}
    return {
        name: mean_rate(view.spikes(name)[0], view.size(name), view.start, view.stop)
        for name in view.recorded
    }


def _draw_published(axes: Axes, names: list[str], published: dict[str, float]) -> None:
    known = [(place, published[name]) for place, name in enumerate(names) if name in published]
    axes.plot(
        [rate for _, rate in known],
        [place for place, _ in known],
        "D",
        color=INK,
        mfc="white",
        ms=5,
        label="published",
    )
    axes.legend(loc="lower right")


def _draw_irregularity(axes: Axes, view: View, names: list[str], colour: dict[str, str]) -> None:
    largest = 0.0
    for place, name in enumerate(names):
        values = interval_cv(*view.spikes(name)) if name in view.run.spikes else np.zeros(0)
        if len(values) < 2:
            continue
        box = axes.boxplot(
            values,
            positions=[place],
            orientation="horizontal",
            widths=0.55,
            showfliers=False,
            patch_artist=True,
        )
        box["boxes"][0].set(facecolor=colour[name], alpha=0.55, edgecolor=INK, lw=0.8)
        box["medians"][0].set(color=INK, lw=1.2)
        largest = max(largest, float(box["whiskers"][1].get_xdata()[1]))
    axes.axvline(1, color=FAINT, lw=0.8, ls="--", zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=f"CV of neurons with {LEAST_OF_A_NEURON} intervals", xlim=(0, LARGEST_CV))
    if largest > LARGEST_CV:
        say_clipped(axes, f"up to {largest:.2g}", "right")
    axes.set_title("irregularity (1: Poisson)")
    axes.tick_params(axis="y", length=0)


@styled
def modulators(run: Run, *, start: Moment = None, stop: Moment = None) -> Figure:
    """The level of every modulator over time, with the level at which its signal is zero.

    Parameters
    ----------
    run : Run
    start, stop : times, optional
        By default the whole run.

    Raises
    ------
    CircuitError
        If the run has none, or no such time.
    """
    levels, view = run.modulators, View.of(run, start, stop)
    if not levels:
        raise fail(
            f"{run.file}: has no modulators",
            "give the circuit some, as in `modulators: {dopamine: ...}`",
        )
    colour = colours(list(levels))
    figure = Figure(figsize=(9, 1.3 * len(levels) + 0.9))
    rows = figure.subplots(len(levels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, level) in zip(rows, levels.items(), strict=True):
        inside = (level.time >= view.start) & (level.time <= view.stop)
        axes.plot(level.time[inside], level.value[inside], color=colour[name], lw=1)
        axes.axhline(level.baseline, color=FAINT, lw=0.8, ls="--", zorder=0)
        axes.set_ylabel("level")
        axes.set_title(name)
        view.mark_phases(axes)
    rows[-1].set(xlabel="time (s)", xlim=(view.start, view.stop))
    return figure
