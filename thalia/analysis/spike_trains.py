"""Statistics of spike trains and weights: arrays in, arrays out."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mean_rate(times: Floats, n_neurons: int, start: float, stop: float) -> float:
    """Mean rate of a population of `n_neurons` in [start, stop), in spikes per second and neuron.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    start, stop : float, seconds
    """
    return float(np.count_nonzero((times >= start) & (times < stop)) / (n_neurons * (stop - start)))


def population_rate(times: Floats, n_neurons: int, duration: float, width: float = 0.005) -> Floats:
    """Mean rate of a population over time.

    Spikes are counted in bins of `width` seconds that tile [0, duration); a last partial bin is
    dropped rather than scaled, so that every value has the same variance.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    n_neurons : int
        Of the population, silent ones included.

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


def intervals_of(times: Floats, neurons: Ints) -> tuple[Floats, Ints]:
    """Interspike intervals in seconds, sorted by neuron and time, and the neuron of each.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each

    Returns
    -------
    (n_intervals,) float and (n_intervals,) int
    """
    order = np.lexsort((times, neurons))
    sorted_times, sorted_neurons = times[order], neurons[order]
    same = sorted_neurons[1:] == sorted_neurons[:-1]
    return np.diff(sorted_times)[same], sorted_neurons[1:][same]


def counts_of(
    times: Floats, neurons: Ints, n_neurons: int, start: float, stop: float, width: float
) -> Floats:
    """Counts in windows of `width` seconds that tile [start, stop), (n_neurons, n_windows).

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each
    start, stop, width : float, seconds
    """
    windows = max(1, int((stop - start) / width + 1e-9))
    bins = ((times - start) / width + 1e-9).astype(np.int64)
    inside = (bins >= 0) & (bins < windows)
    flat = np.bincount(neurons[inside] * windows + bins[inside], minlength=n_neurons * windows)
    return flat.reshape(n_neurons, windows).astype(float)


BANDS = {
    "delta": (0.5, 4),
    "theta": (4, 8),
    "alpha": (8, 13),
    "beta": (13, 30),
    "gamma": (30, 100),
}  # Hz
RESOLVED = 3  # frequencies, over which the power is smoothed


def spectrum(rate: Floats, width: float, low: float, high: float) -> tuple[Floats, Floats]:
    """Frequencies in [low, high] in Hz, and the power of a rate relative to its median.

    The power is smoothed over three neighbouring frequencies. Of no bin there is none.

    Parameters
    ----------
    rate : (n_bins,) float, the rate in bins of `width` seconds
    """
    if not len(rate):
        return np.zeros(0), np.zeros(0)
    power = np.convolve(np.abs(np.fft.rfft(rate - rate.mean())) ** 2, np.ones(3) / 3, mode="same")
    frequency = np.fft.rfftfreq(len(rate), width)
    inside = (frequency >= low) & (frequency <= high)
    median = np.median(power[inside]) if inside.any() else 0.0
    return frequency[inside], power[inside] / median if median else np.zeros(inside.sum())


def spectral_density(rate: Floats, width: float, segment: float) -> tuple[Floats, Floats]:
    """Frequencies in Hz, and the one-sided power spectral density of a rate, in Hz²/Hz.

    Welch (1967) IEEE Trans Audio Electroacoust 15:70: periodograms of segments that overlap by
    half, each without its mean and under a Hann window, are averaged. That of n independent Poisson
    neurons of rate r is 2 r/n at every frequency.

    Parameters
    ----------
    rate : (n_bins,) float, the rate in bins of `width` seconds
    segment : float, seconds
    """
    length = min(len(rate), max(2, round(segment / width)))
    parts = np.lib.stride_tricks.sliding_window_view(rate, length)[:: length - length // 2]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    centred = (parts - parts.mean(axis=1, keepdims=True)) * window
    power = (np.abs(np.fft.rfft(centred)) ** 2).mean(axis=0) * width / (window**2).sum()
    power[1 : -1 if length % 2 == 0 else None] *= 2
    return np.fft.rfftfreq(length, width), power


def autocorrelation(rate: Floats, lags: int) -> Floats:
    """Correlation of a rate with itself at lags of 0 to `lags` bins, (lags + 1,); 1 at a lag of 0.

    Sums over the bins that overlap are divided by the number of all bins, so that the estimate is
    biased towards 0 at long lags.

    Parameters
    ----------
    rate : (n_bins,) float, of any unit
    """
    centred = rate - rate.mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(rate))) ** 2
    found = np.fft.irfft(power)[: lags + 1]
    return found / found[0] if found[0] else np.zeros(lags + 1)


def pair_correlations(counts: Floats) -> Floats:
    """Pearson's correlation of the counts of every pair of neurons that fire, (n_pairs,).

    Parameters
    ----------
    counts : (n_neurons, n_windows) float
    """
    active = counts[counts.std(axis=1) > 0]
    if len(active) < 2:
        return np.zeros(0)
    found = np.atleast_2d(np.corrcoef(active))
    return np.asarray(found[np.triu_indices(len(active), 1)])


def dominant_band(rate: Floats, width: float, least: float = 10.0) -> str | None:
    """The band in which the spectrum of a rate peaks, or None without a peak of `least` medians.

    Parameters
    ----------
    rate : (n_bins,) float, the rate in bins of `width` seconds
    """
    peaks = {name: peak for name, peak in band_peaks(rate, width).items() if peak is not None}
    highest = max(peaks, key=peaks.__getitem__, default=None)
    return highest if highest and peaks[highest] >= least else None


def band_peaks(rate: Floats, width: float) -> dict[str, float | None]:
    """The highest power of a population's rate in each band, relative to the median of all bands.

    None for a band of which the rate is too short to resolve three frequencies.

    Parameters
    ----------
    rate : (n_bins,) float, the rate in bins of `width` seconds
    """
    frequency, power = spectrum(rate, width, BANDS["delta"][0], BANDS["gamma"][1])
    within = {
        name: power[(frequency >= low) & (frequency <= high)] for name, (low, high) in BANDS.items()
    }
    return {
        name: float(found.max()) if len(found) >= RESOLVED else None
        for name, found in within.items()
    }


def weight_matrix(pre: Ints, post: Ints, w: Floats, shape: tuple[int, int]) -> Floats:
    """Summed weight of each pair, (n_post, n_pre), NaN without a synapse.

    Parameters
    ----------
    pre, post : (n_synapses,) int, the neurons of each
    w : (n_synapses,) float, of any unit
    shape : (n_post, n_pre)
    """
    flat = post * shape[1] + pre
    summed = np.bincount(flat, w, shape[0] * shape[1])
    summed[np.bincount(flat, minlength=len(summed)) == 0] = np.nan
    return np.asarray(summed.reshape(shape))
