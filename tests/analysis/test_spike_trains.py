"""Statistics of spike trains against their definitions."""

import numpy as np
import pytest

from thalia.analysis.spike_trains import (
    counts_of,
    mean_rate,
    population_rate,
    spectrum,
    weight_matrix,
)
from thalia.analysis.variability import fano_factor, interval_cv


def test_a_clock_has_no_irregularity_and_a_poisson_process_has_one():
    rng = np.random.default_rng(1)
    clock = np.arange(0, 10, 0.1)
    poisson = np.cumsum(rng.exponential(0.01, 20_000))
    times, neurons = (
        np.concatenate([clock, poisson]),
        np.concatenate([np.zeros(100, int), np.ones(20_000, int)]),
    )

    cv = interval_cv(times, neurons)

    assert cv[0] == pytest.approx(0, abs=1e-6)
    assert cv[1] == pytest.approx(1, abs=0.02)


def test_neurons_with_few_spikes_have_no_irregularity_of_their_own():
    times = np.cumsum(np.random.default_rng(1).exponential(1, 11))

    assert len(interval_cv(times[:10], np.zeros(10, int))) == 0
    assert len(interval_cv(times, np.zeros(11, int))) == 1


def test_rates_count_the_interval_half_open():
    times = np.array([0.0, 0.5, 1.0])

    assert mean_rate(times, 2, 0.0, 1.0) == 1.0
    assert population_rate(times, 2, 1.0, width=0.5).tolist() == [1.0, 1.0]


def test_the_fano_factor_of_a_population_is_one_for_independent_and_n_for_identical_trains():
    rng = np.random.default_rng(1)
    independent = rng.uniform(0, 100, 50_000)
    together = np.repeat(rng.uniform(0, 100, 5_000), 10)

    assert population_fano(independent) == pytest.approx(1, abs=0.05)
    assert population_fano(together) == pytest.approx(10, rel=0.1)


def population_fano(times):
    """Of the spikes of all neurons together, as if they were of one."""
    return fano_factor(counts_of(times, np.zeros(len(times), int), 1, 0.0, 100.0, 0.003)).value


def test_the_weight_matrix_sums_synapses_of_a_pair_and_marks_missing_ones():
    matrix = weight_matrix(
        np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([1.0, 2.0, 4.0]), (2, 2)
    )

    assert matrix[1, 0] == 3
    assert matrix[0, 1] == 4
    assert np.isnan(matrix[0, 0])


def test_a_run_too_short_for_one_bin_has_no_spectrum():
    frequency, power = spectrum(np.zeros(0), 0.005, 1, 100)

    assert (len(frequency), len(power)) == (0, 0)
