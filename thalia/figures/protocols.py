"""Figures of rules under pairing protocols: windows, curves with measurements, spike trains."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalia.figures.style import FAINT, INK, PALETTE, styled
from thalia.simulation.pairing_protocols import Result

Floats = NDArray[np.float64]


@styled
def window_figure(rule: str, intervals: Floats, change: Floats, pairs: int = 1) -> Figure:
    """Change of the weight against the interval between a pre- and a postsynaptic spike.

    Parameters
    ----------
    rule : str, in the title
    intervals : (n_intervals,) float, ms, post minus pre
    change : (n_intervals,) float, fractions of w_max
    pairs : int
        Of which it is the change.
    """
    figure = Figure(figsize=(4.6, 3.4))
    draw_window(figure.subplots(), intervals, change)
    axes = figure.axes[0]
    axes.set(xlabel="post minus pre (ms)", ylabel="change of w (fraction of w_max)")
    axes.set_title(f"{rule}, {'one pair' if pairs == 1 else f'{pairs} pairs'}")
    return figure


def draw_window(axes: Axes, intervals: Floats, change: Floats) -> Axes:
    """Draw potentiation above the axis and depression below, with a gap at an interval of zero.

    Parameters
    ----------
    axes : matplotlib axes, which are returned
    intervals : (n_intervals,) float, ms, post minus pre
    change : (n_intervals,) float, fractions of w_max
    """
    axes.axhline(0, color=FAINT, lw=0.8)
    axes.axvline(0, color=FAINT, lw=0.8)
    for side in (intervals < 0, intervals >= 0):
        axes.plot(intervals[side], change[side], color=PALETTE[0], lw=1.4, marker="o", ms=2.5)
    return axes


@styled
def protocol_figure(result: Result) -> Figure:
    """The effect of a rule under a protocol as lines, measurements as points with their errors.

    `result` is what `thalia.protocol` returns.
    """
    figure = Figure(figsize=(5.2, 3.8))
    draw_protocol(figure.subplots(), result)
    axes = figure.axes[0]
    speed = all(not curve.published for curve in result.curves)
    axes.set(
        xlabel=result.x_label,
        ylabel="speed of w (fraction of w_max / s)" if speed else "change of w (fraction of w_max)",
    )
    axes.set_title(f"{result.rule}: {result.title.partition(',')[0].rstrip('.')}")
    return figure


def draw_protocol(axes: Axes, result: Result) -> Axes:
    """One line for each series of a `result`, and its measured points in the same colour.

    Both are fractions of w_max; returns the `axes`.
    """
    axes.axhline(0, color=FAINT, lw=0.8)
    if len(places := sorted({x for curve in result.curves for x in curve.x})) <= 8:
        axes.set_xticks(places, [f"{x:g}" for x in places])
    for index, curve in enumerate(result.curves):
        colour = PALETTE[index % len(PALETTE)]
        axes.plot(curve.x, curve.change, color=colour, lw=1.4, marker="o", ms=2.5, label=curve.name)
        measured = [
            (x, p, e or 0.0)
            for x, p, e in zip(curve.x, curve.published, curve.error, strict=False)
            if p is not None
        ]
        if measured:
            x, points, errors = zip(*measured, strict=True)
            axes.errorbar(
                x,
                points,
                errors,
                fmt="s",
                color=colour,
                ms=4,
                mfc="white",
                lw=0.9,
                capsize=2,
                label=f"{curve.name}, measured",
            )
    if len(result.curves) > 1 or any(
        any(p is not None for p in curve.published) for curve in result.curves
    ):
        axes.legend(fontsize=7.5)
    return axes


@styled
def trains_figure(
    rule: str, pre: Sequence[float], post: Sequence[float], times: Floats, weight: Floats
) -> Figure:
    """Two spike trains and the weight of their synapse over time.

    Parameters
    ----------
    rule : str, in the title
    pre, post : spike times in ms
    times : (n_times,) float, ms
    weight : (n_times,) float, fractions of w_max
    """
    figure = Figure(figsize=(6, 3.4))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
    for row, (name, train) in enumerate((("post", post), ("pre", pre))):
        upper.vlines(train, row - 0.4, row + 0.4, color=PALETTE[row], lw=1.2)
        upper.text(
            -0.01,
            row,
            name,
            transform=upper.get_yaxis_transform(),
            ha="right",
            va="center",
            color=PALETTE[row],
        )
    upper.set_axis_off()
    upper.set_title(rule)
    lower.step(times, weight, where="post", color=INK, lw=1.2)
    lower.set(xlabel="time (ms)", ylabel="w (fraction of w_max)", xlim=(0, float(times[-1])))
    return figure
