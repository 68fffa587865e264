"""Measures of variability against renewal processes whose values are known, from few spikes and many.

Each test simulates thousands of trains at once; its tolerance is four standard errors of the theory.
"""

import numpy as np
import pytest
from scipy.special import beta

from thalia.analysis.spike_trains import counts_of, dominant_band, population_rate, spectrum
from thalia.analysis.variability import (
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

# spikes per second, and seconds: from 3 to 50 spikes a neuron
FEW_AND_MANY = [(1, 3), (1, 20), (2.1, 1.5), (7, 1.5), (10, 5), (50, 1)]
SHAPES = [0.5, 1, 4, 16]  # of gamma processes: CV 1.4, 1 (Poisson), 0.5 and 0.25
ANY_WINDOW = pytest.mark.parametrize(("rate", "seconds"), FEW_AND_MANY)
ANY_GAMMA = pytest.mark.parametrize("shape", SHAPES)


def trains(draw, rate, seconds, neurons):
    """Spikes of renewal processes that began long before; `draw(size)` has intervals of mean 1."""
    intervals = draw((neurons, int(3 * rate * seconds + 120))) / rate
    times = np.cumsum(intervals, axis=1) - 30 / rate
    inside = (times >= 0) & (times < seconds)
    return times[inside], np.nonzero(inside)[0]


def gamma(shape, seed=1):
    generator = np.random.default_rng(seed)
    return lambda size: generator.gamma(shape, 1 / shape, size)


def lognormal(cv):
    generator, s = np.random.default_rng(1), np.sqrt(np.log(1 + cv**2))
    return lambda size: generator.lognormal(-(s**2) / 2, s, size)


def with_dead_time(part):
    generator = np.random.default_rng(1)
    return lambda size: part + generator.exponential(1 - part, size)


def number_for(rate, seconds, spikes=50_000):
    """Neurons that fire about so many spikes."""
    return int(spikes / max(2, rate * seconds))


@ANY_GAMMA
@ANY_WINDOW
def test_the_cv_of_a_gamma_process_is_that_of_its_intervals_in_any_window(shape, rate, seconds):
    found = irregularity(*trains(gamma(shape), rate, seconds, number_for(rate, seconds)))

    assert found.error < 0.02
    assert found.value == pytest.approx(shape**-0.5, abs=4 * found.error)


@ANY_GAMMA
@ANY_WINDOW
def test_cv2_of_a_gamma_process_is_its_closed_form_in_any_window(shape, rate, seconds):
    """The share of one of two intervals has the density Beta(k, k), whose mean deviation is known."""
    found = local_variation(*trains(gamma(shape), rate, seconds, number_for(rate, seconds)))

    assert found.error < 0.02
    assert found.value == pytest.approx(
        4 / (beta(shape, shape) * 4**shape * shape), abs=4 * found.error
    )


@pytest.mark.parametrize(
    ("draw", "true", "spikes", "within"),
    [
        (with_dead_time(0.1), 0.9, 10, 0.04),
        (with_dead_time(0.5), 0.5, 10, 0.08),
        (with_dead_time(0.5), 0.5, 50, 0.02),
        (lognormal(0.5), 0.5, 10, 0.05),
        (lognormal(1), 1, 10, 0.18),
        (lognormal(1), 1, 50, 0.07),
    ],
)  # fmt: skip
def test_the_cv_of_other_processes_has_the_bias_that_is_documented(draw, true, spikes, within):
    found = irregularity(*trains(draw, spikes, 1, 5000))

    assert found.value == pytest.approx(true, rel=within)


@pytest.mark.parametrize("shape", [1, 4, 16])
@pytest.mark.parametrize("rate", [20, 50])
def test_the_mean_over_neurons_of_their_own_cv_is_that_of_the_process(shape, rate):
    found = interval_cv(*trains(gamma(shape), rate, 1, 5000))

    assert len(found) > 4000
    assert found.mean() == pytest.approx(shape**-0.5, rel=0.02)


@ANY_WINDOW
def test_the_fano_factor_of_a_poisson_process_is_one_however_few_its_spikes(rate, seconds):
    neurons = number_for(rate, seconds)
    times, owner = trains(gamma(1), rate, seconds, neurons)
    found = fano_factor(counts_of(times, owner, neurons, 0, seconds, 0.1))

    assert found.error < 0.02
    assert found.value == pytest.approx(1, abs=4 * found.error)


@pytest.mark.parametrize(("rate", "seconds"), [(5, 1.5), (5, 20), (20, 5), (50, 1)])
def test_the_fano_factor_of_a_regular_process_is_that_of_renewal_theory(rate, seconds):
    """Intervals of two stages: F = 1/2 + (1 - exp(-4x))/(8x) for x expected spikes (Cox 1962)."""
    neurons, windows = number_for(rate, seconds), seconds / 0.1
    times, owner = trains(gamma(2), rate, seconds, neurons)
    found = fano_factor(counts_of(times, owner, neurons, 0, seconds, 0.1))
    one, whole = (0.5 + (1 - np.exp(-4 * x)) / (8 * x) for x in (rate * 0.1, rate * seconds))

    assert found.value == pytest.approx(one + (one - whole) / (windows - 1), abs=4 * found.error)
    assert found.value == pytest.approx(one, abs=4 * found.error + 0.02)


@pytest.mark.parametrize("least", [2, 3, 4])
@pytest.mark.parametrize(("rate", "seconds"), [(10, 2), (30, 1), (30, 20), (50, 1), (100, 2)])
def test_a_poisson_process_of_any_rate_has_no_more_bursts_than_chance_makes(rate, seconds, least):
    times, owner = trains(gamma(1), rate, seconds, number_for(rate, seconds, 200_000))
    found = bursting(times, owner, seconds, least=least)

    assert found.error < 0.01
    assert found.value == pytest.approx(0, abs=4 * found.error)


def test_the_chance_of_bursts_in_a_long_window_is_that_of_a_poisson_process():
    """With p short intervals, a spike is in a run of one or two spikes with (1-p)^2 + 2p(1-p)^2."""
    p = 1 - np.exp(-40.0 * 0.010)

    assert bursts_by_chance(np.repeat(np.arange(3), 400_000), 10_000.0) == pytest.approx(
        1 - (1 - p) ** 2 - 2 * p * (1 - p) ** 2, rel=1e-3
    )


def test_doublets_and_triplets_by_hand():
    """Two neurons: one with a burst of three and one spike, one with a pair."""
    times, owner = np.array([0.0, 0.004, 0.008, 0.5, 0.1, 0.105]), np.array([0, 0, 0, 0, 1, 1])

    assert burst_fraction(times, owner) == pytest.approx(3 / 6)
    assert burst_fraction(times, owner, least=2) == pytest.approx(5 / 6)


def test_intervals_on_a_grid_are_as_long_as_they_are_said_to_be():
    """A clock of exactly 100 Hz on steps of 0.1 ms, whose times are rounded up and down."""
    times = np.arange(0, 100_000, 100) * 0.1 * 1e-3

    assert burst_fraction(times, np.zeros(1000, int)) == 1


def test_spikes_of_one_step_do_not_make_an_infinite_cv():
    """A pair, and a spike later: all of two intervals is one."""
    found = irregularity(np.tile([0.1, 0.1, 0.2], 50), np.repeat(np.arange(50), 3))

    assert (found.value, found.missing) == (None, "fewer than 20 independent intervals")


def test_neurons_that_fire_only_in_bursts_have_all_their_spikes_in_them():
    times = (np.arange(0, 20, 0.5)[:, None] + [0, 0.004, 0.008]).ravel()

    assert bursting(times, np.zeros(120, int), 20.0).value == pytest.approx(1)


@pytest.mark.parametrize("shape", [1, 4])
@pytest.mark.parametrize(("rate", "seconds"), [(7, 1.5), (10, 5), (50, 1)])
def test_a_renewal_process_does_not_adapt(shape, rate, seconds):
    found = adaptation(*trains(gamma(shape), rate, seconds, 20_000))

    assert found.value == pytest.approx(1, abs=0.03)


def test_an_interval_that_doubles_is_adaptation():
    intervals = np.repeat([0.010, 0.015, 0.020], 4)
    times = np.concatenate([[0.0], np.cumsum(intervals)])

    found = adaptation(np.tile(times, 10), np.repeat(np.arange(10), 13))

    assert found.value == pytest.approx(2)


@ANY_WINDOW
def test_independent_neurons_are_not_correlated_however_few_their_spikes(rate, seconds):
    times, owner = trains(gamma(1), rate, seconds, 2000)
    found = mean_correlation(counts_of(times, owner, 2000, 0, seconds, 0.02))

    assert found.value == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_neurons_that_share_a_fraction_of_their_spikes_correlate_by_that_fraction(share):
    generator = np.random.default_rng(3)
    counts = generator.poisson(8 * share, (1, 20_000)) + generator.poisson(
        8 * (1 - share), (20, 20_000)
    )
    found = mean_correlation(counts.astype(float))

    assert found.error < 0.02
    assert found.value == pytest.approx(share, abs=2 * found.error)


@pytest.mark.parametrize("shape", [1, 4])
def test_the_spectrum_of_a_renewal_process_is_its_closed_form(shape):
    """Re (1 + f)/(1 - f), where f is the characteristic function of the intervals (Cox & Lewis 1966)."""
    neurons, rate, seconds = 200, 20, 20
    times, owner = trains(gamma(shape), rate, seconds, neurons)
    each = [population_rate(times[owner == neuron], 1, seconds, 0.002) for neuron in range(neurons)]
    frequency, _ = spectrum(each[0], 0.002, 0.5, 100)
    whole = np.mean([spectrum(rate, 0.002, 0.5, 100)[1] for rate in each], axis=0)
    f = (1 + 2j * np.pi * frequency / (shape * rate)) ** -shape
    expected = np.real((1 + f) / (1 - f))
    parts = [slice(k, k + 200) for k in range(10, len(frequency) - 200, 200)]
    found = np.array([whole[part].mean() for part in parts])
    theory = np.array([expected[part].mean() for part in parts])

    assert found / found.mean() == pytest.approx(theory / theory.mean(), rel=0.05)


@pytest.mark.parametrize(("rate", "seconds"), [(1, 20), (7, 1.5), (10, 5), (50, 1)])
def test_noise_has_no_rhythm(rate, seconds):
    """500 populations of as many neurons as fire 300 spikes."""
    times, owner = trains(gamma(1), rate * int(300 / (rate * seconds)), seconds, 500)
    bands = [
        dominant_band(population_rate(times[owner == k], 1, seconds, 0.002), 0.002)
        for k in range(500)
    ]

    assert bands.count(None) == 500


# what the spikes cannot tell
NEVER, ONCE = (np.empty(0), np.empty(0, int)), (np.array([0.5]), np.array([3]))
THRICE = np.array([0.1, 0.2, 0.4]), np.zeros(3, int)


@pytest.mark.parametrize("spikes", [NEVER, ONCE, THRICE], ids=["never", "once", "thrice"])
@pytest.mark.parametrize(
    ("measure", "why"),
    [
        (irregularity, "fewer than 20 independent intervals"),
        (local_variation, "fewer than 20 pairs of intervals"),
        (adaptation, "fewer than 100 intervals"),
        (lambda *spikes: bursting(*spikes, 1.0), "fewer than 20 spikes"),
        (
            lambda *spikes: fano_factor(counts_of(*spikes, 4, 0, 1, 0.1)),
            "fewer than 20 pairs of spikes in one window",
        ),
        (
            lambda *spikes: mean_correlation(counts_of(*spikes, 4, 0, 1, 0.1)),
            "fewer than two neurons that fire",
        ),
    ],
    ids=["cv", "cv2", "adaptation", "bursts", "fano", "correlation"],
)
def test_what_too_few_spikes_cannot_tell_is_not_given(measure, why, spikes):
    found = measure(*spikes)

    assert (found.value, found.error, found.missing) == (None, None, why)


def test_bursts_are_not_told_from_chance_where_chance_makes_nearly_all():
    found = bursting(*trains(gamma(1), 400, 1, 20), 1.0)

    assert (found.value, found.missing) == (
        None,
        "at such a rate chance makes bursts of nearly all spikes",
    )


@pytest.mark.parametrize("shape", [0.5, 1, 4])
@pytest.mark.parametrize(("rate", "seconds", "neurons"), [(2, 1.5, 50), (5, 20, 1), (20, 1, 10)])
@pytest.mark.parametrize("measure", [irregularity, local_variation])
def test_the_standard_error_is_the_spread_of_small_samples(measure, shape, rate, seconds, neurons):
    """300 populations, each with about a hundred spikes."""
    times, owner = trains(gamma(shape), rate, seconds, 300 * neurons)
    each = [owner // neurons == k for k in range(300)]
    found = [measure(times[mine], owner[mine]) for mine in each]

    spread = np.std([estimate.value for estimate in found])
    assert np.mean([estimate.error for estimate in found]) == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize(("steps", "number"), [(13, 399), (20, 399), (77, 100), (200, 1000)])
def test_the_irregularity_of_a_clock_is_zero_whatever_is_rounded(steps, number):
    found = irregularity(np.arange(number) * steps * 1e-4, np.zeros(number, int))

    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.error == pytest.approx(0, abs=1e-6)
