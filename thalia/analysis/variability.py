"""How irregular, bursting and correlated spike trains are, from few spikes as well as from many.

A window cuts long intervals off, and squares and ratios of few numbers are biased, so that the
usual definitions find a Poisson process too regular (Nawrot, Boucsein, Rodriguez Molina, Riehle,
Aertsen & Rotter 2008 J Neurosci Methods 169:374. doi:10.1016/j.jneumeth.2007.10.013). Those here
have the expected value of a long recording for Poisson processes, whatever the number of spikes;
each says what else they hold for. What spikes cannot tell is not given.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from thalia.analysis.spike_trains import Floats, Ints, intervals_of

LEAST_INTERVALS = 20  # none of which is determined by the others, for CV and CV2
LEAST_OF_A_NEURON = 10  # intervals, for its own CV
LEAST_PAIRS = 20  # of spikes that fall into one window by chance, for Fano factor and correlation
LEAST_SPIKES = 20  # for the fraction in bursts
LEAST_FOR_ADAPTATION = 100  # intervals
MOST_BY_CHANCE = 0.9  # of the spikes in bursts


@dataclass(frozen=True)
class Estimate:
    """A measure and its standard error, or the reason why it is not given (`value` is None).

    `error` is None if it is not known.
    """

    value: float | None
    error: float | None = None
    missing: str = ""


def irregularity(times: Floats, neurons: Ints) -> Estimate:
    """Coefficient of variation of the interspike intervals of a population.

    1 for a Poisson process, 0 for a clock. The root mean square over neurons, from every neuron
    with three spikes. If m intervals come from a gamma process, their shares of their sum have a
    Dirichlet distribution that does not depend on this sum (Lukacs 1955 Ann Math Stat 26:319.
    doi:10.1214/aoms/1177728549), hence neither on the window that cuts them out nor on the rate;
    the sum of their squares, r, has the mean (1 + CV²)/(m + CV²). This is solved for CV². For gamma
    processes it is unbiased in a window of any length. The CV of other processes is that of the
    intervals that fit into the window: with ten spikes for each neuron it is 0.07 of itself too
    small for a Poisson process with a dead time of half an interval, and 0.17 for lognormal
    intervals of a CV of 1.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each

    Returns
    -------
    Estimate
        The standard error is that of gamma processes that are independent.
    """
    number, shares = _shares_of_sum(times, neurons)
    if (number - 1).sum() < LEAST_INTERVALS:
        return Estimate(None, missing=f"fewer than {LEAST_INTERVALS} independent intervals")
    weight = (number - 1) / number
    slope = (weight * (1 - shares)).sum()
    squared = float((weight * (number * shares - 1)).sum() / slope)
    if squared <= 0:
        return Estimate(0.0, 0.0)
    variance = (weight**2 * _variance_of_shares(number, squared) * (number + squared) ** 2).sum()
    cv = float(np.sqrt(squared))
    return Estimate(cv, float(np.sqrt(variance) / slope / (2 * cv)))


def _variance_of_shares(number: Floats, squared: float) -> Floats:
    """Variance of the summed squares of Dirichlet shares, of intervals with this CV squared."""
    fourth, second = (1 + squared) * (1 + 2 * squared) * (1 + 3 * squared), (1 + squared) ** 2
    growth = (1 + squared / number) * (1 + 2 * squared / number) * (1 + 3 * squared / number)
    of_square = (fourth + (number - 1) * second) / (number**3 * growth)
    # of a clock it is a difference of equal numbers
    return np.maximum(of_square - ((1 + squared) / (number + squared)) ** 2, 0)


def interval_cv(times: Floats, neurons: Ints, *, least: int = LEAST_OF_A_NEURON) -> Floats:
    """Coefficient of variation of each neuron with at least `least` interspike intervals.

    As in `irregularity`, with the mean of the square root corrected to first order.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each

    Returns
    -------
    (n_active,) float
        1 for a Poisson process, 0 for a clock; empty if no neuron has enough spikes.
    """
    number, shares = _shares_of_sum(times, neurons, least)
    squared = np.maximum(number * shares - 1, 0) / (1 - shares)
    return np.asarray(np.sqrt(squared) * (1 + (1 + squared) / (4 * number)))


def _shares_of_sum(times: Floats, neurons: Ints, least: int = 2) -> tuple[Floats, Floats]:
    """Of neurons with `least` intervals: their number, and the squares of their shares, summed.

    Without neurons all of whose intervals but one are zero.
    """
    intervals, owner = intervals_of(times, neurons)
    number = np.bincount(owner).astype(float)
    total, squares = np.bincount(owner, intervals), np.bincount(owner, intervals**2)
    enough = (number >= least) & (squares < total**2)
    return number[enough], squares[enough] / total[enough] ** 2


def local_variation(times: Floats, neurons: Ints) -> Estimate:
    """CV2, the mean of 2|b - a|/(a + b) over successive intervals a and b.

    1 for a Poisson process, even if its rate varies. Holt, Softky, Koch & Douglas (1996) J
    Neurophysiol 75:1806. For gamma processes it is unbiased in a window of any length, for the
    reason given in `irregularity`.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each
    """
    intervals, owner = intervals_of(times, neurons)
    pairs = (owner[1:] == owner[:-1]) & (intervals[1:] + intervals[:-1] > 0)
    first, second = intervals[:-1][pairs], intervals[1:][pairs]
    if len(first) < LEAST_INTERVALS:
        return Estimate(None, missing=f"fewer than {LEAST_INTERVALS} pairs of intervals")
    varied = 2 * np.abs(second - first) / (first + second)
    off, same = varied - varied.mean(), np.diff(owner[1:][pairs]) == 0
    variance = (off**2).sum() + 2 * (off[1:] * off[:-1])[same].sum()  # neighbours share an interval
    return Estimate(float(varied.mean()), float(np.sqrt(max(variance, 0.0))) / len(varied))


def fano_factor(counts: Floats) -> Estimate:
    """Variance over mean of the counts of a neuron in windows, both summed over neurons.

    1 for a Poisson process, whatever its number of spikes and windows, because the variance is that
    of a sample. Counts of successive windows that depend on each other change it: in T windows by
    the difference of the Fano factors of one and of all windows, over T - 1.

    Parameters
    ----------
    counts : (n_neurons, n_windows) float
    """
    windows, spikes = counts.shape[1], counts.sum(axis=1)
    together = (spikes * (spikes - 1)).sum()
    if windows < 2 or together / (2 * windows) < LEAST_PAIRS:
        return Estimate(None, missing=f"fewer than {LEAST_PAIRS} pairs of spikes in one window")
    factor = float(counts.var(axis=1, ddof=1).sum() / counts.mean(axis=1).sum())
    return Estimate(factor, float(factor * np.sqrt(2 * together / (windows - 1)) / spikes.sum()))


def mean_correlation(counts: Floats) -> Estimate:
    """Mean Pearson correlation between the counts of pairs of active neurons.

    Parameters
    ----------
    counts : (n_neurons, n_windows) float

    Returns
    -------
    Estimate
        0 is expected of independent neurons. The standard error is that of independent windows.
    """
    active = counts[counts.std(axis=1) > 0]
    number, windows = active.shape
    spikes = active.sum(axis=1)
    if number < 2:
        return Estimate(None, missing="fewer than two neurons that fire")
    if (spikes.sum() ** 2 - (spikes**2).sum()) / (2 * windows) < LEAST_PAIRS:
        return Estimate(None, missing=f"fewer than {LEAST_PAIRS} pairs of spikes in one window")
    scaled = (active - active.mean(axis=1, keepdims=True)) / active.std(axis=1, keepdims=True)
    of_windows = (scaled.mean(axis=0) ** 2 * number - 1) / (number - 1)
    return Estimate(float(of_windows.mean()), float(of_windows.std() / np.sqrt(windows)))


def burst_fraction(
    times: Floats, neurons: Ints, longest: float = 0.010, least: int = 3
) -> float | None:
    """Fraction of spikes in bursts; None without spikes.

    A burst is at least `least` spikes in a row, at most `longest` seconds apart.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each
    """
    if not len(times):
        return None
    intervals, owner = intervals_of(times, neurons)
    near = intervals <= longest * (1 + 1e-9)  # times on a grid are rounded
    short = np.insert(near, np.flatnonzero(np.diff(owner)) + 1, False)  # a burst is of one neuron
    edges = np.flatnonzero(np.diff(np.concatenate([[0], short.astype(int), [0]])))
    lengths = edges[1::2] - edges[::2] + 1
    return float(lengths[lengths >= least].sum() / len(times))


def bursts_by_chance(
    neurons: Ints, duration: float, longest: float = 0.010, least: int = 3
) -> float:
    """Fraction of spikes in bursts that is expected if each neuron's spikes fell anywhere.

    That of Poisson processes with as many spikes in the same `duration` in seconds. N spikes in T
    have intervals of which any i given ones are longer than d with the probability (1 - id/T)^N
    (Feller 1971, An Introduction to Probability Theory II, I.7; from memory).

    Parameters
    ----------
    neurons : (n_spikes,) int, the neuron that fired each
    longest, least
        What a burst is; see `burst_fraction`.
    """
    spikes = np.bincount(neurons)
    spikes = spikes[spikes > 0].astype(float)

    def runs(intervals: int) -> Floats:
        """Expected number of places at which so many intervals in a row are short."""
        # by inclusion and exclusion of those that are longer
        longer = np.arange(intervals + 1)
        signs = np.array([(-1) ** i * comb(intervals, i) for i in longer])
        short = signs @ np.maximum(0, 1 - longer[:, None] * longest / duration) ** spikes
        return np.asarray(np.maximum(spikes - intervals, 0) * short)

    in_bursts = least * runs(least - 1) - (least - 1) * runs(least)
    return float(in_bursts.sum()) / max(1, len(neurons))


def bursting(
    times: Floats, neurons: Ints, duration: float, longest: float = 0.010, least: int = 3
) -> Estimate:
    """Fraction of spikes in bursts beyond chance: (fraction - chance) / (1 - chance).

    0 for Poisson processes of any rate, 1 if all spikes are in bursts, and negative for regular
    firing whose intervals are not short. The chance is that of `bursts_by_chance`. That bursts are
    to be compared with what the intervals make by chance: Ito, Lucrezia, Palm & Grün (2019) Math
    Biosci Eng 16:6990. doi:10.3934/mbe.2019351.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each
    duration : float
        Of the window in which they fired, in seconds.
    longest, least
        What a burst is; see `burst_fraction`.
    """
    found = burst_fraction(times, neurons, longest, least)
    if found is None or len(times) < LEAST_SPIKES:
        return Estimate(None, missing=f"fewer than {LEAST_SPIKES} spikes")
    chance = bursts_by_chance(neurons, duration, longest, least)
    if chance > MOST_BY_CHANCE:
        return Estimate(None, missing="at such a rate chance makes bursts of nearly all spikes")
    bursts = len(times) / least  # at most; none found does not mean that there are never any
    share = (found * bursts + 1) / (bursts + 2)  # Agresti & Coull (1998) Am Stat 52:119
    error = (share * (1 - share) / bursts) ** 0.5
    return Estimate((found - chance) / (1 - chance), error / (1 - chance))


def adaptation(times: Floats, neurons: Ints, least: int = 6) -> Estimate:
    """Ratio of the mean interval in the last third to that in the first, as median over neurons.

    Above 1 the neurons adapt; 1 for every renewal process. Of neurons with `least` intervals.

    Parameters
    ----------
    times : (n_spikes,) float, seconds
    neurons : (n_spikes,) int, the neuron that fired each
    """
    intervals, owner = intervals_of(times, neurons)
    cuts = np.flatnonzero(np.diff(owner)) + 1
    parts = [part for part in np.split(intervals, cuts) if len(part) >= least]
    if sum(len(part) for part in parts) < LEAST_FOR_ADAPTATION:
        return Estimate(None, missing=f"fewer than {LEAST_FOR_ADAPTATION} intervals")
    ratios = [part[-(len(part) // 3) :].mean() / part[: len(part) // 3].mean() for part in parts]
    return Estimate(float(np.median(ratios)))
