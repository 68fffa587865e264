"""Statistics of spike trains and weights: arrays in, arrays out."""

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

    Spikes are counted in bins of `width` seconds that tile [0, duration); a last partial bin is
    dropped rather than scaled, so that every value has the same variance.

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
    """Coefficient of variation of the interspike intervals of neurons with at least `least` spikes.

    Returns
    -------
    (n_active,) float
        1 for a Poisson process, 0 for a clock; empty if no neuron has enough spikes. Prescribed
        spikes that are all in one step count as too few.
    """
    intervals, owner = intervals_of(times, neurons)
    count = np.bincount(owner, minlength=n_neurons)
    total = np.bincount(owner, intervals, n_neurons)
    enough = (count >= least - 1) & (total > 0)
    if not enough.any():
        return np.empty(0)
    total = total[enough]
    squares = np.bincount(owner, intervals**2, n_neurons)[enough]
    mean = total / count[enough]
    variance = np.maximum(squares / count[enough] - mean**2, 0)
    return np.asarray(np.sqrt(variance) / mean)


def intervals_of(times: Floats, neurons: Ints) -> tuple[Floats, Ints]:
    """Interspike intervals in seconds, sorted by neuron and time, and the neuron of each."""
    order = np.lexsort((times, neurons))
    sorted_times, sorted_neurons = times[order], neurons[order]
    same = sorted_neurons[1:] == sorted_neurons[:-1]
    return np.diff(sorted_times)[same], sorted_neurons[1:][same]


def local_variation(times: Floats, neurons: Ints) -> float | None:
    """CV2, the mean of 2|b - a|/(a + b) over successive intervals a and b.

    1 for a Poisson process, even if its rate varies. Holt, Softky, Koch & Douglas (1996) J
    Neurophysiol 75:1806. None if no neuron has two intervals.
    """
    intervals, owner = intervals_of(times, neurons)
    pairs = owner[1:] == owner[:-1]
    first, second = intervals[:-1][pairs], intervals[1:][pairs]
    return float(np.mean(2 * np.abs(second - first) / (first + second))) if len(first) else None


def counts_of(
    times: Floats, neurons: Ints, n_neurons: int, start: float, stop: float, width: float
) -> Floats:
    """Counts in windows of `width` seconds that tile [start, stop), (n_neurons, n_windows)."""
    windows = max(1, int((stop - start) / width + 1e-9))
    bins = ((times - start) / width + 1e-9).astype(np.int64)
    inside = (bins >= 0) & (bins < windows)
    flat = np.bincount(neurons[inside] * windows + bins[inside], minlength=n_neurons * windows)
    return flat.reshape(n_neurons, windows).astype(float)


def fano_factor(counts: Floats) -> float | None:
    """Mean over neurons of the variance over the mean of their counts; 1 for a Poisson process.

    Parameters
    ----------
    counts : (n_neurons, n_windows) float; None is returned if all are zero
    """
    active = counts[counts.mean(axis=1) > 0]
    return float(np.mean(active.var(axis=1) / active.mean(axis=1))) if len(active) else None


def mean_correlation(counts: Floats) -> float | None:
    """Mean Pearson correlation between the counts of pairs of active neurons.

    Parameters
    ----------
    counts : (n_neurons, n_windows) float; None is returned if fewer than two vary
    """
    active = counts[counts.std(axis=1) > 0]
    if len(active) < 2:
        return None
    scaled = (active - active.mean(axis=1, keepdims=True)) / active.std(axis=1, keepdims=True)
    number = len(active)
    return float((scaled.mean(axis=0) ** 2).mean() * number / (number - 1) - 1 / (number - 1))


def burst_fraction(
    times: Floats, neurons: Ints, longest: float = 0.010, least: int = 3
) -> float | None:
    """Fraction of spikes in bursts; None without spikes.

    A burst is at least `least` spikes in a row, at most `longest` seconds apart.
    """
    if not len(times):
        return None
    intervals, owner = intervals_of(times, neurons)
    short = np.insert(
        intervals <= longest, np.flatnonzero(np.diff(owner)) + 1, False
    )  # a burst belongs to one neuron
    edges = np.flatnonzero(np.diff(np.concatenate([[0], short.astype(int), [0]])))
    lengths = edges[1::2] - edges[::2] + 1
    return float(lengths[lengths >= least].sum() / len(times))


def adaptation(times: Floats, neurons: Ints, least: int = 6) -> float | None:
    """Ratio of the mean interval in the last third to that in the first, as median over neurons.

    Above 1 the neurons adapt. None if no neuron has `least` intervals.
    """
    intervals, owner = intervals_of(times, neurons)
    cuts = np.flatnonzero(np.diff(owner)) + 1
    parts = [part for part in np.split(intervals, cuts) if len(part) >= least]
    ratios = [part[-(len(part) // 3) :].mean() / part[: len(part) // 3].mean() for part in parts]
    return float(np.median(ratios)) if ratios else None


BANDS = {
    "delta": (0.5, 4),
    "theta": (4, 8),
    "alpha": (8, 13),
    "beta": (13, 30),
    "gamma": (30, 100),
}  # Hz


def spectrum(rate: Floats, width: float, low: float, high: float) -> tuple[Floats, Floats]:
    """Frequencies in [low, high] in Hz, and the power of a rate relative to its median.

    The power is smoothed over three neighbouring frequencies.

    Parameters
    ----------
    rate : (n_bins,) float, the rate in bins of `width` seconds
    """
    power = np.convolve(np.abs(np.fft.rfft(rate - rate.mean())) ** 2, np.ones(3) / 3, mode="same")
    frequency = np.fft.rfftfreq(len(rate), width)
    inside = (frequency >= low) & (frequency <= high)
    median = np.median(power[inside]) if inside.any() else 0.0
    return frequency[inside], power[inside] / median if median else np.zeros(inside.sum())


def dominant_band(rate: Floats, width: float, least: float = 10.0) -> str | None:
    """The band in which the spectrum of a rate peaks, or None without a peak of `least` medians.

    Parameters
    ----------
    rate : (n_bins,) float, the rate in bins of `width` seconds
    """
    peaks = band_peaks(rate, width)
    highest = max(peaks, key=peaks.__getitem__)
    return highest if peaks[highest] >= least else None


def band_peaks(rate: Floats, width: float) -> dict[str, float]:
    """The highest power of a population's rate in each band, relative to the median of all bands.

    Parameters
    ----------
    rate : (n_bins,) float, the rate in bins of `width` seconds
    """
    frequency, power = spectrum(rate, width, BANDS["delta"][0], BANDS["gamma"][1])
    within = {
        name: power[(frequency >= low) & (frequency <= high)] for name, (low, high) in BANDS.items()
    }
    return {name: float(found.max(initial=0.0)) for name, found in within.items()}


def bootstrap_interval(
    values: Floats, confidence: float = 0.95, draws: int = 10_000
) -> tuple[float, float]:
    """Mean of independent values, and half of its bootstrap confidence interval.

    The draws are always the same.

    Parameters
    ----------
    values : (n,) float, of any unit
    """
    low, high = bootstrap_bounds(values, confidence, draws)
    return float(np.mean(values)), (high - low) / 2


def bootstrap_bounds(
    values: Floats, confidence: float = 0.95, draws: int = 10_000
) -> tuple[float, float]:
    """Bounds of the bootstrap confidence interval of the mean of independent values.

    The draws are always the same.

    Parameters
    ----------
    values : (n,) float, of any unit
    """
    means = np.random.default_rng(0).choice(values, (draws, len(values))).mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def weight_matrix(pre: Ints, post: Ints, w: Floats, shape: tuple[int, int]) -> Floats:
    """Summed weight of each pair, (n_post, n_pre), NaN without a synapse."""
    flat = post * shape[1] + pre
    summed = np.bincount(flat, w, shape[0] * shape[1])
    summed[np.bincount(flat, minlength=len(summed)) == 0] = np.nan
    return np.asarray(summed.reshape(shape))
