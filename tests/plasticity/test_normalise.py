"""normalise keeps the sum of the weights that reach a neuron, and their ratios."""

import numpy as np
import pytest

TEXT = """
thalia: 1
name: kept
populations:
  pre: {neuron: poisson, size: 30, parameters: {rate: 60 Hz}}
  other: {neuron: poisson, size: 10, parameters: {rate: 60 Hz}}
  cells: {neuron: lif_current, size: 3}
pathways:
  one: {pre: pre, post: cells, connect: {probability: 0.7}, synapse: current_exp, weight: "uniform(100 pA, 900 pA)", delay: 1 ms,
        w_max: 1 nA, plasticity: [{rule: stdp_pair, a_plus: 0.05, a_minus: 0.03}, normalise]}
  two: {pre: other, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: 400 pA, delay: 1 ms,
        plasticity: [{rule: stdp_pair, a_plus: 0.05, a_minus: 0.03}, normalise]}
phases: [{name: learn, duration: 300 ms}, {name: rest, duration: 5 ms, plasticity: off}]
record:
  states: {cells: {population: cells, variables: [normalise_factor], every: 0.1 ms}}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_the_sum_over_both_pathways_is_kept(simulate, backend):
    """The factor times the sum of w/w_max is what it was at the start, for each neuron."""
    run = simulate(TEXT, backend=backend)

    factor = run.reports["cells/normalise_factor"]["values"]
    bounds = {"one": 1000, "two": 800}
    sums = [
        sum(
            np.bincount(run.weights[p].post, run.weights[p].w[k] / w_max, minlength=3)
            for p, w_max in bounds.items()
        )
        for k in (0, -1)
    ]
    assert np.abs(sums[1] / sums[0] - 1).min() > 0.05  # the weights themselves did move
    assert factor[1] == pytest.approx([1, 1, 1])
    assert factor[-1] * sums[1] == pytest.approx(
        sums[0], rel=1e-6
    )  # reports are in single precision
