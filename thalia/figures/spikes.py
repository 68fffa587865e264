"""The spikes of a run: marks where there are few, and how many there are in each pixel beyond."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalia.analysis.spike_trains import population_rate
from thalia.figures.style import colours, say_clipped, styled
from thalia.figures.view import Moment, View
from thalia.recording.results import Spikes
from thalia.recording.run_file import Run

MOST_ROWS = 1500  # neurons that are drawn with a mark for each spike
MOST_MARKS = 60_000
FEW_ROWS = 60  # up to which marks are strokes
PIXELS = (600, 300)  # of the image, in time and in neurons: few enough to be seen on a page
FAINTEST = 0.5  # opacity of a single spike in its pixel
MOST_BINS = 200  # of the rates over time
LEAST_BAND = 0.6  # of an equal share of the height, for a population of few neurons
LABEL = 0.12  # inches of height that the name of a population takes
LEADER = 0.015  # of the width, a line from its name to its band


@styled
def raster(
    run: Run,
    *,
    start: Moment = None,
    stop: Moment = None,
    neurons: object = None,
    populations: Sequence[str] | str | None = None,
) -> Figure:
    """Spikes of the recorded populations, the first one on top, and their mean rates below.

    Where they would overlap, there is no mark for each spike, but each pixel shows how many spikes
    its neurons fire in its time, on a logarithmic scale, as in Datashader: all neurons are shown.

    Parameters
    ----------
    run : Run
    start, stop : times, optional
        `"200 ms"` or seconds; by default the whole run.
    neurons : selection, optional
        As in a circuit: `"0:50"`, `[0, 3]`, or `10` for the first ten of each population.
    populations : names, optional
        By default all that are recorded.

    Raises
    ------
    CircuitError
        If the run has no spikes, or no such time, population or neuron.
    """
    view = View.of(run, start, stop, neurons, populations)
    names, colour = view.recorded, colours(list(run.sizes))
    spikes = {name: view.spikes(name) for name in names}
    figure = Figure(figsize=(9, 6.2 + 0.12 * max(0, len(names) - 18)))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    bands = bands_of({name: view.size(name) for name in names})
    shade = _draw_spikes(upper, view, spikes, bands, colour)
    _draw_rates(lower, view, spikes, colour)
    for axes in (upper, lower):
        view.mark_phases(axes, view.clock[1], names=axes is upper)
    upper.set_title(view.title() + shade, pad=16 if len(run.phases) > 1 else 6)
    lower.set_xlim(view.start * view.clock[1], view.stop * view.clock[1])
    figure.align_ylabels()
    return figure


@styled
def raster_of(spikes: Spikes) -> Figure:
    """The spikes of one population, without its run."""
    name = spikes.population
    sizes: Any = SimpleNamespace(sizes={name: spikes.size})  # all that drawing asks a run for
    view = View(sizes, 0.0, spikes.duration, (name,))
    figure = Figure(figsize=(9, 3.2))
    axes = figure.subplots()
    trains = {name: (spikes.times, spikes.neurons)}
    shade = _draw_spikes(axes, view, trains, {name: (0.0, 1.0)}, colours([name]))
    axes.set_title(f"{name}{shade}")
    axes.set(xlabel=f"time ({view.clock[0]})", xlim=(0, spikes.duration * view.clock[1]))
    return figure


def bands_of(sizes: dict[str, int], least: float = 0.0) -> dict[str, tuple[float, float]]:
    """Top and height of each population, from 0 to 1; those of few neurons are made visible.

    No height is below `least`, which leaves room for all.
    """
    total = sum(sizes.values())
    visible = LEAST_BAND / max(len(sizes), 10)
    heights = at_least(least, {name: max(size / total, visible) for name, size in sizes.items()})
    ends = list(accumulate(heights.values()))
    return {
        name: (end - height, height)
        for (name, height), end in zip(heights.items(), ends, strict=True)
    }


def at_least(least: float, sizes: dict[str, float]) -> dict[str, float]:
    """Shares of 1, none below that: the others, by their size, share what is left."""
    total = sum(sizes.values())
    low = {name for name, size in sizes.items() if size < least * total}
    if not low:
        return {name: size / total for name, size in sizes.items()}
    left = 1 - least * len(low)
    others = at_least(least / left, {n: size for n, size in sizes.items() if n not in low})
    return {name: least if name in low else left * others[name] for name in sizes}


def apart(places: Sequence[float], least: float) -> list[float]:
    """Places between 0 and 1, moved down, and up from the end, until they are so far apart.

    Where there is not enough room for all, they share it.
    """
    least = min(least, 1 / len(places))
    down = list(accumulate(places, lambda before, each: max(each, before + least)))
    up = accumulate(
        reversed(down), lambda after, each: min(each, after - least), initial=1 + least / 2
    )
    return list(up)[:0:-1]


type Trains = dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]


def _draw_spikes(
    axes: Axes,
    view: View,
    spikes: Trains,
    bands: dict[str, tuple[float, float]],
    colour: dict[str, str],
) -> str:
    """Draw the spikes; returns what the shade of a pixel is, if there are no marks."""
    rows = sum(view.size(name) for name in spikes)
    marks = sum(len(times) for times, _ in spikes.values())
    as_image = rows > MOST_ROWS or marks > MOST_MARKS
    darkest = 0.0
    if as_image:
        counts = {name: _counts(view, *spikes[name], name, bands[name][1]) for name in spikes}
        present = np.concatenate([each[each > 0] for each in counts.values()] or [np.zeros(0)])
        darkest = float(np.quantile(present, 0.995)) if len(present) else 1.0
    for name, (times, places) in spikes.items():
        top, height = bands[name]
        if as_image:
            _draw_image(axes, view, counts[name], (top, height), colour[name], darkest)
        else:
            step = height / view.size(name)
            x, y = times * view.clock[1], top + (places + 0.5) * step
            if rows <= FEW_ROWS:
                axes.vlines(
                    x,
                    y - 0.4 * step,
                    y + 0.4 * step,
                    color=colour[name],
                    lw=1.2,
                )
            else:
                axes.plot(
                    x,
                    y,
                    ".",
                    color=colour[name],
                    ms=2.2,
                    mew=0,
                    rasterized=True,
                )
    axes.set_ylim(1.01, -0.01)
    _name_bands(axes, bands, colour)
    axes.spines["left"].set_visible(False)
    most = max(1, round(darkest))
    return f", shade: 1 to {most} spikes in a pixel" if as_image else ""


def _name_bands(axes: Axes, bands: dict[str, tuple[float, float]], colour: dict[str, str]) -> None:
    """Write the names of populations apart, each with a line that leads to its band."""
    inches = axes.bbox.height / axes.figure.dpi
    centres = [top + height / 2 for top, height in bands.values()]
    places = apart(centres, LABEL / inches)
    axes.set_yticks(places, list(bands))
    axes.tick_params(axis="y", length=0, pad=12)
    beside = axes.get_yaxis_transform()
    for label, place, centre in zip(axes.get_yticklabels(), places, centres, strict=True):
        own = colour[label.get_text()]
        label.set_color(own)
        axes.plot([-LEADER, 0], [place, centre], color=own, lw=0.8, transform=beside, clip_on=False)


def _counts(
    view: View, times: NDArray[np.float64], places: NDArray[np.int64], name: str, height: float
) -> NDArray[np.float64]:
    """Spikes in each pixel of a population's band, (pixels of neurons, pixels of time)."""
    columns = PIXELS[0]
    lines = max(1, min(view.size(name), round(height * PIXELS[1])))
    column = ((times - view.start) / view.length * columns).astype(np.int64)
    line = places * lines // view.size(name)
    flat = np.bincount(line * columns + column.clip(0, columns - 1), minlength=lines * columns)
    return flat.reshape(lines, columns).astype(float)


def _draw_image(
    axes: Axes,
    view: View,
    counts: NDArray[np.float64],
    band: tuple[float, float],
    colour: str,
    darkest: float,
) -> None:
    (top, height), scale = band, view.clock[1]
    share = np.log1p(counts) / np.log1p(max(darkest, 1.0 + 1e-9))
    single = np.log1p(1.0) / np.log1p(max(darkest, 1.0 + 1e-9))
    above = (share - single) / max(1 - single, 1e-9)
    image = np.empty((*counts.shape, 4))
    image[..., :3] = to_rgb(colour)
    image[..., 3] = np.where(counts > 0, FAINTEST + (1 - FAINTEST) * above.clip(0, 1), 0)
    axes.imshow(
        image,
        aspect="auto",
        interpolation="nearest",
        origin="upper",
        extent=(view.start * scale, view.stop * scale, top + height, top),
    )


def rates_over_time(
    view: View, spikes: Trains, most: int
) -> tuple[int, dict[str, NDArray[np.float64]]]:
    """The mean rate of each population in Hz, in bins of a round number of milliseconds.

    Returns the width of a bin in ms and, by population, (n_bins,): at most about `most`.
    """
    widths = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
    width = next((w for w in widths if view.length * 1e3 <= most * w), 5000)
    width = max(width, 5) if view.length >= 0.1 else width
    return width, {
        name: population_rate(times - view.start, view.size(name), view.length, width * 1e-3)
        for name, (times, _) in spikes.items()
    }


def _draw_rates(axes: Axes, view: View, spikes: Trains, colour: dict[str, str]) -> None:
    """The mean rate of each population over time, in bins of a round number of milliseconds."""
    unit, scale = view.clock
    width, over_time = rates_over_time(view, spikes, MOST_BINS)
    for name, rate in over_time.items():
        edges = (view.start + np.arange(len(rate) + 1) * width * 1e-3) * scale
        axes.stairs(rate, edges, color=colour[name], lw=0.9, baseline=None)
    axes.set(xlabel=f"time ({unit})", ylabel=f"rate (Hz),\n{width} ms bins")
    ceiling = _ceiling(over_time.values())
    axes.set_ylim(0, ceiling)
    if ceiling:
        name = max(over_time, key=lambda each: over_time[each].max(initial=0))
        say_clipped(axes, f"{name} reaches {over_time[name].max():.3g} Hz")


def _ceiling(rates_over_time: Iterable[NDArray[np.float64]]) -> float | None:
    """Upper limit for rates, robust to a few high bins of one population; None for all of them."""
    tops = [(np.quantile(rate, 0.97), rate.max()) for rate in rates_over_time if len(rate)]
    usual, highest = (
        (max(values, default=0.0) for values in zip(*tops, strict=True)) if tops else (0.0, 0.0)
    )
    return 1.6 * usual if 0 < usual < highest / 3 else None
