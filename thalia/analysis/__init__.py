"""Arrays in, numbers out: statistics of spike trains and weights; health of a run."""

from thalia.analysis.intervals import Interval, mean_interval
from thalia.analysis.spike_trains import (
    autocorrelation,
    band_peaks,
    counts_of,
    dominant_band,
    intervals_of,
    mean_rate,
    pair_correlations,
    population_rate,
    spectral_density,
    spectrum,
    weight_matrix,
)
from thalia.analysis.variability import (
    Estimate,
    adaptation,
    burst_fraction,
    bursting,
    bursts_by_chance,
    fano_factor,
    interval_cv,
    irregularity,
    local_variation,
    mean_correlation,
)

__all__ = [
    "Estimate",
    "Interval",
    "adaptation",
    "autocorrelation",
    "band_peaks",
    "burst_fraction",
    "bursting",
    "bursts_by_chance",
    "counts_of",
    "dominant_band",
    "fano_factor",
    "interval_cv",
    "intervals_of",
    "irregularity",
    "local_variation",
    "mean_correlation",
    "mean_interval",
    "mean_rate",
    "pair_correlations",
    "population_rate",
    "spectral_density",
    "spectrum",
    "weight_matrix",
]


def __dir__() -> list[str]:
    """The public names only, for tab completion."""
    return __all__
