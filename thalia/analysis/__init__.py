"""Arrays in, numbers out: statistics of spike trains and weights; health of a run."""

from thalia.analysis.spike_trains import (
    adaptation,
    band_peaks,
    bootstrap_bounds,
    bootstrap_interval,
    burst_fraction,
    counts_of,
    dominant_band,
    fano_factor,
    interval_cv,
    intervals_of,
    local_variation,
    mean_correlation,
    mean_rate,
    population_rate,
    spectrum,
    weight_matrix,
)

__all__ = [
    "adaptation",
    "band_peaks",
    "bootstrap_bounds",
    "bootstrap_interval",
    "burst_fraction",
    "counts_of",
    "dominant_band",
    "fano_factor",
    "interval_cv",
    "intervals_of",
    "local_variation",
    "mean_correlation",
    "mean_rate",
    "population_rate",
    "spectrum",
    "weight_matrix",
]
