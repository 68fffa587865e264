"""Figures: each function takes a run or a result and returns a matplotlib figure."""

from thalia.syntax.late_imports import importing

with importing("matplotlib"):  # which evaluates `matplotlibrc`
    from thalia.figures.activity import modulators, rates
    from thalia.figures.health import health_figure
    from thalia.figures.network import graph
    from thalia.figures.protocols import (
        draw_protocol,
        draw_window,
        protocol_figure,
        trains_figure,
        window_figure,
    )
    from thalia.figures.spike_statistics import correlation, isi, spectrum
    from thalia.figures.spikes import raster
    from thalia.figures.state_variables import traces
    from thalia.figures.style import PALETTE, band, save, styled
    from thalia.figures.sweep import sweep_figure
    from thalia.figures.synapses import weights
    from thalia.figures.training import learning_curve

__all__ = [
    "PALETTE",
    "band",
    "correlation",
    "draw_protocol",
    "draw_window",
    "graph",
    "health_figure",
    "isi",
    "learning_curve",
    "modulators",
    "protocol_figure",
    "raster",
    "rates",
    "save",
    "spectrum",
    "styled",
    "sweep_figure",
    "traces",
    "trains_figure",
    "weights",
    "window_figure",
]


def __dir__() -> list[str]:
    """The public names only, for tab completion."""
    return __all__
