"""Figures: each function takes a run or a result and returns a matplotlib figure."""

from thalia.figures.activity import (
    PALETTE,
    graph,
    modulators,
    raster,
    rates,
    save,
    styled,
    weights,
)
from thalia.figures.health import health_figure
from thalia.figures.protocols import (
    draw_protocol,
    draw_window,
    protocol_figure,
    trains_figure,
    window_figure,
)
from thalia.figures.sweep import sweep_figure
from thalia.figures.training import learning_curve

__all__ = [
    "PALETTE",
    "draw_protocol",
    "draw_window",
    "graph",
    "health_figure",
    "learning_curve",
    "modulators",
    "protocol_figure",
    "raster",
    "rates",
    "save",
    "styled",
    "sweep_figure",
    "trains_figure",
    "weights",
    "window_figure",
]


def __dir__() -> list[str]:
    """The public names only, for tab completion."""
    return __all__
