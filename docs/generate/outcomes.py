"""The kept results of experiments as figures: every condition with its interval."""

from io import StringIO
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import learning
from thalia.figures import PALETTE, styled
from thalia.figures.style import FAINT

ROW = 0.26  # inches of a condition


class Bar(NamedTuple):
    """The mean of a condition over seeds, with its 95 % interval."""

    condition: str
    mean: float
    low: float
    high: float


def kept(name: str) -> list[Bar]:
    """The conditions of an experiment, those of other rules last; none if it was not measured."""
    bars = []
    for summary in learning.summaries(experiment=name):
        for condition, each in summary["conditions"].items():
            if found := each["aggregate"].get(summary["result"]):
                bars.append(Bar(condition, found["mean"], found["low"], found["high"]))
    return bars


def _summary(name: str) -> dict[str, Any]:
    return learning.summaries(experiment=name)[0]


def told(name: str) -> str:
    """What the figure shows, for those who do not see it."""
    best, *others = kept(name)
    measure = _summary(name)["result"].replace("_", " ")
    beside = f"; {len(others)} other conditions are in the table below" if others else ""
    return (
        f"{measure.capitalize()} of {name} with 95 % intervals: "
        f"{best.mean:.3g} when {best.condition.replace('_', ' ')}{beside}"
    )


def picture(name: str) -> str:
    """The figure of an experiment as SVG."""
    text = StringIO()
    _figure(name).savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


@styled
def _figure(name: str) -> Figure:
    bars, summary = kept(name), _summary(name)
    figure = Figure(figsize=(6.4, 0.9 + ROW * len(bars)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(bars))[::-1]
    means = np.array([each.mean for each in bars])
    spread = np.array([(each.mean - each.low, each.high - each.mean) for each in bars]).T
    axes.barh(places, means, height=0.7, color=PALETTE[0], alpha=0.45, lw=0)
    axes.errorbar(means, places, xerr=spread.clip(min=0), fmt="none", ecolor="black", elinewidth=1)
    _line(axes, summary["chance"], ":", "chance")
    _line(axes, summary["goal"], "-", "goal")
    axes.set_yticks(places, [each.condition.replace("_", " ") for each in bars])
    axes.set(
        xlabel=f"{summary['result'].replace('_', ' ')}, mean over seeds and 95 % interval",
        ylim=(-0.6, len(bars) - 0.4),
    )
    return figure


def _line(axes: Axes, value: float | None, style: str, name: str) -> None:
    if value is None:
        return
    axes.axvline(value, color=FAINT, lw=1, ls=style, zorder=0)
    axes.annotate(
        name, (value, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
    )
