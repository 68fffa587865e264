"""Figures of spike statistics: spectra of rates, interspike intervals, correlations of counts."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from thalia.analysis.spike_trains import (
    autocorrelation,
    counts_of,
    intervals_of,
    pair_correlations,
    population_rate,
    spectral_density,
)
from thalia.analysis.variability import interval_cv
from thalia.errors import counted, fail
from thalia.figures.style import FAINT, INK, colours, say_clipped, styled
from thalia.figures.view import Moment, View
from thalia.recording.run_file import Run

BIN = 0.001  # seconds, of rates of which spectra and correlations are taken
SEGMENTS = 8  # into which a window is divided for its spectrum
SHORTEST, LONGEST = 0.2, 2.0  # of a segment, in seconds
HIGHEST = 300.0  # Hz
MOST_PANELS = 12
MOST_NEURONS = 200  # of a population, whose pairs are correlated
WINDOW = 0.02  # of counts that are correlated, in seconds
LAG = 0.1  # of autocorrelations, in seconds
LEAST_INTERVALS = 10


@styled
def spectrum(
    run: Run,
    *,
    start: Moment = None,
    stop: Moment = None,
    neurons: object = None,
    populations: Sequence[str] | str | None = None,
) -> Figure:
    """Power spectral density of the rate of each population, in Hz²/Hz.

    Welch's method, with Hann windows that overlap by half; the rate is that of a neuron in bins of
    1 ms. Dashed: independent Poisson neurons of the same rate, whose density is flat.

    Parameters
    ----------
    run : Run
    start, stop, neurons, populations
        What is shown; see `raster`.

    Raises
    ------
    CircuitError
        If the run has no spikes, or less than 0.2 s of them are shown.
    """
    view = View.of(run, start, stop, neurons, populations)
    names, colour = view.recorded, colours(list(run.sizes))
    if view.length < SHORTEST:
        found = f"found {view.length:g} s"
        raise fail(f"a spectrum needs at least {SHORTEST:g} s, {found}", "show a longer part")
    segment = min(max(view.length / SEGMENTS, SHORTEST), LONGEST)
    figure = Figure(figsize=(8, 4.4))
    axes = figure.subplots()
    for name in names:
        times, _ = view.spikes(name)
        if not len(times):
            continue
        size = view.size(name)
        rate = population_rate(times - view.start, size, view.length, BIN)
        frequency, density = spectral_density(rate, BIN, segment)
        shown = (frequency > 0) & (frequency <= HIGHEST)
        axes.loglog(frequency[shown], density[shown], color=colour[name], lw=1.1, label=name)
        axes.axhline(2 * rate.mean() / size, color=colour[name], lw=0.8, ls=(0, (4, 3)), alpha=0.6)
    axes.set(xlabel="frequency (Hz)", ylabel="power of the rate (Hz²/Hz)")
    axes.set_title(f"{view.title()}, segments of {segment:.2g} s")
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        title="dashed: independent\nPoisson neurons",
        title_fontsize=8,
    )
    return figure


@styled
def isi(
    run: Run,
    *,
    start: Moment = None,
    stop: Moment = None,
    neurons: object = None,
    populations: Sequence[str] | str | None = None,
) -> Figure:
    """Interspike intervals of each population on a logarithmic axis, and their CV.

    The line is what a Poisson process of the same mean interval would give.

    Parameters
    ----------
    run : Run
    start, stop, neurons, populations
        What is shown; see `raster`.

    Raises
    ------
    CircuitError
        If no population that is shown has ten intervals.
    """
    view = View.of(run, start, stop, neurons, populations)
    colour = colours(list(run.sizes))
    found = {name: intervals_of(*view.spikes(name))[0] for name in view.recorded}
    names = [name for name, each in found.items() if np.count_nonzero(each) >= LEAST_INTERVALS]
    if not names:
        wanted = f"no population has {LEAST_INTERVALS} interspike intervals"
        raise fail(f"{run.file}: {wanted}", "show a longer part, or run for longer")
    shown = names[:MOST_PANELS]
    columns = min(4, len(shown))
    lines = -(-len(shown) // columns)
    figure = Figure(figsize=(2.5 * columns + 1, 2.1 * lines + 0.7))
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for axes, name in zip(panels, shown, strict=False):
        _draw_intervals(axes, found[name] * 1e3, name, colour[name])
        values = interval_cv(*view.spikes(name))
        text = f"CV {np.median(values):.2f}" if len(values) else "few intervals a neuron"
        axes.text(0.98, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=8)
    for axes in list(panels)[len(shown) :]:
        axes.axis("off")
    figure.suptitle(view.title(), fontsize=10, fontweight="bold", x=0.01, ha="left")
    more = len(names) - len(shown)
    text = f"; {counted(more, 'more population')}, which --population shows" if more else ""
    figure.supxlabel(f"interspike interval (ms); line: Poisson process{text}", fontsize=9)
    return figure


def _draw_intervals(axes: Axes, intervals: NDArray[np.float64], name: str, colour: str) -> None:
    positive = intervals[intervals > 0]
    low, high = positive.min() / 1.3, positive.max() * 1.3
    edges = np.geomspace(low, high, 41)
    share = np.histogram(positive, edges)[0] / len(positive)
    axes.stairs(share, edges, fill=True, color=colour, alpha=0.55)
    poisson = -np.diff(np.exp(-edges / positive.mean()))
    axes.stairs(poisson, edges, color=INK, lw=0.9, baseline=None)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_title(name)


@styled
def correlation(
    run: Run,
    *,
    start: Moment = None,
    stop: Moment = None,
    neurons: object = None,
    populations: Sequence[str] | str | None = None,
) -> Figure:
    """Correlations of spike counts of pairs of neurons, and autocorrelations of rates.

    Left, Pearson's correlation of counts in windows of 20 ms, for all pairs of at most 200 active
    neurons of a population; right, the autocorrelation of the rate of a population in bins of 1 ms.

    Parameters
    ----------
    run : Run
    start, stop, neurons, populations
        What is shown; see `raster`.

    Raises
    ------
    CircuitError
        If no population that is shown has two neurons that fire.
    """
    view = View.of(run, start, stop, neurons, populations)
    colour = colours(list(run.sizes))
    pairs = {name: found for name in view.recorded if len(found := _pairs_of(view, name))}
    if not pairs:
        raise fail(
            f"{run.file}: no population has two neurons that fire in {view.length:g} s",
            "show a longer part, or run for longer",
        )
    figure = Figure(figsize=(9.5, 3.8))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
    reach = max(0.05, float(max(np.quantile(np.abs(each), 0.995) for each in pairs.values())))
    edges = np.linspace(-reach, reach, 61)
    for name, values in pairs.items():
        share = np.histogram(values, edges)[0] / len(values)
        left.stairs(share, edges, color=colour[name], lw=1.2, baseline=None)
        left.plot(values.mean(), 0, "^", color=colour[name], ms=7, clip_on=False, zorder=3)
    left.set(xlabel=f"correlation of counts in {WINDOW * 1e3:g} ms", ylabel="share of pairs")
    left.set_ylim(0)
    beyond = max(float(np.abs(each).max()) for each in pairs.values())
    if beyond > reach:
        say_clipped(left, f"up to {beyond:.2f}", "right")
    _draw_autocorrelations(right, view, tuple(pairs), colour)
    left.set_title(view.title())
    right.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), title="▲ mean of pairs", title_fontsize=8
    )
    return figure


def _pairs_of(view: View, name: str) -> NDArray[np.float64]:
    """Correlations of all pairs of some active neurons of a population."""
    times, places = view.spikes(name)
    active = np.unique(places)
    chosen = active[np.linspace(0, len(active) - 1, min(len(active), MOST_NEURONS)).astype(int)]
    row = np.full(view.size(name), -1)
    row[chosen] = np.arange(len(chosen))
    mine = row[places] >= 0
    counts = counts_of(times[mine], row[places[mine]], len(chosen), view.start, view.stop, WINDOW)
    return pair_correlations(counts)


def _draw_autocorrelations(
    axes: Axes, view: View, names: tuple[str, ...], colour: dict[str, str]
) -> None:
    highest = 0.0
    for name in names:
        times, _ = view.spikes(name)
        rate = population_rate(times - view.start, view.size(name), view.length, BIN)
        lags = min(int(LAG / BIN), len(rate) - 1)
        found = autocorrelation(rate, lags)
        both = np.concatenate([found[:0:-1], found])
        axes.plot(
            np.arange(-lags, lags + 1) * BIN * 1e3, both, color=colour[name], lw=1, label=name
        )
        highest = max(highest, float(np.abs(found[1:]).max(initial=0)))
    axes.axhline(0, color=FAINT, lw=0.8, zorder=0)
    axes.axvline(0, color=FAINT, lw=0.8, zorder=0)
    axes.set(xlabel="lag (ms)", ylabel=f"autocorrelation of rates, {BIN * 1e3:g} ms bins")
    if 0 < highest < 0.7:
        axes.set_ylim(-1.3 * highest, 1.3 * highest)
        say_clipped(axes, "1 at a lag of 0")
