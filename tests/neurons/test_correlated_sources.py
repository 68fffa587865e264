"""Sources with correlated spikes: thinned copies of one mother process, and rates that vary together."""

import numpy as np
import pytest

import thalia

SECONDS, BIN = 120, 0.01
TEXT = f"""
thalia: 1
name: correlated
duration: {SECONDS} s
dt: 0.5 ms
populations:
  slow_mother: {{neuron: poisson, size: 1, parameters: {{rate: 100 Hz}}}}
  fast_mother: {{neuron: poisson, size: 1, parameters: {{rate: 200 Hz}}}}
  slow: {{neuron: copies, size: 40, parameters: {{jitter: 20 ms}}}}
  fast: {{neuron: copies, size: 40, parameters: {{jitter: 3 ms}}}}
  mixed: {{neuron: copies, size: 40, parameters: {{jitter: 3 ms}}}}
  together: {{neuron: poisson, size: 40, parameters: {{rate: 40 Hz}}, modulation: {{rate: "rate*clip(1 + common, 0, 10)"}}}}
pathways:
  to_slow: {{pre: slow_mother, post: slow, connect: {{rule: all_to_all}}, synapse: copy, weight: 0.4, delay: 0.5 ms}}
  to_fast: {{pre: fast_mother, post: fast, connect: {{rule: all_to_all}}, synapse: copy, weight: 0.1, delay: 0.5 ms}}
  to_mixed: {{pre: fast_mother, post: mixed, connect: {{rule: all_to_all}}, synapse: copy, weight: 0.1, delay: 0.5 ms}}
modulators:
  common: {{kind: fluctuating, tau: 30 ms, deviation: 0.25}}
record: {{spikes: [slow, fast, mixed, together], modulators: 100 ms}}
"""


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """Spikes of each neuron in each bin, (n_bins, n_neurons), by population."""
    file = tmp_path_factory.mktemp("runs") / "correlated.h5"
    run = thalia.run(thalia.loads(TEXT), output=file)
    found = {}
    for name in ("slow", "fast", "mixed", "together"):
        spikes = run.spikes[name]
        bins = (spikes.times / BIN).astype(int).clip(0, round(SECONDS / BIN) - 1)
        made = np.zeros((round(SECONDS / BIN), 40))
        np.add.at(made, (bins, spikes.neurons), 1)
        found[name] = made
    return found


def windows(counts, bins):
    return counts.reshape(-1, bins, counts.shape[1]).sum(axis=1)


def mean_correlation(first, second=None):
    """Over all pairs within a population, or between two, with its standard error over four parts."""

    def of(a, b):
        found = np.corrcoef(a.T) if b is None else np.corrcoef(a.T, b.T)[: a.shape[1], a.shape[1] :]
        n = a.shape[1]
        return (found.sum() - n) / (n * n - n) if b is None else found.mean()

    parts = [
        of(*each)
        for each in zip(
            np.split(first, 10),
            np.split(second, 10) if second is not None else [None] * 10,
            strict=True,
        )
    ]
    return np.mean(parts), np.std(parts, ddof=1) / np.sqrt(10)


def of_copies(c, jitter, mother, window):
    """c (1 - tau/T (1 - exp(-T/tau))): two exponential jitters differ by a Laplace-distributed time.

    A mother that fires with the chance p in each step is more regular than a Poisson process: the
    correlation of its copies is c (1 - p)/(1 - c p).
    """
    p = mother * 0.5e-3
    return c * (1 - p) / (1 - c * p) * (1 - jitter / window * (1 - np.exp(-window / jitter)))


def of_rates(rate, deviation, tau, window):
    """Counts of Poisson processes whose common rate is an Ornstein-Uhlenbeck process."""
    shared = (rate * deviation) ** 2 * 2 * (tau * window - tau**2 * (1 - np.exp(-window / tau)))
    return shared / (shared + rate * window)


@pytest.mark.parametrize(
    ("name", "rate"), [("slow", 40), ("fast", 20), ("mixed", 20), ("together", 40)]
)
def test_the_rate_is_the_one_asked_for(counts, name, rate):
    """Within four standard errors: those of a mother, or of a rate that fluctuates, are shared."""
    per_second = windows(counts[name], 100).mean(axis=1)

    error = per_second.std(ddof=1) / np.sqrt(SECONDS)
    assert per_second.mean() == pytest.approx(rate, abs=4 * error)
    assert error < 0.02 * rate


@pytest.mark.parametrize("bins", [1, 5, 20])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("slow", lambda window: of_copies(0.4, 20e-3, 100, window)),
        ("fast", lambda window: of_copies(0.1, 3e-3, 200, window)),
        ("together", lambda window: of_rates(40, 0.25, 30e-3, window)),
    ],
)
def test_pairs_are_correlated_as_the_theory_says(counts, name, expected, bins):
    mean, error = mean_correlation(windows(counts[name], bins))

    assert mean == pytest.approx(expected(bins * BIN), abs=4 * error)
    assert error < 0.12 * mean


def test_copies_of_one_mother_are_correlated_across_populations_and_of_two_are_not(counts):
    same, error = mean_correlation(windows(counts["fast"], 5), windows(counts["mixed"], 5))
    other, other_error = mean_correlation(windows(counts["fast"], 5), windows(counts["slow"], 5))

    assert same == pytest.approx(of_copies(0.1, 3e-3, 200, 0.05), abs=4 * error)
    assert other == pytest.approx(0, abs=4 * other_error)


@pytest.mark.parametrize("name", ["slow", "fast"])
def test_each_train_alone_is_a_poisson_process(counts, name):
    """The variance of counts is their mean."""
    found = windows(counts[name], 20)

    fano = found.var(axis=0, ddof=1) / found.mean(axis=0)
    assert fano.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / len(found)))
