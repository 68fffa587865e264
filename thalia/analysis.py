"""Spike trains and weights in numbers: arrays in, arrays out."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mean_rate(times: Floats, n_neurons: int, start: float, stop: float) -> float:
    """Mean rate of a population in [start, stop), in spikes per second and neuron.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    """
    return float(np.count_nonzero((times >= start) & (times < stop)) / (n_neurons * (stop - start)))


def population_rate(times: Floats, n_neurons: int, duration: float, width: float = 0.005) -> Floats:
    """Mean rate of a population over time.

    Spikes are counted in bins of `width` seconds that tile [0, duration); a last partial bin is dropped rather
    than scaled, so that every value has the same variance.

    Parameters
    ----------
    times : (n_spikes,) float, seconds

    Returns
    -------
    (n_bins,) float, spikes per second and neuron

    Examples
    --------
    >>> population_rate(np.array([0.001, 0.002, 0.006]), n_neurons=2, duration=0.010)
    array([200., 100.])
    """
    n_bins = int(duration / width + 1e-9)
    counts = np.bincount((times / width + 1e-9).astype(np.int64), minlength=n_bins)[:n_bins]
    return np.asarray(counts / (n_neurons * width))


def interval_cv(times: Floats, neurons: Ints, n_neurons: int, least: int = 5) -> Floats:
    """Coefficient of variation of the inter-spike intervals of each neuron with at least `least` spikes.

    Returns
    -------
    (n_active,) float
        1 for a Poisson process, 0 for a clock; empty if no neuron fired often enough.
    """
    order = np.lexsort((times, neurons))
    sorted_times, sorted_neurons = times[order], neurons[order]
    same = sorted_neurons[1:] == sorted_neurons[:-1]
    intervals, owner = np.diff(sorted_times)[same], sorted_neurons[1:][same]
    count = np.bincount(owner, minlength=n_neurons)
    enough = count >= least - 1
    if not enough.any():
        return np.empty(0)
    total = np.bincount(owner, intervals, n_neurons)[enough]
    squares = np.bincount(owner, intervals**2, n_neurons)[enough]
    mean = total / count[enough]
    variance = np.maximum(squares / count[enough] - mean**2, 0)
    return np.asarray(np.sqrt(variance) / mean)


def bootstrap_interval(values: Floats, confidence: float = 0.95, draws: int = 10_000) -> tuple[float, float]:
    """Mean of some independent values, and half of its confidence interval by bootstrap (always the same draws).

    Parameters
    ----------
    values : (n,) float, of any unit
    """
    means = np.random.default_rng(0).choice(values, (draws, len(values))).mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(np.mean(values)), float((high - low) / 2)


def synchrony(times: Floats, duration: float, width: float = 0.003) -> float:
    """Variance over mean of the population's spike count in bins of `width` seconds; 1 for independent neurons."""
    counts = np.bincount((times / width + 1e-9).astype(np.int64), minlength=int(duration / width))[: int(duration / width)]
    return float(counts.var() / counts.mean()) if counts.any() else 0.0


def weight_matrix(pre: Ints, post: Ints, w: Floats, shape: tuple[int, int]) -> Floats:
    """Summed weight of each pair, (n_post, n_pre), NaN where there is no synapse."""
    flat = post * shape[1] + pre
    summed = np.bincount(flat, w, shape[0] * shape[1])
    summed[np.bincount(flat, minlength=len(summed)) == 0] = np.nan
    return np.asarray(summed.reshape(shape))
