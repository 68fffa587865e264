"""What figures have in common: colours, the style of a paper, marks, and how one is saved."""

from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from thalia.analysis.intervals import mean_interval
from thalia.errors import system_error
from thalia.recording.outputs import replacing

type Floats = NDArray[np.float64]

# Okabe & Ito (2008), safe for colour-blind readers, in an order that keeps neighbours apart; light
# ones are darker here, so that lines have a contrast of 3 with white (WCAG 2.2, 1.4.11)
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#3B97CC",
    "#C48600",
    "#6A51A3",
    "#8C564B",
    "#4D4D4D",
    "#8F8F00",
)
_OF_TICKS = r"\mathdefault"  # in what matplotlib itself writes at logarithmic axes
INK, FAINT, GREY = "#222222", "#BBBBBB", "#757575"
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


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """The function `draw` in the project's style, leaving matplotlib's settings as they were."""

    def wrapper(*args: Any, **kwds: Any) -> Figure:
        with matplotlib.rc_context(STYLE):
            figure = draw(*args, **kwds)
        for text in figure.findobj(Text):
            if "$" in text.get_text() and _OF_TICKS not in text.get_text():
                text.set_parse_math(False)  # it is a name or a unit of a file, and no formula
        return figure

    wrapper.__doc__, wrapper.__name__ = draw.__doc__, draw.__name__
    wrapper.__wrapped__ = draw  # type: ignore[attr-defined]  # so that `help` shows its arguments
    return wrapper


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each population, the same in every figure of a run."""
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}


def band(axes: Axes, x: Floats, values: Floats, colour: str, **style: Any) -> None:
    """Draw the mean of repeated values over x, and its 95 % interval as a band of the same colour.

    Parameters
    ----------
    axes : matplotlib axes
    x : (n_x,) float, of any unit
    values : (n_repeats, n_x) float, of any unit
        Of one seed or animal in each row.
    colour : str
    style
        What else matplotlib takes for the line.
    """
    found = [mean_interval(each) for each in values.T]
    low, high = np.array([(each.low, each.high) for each in found]).T
    axes.plot(x, values.mean(axis=0), color=colour, **style)
    axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)


def say_clipped(axes: Axes, what: str, side: str = "top") -> None:
    """Mark that an axis ends before what is drawn does: a broken edge, and how far it goes."""
    top = side == "top"
    ends = ([0, 1], [1, 1]) if top else ([1, 1], [0, 1])
    axes.plot(*ends, transform=axes.transAxes, color=GREY, lw=0.8, ls=(0, (2, 2)), clip_on=False)
    axes.annotate(
        f"axis cut: {what}",
        (1, 1),
        xytext=(-2, -2),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=7.5,
        color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def save(figure: Figure, file: str | FilePath) -> FilePath:
    """Write a figure; the ending of the name decides the format.

    An existing file is replaced; if it is a link, what that leads to is left alone.

    Raises
    ------
    CircuitError
        If the file cannot be written.
    """
    path = FilePath(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial, matplotlib.rc_context(STYLE):
            figure.savefig(partial)
    except OSError as error:
        raise system_error(error, path) from None
    return path
