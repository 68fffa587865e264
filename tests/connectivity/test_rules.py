"""What each rule draws is distributed as its definition says: degrees, targets, subsets, gaps."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom, chisquare, kstest

from tests.connectivity.test_build import strand
from thalia.circuit.connectivity import Connect
from thalia.compiler.plan import Member
from thalia.connectivity.reference import NumpyKernels, Pairs
from thalia.connectivity.rules import connected
from thalia.connectivity.streams import Stream

KERNELS = NumpyKernels()
LEAST = (
    1e-4  # of a p value: one test in ten thousand would fail by chance, if the seed were not fixed
)


@pytest.mark.parametrize(
    "rule",
    ["{rule: fixed_total_number, number: 30000}", "{rule: fixed_indegree, number: 600}", "{rule: fixed_outdegree, number: 500}",
     "{probability: 0.3}"],
)  # fmt: skip
@pytest.mark.parametrize("side", ["pre", "post"])
def test_every_neuron_is_as_likely_as_any_other(rule, side):
    w = strand(rule)

    counts = np.bincount(getattr(w, side), minlength={"pre": 60, "post": 50}[side])

    assert chisquare(counts).pvalue > LEAST


@pytest.mark.parametrize(
    "rule",
    [
        "{rule: fixed_total_number, number: 30000}",
        "{rule: fixed_indegree, number: 600}",
        "{rule: fixed_outdegree, number: 500}",
    ],
)
def test_source_and_target_of_a_synapse_are_independent(rule):
    w = strand(rule)

    assert chisquare(np.bincount(w.pre * 50 + w.post, minlength=3000)).pvalue > LEAST


def test_degrees_of_pairs_with_one_probability_are_binomial():
    degrees = np.concatenate(
        [
            np.bincount(strand("{probability: 0.1}", seed=seed).post, minlength=50)
            for seed in range(40)
        ]
    )
    observed = np.bincount(degrees, minlength=61)
    expected = len(degrees) * binom.pmf(np.arange(61), 60, 0.1)
    usual = expected > 5

    assert (
        chisquare(
            observed[usual], expected[usual] * observed[usual].sum() / expected[usual].sum()
        ).pvalue
        > LEAST
    )


@pytest.mark.parametrize("probability", [0.003, 0.2, 0.9])
def test_numbers_of_pairs_between_two_chosen_ones_are_geometric(probability):
    """In bins of several, in which they are geometric again."""
    counts, targets = KERNELS.pairs(Pairs(Stream.of(1, "p"), 3000, 100, probability, False))
    chosen = np.repeat(np.arange(3000), counts) * 100 + targets
    width = max(1, int(0.5 / probability))
    left = (1 - probability) ** width
    observed = np.bincount(np.minimum((np.diff(chosen) - 1) // width, 3), minlength=4)
    shares = np.array([1 - left, (1 - left) * left, (1 - left) * left**2, left**3])

    assert chisquare(observed, shares * observed.sum()).pvalue > LEAST


def test_without_replacement_every_set_of_partners_is_as_likely_as_any_other():
    """The 20 sets of three out of six, drawn by 20,000 neurons."""
    partners = KERNELS.distinct(Stream.of(1, "p"), 20_000, 3, 6, False).reshape(-1, 3)
    sets = {each: k for k, each in enumerate(combinations(range(6), 3))}

    counts = np.bincount([sets[tuple(row)] for row in partners.tolist()], minlength=20)

    assert chisquare(counts).pvalue > LEAST


@pytest.mark.parametrize("number", [2, 4])
def test_every_set_of_different_pairs_is_as_likely_as_any_other(number):
    """The 15 sets of two, or of four, out of the six pairs of two and three neurons, with 3,000 seeds."""
    connect = Connect(rule="fixed_total_number", number=number, multapses=False)
    ends = Member("a", 0, 2, {}, {}), Member("b", 0, 3, {}, {})
    sets = {each: k for k, each in enumerate(combinations(range(6), number))}
    drawn = (
        connected(connect, *ends, partial(Stream.of, seed, "p"), None, KERNELS)
        for seed in range(3000)
    )

    counts = np.bincount(
        [sets[tuple(sorted((w.sources * 3 + w.all_targets()).tolist()))] for w in drawn],
        minlength=15,
    )

    assert chisquare(counts).pvalue > LEAST


def test_weights_and_delays_do_not_depend_on_each_other_or_on_the_neurons():
    """Correlations within three standard errors of zero, and the weights of any neuron uniform."""
    w = strand("{rule: fixed_total_number, number: 30000}")
    table = np.corrcoef([w.pre, w.post, w.axonal, w.variables["w"]])

    assert (np.abs(table[np.triu_indices(4, 1)]) < 3.5 / np.sqrt(30_000)).all()
    assert kstest(w.variables["w"][w.pre == 7], "uniform", args=(1e-12, 1e-12)).pvalue > LEAST
