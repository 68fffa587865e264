"""Figures of activity, ready for a paper: each takes a run and returns a matplotlib figure."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path as FilePath
from typing import Any

import matplotlib
import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from thalia.analysis.spike_trains import population_rate, weight_matrix
from thalia.analysis.variability import LEAST_OF_A_NEURON, interval_cv
from thalia.compiler.graph import Network, graph_of
from thalia.errors import fail
from thalia.recording.outputs import replacing
from thalia.recording.results import Weights
from thalia.recording.run_file import Run

# Okabe & Ito (2008), safe for colour-blind readers, in an order that keeps neighbours apart
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#6A51A3",
    "#8C564B",
    "#4D4D4D",
    "#A6A600",
)
INK, FAINT = "#222222", "#BBBBBB"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
}
MAX_ROWS = 1500  # neurons drawn in a raster
MAX_DOTS = 60_000  # spikes drawn in a raster
FEW_ROWS = 60  # up to which spikes are drawn as strokes
MAX_CELLS = 160  # rows and columns of a weight matrix before it is averaged in blocks
MAX_PATHWAYS = 5
MAX_BINS = 200  # of the rates over time


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the project's style, leaving matplotlib's settings as they were."""

    def wrapper(*args: Any, **kwds: Any) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwds)

    wrapper.__doc__, wrapper.__name__ = draw.__doc__, draw.__name__
    return wrapper


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each population, the same in every figure of a run."""
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}


@styled
def raster(run: Run) -> Figure:
    """Spikes of all recorded populations, first population on top, and their mean rates below."""
    names = list(run.spikes)
    if not names:
        raise fail(f"{run.file}: has no spikes", "record them with `record: {spikes: all}`")
    figure = Figure(figsize=(9, 6.2))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    colour = colours(list(run.sizes))
    sizes = {name: run.sizes[name] for name in names}
    spikes = sum(len(run.spikes[name]) for name in names)
    keep = min(1.0, MAX_ROWS / sum(sizes.values()), MAX_DOTS / max(1, spikes))
    _draw_spikes(upper, run, sizes, keep, colour)
    width = next(
        (w for w in (5, 10, 20, 50, 100, 200, 500) if run.duration * 1e3 <= MAX_BINS * w), 1000
    )  # ms
    over_time = {
        name: population_rate(run.spikes[name].times, sizes[name], run.duration, width * 1e-3)
        for name in names
    }
    for name, rate in over_time.items():
        lower.step(np.arange(len(rate)) * width, rate, where="post", color=colour[name], lw=0.9)
    phases = run.phases
    for axes in (upper, lower):
        for _, start, _ in phases[1:]:
            axes.axvline(start * 1e3, color=FAINT, lw=0.8, ls="--", zorder=0)
    if len(phases) > 1:
        for name, start, _ in phases:
            upper.text(
                start * 1e3,
                1.01,
                f" {name}",
                transform=upper.get_xaxis_transform(),
                color="#777777",
                fontsize=8,
            )
    share = "" if keep == 1 else f", {keep:.0%} of the neurons shown"
    upper.set_title(f"{run.attributes['name']}{share}", pad=16 if len(phases) > 1 else 6)
    lower.set(
        xlabel="time (ms)", ylabel=f"rate (Hz),\n{width} ms bins", xlim=(0, run.duration * 1e3)
    )
    lower.set_ylim(0, _ceiling(over_time.values()))
    figure.align_ylabels()
    return figure


def _ceiling(rates_over_time: Iterable[NDArray[np.float64]]) -> float | None:
    """Upper limit for rates, robust to a few high bins of one population."""
    tops = [(np.quantile(rate, 0.97), rate.max()) for rate in rates_over_time if len(rate)]
    usual, highest = (
        (max(values, default=0.0) for values in zip(*tops, strict=True)) if tops else (0.0, 0.0)
    )
    return 1.6 * usual if 0 < usual < highest / 3 else None


def _draw_spikes(
    axes: Axes, run: Run, sizes: dict[str, int], keep: float, colour: dict[str, str]
) -> None:
    row, ticks = 0, []
    shown = {name: min(size, max(2, round(size * keep))) for name, size in sizes.items()}
    few = sum(shown.values()) <= FEW_ROWS
    for name, rows in shown.items():
        spikes = run.spikes[name]
        mine = spikes.neurons < rows
        times, places = spikes.times[mine] * 1e3, row + spikes.neurons[mine]
        if few:
            axes.vlines(times, places - 0.4, places + 0.4, color=colour[name], lw=1.2)
        else:
            axes.plot(times, places, ".", color=colour[name], ms=2.2, mew=0, rasterized=True)
        ticks.append(row + (rows - 1) / 2)
        row += rows
    axes.set_yticks(_spread(ticks, row), list(sizes))
    for label, name in zip(axes.get_yticklabels(), sizes, strict=True):
        label.set_color(colour[name])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(row - 0.5 + 0.01 * row, -0.5 - 0.01 * row)


def _spread(ticks: list[float], rows: int) -> list[float]:
    """Labels shifted downwards so that those of small populations do not overlap."""
    least = rows / 26
    placed: list[float] = []
    for tick in ticks:
        placed.append(max(tick, placed[-1] + least) if placed else tick)
    over = placed[-1] - (rows - 0.5)
    return [
        max(0.0, p - over) if over > 0 and p > tick else p
        for p, tick in zip(placed, ticks, strict=True)
    ]


@styled
def weights(run: Run) -> Figure:
    """For each recorded pathway: weights before and after, their changes, and the weight matrix."""
    names = [name for name in run.weights if len(run.weights[name].pre)]
    if not names:
        raise fail(
            f"{run.file}: has no weights",
            "record them with `record: {weights: {pathways: [NAME]}}`",
        )
    shown = names[:MAX_PATHWAYS]
    figure = Figure(figsize=(10, 2.5 * len(shown) + 0.4))
    grid = figure.subplots(len(shown), 3, squeeze=False, width_ratios=[1.2, 1, 1.1])
    for row, name in zip(grid, shown, strict=True):
        pathway = run.weights[name]
        _draw_distributions(row[0], pathway, name)
        _draw_change(row[1], pathway)
        _draw_matrix(row[2], pathway, figure)
    if len(names) > len(shown):
        figure.supxlabel(
            f"{len(names) - len(shown)} more pathways are in the file", fontsize=8, color="#777777"
        )
    return figure


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
    axes.set(xlabel=f"change ({pathway.unit})", yscale="log")
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


@styled
def rates(run: Run) -> Figure:
    """Mean rates in the last phase, next to published ones if there are any, and irregularity."""
    names = list(run.rates)
    colour = colours(list(run.sizes))
    figure = Figure(figsize=(9, 0.36 * len(names) + 1.6))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    places = np.arange(len(names))
    left.barh(
        places, [run.rates[name] for name in names], 0.66, color=[colour[name] for name in names]
    )
    reference = run.structure["reference"]
    if reference:
        known = [
            (place, reference["rates"][name])
            for place, name in zip(places, names, strict=True)
            if name in reference["rates"]
        ]
        left.plot(
            [rate for _, rate in known],
            [place for place, _ in known],
            "D",
            color=INK,
            mfc="white",
            ms=5,
            label="published",
        )
        left.legend(loc="lower right")
    left.set_yticks(places, names)
    left.invert_yaxis()
    left.tick_params(axis="y", length=0)
    name, start, stop = run.phases[-1]
    left.set(xlabel="mean rate (Hz)")
    left.set_title(f"{run.attributes['name']}, phase '{name}' ({start:g} to {stop:g} s)")
    _draw_irregularity(right, run, names, start, colour)
    if reference:
        figure.supxlabel(reference["source"], fontsize=7, color="#777777")
    return figure


def _draw_irregularity(
    axes: Axes, run: Run, names: list[str], start: float, colour: dict[str, str]
) -> None:
    for place, name in enumerate(names):
        if name not in run.spikes:
            continue
        spikes = run.spikes[name]
        late = spikes.times >= start
        values = interval_cv(spikes.times[late], spikes.neurons[late])
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
    axes.axvline(1, color=FAINT, lw=0.8, ls="--", zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=f"CV of neurons with {LEAST_OF_A_NEURON} intervals", xlim=(0, 1.7))
    axes.set_title("irregularity (1: Poisson)")
    axes.tick_params(axis="y", length=0)


@styled
def modulators(run: Run) -> Figure:
    """The level of every modulator over time, with the level at which its signal is zero.

    Raises
    ------
    CircuitError
        If the run has none.
    """
    levels = run.modulators
    if not levels:
        raise fail(
            f"{run.file}: has no modulators",
            "give the circuit some, as in `modulators: {dopamine: ...}`",
        )
    colour = colours(list(levels))
    figure = Figure(figsize=(9, 1.3 * len(levels) + 0.9))
    rows = figure.subplots(len(levels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, level) in zip(rows, levels.items(), strict=True):
        axes.plot(level.time, level.value, color=colour[name], lw=1)
        axes.axhline(level.baseline, color=FAINT, lw=0.8, ls="--", zorder=0)
        axes.set_ylabel("level")
        axes.set_title(name)
        for _, start, _ in run.phases[1:]:
            axes.axvline(start, color=FAINT, lw=0.8, zorder=0)
    rows[-1].set(xlabel="time (s)", xlim=(0, run.duration))
    return figure


@styled
def graph(network: Network) -> Figure:
    """The circuit as a graph: populations by size, pathways by in-degree, plastic ones dashed."""
    figure = Figure(figsize=(7.6, 7.6))
    axes = figure.subplots()
    circuit = graph_of(network)
    ring = min(1.0, 0.35 + 0.08 * len(circuit))
    places = nx.circular_layout(circuit, scale=ring)
    first_on_top = len(circuit) > 2
    turned = {
        name: np.array([p[1], p[0]] if first_on_top else [-p[0], p[1]])
        for name, p in places.items()
    }
    colour = colours(list(network.populations))
    strongest = (
        max((data["in_degree"] for *_, data in circuit.edges(data=True)), default=1.0) or 1.0
    )
    radius = {
        name: 0.045 + 0.055 * np.sqrt(size / max(network.populations.values()))
        for name, size in network.populations.items()
    }
    for pre, post, data in circuit.edges(data=True):
        shade = "#B2182B" if data["inhibitory"] else "#4D4D4D"
        strength = np.sqrt(data["in_degree"] / strongest)
        style = {
            "color": shade,
            "lw": 0.4 + 2.4 * strength,
            "alpha": 0.2 + 0.7 * strength,
            "ls": (0, (3, 2)) if data["plastic"] else "-",
        }
        _draw_edge(axes, turned, radius, pre, post, style)
    for name, place in turned.items():
        axes.add_patch(
            matplotlib.patches.Circle(
                tuple(place),
                radius[name],
                facecolor=colour[name],
                edgecolor="white",
                lw=1.5,
                zorder=3,
            )
        )
        outward = place / (np.linalg.norm(place) or 1)
        side = "left" if outward[0] > 0.3 else "right" if outward[0] < -0.3 else "center"
        loops = circuit.has_edge(name, name)
        away = place + outward * (radius[name] * (2.9 if loops else 1) + 0.1)
        text = f"{name}\n{network.populations[name]:,}"
        axes.text(
            away[0],
            away[1],
            text,
            ha=side,
            va="center",
            color=colour[name],
            fontsize=9,
            fontweight="bold",
        )
    axes.set(xlim=(-ring - 0.5, ring + 0.5), ylim=(-ring - 0.4, ring + 0.4), aspect="equal")
    axes.axis("off")
    axes.set_title(network.name)
    legend = [
        ("excitatory", "#4D4D4D", "-"),
        ("inhibitory", "#B2182B", "-"),
        ("plastic", "#4D4D4D", (0, (3, 2))),
    ]
    handles = [
        matplotlib.lines.Line2D([], [], color=c, ls=s, lw=1.6, label=text) for text, c, s in legend
    ]
    axes.legend(
        handles=handles,
        loc="lower right",
        title="width: synapses per target neuron",
        title_fontsize=8,
        fontsize=8,
    )
    return figure


def _draw_edge(
    axes: Axes,
    places: dict[str, Any],
    radius: dict[str, float],
    pre: str,
    post: str,
    style: dict[str, Any],
) -> None:
    if pre == post:
        outward = places[pre] / (np.linalg.norm(places[pre]) or 1)
        centre = places[pre] + outward * radius[pre] * 1.15
        loop = matplotlib.patches.Circle(
            tuple(centre),
            radius[pre] * 0.8,
            fill=False,
            zorder=2,
            **style,
        )
        axes.add_patch(loop)
        return
    gap = places[post] - places[pre]
    length = np.linalg.norm(gap) or 1
    start, stop = (
        places[pre] + gap / length * radius[pre],
        places[post] - gap / length * (radius[post] + 0.015),
    )
    axes.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(stop),
            connectionstyle="arc3,rad=0.12",
            arrowstyle="-|>",
            mutation_scale=6 + 3 * style["lw"],
            shrinkA=0,
            shrinkB=0,
            zorder=1,
            **style,
        )
    )


KINDS: dict[str, Callable[..., Figure]] = {
    "raster": raster,
    "weights": weights,
    "rates": rates,
    "modulators": modulators,
}


def save(figure: Figure, file: str | FilePath) -> FilePath:
    """Write a figure; the ending of the name decides the format.

    An existing file is replaced; if it is a link, what that leads to is left alone.
    """
    path = FilePath(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, matplotlib.rc_context(STYLE):
        figure.savefig(partial)
    return path
